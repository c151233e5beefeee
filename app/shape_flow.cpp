#include "shape_flow.hpp"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "netwright/core/names.hpp"

namespace netwright {
namespace {

constexpr std::size_t most_lines = 40;

// The first components of a node's name, its own word left out: "stage1.block2.conv" is in "stage1.block2".
std::string scope_of(const std::string& name, std::size_t components) {
  std::vector<std::string> words = split(name, '.');
  if (words.size() > 1) words.pop_back();
  words.resize(std::min(words.size(), components));
  return join(words, ".");
}

using Flow = std::vector<std::pair<std::string, std::string>>;

// Scopes in the order in which they are left, each with the shape of its last node.
Flow flow_of(const Graph& graph, std::size_t components) {
  Flow flow;
  for (const Node& node : graph.nodes) {
    const std::string scope = scope_of(node.name, components);
    const auto known = std::find_if(flow.begin(), flow.end(), [&](const auto& line) { return line.first == scope; });
    if (known != flow.end()) known->second = to_string(node.shape);
    else flow.emplace_back(scope, to_string(node.shape));
  }
  return flow;
}

std::vector<ShapeLine> aligned(const Flow& smallest, const Flow& largest) {
  std::vector<ShapeLine> lines;
  const auto find = [](const Flow& flow, const std::string& scope) {
    return std::find_if(flow.begin(), flow.end(), [&](const auto& line) { return line.first == scope; });
  };
  for (const auto& [scope, shape] : largest) {
    const auto other = find(smallest, scope);
    lines.push_back({scope, other == smallest.end() ? "" : other->second, shape});
  }
  for (const auto& [scope, shape] : smallest)
    if (find(largest, scope) == largest.end()) lines.push_back({scope, shape, ""});
  return lines;
}

}  // namespace

std::vector<ShapeLine> shape_flow(const Graph& smallest, const Graph& largest) {
  const auto lines = aligned(flow_of(smallest, 2), flow_of(largest, 2));
  return lines.size() <= most_lines ? lines : aligned(flow_of(smallest, 1), flow_of(largest, 1));
}

nlohmann::ordered_json shape_flow_json(const std::vector<ShapeLine>& lines) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& line : lines) list.push_back({{"place", line.place}, {"smallest", line.smallest}, {"largest", line.largest}});
  return list;
}

void print_shape_flow(const std::vector<ShapeLine>& lines, std::ostream& out) {
  const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
  out << "shapes            smallest    largest     (networks of fewest and of most parameters)\n";
  for (const auto& line : lines)
    out << "  " << std::left << std::setw(17) << line.place << " " << std::setw(11) << or_dash(line.smallest) << " " << or_dash(line.largest) << "\n";
}

}  // namespace netwright
