// The decision tree of an open graph.
#include <algorithm>
#include <map>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/space.hpp"

namespace netwright {
namespace {

// Active where `parent` picks one of `choices`.
struct Named {
  std::string parent;
  std::set<int> choices;
  bool operator==(const Named&) const = default;
};
using Under = std::optional<Named>;  // none: always

struct Found {
  Decision decision;
  Under under;
  std::string node;  // where it was met first
};

Decision decision_of(const Node& node) {
  Decision decision{.name = node.decision};
  for (std::size_t i = 0; i < std::max(node.branches.size(), node.inputs.size()); ++i) {
    if (node.op == "choice" && i >= node.branches.size()) break;
    const bool named = i < node.branches.size();
    decision.choices.push_back(named ? node.branches[i].name : std::to_string(i));
    decision.search_only.push_back(named && node.branches[i].search_only);
  }
  if (decision.pickable() == static_cast<int>(decision.choices.size())) decision.search_only.clear();
  if (node.op != "select") return decision;
  decision.minimum = static_cast<int>(integer(node, "minimum"));
  decision.maximum = static_cast<int>(integer(node, "maximum"));
  if (decision.minimum != 1 || decision.maximum != 1) decision.kind = Kind::k_of_n;
  return decision;
}

Decision decision_of(const Open& open) {
  Decision decision{.name = open.decision, .kind = Kind::ordinal, .choices = open.names};
  if (decision.choices.empty())
    for (const auto value : open.values) decision.choices.push_back(std::to_string(value));
  return decision;
}

std::string described(const Decision& decision) {
  const std::string choices = join(decision.choices, ", ");
  if (decision.kind != Kind::k_of_n) return (decision.kind == Kind::ordinal ? "ordered choices " : "choices ") + choices;
  return std::to_string(decision.minimum) + " to " + std::to_string(decision.maximum) + " of " + choices;
}

class Reader {
 public:
  void read(const Graph& graph, const Under& context) {
    const auto demand = demands(graph, context);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      if (demand[i]) read_node(graph.nodes[i], *demand[i]);
  }

  std::vector<Decision> finish() {
    for (const auto& name : met_) place(name);
    std::map<std::string, int> index;
    std::vector<Decision> decisions;
    for (const auto& name : order_) {
      const Found& found = found_.at(name);
      index[name] = static_cast<int>(decisions.size());
      decisions.push_back(found.decision);
      if (found.under) decisions.back().condition = Condition{index.at(found.under->parent), {found.under->choices.begin(), found.under->choices.end()}};
    }
    return decisions;
  }

 private:
  // Where each node is needed; none where no output reads it. A node that a select may leave out is needed where it is picked.
  std::vector<std::optional<Under>> demands(const Graph& graph, const Under& context) {
    std::vector<std::optional<Under>> demand(graph.nodes.size());
    for (const int output : graph.outputs) demand[static_cast<std::size_t>(output)] = context;
    for (std::size_t i = graph.nodes.size(); i-- > 0;) {
      const Node& node = graph.nodes[i];
      if (!demand[i]) continue;
      const bool select = node.op == "select";
      if (select) record(decision_of(node), *demand[i], node.name);
      for (std::size_t j = 0; j < node.inputs.size(); ++j) {
        auto& input = demand[static_cast<std::size_t>(node.inputs[j])];
        const Under by = select ? narrowed(found_.at(node.decision).decision, {static_cast<int>(j)}, *demand[i]) : *demand[i];
        input = input ? either(*input, by) : by;
      }
    }
    return demand;
  }

  // Under a pick of `choices`; where every legal pick has one of them, that is wherever the decision itself is.
  static Under narrowed(const Decision& decision, const std::set<int>& choices, const Under& own) {
    const auto inside = std::count_if(choices.begin(), choices.end(), [&](int c) { return decision.may_pick(c); });
    return decision.pickable() - inside < decision.minimum ? own : Named{decision.name, choices};
  }

  const Under& above(const Named& condition) const { return found_.at(condition.parent).under; }

  Under united(Named a, const Named& b) const {
    a.choices.insert(b.choices.begin(), b.choices.end());
    return narrowed(found_.at(a.parent).decision, a.choices, above(a));
  }

  // A condition is one parent and its choices, so "a or b" under two parents becomes what both share: then a decision may count as
  // active where its node is not needed after all, which changes no network.
  Under either(const Under& a, const Under& b) const {
    for (Under x = a; x; x = above(*x))
      for (Under y = b; y; y = above(*y))
        if (x->parent == y->parent) return united(*x, *y);
    return std::nullopt;
  }

  bool implies(const Under& a, const Under& b) const {
    if (!b) return true;
    for (Under x = a; x; x = above(*x))
      if (x->parent == b->parent && std::includes(b->choices.begin(), b->choices.end(), x->choices.begin(), x->choices.end())) return true;
    return false;
  }

  void read_node(const Node& node, const Under& under) {
    for (const auto& [name, open] : open_attributes(node)) {
      record(decision_of(open), under, node.name);
      met_.push_back(open.decision);
    }
    if (node.decision.empty()) return;
    const Decision decision = decision_of(node);
    record(decision, under, node.name);
    met_.push_back(node.decision);
    for (std::size_t i = 0; i < node.branches.size(); ++i)
      if (!node.branches[i].body.empty()) read(node.branches[i].graph(), narrowed(decision, {static_cast<int>(i)}, under));
  }

  void record(const Decision& decision, const Under& under, const std::string& node) {
    for (Under x = under; x; x = above(*x))
      if (x->parent == decision.name) throw UsageError("node '" + node + "': decision '" + decision.name + "' stands inside one of its own branches");
    const auto [entry, fresh] = found_.try_emplace(decision.name, Found{decision, under, node});
    if (fresh) return;
    Found& found = entry->second;
    if (described(found.decision) != described(decision) || found.decision.search_only != decision.search_only)
      throw UsageError("decision '" + decision.name + "' has " + described(found.decision) + " at node '" + found.node + "' but " + described(decision) +
                       " at node '" + node + "'");
    if (implies(under, found.under)) return;
    if (implies(found.under, under)) found.under = under;
    else if (found.under->parent == under->parent) found.under = united(*found.under, *under);
    else
      throw UsageError("decision '" + decision.name + "' stands under '" + found.under->parent + "' at node '" + found.node + "' but under '" +
                       under->parent + "' at node '" + node + "'; give the two places names of their own");
  }

  void place(const std::string& name) {
    if (std::find(order_.begin(), order_.end(), name) != order_.end()) return;
    if (const auto& under = found_.at(name).under) place(under->parent);
    order_.push_back(name);
  }

  std::map<std::string, Found> found_;
  std::vector<std::string> met_;     // in walk order, with repeats
  std::vector<std::string> order_;   // parents first
};

}  // namespace

DecisionTree decisions_of(const Graph& open) {
  Reader reader;
  reader.read(open, std::nullopt);
  return DecisionTree(reader.finish());
}

}  // namespace netwright
