// Hand-made networks, mobile spaces and compound scaling.
#include <algorithm>
#include <cctype>

#include "netwright/core/names.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/architectures.hpp"
#include "netwright/space/library/efficientnet.hpp"
#include "netwright/space/variation.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

constexpr std::int64_t kSide = 224, kClasses = 1000;

NetworkOptions options_of(const OracleJson& c) {
  const OracleJson& input = c.at("input");
  const std::int64_t side = input.value("resolution", kSide);
  return {.input = {3, side, side}, .classes = input.value("classes", kClasses)};
}

OracleJson counts_of(const Graph& graph) {
  const Cost counted = cost(graph);
  return {{"params", counted.params}, {"macs", counted.macs}};
}

// A number of the file as the text of a setting.
std::string text_of(const OracleJson& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// ---- networks by name ----

constexpr std::string_view kReference = "reference network ";

bool is_reference(const OracleJson& c) { return title(c).starts_with(kReference) && has_input(c, {"resolution", "classes"}); }

// "EfficientNet-B0".
OracleJson efficientnet(const OracleJson& c, const std::string& name) {
  const auto [architecture, network] = find_named_network("efficientnet/" + name);
  NetworkOptions options = options_of(c);
  options.settings = network.options.settings;
  if (has_input(c, {"se_ratio"})) options.settings["squeeze"] = text_of(c.at("input").at("se_ratio"));
  return counts_of(find_space("efficientnet")->network(architecture.text, options));
}

// torchvision's names, of which "efficientnet_b0" is of another space.
OracleJson run_reference(const OracleJson& c, const OracleJson&) {
  constexpr std::string_view scaled = "efficientnet_b";
  const std::string name = split(title(c).substr(kReference.size()), ' ').front();
  if (name.starts_with(scaled)) return efficientnet(c, "EfficientNet-B" + name.substr(scaled.size()));
  return counts_of(find_space("reference")->network(name, options_of(c)));
}

bool is_efficientnet(const OracleJson& c) { return title(c).starts_with("EfficientNet-") && has_input(c, {"resolution", "classes"}); }
OracleJson run_efficientnet(const OracleJson& c, const OracleJson&) { return efficientnet(c, split(title(c), ' ').front()); }

// ---- networks as lists of blocks ----

bool has_block_strings(const OracleJson& c) {
  if (!has_input(c, {"blocks"}) || !c.at("input").at("blocks").is_array() || c.at("input").at("blocks").empty()) return false;
  const OracleJson& first = c.at("input").at("blocks").at(0);
  return first.is_string() && first.get<std::string>().starts_with("r");
}

OracleJson run_block_strings(const OracleJson& c, const OracleJson&) {
  NetworkOptions options = options_of(c);
  if (has_input(c, {"head"})) options.settings["head"] = text_of(c.at("input").at("head"));
  return counts_of(find_space("mnasnet")->network(c.at("input").at("blocks").dump(), options));
}

// The space's widths with the given ones in the first places and the given head.
std::string widths_with(const Space& space, const std::vector<OracleJson>& first, const OracleJson& head) {
  auto parts = split(setting(space.info(), {}, "widths"), ',');
  for (std::size_t i = 0; i < first.size(); ++i) parts.at(i) = text_of(first[i]);
  if (!head.is_null()) parts.back() = text_of(head);
  return join(parts, ",");
}

bool is_fbnet(const OracleJson& c) { return has_input(c, {"blocks", "stem", "head"}) && !has_block_strings(c); }

// The stem is written "conv3x3 s2 16". Every convolution has a bias where the case's rule says so.
OracleJson run_fbnet(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const auto space = find_space("fbnet");
  const std::string stem = split(input.at("stem").at(0).get<std::string>(), ' ').back();
  NetworkOptions options = options_of(c);
  options.settings["widths"] = widths_with(*space, {OracleJson(stem)}, input.at("head"));
  const std::string text = input.at("blocks").dump();
  const OracleJson plain = counts_of(space->network(text, options));
  options.settings["biases"] = "true";
  const OracleJson biased = counts_of(space->network(text, options));
  const bool biases = input.value("rule", std::string()).find("has a bias") != std::string::npos;
  OracleJson got = biases ? biased : plain;
  got["conv_biases_before_bn"] = biased["params"].get<std::int64_t>() - plain["params"].get<std::int64_t>();
  got["params_without_them"] = plain["params"];
  return got;
}

bool is_proxyless(const OracleJson& c) { return has_input(c, {"stem", "first_block", "stages", "head"}); }

// A stage is [channels, stride, "k5e3 k3e3"]: its first layer strides and changes the channels.
OracleJson run_proxyless(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const auto space = find_space("proxylessnas");
  if (input.at("first_block").size() > 1 && input.at("first_block").at(1) != "k3e1") throw NotBuilt("the first block of proxylessnas is k3e1");
  OracleJson layers = OracleJson::array();
  for (const auto& stage : input.at("stages")) {
    std::string stride = " s" + text_of(stage.at(1));
    for (const auto& word : split(stage.at(2).get<std::string>(), ' ')) {
      layers.push_back(word + " " + text_of(stage.at(0)) + stride);
      stride.clear();
    }
  }
  NetworkOptions options = options_of(c);
  options.settings["widths"] = widths_with(*space, {input.at("stem"), input.at("first_block").at(0)}, input.at("head"));
  return counts_of(space->network(layers.dump(), options));
}

bool is_spos(const OracleJson& c) { return has_input(c, {"arch", "choices"}) && c.at("input").at("arch").is_array(); }
OracleJson run_spos(const OracleJson& c, const OracleJson&) {
  return counts_of(find_space("spos")->network(c.at("input").at("arch").dump(), options_of(c)));
}

// ---- Once-for-All ----

bool is_once_for_all(const OracleJson& c) { return id(c).starts_with("P-ofa") && (has_input(c, {"setting"}) || has_input(c, {"ks", "e", "d"})); }

// The setting in words or as an object; or its lists, as the input's own fields.
OracleJson run_once_for_all(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  NetworkOptions options = options_of(c);
  if (input.contains("width")) options.settings["width"] = text_of(input.at("width"));
  const bool whole = input.contains("setting");
  const OracleJson setting = whole ? input.at("setting") : OracleJson{{"ks", input.at("ks")}, {"e", input.at("e")}, {"d", input.at("d")}};
  return counts_of(find_space("ofa_mobilenetv3")->network(text_of(setting), options));
}

bool is_once_for_all_supernet(const OracleJson& c) { return id(c).starts_with("P-ofa-supernet"); }

OracleJson run_once_for_all_supernet(const OracleJson& c, const OracleJson&) {
  NetworkOptions options = options_of(c);
  const OracleJson width = has_input(c, {"width"}) ? c.at("input").at("width") : OracleJson(number_behind(title(c), " w", 1.0));
  options.settings["width"] = text_of(width);
  Graph open = find_space("ofa_mobilenetv3")->open(options);
  const std::int64_t all = cost(open).params;
  for (auto& node : open.nodes) node.attributes.erase("kernel_transform");
  return {{"params", all}, {"of_which_kernel_transform", all - cost(open).params}};
}

// ---- compound scaling ----

bool is_rounding(const OracleJson& c) { return id(c).starts_with("S-rounding") && has_input(c, {"base"}); }

// Our networks of factor 1 keep widths that are no multiples of 8; the official formula rounds them too.
OracleJson scaled_shape(const MobileNetwork& base, const std::string& variant) {
  const auto [architecture, network] = find_named_network("efficientnet/EfficientNet-" + variant);
  const auto space = find_space("efficientnet");
  const MobileNetwork grown = scaled(base, scaling_of(space->decisions(), space->parse(architecture.text)));
  OracleJson widths = OracleJson::array(), depths = OracleJson::array();
  std::int64_t blocks = 0;
  for (const auto& block : grown.blocks) {
    widths.push_back(make_divisible(static_cast<double>(block.output)));
    depths.push_back(block.repeats);
    blocks += block.repeats;
  }
  return {{"stem", make_divisible(static_cast<double>(grown.blocks.front().input))},
          {"widths", widths},
          {"depths", depths},
          {"head", grown.head},
          {"blocks", blocks},
          {"res", network.options.input.back()},
          {"drop", std::stod(network.options.settings.find("dropout")->second)}};
}

// The base is [[channels, repeats], ...]; the rest of it is EfficientNet's.
OracleJson run_rounding(const OracleJson& c, const OracleJson&) {
  if (c.at("input").at("base").empty()) throw UsageError("the case: its base is empty");
  MobileNetwork base = efficientnet_base();
  std::int64_t before = base.blocks.front().input;
  base.blocks.clear();
  for (const auto& stage : c.at("input").at("base")) {
    base.blocks.push_back({.repeats = stage.at(1).get<std::int64_t>(), .input = before, .output = stage.at(0).get<std::int64_t>()});
    before = base.blocks.back().output;
  }
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    std::string variant = key;
    variant[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(key[0])));
    got[key] = scaled_shape(base, variant);
  }
  return got;
}

