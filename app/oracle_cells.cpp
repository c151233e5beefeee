// Networks of pairwise cells: NASNet and AmoebaNet.
#include <cctype>
#include <map>
#include <optional>

#include "netwright/graph/cost.hpp"
#include "netwright/graph/operation.hpp"
#include "netwright/space/architectures.hpp"
#include "netwright/space/space.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

constexpr std::int64_t kImagenetStem = 32;  // of the official networks, times the stem's multiplier
constexpr std::int64_t kSmallestImagenet = 64;

// The text of a published architecture, whatever its networks.
const NamedArchitecture& published(const std::string& space, const std::string& name) {
  for (const auto& architecture : named_architectures())
    if (architecture.space == space && architecture.name == name) return architecture;
  throw NotBuilt("no published architecture " + space + "/" + name);
}

NetworkOptions cell_options(const OracleJson& input, std::int64_t channels, std::int64_t stem, std::int64_t resolution) {
  const bool imagenet = resolution >= kSmallestImagenet;
  return {.input = {3, resolution, resolution},
          .classes = input.value("classes", imagenet ? std::int64_t{1000} : std::int64_t{10}),
          .settings = {{"network", imagenet ? "imagenet" : "cifar"},
                       {"cells", std::to_string(input.at("cells").get<std::int64_t>())},
                       {"channels", std::to_string(channels)},
                       {"stem", std::to_string(stem)},
                       {"skip_reduction_input", input.value("skip_reduction_layer_input", 0) != 0 ? "true" : "false"}}};
}

// "0" is what cell 0 gives, "reduction_0" what the first reduction gives.
std::int64_t channels_of(const Graph& graph, const std::string& key) {
  const std::string stem = "reduction_";
  const std::string scope = (key.starts_with(stem) ? "reduction" + key.substr(stem.size()) : "cell" + key) + ".concat";
  for (const auto& node : graph.nodes)
    if (node.name == scope) return node.shape.at(0);
  throw UsageError("there is no cell '" + key + "'");
}

// Of a port to PyTorch that pads on both sides and crops, without its classifier: so the file counts it.
std::int64_t port_macs(const Space& space, const std::string& cells, NetworkOptions options) {
  options.settings["even_sizes"] = "cropped";
  options.settings["auxiliary"] = "false";
  const Graph graph = space.network(cells, options);
  std::int64_t macs = cost(graph).macs;
  for (const Node& node : graph.nodes)
    if (node.op == "linear") macs -= input_shapes(graph, node).at(0).back() * options.classes;
  return macs;
}

OracleJson measured(const OracleJson& c, const NamedArchitecture& architecture, NetworkOptions options) {
  const auto space = find_space(architecture.space);
  const Graph graph = space->network(architecture.text, options);
  const Cost plain = cost(graph);
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    if (key == "params_no_aux" || key == "params") got[key] = plain.params;
    if (key == "macs") got[key] = plain.macs;
    if (key == "macs_symmetric_padding") got[key] = port_macs(*space, architecture.text, options);
    if (key == "aux_head" || key == "params_with_aux") {
      options.settings["auxiliary"] = "true";
      const Cost whole = cost(space->network(architecture.text, options));
      got[key] = key == "aux_head" ? whole.params_auxiliary : whole.params;
    }
    if (key == "cell_channels")
      for (const auto& [cell, channels] : value.items()) got[key][cell] = channels_of(graph, cell);
  }
  return got;
}

bool is_nasnet(const OracleJson& c) { return has_input(c, {"cells", "filters", "stem_multiplier", "resolution"}); }

OracleJson run_nasnet(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const auto filters = input.at("filters").get<std::int64_t>(), multiplier = input.at("stem_multiplier").get<std::int64_t>();
  const auto resolution = input.at("resolution").get<std::int64_t>();
  const std::int64_t stem = multiplier * (resolution >= kSmallestImagenet ? kImagenetStem : filters);
  return measured(c, published("nasnet", "NASNet-A"), cell_options(input, filters, stem, resolution));
}

bool is_amoebanet(const OracleJson& c) {
  return has_input(c, {"cell", "cells", "F"}) && c.at("input").at("cell").get<std::string>().starts_with("amoeba_net_");
}

// "amoeba_net_a" is AmoebaNet-A. The resolution stands in the title where it is no field.
OracleJson run_amoebanet(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const auto letter = static_cast<char>(std::toupper(static_cast<unsigned char>(input.at("cell").get<std::string>().back())));
  constexpr double usual = 331;
  const auto resolution = input.value("resolution", static_cast<std::int64_t>(number_behind(title(c), " at ", usual)));
  const auto filters = input.at("F").get<std::int64_t>();
  const std::int64_t stem = input.value("stem", resolution >= kSmallestImagenet ? kImagenetStem : 3 * filters);
  return measured(c, published("amoebanet", std::string("AmoebaNet-") + letter), cell_options(input, filters, stem, resolution));
}

}  // namespace

std::vector<OracleKind> cell_oracles() {
  return {{.name = "network of NASNet cells", .matches = is_nasnet, .run = run_nasnet},
          {.name = "network of AmoebaNet cells", .matches = is_amoebanet, .run = run_amoebanet}};
}

}  // namespace netwright
