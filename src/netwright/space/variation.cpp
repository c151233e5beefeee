#include "netwright/space/variation.hpp"

#include "netwright/space/draws.hpp"
#include "netwright/space/picks.hpp"

namespace netwright {
namespace {

constexpr int most_tries = 1000;  // for a child that keeps the tree's rule

bool enumerate_from(const DecisionTree& tree, Architecture& architecture, std::size_t i, const std::function<bool(const Architecture&)>& visit) {
  if (i == tree.size()) return !tree.allows(architecture) || visit(architecture);
  if (!active(tree, architecture, static_cast<int>(i))) {
    architecture.picks[i] = Architecture::inactive;
    return enumerate_from(tree, architecture, i + 1, visit);
  }
  return each_pick(tree[i], [&](std::int64_t pick) {
    architecture.picks[i] = pick;
    return enumerate_from(tree, architecture, i + 1, visit);
  });
}

Architecture changed(const DecisionTree& tree, const Architecture& architecture, const std::vector<std::size_t>& open, Rng& rng) {
  Architecture child = architecture;
  const std::size_t at = open[rng.below(open.size())];
  const auto others = moves(tree[at], child.picks[at]);
  child.picks[at] = others[rng.below(others.size())];
  for (std::size_t i = at + 1; i < tree.size(); ++i) {
    if (!active(tree, child, static_cast<int>(i))) child.picks[i] = Architecture::inactive;
    else if (child.picks[i] == Architecture::inactive) child.picks[i] = tree.draws()->draw(tree[i], i, rng);
  }
  return child;
}

Architecture crossed(const DecisionTree& tree, const Architecture& a, const Architecture& b, Rng& rng) {
  Architecture child{std::vector<std::int64_t>(tree.size(), Architecture::inactive)};
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (!active(tree, child, static_cast<int>(i))) continue;
    // The pick that made i active came from a or from b, and there i is active too: one of them has a pick.
    if (a.picks[i] == Architecture::inactive) child.picks[i] = b.picks[i];
    else if (b.picks[i] == Architecture::inactive) child.picks[i] = a.picks[i];
    else child.picks[i] = rng.below(2) == 0 ? a.picks[i] : b.picks[i];
  }
  return child;
}

}  // namespace

Architecture mutate(const DecisionTree& tree, const Architecture& architecture, Rng& rng) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < tree.size(); ++i)
    if (architecture.picks[i] != Architecture::inactive && can_move(tree[i])) open.push_back(i);
  if (open.empty()) return architecture;
  for (int i = 0; i < most_tries; ++i) {
    Architecture child = changed(tree, architecture, open, rng);
    if (tree.allows(child)) return child;
  }
  return architecture;
}

Architecture crossover(const DecisionTree& tree, const Architecture& a, const Architecture& b, Rng& rng) {
  for (int i = 0; i < most_tries; ++i) {
    Architecture child = crossed(tree, a, b, rng);
    if (tree.allows(child)) return child;
  }
  return a;
}

std::vector<Architecture> neighbours(const DecisionTree& tree, const Architecture& architecture) {
  std::vector<Architecture> result;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (architecture.picks[i] == Architecture::inactive) continue;
    for (const auto pick : moves(tree[i], architecture.picks[i])) {
      Architecture other = architecture;
      other.picks[i] = pick;
      other = normalised(tree, std::move(other));
      if (tree.allows(other)) result.push_back(std::move(other));
    }
  }
  return result;
}

std::vector<float> encode(const DecisionTree& tree, const Architecture& architecture) {
  std::vector<float> code(encoding_length(tree), 0.0F);
  std::size_t start = 0;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    for (const int choice : picked(tree[i], architecture.picks[i])) code[start + static_cast<std::size_t>(choice)] = 1.0F;
    start += tree[i].choices.size();
  }
  return code;
}

std::size_t encoding_length(const DecisionTree& tree) {
  std::size_t length = 0;
  for (const auto& decision : tree) length += decision.choices.size();
  return length;
}

void enumerate(const DecisionTree& tree, const std::function<bool(const Architecture&)>& visit) {
  Architecture architecture{std::vector<std::int64_t>(tree.size(), Architecture::inactive)};
  enumerate_from(tree, architecture, 0, visit);
}

}  // namespace netwright
