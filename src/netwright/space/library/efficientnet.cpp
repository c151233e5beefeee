#include "netwright/space/library/efficientnet.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/library/beyond.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

constexpr const char* kBase =
    "r1_k3_s11_e1_i32_o16_se0.25,r2_k3_s22_e6_i16_o24_se0.25,r2_k5_s22_e6_i24_o40_se0.25,r3_k3_s22_e6_i40_o80_se0.25,"
    "r3_k5_s11_e6_i80_o112_se0.25,r4_k5_s22_e6_i112_o192_se0.25,r1_k3_s11_e6_i192_o320_se0.25";

const ScalingFactors& factors() {
  static const ScalingFactors list{.widths = {"1.0", "1.1", "1.2", "1.4", "1.6", "1.8", "2.0"},
                                   .depths = {"1.0", "1.1", "1.2", "1.4", "1.8", "2.2", "2.6", "3.1"}};
  return list;
}

double real(const std::string& text, const std::string& place) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) throw UsageError(place + " is '" + text + "'; it must be a number");
  return value;
}

double real_setting(const SpaceInfo& info, const NetworkOptions& options, const char* name) {
  return real(setting(info, options, name), "space 'efficientnet': setting '" + std::string(name) + "'");
}

MobileNetwork base_of(const SpaceInfo& info, const NetworkOptions& options) {
  MobileNetwork network = efficientnet_base();
  network.blocks = parse_mobile_blocks(setting(info, options, "base"));
  network.head = integer_setting(info, options, "head");
  network.activation = network.squeeze_activation = setting(info, options, "activation");
  network.dropout = real_setting(info, options, "dropout");
  network.drop_path = real_setting(info, options, "drop_path");
  if (!setting(info, options, "squeeze").empty())
    for (auto& block : network.blocks) block.squeeze = real_setting(info, options, "squeeze");
  return network;
}

double factor(const DecisionTree& tree, const Architecture& architecture, const char* decision) {
  const auto i = static_cast<std::size_t>(tree.find(decision));
  return real(tree[i].choices[static_cast<std::size_t>(architecture.picks[i])], decision);
}

bool is_compound(std::string_view text) {
  const std::string trimmed = trim(text);
  return trimmed.starts_with("alpha=") || trimmed.starts_with("beta=") || trimmed.starts_with("gamma=") || trimmed.starts_with("phi=");
}

struct Powers {
  Compound compound;
  double phi = 1;
};

Powers parse_powers(std::string_view text) {
  Powers powers;
  const std::vector<std::pair<std::string, double*>> places = {
      {"alpha", &powers.compound.alpha}, {"beta", &powers.compound.beta}, {"gamma", &powers.compound.gamma}, {"phi", &powers.phi}};
  const std::vector<std::string> names = {"alpha", "beta", "gamma", "phi"};
  for (const auto& part : split(text, ',')) {
    const auto equal = part.find('=');
    const std::string name = trim(part.substr(0, equal));
    const auto found = std::find(names.begin(), names.end(), name);
    if (equal == std::string::npos || found == names.end()) throw UsageError("compound scaling: unknown word '" + name + "'" + name_hint(name, names));
    const double value = real(trim(part.substr(equal + 1)), "compound scaling: " + name);
    if (value < (name == "phi" ? 0 : 1)) throw UsageError("compound scaling: " + part + "; alpha, beta and gamma are at least 1, phi at least 0");
    *places[static_cast<std::size_t>(found - names.begin())].second = value;
  }
  return powers;
}

Graph powers_network(const SpaceInfo& info, const Powers& powers, NetworkOptions options) {
  const Scaling scaling = powers.compound.at(powers.phi);
  for (std::size_t side = 1; side < options.input.size(); ++side)
    options.input[side] = static_cast<Int>(std::lround(static_cast<double>(options.input[side]) * scaling.resolution));
  return mobile_network(scaled(base_of(info, options), scaling), options);
}

}  // namespace

MobileNetwork efficientnet_base() {
  return {.blocks = parse_mobile_blocks(kBase), .head = 1280, .activation = "silu", .squeeze_activation = "silu", .dropout = 0.2};
}

Scaling scaling_of(const DecisionTree& tree, const Architecture& architecture) {
  return {.width = factor(tree, architecture, "width"), .depth = factor(tree, architecture, "depth")};
}

std::unique_ptr<Space> make_efficientnet() {
  const SpaceInfo info{.name = "efficientnet",
                       .title = "one base network scaled in width and depth",
                       .paper = "Tan and Le 2019, arXiv 1905.11946",
                       .traits = {"chain", "open", "uniform"},
                       .settings = {{"base", kBase, "block strings of the network that is scaled"},
                                    {"head", "1280", "channels before the pooling, scaled too"},
                                    {"activation", "silu", "of all layers"},
                                    {"squeeze", "", "squeeze-excite as a part of each block's input; empty: as the strings say"},
                                    {"dropout", "0.2", "before the classifier"},
                                    {"drop_path", "0", "of the last block, growing evenly from 0"}},
                       .input = {3, 224, 224},
                       .classes = 1000};
  auto space = make_space(Template{.info = info, .build = [info](const NetworkOptions& options) {
                                     MobileNetwork network = base_of(info, options);
                                     network.drop_path = 0;   // its rates depend on the depth, which is open
                                     return mobile_network(network, options, factors());
                                   }});
  return extended(std::move(space), {.network = [info](std::string_view text, const NetworkOptions& options) -> std::optional<Graph> {
                                       if (!is_compound(text)) return std::nullopt;
                                       return powers_network(info, parse_powers(text), options);
                                     },
                                     .close = [info](const DecisionTree& tree, const Architecture& a, const NetworkOptions& options) {
                                       return mobile_network(scaled(base_of(info, options), scaling_of(tree, a)), options);
                                     }});
}

}  // namespace netwright
