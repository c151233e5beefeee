// Parameters and multiply-accumulates of networks.
#include <algorithm>
#include <optional>

#include "netwright/graph/cost.hpp"
#include "netwright/space/architectures.hpp"
#include "netwright/space/library/darts.hpp"
#include "netwright/space/space.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

// ---- the evaluation network of a genotype ----

std::string network_name(const OracleJson& oracle_case) { return oracle_case["input"].value("network", std::string("NetworkCIFAR")); }

bool is_evaluation_network(const OracleJson& c) {
  if (!has_input(c, {"C", "layers"})) return false;
  const bool known = network_name(c) == "NetworkCIFAR" || network_name(c) == "NetworkImageNet";
  return known && (has_input(c, {"genotype"}) || has_input(c, {"normal", "reduce"}));
}

// Named in the file or in the library, or written out: as the field `genotype`, or as the input's own fields.
Genotype genotype_of_case(const OracleJson& input, const OracleJson& file) {
  if (input.contains("genotype") && input.at("genotype").is_string()) {
    const std::string name = input.at("genotype").get<std::string>();
    if (file.contains("genotypes") && file.at("genotypes").contains(name)) return parse_genotype(file.at("genotypes").at(name).dump());
    for (const auto& known : named_architectures())
      if (known.space == "darts" && known.name == name) return parse_genotype(known.text);
    throw UsageError("neither the file nor the library has a genotype '" + name + "'");
  }
  if (input.contains("genotype")) return parse_genotype(input.at("genotype").dump());
  OracleJson object;
  for (const char* key : {"normal", "normal_concat", "reduce", "reduce_concat", "concat"})
    if (input.contains(key)) object[key] = input.at(key);
  return parse_genotype(object.dump());
}

// "macs_32x32" = {3, 32, 32}.
std::optional<Shape> input_of_key(const std::string& key) {
  constexpr std::string_view stem = "macs_";
  const std::size_t cross = key.rfind('x');
  if (!key.starts_with(stem) || cross == std::string::npos) return std::nullopt;
  return Shape{3, std::stoll(key.substr(stem.size(), cross - stem.size())), std::stoll(key.substr(cross + 1))};
}

Shape input_of(const OracleJson& expect, const Shape& fallback) {
  for (const auto& [key, value] : expect.items())
    if (const auto shape = input_of_key(key)) return *shape;
  return fallback;
}

OracleJson run_evaluation_network(const OracleJson& c, const OracleJson& file) {
  const OracleJson& input = c.at("input");
  const bool imagenet = network_name(c) == "NetworkImageNet";
  const Genotype genotype = genotype_of_case(input, file);
  NetworkOptions options{.input = input_of(c.at("expect"), imagenet ? Shape{3, 224, 224} : Shape{3, 32, 32}),
                         .classes = input.value("classes", imagenet ? std::int64_t{1000} : std::int64_t{10}),
                         .settings = {{"network", imagenet ? "imagenet" : "cifar"},
                                      {"channels", std::to_string(input.at("C").get<std::int64_t>())},
                                      {"cells", std::to_string(input.at("layers").get<std::int64_t>())}}};
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    options.settings["auxiliary"] = key == "params_with_aux" ? "true" : "false";
    const auto shape = input_of_key(key);
    if (shape) options.input = *shape;
    const Cost counted = cost(genotype_network(genotype, options));
    if (shape) got[key] = counted.macs;
    if (key == "params_with_aux" || key == "params_no_aux" || key == "params") got[key] = counted.params;
    if (key == "macs") got[key] = counted.macs;
  }
  return got;
}

// ---- the search network of DARTS ----

bool is_darts_search_network(const OracleJson& c) {
  return has_input(c, {"C", "layers", "classes", "steps", "multiplier", "stem_multiplier"}) && !c.at("input").value("bn_affine", false);
}

// {edges, candidates} of the normal and of the reduction cell.
OracleJson alpha_shapes(const DecisionTree& tree) {
  OracleJson shapes = OracleJson::array();
  for (const std::string cell : {"normal.", "reduce."}) {
    std::int64_t edges = 0;
    std::size_t candidates = 0;
    for (const Decision& decision : tree) {
      if (decision.kind != Kind::one_of || !decision.name.starts_with(cell)) continue;
      ++edges;
      candidates = decision.choices.size();
    }
    shapes.push_back({edges, candidates});
  }
  return shapes;
}

OracleJson run_darts_search_network(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const SearchCells cells{.nodes = input.at("steps"), .joined = input.at("multiplier"), .stem_factor = input.at("stem_multiplier")};
  NetworkOptions options{
      .input = input_of(c.at("expect"), {3, 32, 32}),
      .classes = input.at("classes").get<std::int64_t>(),
      .search = true,
      .settings = {{"channels", std::to_string(input.at("C").get<std::int64_t>())},
                   {"cells", std::to_string(input.at("layers").get<std::int64_t>())}}};
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    const auto shape = input_of_key(key);
    if (shape) options.input = *shape;
    const Graph graph = darts_search_network(cells, options);
    const Cost counted = cost(graph);
    if (shape) got[key] = counted.macs;
    if (key == "params") got[key] = counted.params;
    if (key == "alpha_shapes") got[key] = alpha_shapes(decisions_of(graph));
  }
  return got;
}

}  // namespace

std::vector<OracleKind> network_oracles() {
  return {{.name = "evaluation network of a genotype", .matches = is_evaluation_network, .run = run_evaluation_network},
          {.name = "search network of DARTS", .matches = is_darts_search_network, .run = run_darts_search_network}};
}

}  // namespace netwright
