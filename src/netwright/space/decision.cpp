#include "netwright/space/decision.hpp"

#include <algorithm>
#include <bit>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/draws.hpp"
#include "netwright/space/picks.hpp"

namespace netwright {
namespace {

[[noreturn]] void fail(const Decision& decision, const std::string& why) { throw UsageError("decision '" + decision.name + "' " + why); }

void check_word(const Decision& decision, const std::string& word) {
  if (word.empty() || word.find_first_of("=,+ \t\r\n") != std::string::npos)
    fail(decision, "uses the name '" + word + "'; a name is not empty and holds none of =, + and blanks");
}

void check_choices(const Decision& decision) {
  check_word(decision, decision.name);
  std::set<std::string> seen;
  for (const auto& choice : decision.choices) {
    check_word(decision, choice);
    if (!seen.insert(choice).second) fail(decision, "has two choices called '" + choice + "'");
  }
  if (!decision.search_only.empty() && decision.search_only.size() != decision.choices.size()) fail(decision, "needs one search_only mark a choice, or none");
  if (decision.pickable() == 0) fail(decision, "has no choice that may be picked");
  if (decision.kind != Kind::k_of_n) return;
  if (decision.choices.size() > 62) fail(decision, "has " + std::to_string(decision.choices.size()) + " choices; a subset is drawn from at most 62");
  if (decision.minimum < 0 || decision.minimum > decision.maximum || decision.maximum > decision.pickable())
    fail(decision, "picks " + std::to_string(decision.minimum) + " to " + std::to_string(decision.maximum) + " of " + std::to_string(decision.pickable()) +
                       " choices, which cannot be");
}

void check_condition(const std::vector<Decision>& decisions, std::size_t i) {
  const auto& condition = decisions[i].condition;
  if (!condition) return;
  if (condition->parent < 0 || condition->parent >= static_cast<int>(i)) fail(decisions[i], "needs a parent that stands before it");
  const auto& parent = decisions[static_cast<std::size_t>(condition->parent)];
  const auto& choices = condition->choices;
  if (choices.empty()) fail(decisions[i], "has a condition that never holds");
  if (!std::is_sorted(choices.begin(), choices.end(), std::less_equal<>())) fail(decisions[i], "has a condition whose choices do not ascend");
  if (choices.front() < 0 || choices.back() >= static_cast<int>(parent.choices.size()))
    fail(decisions[i], "hangs on a choice that '" + parent.name + "' does not have");
}

std::string range_text(const Decision& decision) {
  return decision.minimum == decision.maximum ? std::to_string(decision.minimum) : std::to_string(decision.minimum) + " to " + std::to_string(decision.maximum);
}

void check_pick(const Decision& decision, std::int64_t pick) {
  if (pick == Architecture::inactive) fail(decision, "is active and needs a pick");
  const auto count = static_cast<std::int64_t>(decision.choices.size());
  const bool subset = decision.kind == Kind::k_of_n;
  if (pick < 0 || (subset ? pick >> count != 0 : pick >= count)) fail(decision, "has " + std::to_string(count) + " choices; pick " + std::to_string(pick) + " is not among them");
  for (const int choice : picked(decision, pick))
    if (!decision.may_pick(choice)) fail(decision, "cannot pick '" + decision.choices[static_cast<std::size_t>(choice)] + "': it is for the supernet only");
  const int size = std::popcount(static_cast<std::uint64_t>(pick));
  if (subset && (size < decision.minimum || size > decision.maximum))
    fail(decision, "picks " + range_text(decision) + " of its choices, not " + std::to_string(size));
}

}  // namespace

int Decision::pickable() const {
  return static_cast<int>(choices.size()) - static_cast<int>(std::count(search_only.begin(), search_only.end(), true));
}

bool Decision::may_pick(int choice) const { return search_only.empty() || !search_only[static_cast<std::size_t>(choice)]; }

DecisionTree::DecisionTree(std::vector<Decision> decisions, std::optional<Rule> rule)
    : decisions_(std::move(decisions)), children_(decisions_.size() + 1), rule_(std::move(rule)) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < decisions_.size(); ++i) {
    const Decision& decision = decisions_[i];
    check_choices(decision);
    if (!names.insert(decision.name).second) fail(decision, "stands twice in the tree");
    check_condition(decisions_, i);
    children_[static_cast<std::size_t>(decision.condition ? decision.condition->parent + 1 : 0)].push_back(static_cast<int>(i));
  }
  if (!decisions_.empty()) draws_ = std::make_shared<const Draws>(*this);
}

int DecisionTree::find(std::string_view name) const {
  for (std::size_t i = 0; i < decisions_.size(); ++i)
    if (decisions_[i].name == name) return static_cast<int>(i);
  std::vector<std::string> names;
  for (const auto& decision : decisions_) names.push_back(decision.name);
  throw UsageError("there is no decision '" + std::string(name) + "'" + name_hint(name, names));
}

const std::vector<int>& DecisionTree::children(int parent) const { return children_.at(static_cast<std::size_t>(parent + 1)); }

std::vector<int> picked(const Decision& decision, std::int64_t pick) {
  if (pick == Architecture::inactive) return {};
  if (decision.kind != Kind::k_of_n) return {static_cast<int>(pick)};
  std::vector<int> choices;
  for (auto rest = static_cast<std::uint64_t>(pick); rest != 0; rest &= rest - 1) choices.push_back(std::countr_zero(rest));
  return choices;
}

bool active(const DecisionTree& tree, const Architecture& architecture, int decision) {
  const auto& condition = tree[static_cast<std::size_t>(decision)].condition;
  if (!condition) return true;
  const auto parent = static_cast<std::size_t>(condition->parent);
  return switches_on(tree[parent], architecture.picks[parent], *condition);
}

Architecture normalised(const DecisionTree& tree, Architecture architecture) {
  architecture.picks.resize(tree.size(), Architecture::inactive);
  for (std::size_t i = 0; i < tree.size(); ++i) {
    auto& pick = architecture.picks[i];
    if (!active(tree, architecture, static_cast<int>(i))) pick = Architecture::inactive;
    else if (pick == Architecture::inactive) pick = first_pick(tree[i]);
  }
  return architecture;
}

void validate(const DecisionTree& tree, const Architecture& architecture) {
  if (architecture.picks.size() != tree.size())
    throw UsageError("an architecture of this space has " + std::to_string(tree.size()) + " picks, not " + std::to_string(architecture.picks.size()));
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (active(tree, architecture, static_cast<int>(i))) check_pick(tree[i], architecture.picks[i]);
    else if (architecture.picks[i] != Architecture::inactive) fail(tree[i], "is not active here and takes no pick");
  }
  if (!tree.allows(architecture)) throw UsageError("this is no architecture: the space asks that " + tree.rule()->text);
}

std::uint64_t hash(const Architecture& architecture) {
  std::uint64_t h = hash_text("architecture");
  for (const auto pick : architecture.picks) h = mix(h, static_cast<std::uint64_t>(pick));
  return h;
}

}  // namespace netwright
