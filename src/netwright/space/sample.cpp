#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/space/draws.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

constexpr double few_picks = 4096;        // up to here the picks are listed
constexpr int most_tries = 100'000;       // for an architecture that keeps the tree's rule
constexpr double most_picks = 1 << 20;    // and up to here where they cannot be counted otherwise

void check_walkable(const DecisionTree& tree) {
  for (int i = 0; i < static_cast<int>(tree.size()); ++i) {
    const Decision& d = tree[static_cast<std::size_t>(i)];
    if (!separable(tree, i) && count_picks(d) > most_picks)
      throw UsageError("decision '" + d.name + "' has more than 2^20 subsets and a child that hangs on several of its choices: the space cannot be counted");
  }
}

Draws::Odds listed(const DecisionTree& tree, int decision, const std::vector<long double>& sizes) {
  Draws::Odds odds;
  const long double total = sizes[static_cast<std::size_t>(decision)];
  long double sum = 0;
  each_pick(tree[static_cast<std::size_t>(decision)], [&](std::int64_t pick) {
    sum += size_below(tree, decision, pick, sizes);
    odds.picks.push_back(pick);
    odds.cumulative.push_back(static_cast<double>(sum / total));
    return true;
  });
  odds.cumulative.back() = 1.0;
  return odds;
}

std::int64_t draw_listed(const Draws::Odds& odds, Rng& rng) {
  const auto at = std::upper_bound(odds.cumulative.begin(), odds.cumulative.end(), rng.uniform());
  return odds.picks[static_cast<std::size_t>(at - odds.cumulative.begin())];
}

// First how many, then for each choice whether it is a member, given how many are still to come.
std::int64_t draw_subset(const Decision& decision, const Draws::Odds& odds, Rng& rng) {
  long double total = 0;
  for (int k = decision.minimum; k <= decision.maximum; ++k) total += odds.suffix[0][static_cast<std::size_t>(k)];
  long double rest = static_cast<long double>(rng.uniform()) * total;
  auto k = static_cast<std::size_t>(decision.minimum);
  while (k < static_cast<std::size_t>(decision.maximum) && rest >= odds.suffix[0][k]) rest -= odds.suffix[0][k++];
  std::int64_t pick = 0;
  std::size_t j = 0;
  for (int choice = 0; k > 0; ++choice) {
    if (!decision.may_pick(choice)) continue;
    const long double with = odds.weights[j] * odds.suffix[j + 1][k - 1];
    if (static_cast<long double>(rng.uniform()) * odds.suffix[j][k] < with) {
      pick |= std::int64_t{1} << choice;
      --k;
    }
    ++j;
  }
  return pick;
}

Architecture sample_without_rule(const DecisionTree& tree, Rng& rng) {
  Architecture architecture{std::vector<std::int64_t>(tree.size(), Architecture::inactive)};
  for (std::size_t i = 0; i < tree.size(); ++i)
    if (active(tree, architecture, static_cast<int>(i))) architecture.picks[i] = tree.draws()->draw(tree[i], i, rng);
  return architecture;
}

}  // namespace

bool separable(const DecisionTree& tree, int decision) {
  const auto& children = tree.children(decision);
  return std::all_of(children.begin(), children.end(), [&](int c) { return tree[static_cast<std::size_t>(c)].condition->choices.size() == 1; });
}

// Sizes are long doubles: up to 10^4932 architectures below one decision.
Draws::Draws(const DecisionTree& tree) {
  check_walkable(tree);
  const auto sizes = subtree_sizes<long double>(tree);
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const int decision = static_cast<int>(i);
    if (count_picks(tree[i]) <= few_picks || !separable(tree, decision)) {
      odds.push_back(listed(tree, decision, sizes));
      continue;
    }
    Odds subset{.weights = choice_weights(tree, decision, sizes)};
    subset.suffix = symmetric_suffixes(subset.weights, tree[i].maximum);
    odds.push_back(std::move(subset));
  }
}

std::int64_t Draws::draw(const Decision& decision, std::size_t index, Rng& rng) const {
  const Odds& own = odds[index];
  return own.picks.empty() ? draw_subset(decision, own, rng) : draw_listed(own, rng);
}

// Rejection keeps it uniform.
Architecture sample(const DecisionTree& tree, Rng& rng) {
  for (int i = 0; i < most_tries; ++i) {
    Architecture architecture = sample_without_rule(tree, rng);
    if (tree.allows(architecture)) return architecture;
  }
  throw Error("none of " + std::to_string(most_tries) + " samples is an architecture: the space asks that " + tree.rule()->text);
}

}  // namespace netwright
