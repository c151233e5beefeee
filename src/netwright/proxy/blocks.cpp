#include "netwright/proxy/blocks.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace netwright {
namespace {

// "cell3.edge0.conv", 2 -> "cell3.edge0"; empty for a name that stands in no scope so deep.
std::string_view scope_of(std::string_view name, int depth) {
  std::size_t end = 0;
  for (int level = 0; level < depth; ++level) {
    end = name.find('.', level == 0 ? 0 : end + 1);
    if (end == std::string_view::npos) return {};
  }
  return name.substr(0, end);
}

// "cell12" -> "cell", "3" -> ""; a word without a number as it is.
std::string_view series_of(std::string_view component) {
  const auto last = component.find_last_not_of("0123456789");
  return last == std::string_view::npos ? std::string_view() : component.substr(0, last + 1);
}

bool numbered(std::string_view component) { return !component.empty() && series_of(component) != component; }

// The scopes of the first level that hold nothing but a numbered series of others.
std::set<std::string_view> lists(const Graph& graph) {
  std::map<std::string_view, std::set<std::string_view>> series;
  std::set<std::string_view> others;
  for (const Node& node : graph.nodes) {
    const auto outer = scope_of(node.name, 1), inner = scope_of(node.name, 2);
    if (outer.empty()) continue;
    const auto component = inner.empty() ? std::string_view() : inner.substr(outer.size() + 1);
    if (!numbered(component)) others.insert(outer);
    series[outer].insert(series_of(component));
  }
  std::set<std::string_view> found;
  for (const auto& [scope, names] : series)
    if (names.size() == 1 && !others.contains(scope)) found.insert(scope);
  return found;
}

}  // namespace

std::vector<bool> needed_nodes(const Graph& graph) {
  std::vector<bool> needed(graph.nodes.size());
  needed[static_cast<std::size_t>(graph.outputs.at(0))] = true;
  for (std::size_t i = graph.nodes.size(); i-- > 0;)
    if (needed[i])
      for (const int input : graph.nodes[i].inputs) needed[static_cast<std::size_t>(input)] = true;
  return needed;
}

std::vector<std::size_t> block_results(const Graph& graph) {
  const auto needed = needed_nodes(graph);
  const auto series = lists(graph);
  std::map<std::string_view, std::size_t> last;
  std::set<std::string_view> heads;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const auto outer = scope_of(node.name, 1);
    const auto block = series.contains(outer) ? scope_of(node.name, 2) : outer;
    if (!needed[i] || block.empty()) continue;
    if (node.op == "global_pool") heads.insert(block);
    if (node.shape.size() == 3) last[block] = i;
  }
  std::vector<std::size_t> results;
  for (const auto& [block, node] : last)
    if (!heads.contains(block)) results.push_back(node);
  std::sort(results.begin(), results.end());
  return results;
}

}  // namespace netwright
