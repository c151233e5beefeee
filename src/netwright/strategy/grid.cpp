#include "netwright/strategy/grid.hpp"

#include <algorithm>
#include <bit>

#include "netwright/space/decision.hpp"

namespace netwright {
namespace {

std::vector<int> pickable_choices(const Decision& decision) {
  std::vector<int> result;
  for (int choice = 0; choice < static_cast<int>(decision.choices.size()); ++choice) {
    if (decision.may_pick(choice)) result.push_back(choice);
  }
  return result;
}

// Subsets in the order of their size, then of their value. `mask` counts the choices that may be picked alone.
std::optional<std::uint64_t> next_subset(std::uint64_t mask, int choices, int maximum) {
  if (mask != 0) {
    // The next larger number with as many ones: the lowest run of ones moves its top bit up, the rest falls to the bottom.
    const std::uint64_t lowest = mask & (~mask + 1), moved = mask + lowest;
    const std::uint64_t next = (((moved ^ mask) >> 2) / lowest) | moved;
    if (next < std::uint64_t{1} << choices) return next;
  }
  const int members = std::popcount(mask) + 1;
  if (members > std::min(maximum, choices)) return std::nullopt;
  return (std::uint64_t{1} << members) - 1;
}

std::optional<std::int64_t> next_subset_pick(const Decision& decision, std::int64_t pick) {
  const std::vector<int> choices = pickable_choices(decision);
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < choices.size(); ++i) mask |= static_cast<std::uint64_t>(pick >> choices[i] & 1) << i;
  const auto next = next_subset(mask, static_cast<int>(choices.size()), decision.maximum);
  if (!next) return std::nullopt;
  std::int64_t result = 0;
  for (std::size_t i = 0; i < choices.size(); ++i) result |= static_cast<std::int64_t>(*next >> i & 1) << choices[i];
  return result;
}

std::optional<std::int64_t> next_pick(const Decision& decision, std::int64_t pick) {
  if (decision.kind == Kind::k_of_n) return next_subset_pick(decision, pick);
  for (int next = static_cast<int>(pick) + 1; next < static_cast<int>(decision.choices.size()); ++next) {
    if (decision.may_pick(next)) return next;
  }
  return std::nullopt;
}

}  // namespace

namespace {

std::optional<Architecture> successor(const DecisionTree& tree, const Architecture& architecture) {
  for (std::size_t i = tree.size(); i-- > 0;) {
    if (architecture.picks[i] == Architecture::inactive) continue;
    const std::optional<std::int64_t> pick = next_pick(tree[i], architecture.picks[i]);
    if (!pick) continue;
    Architecture next = architecture;
    next.picks[i] = *pick;
    std::fill(next.picks.begin() + static_cast<std::ptrdiff_t>(i) + 1, next.picks.end(), Architecture::inactive);
    return normalised(tree, std::move(next));
  }
  return std::nullopt;
}

std::optional<Architecture> first_in_tree_order(const DecisionTree& tree) {
  const Architecture start = normalised(tree, {.picks = std::vector<std::int64_t>(tree.size(), Architecture::inactive)});
  return tree.allows(start) ? std::optional(start) : next_in_tree_order(tree, start);
}

}  // namespace

std::optional<Architecture> next_in_tree_order(const DecisionTree& tree, const Architecture& architecture) {
  std::optional<Architecture> next = successor(tree, architecture);
  while (next && !tree.allows(*next)) next = successor(tree, *next);
  return next;
}

Grid::Grid(const StrategyCase& strategy_case) : tree_(strategy_case.tree), next_(first_in_tree_order(tree_)) {}

std::optional<Architecture> Grid::ask() {
  std::optional<Architecture> current = std::move(next_);
  next_ = current ? next_in_tree_order(tree_, *current) : std::nullopt;
  return current;
}

void Grid::tell(const Told&) {}  // the order is fixed

std::unique_ptr<Strategy> make_grid(const StrategyCase& strategy_case) { return std::make_unique<Grid>(strategy_case); }

}  // namespace netwright
