// The real supernet of DARTS under filled weights, and derivation.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "netwright/graph/cost.hpp"
#include "netwright/proxy/fill.hpp"
#include "netwright/space/library/darts.hpp"
#include "netwright/space/space.hpp"
#include "netwright/supernet/derive.hpp"
#include "netwright/supernet/relaxation.hpp"
#include "netwright/supernet/supernet.hpp"
#include "oracle_kinds.hpp"
#include "oracle_supernet.hpp"

namespace netwright {
namespace {

constexpr std::array<const char*, 2> kCells = {"normal", "reduce"};

OracleJson to_json(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().to(at::kDouble).contiguous();
  return std::vector<double>(plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel());
}

// ---- tensors in words ----

// "2*LCG(11) 14x8"; without a factor, 1; without a shape, the fallback.
at::Tensor lcg_words(const std::string& words, const std::vector<std::int64_t>& fallback) {
  const std::size_t at = words.find("LCG(");
  if (at == std::string::npos) throw UsageError("'" + words + "' is not of the form 2*LCG(11) 14x8");
  const std::size_t star = words.rfind('*', at);
  std::vector<std::int64_t> sizes = fallback;
  const std::size_t cross = words.find('x', at), blank = words.rfind(' ', cross);
  if (cross != std::string::npos && blank != std::string::npos)
    sizes = {std::stoll(words.substr(blank + 1, cross - blank - 1)), std::stoll(words.substr(cross + 1))};
  const double factor = star == std::string::npos ? 1 : std::stod(words.substr(0, star));
  return lcg_tensor(sizes, static_cast<std::uint32_t>(std::stoul(words.substr(at + 4))), factor);
}

// "fill_x(4,3,16,16) seed 99991".
at::Tensor input_words(const std::string& words) {
  std::vector<std::int64_t> sizes;
  for (const double size : numbers_behind(words, "(", {})) sizes.push_back(static_cast<std::int64_t>(size));
  if (sizes.size() != 4) throw UsageError("'" + words + "' is not of the form fill_x(4,3,16,16) seed 99991");
  return fill_input(sizes, static_cast<std::uint32_t>(number_behind(words, "seed ", fill_input_seed)));
}

// ---- architecture parameters ----

// Which decisions stand on the edges of a cell, in the order of the edges.
std::vector<std::size_t> edges_of(const DecisionTree& tree, const std::string& cell) {
  std::vector<std::size_t> edges;
  for (std::size_t d = 0; d < tree.size(); ++d)
    if (tree[d].kind == Kind::one_of && tree[d].name.starts_with(cell + ".")) edges.push_back(d);
  return edges;
}

// Which of the edge's candidates each of `primitives` is.
at::Tensor columns_of(const std::vector<std::string>& choices, const std::vector<std::string>& primitives) {
  if (primitives.size() != choices.size()) throw UsageError("the space has " + std::to_string(choices.size()) + " candidates an edge");
  std::vector<std::int64_t> columns;
  for (const std::string& primitive : primitives) {
    const auto place = std::find(choices.begin(), choices.end(), primitive);
    if (place == choices.end()) throw UsageError("the space has no candidate '" + primitive + "'");
    columns.push_back(place - choices.begin());
  }
  return at::tensor(columns, at::kLong);
}

// Row e of `alphas` becomes the logits of the cell's edge e; column p belongs to the candidate called primitives[p].
void set_alphas(ArchitectureParameters& parameters, const DecisionTree& tree, const std::string& cell, const at::Tensor& alphas,
                const std::vector<std::string>& primitives) {
  const at::NoGradGuard no_grad;
  const auto edges = edges_of(tree, cell);
  const std::vector<std::int64_t> sizes = {static_cast<std::int64_t>(edges.size()), static_cast<std::int64_t>(primitives.size())};
  if (alphas.sizes() != at::IntArrayRef(sizes))
    throw UsageError("the alphas of the " + cell + " cell must be " + std::to_string(sizes[0]) + "x" + std::to_string(sizes[1]));
  for (std::size_t e = 0; e < edges.size(); ++e) {
    at::Tensor& vector = parameters.vectors[edges[e]];
    vector.index_copy_(0, columns_of(tree[edges[e]].choices, primitives), alphas[static_cast<std::int64_t>(e)].to(vector.dtype()));
  }
}

std::vector<std::string> primitives_of(const OracleJson& input, const DecisionTree& tree) {
  if (input.contains("primitives")) return input.at("primitives").get<std::vector<std::string>>();
  return tree[edges_of(tree, "normal").front()].choices;
}

// ---- forward and backward ----

bool is_darts_supernet(const OracleJson& c) { return id(c).starts_with("D-supernet") && has_input(c, {"alphas_normal", "alphas_reduce", "x", "y"}); }

// From the input, else from what is expected of it.
std::int64_t size_of_network(const OracleJson& c, const char* name) {
  for (const char* part : {"input", "expect"})
    if (c.at(part).contains(name)) return c.at(part).at(name).get<std::int64_t>();
  throw UsageError(std::string("the case does not say ") + name);
}

// `all`: a row an edge.
OracleJson gradient_json(const at::Tensor& all, const OracleJson& expect) {
  OracleJson got = {{"sum", all.sum().item<double>()}, {"abs_sum", all.abs().sum().item<double>()}};
  for (const auto& [key, value] : expect.items())
    if (key.starts_with("row")) got[key] = to_json(all[std::stoll(key.substr(3))]);
  got["l2"] = all.norm().item<double>();
  return got;
}

double gradient_norm(const Supernet& supernet) {
  double sum = 0;
  for (const auto& parameter : supernet.parameters())
    if (parameter.grad().defined()) sum += parameter.grad().to(at::kDouble).square().sum().item<double>();
  return std::sqrt(sum);
}

std::int64_t layers_of(const Supernet& supernet) {
  return std::count_if(supernet.tensors().begin(), supernet.tensors().end(),
                       [](const NamedTensor& t) { return (t.op == "conv" || t.op == "linear") && t.name.ends_with(".weight"); });
}

OracleJson run_darts_supernet(const OracleJson& c, const OracleJson&) { return darts_supernet_values(c, at::kDouble); }

// ---- derivation ----

bool is_darts_derivation(const OracleJson& c) { return id(c).starts_with("D-genotype"); }

// The title says "... alphas 2*LCG(11)/2*LCG(22), 14x8" where the input does not.
at::Tensor derivation_alphas(const OracleJson& c, std::size_t cell, const std::vector<std::int64_t>& sizes) {
  const std::string field = std::string("alphas_") + kCells[cell];
  if (has_input(c, {field.c_str()})) return lcg_words(c.at("input").at(field).get<std::string>(), sizes);
  const std::string words = title(c), marker = "alphas ";
  const std::size_t start = words.find(marker), slash = words.find('/', start);
  if (start == std::string::npos || slash == std::string::npos) throw UsageError("neither input nor title gives the alphas");
  const std::size_t from = cell == 0 ? start + marker.size() : slash + 1;
  return lcg_words(words.substr(from, words.find(')', from) + 1 - from), sizes);
}

// The tree with other candidates on its edges; "none" is never picked.
DecisionTree with_candidates(const DecisionTree& tree, const std::vector<std::string>& primitives) {
  std::vector<Decision> decisions(tree.begin(), tree.end());
  for (Decision& decision : decisions) {
    if (decision.kind != Kind::one_of) continue;
    decision.choices = primitives;
    decision.search_only.clear();
    for (const std::string& primitive : primitives) decision.search_only.push_back(primitive == "none");
  }
  return DecisionTree(std::move(decisions));
}

// [operation, state that is read], node by node. A decision's name ends in its edge: "normal.node1.edge2".
OracleJson picked_edges(const DecisionTree& tree, const Architecture& architecture, const std::string& cell) {
  OracleJson list = OracleJson::array();
  for (const std::size_t d : edges_of(tree, cell)) {
    const std::int64_t pick = architecture.picks[d];
    if (pick == Architecture::inactive) continue;
    const int input = std::stoi(tree[d].name.substr(tree[d].name.rfind("edge") + 4));
    list.push_back({tree[d].choices[static_cast<std::size_t>(pick)], input});
  }
  return list;
}

OracleJson run_darts_derivation(const OracleJson& c, const OracleJson&) {
  const auto space = find_space("darts");
  const auto primitives = primitives_of(c.at("input"), space->decisions());
  const DecisionTree tree = with_candidates(space->decisions(), primitives);
  auto parameters = ArchitectureParameters::start(tree, Seed(0), {.dtype = at::kDouble});
  for (std::size_t cell = 0; cell < kCells.size(); ++cell) {
    const auto edges = static_cast<std::int64_t>(edges_of(tree, kCells[cell]).size());
    set_alphas(parameters, tree, kCells[cell], derivation_alphas(c, cell, {edges, static_cast<std::int64_t>(primitives.size())}), primitives);
  }
  const Architecture derived = strongest(tree, make_relaxation("softmax", tree)->probabilities(parameters));
  return {{"normal", picked_edges(tree, derived, "normal")}, {"reduce", picked_edges(tree, derived, "reduce")}};
}

// Two edges a node, in any order within the node.
OracleJson sorted_by_node(OracleJson edges) {
  for (std::size_t i = 0; i + 1 < edges.size(); i += 2)
    if (edges[i + 1] < edges[i]) std::swap(edges[i], edges[i + 1]);
  return edges;
}

bool judge_derivation(const OracleJson& c, const OracleJson& got) {
  for (const auto& [cell, edges] : c.at("expect").items())
    if (!edges.is_array() || !got.contains(cell) || sorted_by_node(edges) != sorted_by_node(got[cell])) return false;
  return !c.at("expect").empty();
}

}  // namespace

nlohmann::ordered_json darts_supernet_values(const nlohmann::ordered_json& c, at::ScalarType dtype) {
  const OracleJson& input = c.at("input");
  const auto space = find_space("darts");
  const DecisionTree& tree = space->decisions();
  const NetworkPlace place{.dtype = dtype};
  const at::Tensor x = input_words(input.at("x").get<std::string>());
  const at::Tensor y = at::tensor(input.at("y").get<std::vector<std::int64_t>>(), at::kLong);
  const Graph graph =
      space->open({.input = {x.size(1), x.size(2), x.size(3)},
                   .classes = input.value("classes", std::int64_t{10}),
                   .search = true,
                   .settings = {{"channels", std::to_string(size_of_network(c, "C"))}, {"cells", std::to_string(size_of_network(c, "layers"))}}});
  Supernet supernet(graph, place);
  fill_weights(supernet.tensors());
  auto parameters = ArchitectureParameters::start(tree, Seed(0), place);
  for (const std::string cell : kCells)
    set_alphas(parameters, tree, cell, lcg_words(input.at("alphas_" + cell).get<std::string>(), {14, 8}), primitives_of(input, tree));
  supernet.train(true);
  Rng rng = Seed(0).rng();  // softmax draws nothing from it
  const at::Tensor logits = supernet.forward(x, make_relaxation("softmax", tree)->draw(parameters, rng))[0];
  const at::Tensor loss = at::cross_entropy_loss(logits, y);
  loss.backward();

  const OracleJson& expect = c.at("expect");
  OracleJson got = {{"C", size_of_network(c, "C")}, {"layers", size_of_network(c, "layers")}};
  got["conv_linear_layers"] = layers_of(supernet);
  got["params"] = cost(graph).params;
  for (const auto& [key, value] : expect.items())
    if (key.starts_with("logits")) got[key] = to_json(logits[std::stoll(key.substr(6))]);
  got["loss"] = loss.item<double>();
  for (const std::string cell : kCells) {
    const std::string key = "d_alpha_" + cell;
    if (!expect.contains(key)) continue;
    std::vector<at::Tensor> rows;
    for (const std::size_t d : edges_of(tree, cell)) {
      const at::Tensor columns = columns_of(tree[d].choices, primitives_of(input, tree));
      rows.push_back(parameters.vectors[d].grad().index_select(0, columns));
    }
    got[key] = gradient_json(at::stack(rows).to(at::kDouble), expect.at(key));
  }
  got["weight_grad_norm"] = gradient_norm(supernet);
  return got;
}

std::vector<OracleKind> supernet_oracles() {
  return {{.name = "supernet of DARTS", .matches = is_darts_supernet, .run = run_darts_supernet},
          {.name = "derivation of DARTS", .matches = is_darts_derivation, .run = run_darts_derivation, .judge = judge_derivation}};
}

}  // namespace netwright
