#include "netwright/space/features.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "netwright/core/hash.hpp"
#include "netwright/graph/operation.hpp"
#include "netwright/space/path_encoding.hpp"
#include "netwright/space/space.hpp"

namespace netwright {
namespace {

std::uint64_t hash_attribute(const Attribute& attribute) {
  if (const auto* integer = std::get_if<std::int64_t>(&attribute)) return mix(1, static_cast<std::uint64_t>(*integer));
  if (const auto* number = std::get_if<double>(&attribute)) return mix(2, std::bit_cast<std::uint64_t>(*number));
  if (const auto* text = std::get_if<std::string>(&attribute)) return mix(3, hash_text(*text));
  return 4;  // open: not in a closed graph
}

// Of the operation alone. The name of a tied node is no property of it, nor that of the node whose state is carried.
std::uint64_t first_label(const Node& node) {
  std::uint64_t label = hash_text(node.op);
  for (const auto& [name, value] : node.attributes)
    if (name != "tied" && name != "carried") label = mix(label, mix(hash_text(name), hash_attribute(value)));
  return label;
}

std::vector<std::uint64_t> next_labels(const Graph& graph, const std::vector<std::uint64_t>& labels) {
  std::vector<std::uint64_t> result;
  std::vector<std::uint64_t> inputs;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    inputs.clear();
    for (const int input : graph.nodes[i].inputs) inputs.push_back(labels[static_cast<std::size_t>(input)]);
    std::ranges::sort(inputs);
    std::uint64_t label = labels[i];
    for (const std::uint64_t input : inputs) label = mix(label, input);
    result.push_back(label);
  }
  return result;
}

// A number that a node has by its attribute, or 0.
float number_of(const Node& node, std::string_view attribute) {
  const auto found = node.attributes.find(attribute);
  if (found == node.attributes.end()) return 0;
  const auto* integer = std::get_if<std::int64_t>(&found->second);
  return integer != nullptr ? static_cast<float>(*integer) : 0;
}

// The spaces with a path encoding, and how it is read off the field's own notation.
struct PathEncoding {
  std::string_view space;
  std::vector<float> (*of)(const std::string& text);
};

constexpr PathEncoding path_encodings[] = {
    {"nasbench101", [](const std::string& text) { return path_encoding(parse_nasbench101(text)); }},
    {"nasbench201", [](const std::string& text) { return path_encoding(parse_nasbench201(text)); }},
};

}  // namespace

std::vector<float> weisfeiler_lehman(const Graph& graph, int rounds, std::size_t buckets) {
  std::vector<float> histogram(buckets, 0);
  std::vector<std::uint64_t> labels;
  for (const Node& node : graph.nodes) labels.push_back(first_label(node));
  for (int round = 0; round <= rounds; ++round) {
    for (const std::uint64_t label : labels) histogram[mix(label, static_cast<std::uint64_t>(round)) % buckets] += 1;
    if (round < rounds) labels = next_labels(graph, labels);
  }
  float squares = 0;
  for (const float count : histogram) squares += count * count;
  for (float& count : histogram) count /= std::sqrt(squares > 0 ? squares : 1);
  return histogram;
}

std::vector<float> graph_row(const Graph& graph) {
  const std::vector<std::string> names = operation_names();
  const std::size_t input = names.size(), all = input + 1, width = all + 4, nodes = graph.nodes.size() + 1;
  std::vector<float> row(2 + nodes * width, 0);
  row[0] = static_cast<float>(nodes), row[1] = static_cast<float>(width);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    float* const own = row.data() + 2 + i * width;
    const auto place = static_cast<std::size_t>(std::ranges::find(names, node.op) - names.begin());
    own[place] = 1;  // behind the names stands the input
    if (!node.shape.empty()) own[all + 1] = std::log2(static_cast<float>(node.shape[0])) / 10;
    own[all + 2] = number_of(node, "kernel") / 10, own[all + 3] = number_of(node, "stride") / 2;
  }
  row[2 + (nodes - 1) * width + all] = 1;
  const auto edge = [&](std::size_t from, std::size_t to) { row.push_back(static_cast<float>(from + 1)), row.push_back(static_cast<float>(to + 1)); };
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const int from : graph.nodes[i].inputs) edge(static_cast<std::size_t>(from), i);
    edge(i, nodes - 1);
  }
  return row;
}

std::map<std::string, std::function<std::vector<float>(const Architecture&)>, std::less<>> feature_maps(const std::shared_ptr<const Space>& space) {
  std::map<std::string, std::function<std::vector<float>(const Architecture&)>, std::less<>> maps;
  maps["wl"] = [space](const Architecture& architecture) {
    return weisfeiler_lehman(space->close(architecture, {.input = space->info().input, .classes = space->info().classes}));
  };
  const auto entry = std::ranges::find(path_encodings, space->info().name, &PathEncoding::space);
  if (entry != std::end(path_encodings)) maps["path"] = [space, of = entry->of](const Architecture& a) { return of(space->print(a)); };
  return maps;
}

}  // namespace netwright
