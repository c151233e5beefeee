#include <algorithm>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/graph/drawing.hpp"
#include "netwright/report/report.hpp"

namespace netwright {
namespace {

constexpr std::size_t most_cells = 4;
constexpr std::size_t most_boxes = 20;
constexpr std::size_t smallest_cell = 4;   // nodes: below, the network's own drawing shows all

void erase_between(std::string& text, const std::string& begin, const std::string& end) {
  for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
    const auto stop = text.find(end, at + begin.size());
    if (stop == std::string::npos) return;
    text.erase(at, stop + end.size() - at);
  }
}

// From a stand-alone file to a part of a page: without prologue, name spaces, ids (several drawings would share them) and comments.
std::string inlined(std::string svg) {
  svg.erase(0, std::min(svg.find("<svg"), svg.size()));
  erase_between(svg, "<!--", "-->");
  erase_between(svg, "<title>", "</title>");
  for (const char* attribute : {" xmlns=\"", " xmlns:xlink=\"", " xlink:title=\"", " id=\""}) erase_between(svg, attribute, "\"");
  return svg;
}

std::size_t nodes_in(const Graph& graph, const std::string& scope) {
  return static_cast<std::size_t>(std::count_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return node.name.starts_with(scope + "."); }));
}

std::size_t boxes(const Graph& graph, const std::string& scope, int depth) {
  std::set<std::string> keys;
  for (const auto& node : graph.nodes) {
    if (!node.name.starts_with(scope + ".")) continue;
    auto end = scope.size();
    for (int i = 0; i < depth && end != std::string::npos; ++i) end = node.name.find('.', end + 1);
    keys.insert(node.name.substr(0, end));
  }
  return keys.size();
}

// As deep as stays readable.
int cell_depth(const Graph& graph, const std::string& scope) {
  int depth = 1;
  while (depth < 3 && boxes(graph, scope, depth + 1) <= most_boxes) ++depth;
  return depth;
}

// The widest labelled scope around a node that is large enough to be worth a drawing; empty where there is none.
std::string cell_of(const Graph& graph, const std::string& name) {
  for (auto end = name.find('.'); end != std::string::npos; end = name.find('.', end + 1)) {
    const std::string scope = name.substr(0, end);
    if (graph.labels.contains(scope) && nodes_in(graph, scope) >= smallest_cell) return scope;
  }
  return "";
}

// The first scope of each label: one "normal", one "reduction".
std::vector<std::string> distinct_cells(const Graph& graph) {
  std::set<std::string> seen;
  std::vector<std::string> cells;
  for (const auto& node : graph.nodes) {
    const std::string scope = cell_of(graph, node.name);
    if (scope.empty() || !seen.insert(graph.labels.at(scope)).second) continue;
    cells.push_back(scope);
    if (cells.size() == most_cells) break;
  }
  return cells;
}

}  // namespace

std::vector<Drawing> draw_architecture(const Space& space, const std::string& architecture, const NetworkOptions& options) {
  std::vector<Drawing> drawings;
  if (architecture.empty()) return drawings;
  try {
    const Graph graph = space.close(space.parse(architecture), options);
    for (const auto& cell : distinct_cells(graph))
      drawings.push_back({graph.labels.at(cell) + " (" + cell + ")", inlined(to_svg(graph, {.scope = cell, .depth = cell_depth(graph, cell), .shapes = false}))});
    drawings.push_back({"network", inlined(to_svg(graph, {.depth = 1, .shapes = false}))});
  } catch (const Error&) {
    // The journal may hold what this version's space no longer understands; the report is worth reading without a picture.
    drawings.clear();
  }
  return drawings;
}

}  // namespace netwright