bool is_compound(const OracleJson& c) { return id(c).starts_with("S-compound"); }

OracleJson run_compound(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  Compound compound;
  compound.alpha = input.value("alpha", number_behind(title(c), "alpha ", compound.alpha));
  compound.beta = input.value("beta", number_behind(title(c), "beta ", compound.beta));
  compound.gamma = input.value("gamma", number_behind(title(c), "gamma ", compound.gamma));
  OracleJson got = {{"product", compound.product()}};
  if (c.at("expect").contains("phi"))
    for (const auto& [phi, value] : c.at("expect").at("phi").items()) {
      const Scaling at = compound.at(std::stod(phi));
      got["phi"][phi] = {at.depth, at.width, at.resolution};
    }
  return got;
}

// ---- sizes of the spaces ----

bool is_proxyless_size(const OracleJson& c) { return id(c) == "C-proxyless"; }

// As stated: every layer may be left out too.
OracleJson run_proxyless_size(const OracleJson&, const OracleJson&) {
  const auto space = find_space("proxylessnas");
  std::size_t most = 0;
  for (const Decision& decision : space->decisions()) most = std::max(most, decision.choices.size());
  std::vector<Decision> alike(space->decisions().begin(), space->decisions().end());
  for (Decision& decision : alike)
    if (decision.choices.size() < most) decision.choices.push_back("left_out");
  return {{"stated", decimal(size(DecisionTree(alike)))}, {"exact", decimal(size(space->decisions()))}};
}

}  // namespace

std::vector<OracleKind> mobile_oracles() {
  return {{.name = "hand-made network", .matches = is_reference, .run = run_reference},
          {.name = "EfficientNet", .matches = is_efficientnet, .run = run_efficientnet},
          {.name = "network of block strings", .matches = has_block_strings, .run = run_block_strings},
          {.name = "FBNet", .matches = is_fbnet, .run = run_fbnet},
          {.name = "ProxylessNAS network", .matches = is_proxyless, .run = run_proxyless},
          {.name = "SPOS network", .matches = is_spos, .run = run_spos},
          {.name = "Once-for-All subnet", .matches = is_once_for_all, .run = run_once_for_all},
          {.name = "Once-for-All supernet", .matches = is_once_for_all_supernet, .run = run_once_for_all_supernet},
          {.name = "compound scaling of a list", .matches = is_rounding, .run = run_rounding},
          {.name = "compound coefficients", .matches = is_compound, .run = run_compound},
          {.name = "size of ProxylessNAS", .matches = is_proxyless_size, .run = run_proxyless_size}};
}

}  // namespace netwright
