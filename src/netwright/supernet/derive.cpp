#include "netwright/supernet/derive.hpp"

#include <algorithm>
#include <numeric>

#include "netwright/supernet/relaxation.hpp"

namespace netwright {
namespace {

using Probabilities = std::vector<std::vector<double>>;

int best_choice(const Decision& decision, const std::vector<double>& probabilities) {
  int best = -1;
  for (int i = 0; i < static_cast<int>(decision.choices.size()); ++i)
    if (decision.may_pick(i) && (best < 0 || probabilities[static_cast<std::size_t>(i)] > probabilities[static_cast<std::size_t>(best)])) best = i;
  return best;
}

double strength(const DecisionTree& tree, const Probabilities& probabilities, int decision, int input) {
  const auto& own = probabilities[static_cast<std::size_t>(decision)];
  const bool ranked = ranked_by_children(tree, decision);
  if (!own.empty() && !ranked) return own[static_cast<std::size_t>(input)];
  double best = 0;
  for (const int child : tree.children(decision)) {
    const Decision& d = tree[static_cast<std::size_t>(child)];
    const auto& choices = d.condition->choices;
    if (std::find(choices.begin(), choices.end(), input) == choices.end()) continue;
    const auto& of_child = probabilities[static_cast<std::size_t>(child)];
    best = std::max(best, of_child[static_cast<std::size_t>(best_choice(d, of_child))]);
  }
  return own.empty() ? best : best * own[static_cast<std::size_t>(input)];
}

std::int64_t strongest_inputs(const DecisionTree& tree, const Probabilities& probabilities, int decision) {
  const Decision& d = tree[static_cast<std::size_t>(decision)];
  std::vector<double> strengths;
  for (int i = 0; i < static_cast<int>(d.choices.size()); ++i) strengths.push_back(strength(tree, probabilities, decision, i));
  std::vector<int> order(strengths.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return strengths[static_cast<std::size_t>(a)] > strengths[static_cast<std::size_t>(b)]; });
  const double share = 1.0 / static_cast<double>(order.size());
  std::int64_t mask = 0;
  for (int rank = 0; rank < d.maximum; ++rank) {
    const int input = order[static_cast<std::size_t>(rank)];
    if (rank < d.minimum || strengths[static_cast<std::size_t>(input)] > share) mask |= std::int64_t{1} << input;
  }
  return mask;
}

}  // namespace

Architecture strongest(const DecisionTree& tree, const Probabilities& probabilities) {
  Architecture architecture;
  for (int d = 0; d < static_cast<int>(tree.size()); ++d) {
    const Decision& decision = tree[static_cast<std::size_t>(d)];
    architecture.picks.push_back(decision.kind == Kind::k_of_n ? strongest_inputs(tree, probabilities, d)
                                                               : best_choice(decision, probabilities[static_cast<std::size_t>(d)]));
  }
  return normalised(tree, architecture);
}

}  // namespace netwright
