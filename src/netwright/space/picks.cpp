#include "netwright/space/picks.hpp"

#include <algorithm>
#include <bit>

namespace netwright {
namespace {

std::vector<int> pickable_choices(const Decision& decision) {
  std::vector<int> choices;
  for (int i = 0; i < static_cast<int>(decision.choices.size()); ++i)
    if (decision.may_pick(i)) choices.push_back(i);
  return choices;
}

// Bit i of `dense` stands for the i-th choice that may be picked.
std::int64_t spread(std::uint64_t dense, const std::vector<int>& choices) {
  std::int64_t pick = 0;
  for (; dense != 0; dense &= dense - 1) pick |= std::int64_t{1} << choices[static_cast<std::size_t>(std::countr_zero(dense))];
  return pick;
}

// The next larger number with as many bits set (Gosper).
std::uint64_t next_subset(std::uint64_t set) {
  const std::uint64_t lowest = set & -set, ripple = set + lowest;
  return (((ripple ^ set) >> 2) / lowest) | ripple;
}

bool each_subset(const std::vector<int>& choices, int size, const std::function<bool(std::int64_t)>& visit) {
  if (size == 0) return visit(0);
  const std::uint64_t end = std::uint64_t{1} << choices.size();
  for (std::uint64_t set = (std::uint64_t{1} << size) - 1; set < end; set = next_subset(set))
    if (!visit(spread(set, choices))) return false;
  return true;
}

}  // namespace

bool switches_on(const Decision& parent, std::int64_t pick, const Condition& condition) {
  if (pick == Architecture::inactive) return false;
  const bool subset = parent.kind == Kind::k_of_n;
  return std::any_of(condition.choices.begin(), condition.choices.end(), [&](int choice) { return subset ? (pick >> choice & 1) != 0 : pick == choice; });
}

std::int64_t first_pick(const Decision& decision) {
  const auto choices = pickable_choices(decision);
  if (decision.kind != Kind::k_of_n) return choices.front();
  return spread((std::uint64_t{1} << decision.minimum) - 1, choices);
}

bool can_move(const Decision& decision) {
  if (decision.kind != Kind::k_of_n) return decision.pickable() > 1;
  return decision.minimum != decision.maximum || (decision.minimum > 0 && decision.minimum < decision.pickable());
}

std::vector<std::int64_t> moves(const Decision& decision, std::int64_t pick) {
  std::vector<std::int64_t> result;
  const auto choices = pickable_choices(decision);
  if (decision.kind != Kind::k_of_n) {
    for (const int choice : choices)
      if (choice != pick) result.push_back(choice);
    return result;
  }
  const auto members = picked(decision, pick);
  const int size = static_cast<int>(members.size());
  for (const int choice : choices) {
    const std::int64_t bit = std::int64_t{1} << choice;
    if ((pick & bit) != 0) {
      if (size > decision.minimum) result.push_back(pick & ~bit);
      continue;
    }
    if (size < decision.maximum) result.push_back(pick | bit);
    for (const int member : members) result.push_back((pick & ~(std::int64_t{1} << member)) | bit);
  }
  return result;
}

double count_picks(const Decision& decision) {
  if (decision.kind != Kind::k_of_n) return decision.pickable();
  const int n = decision.pickable();
  double total = 0, binomial = 1;
  for (int k = 0; k <= decision.maximum; ++k) {
    if (k >= decision.minimum) total += binomial;
    binomial = binomial * (n - k) / (k + 1);
  }
  return total;
}

bool each_pick(const Decision& decision, const std::function<bool(std::int64_t)>& visit) {
  const auto choices = pickable_choices(decision);
  if (decision.kind != Kind::k_of_n) return std::all_of(choices.begin(), choices.end(), visit);
  for (int size = decision.minimum; size <= decision.maximum; ++size)
    if (!each_subset(choices, size, visit)) return false;
  return true;
}

}  // namespace netwright
