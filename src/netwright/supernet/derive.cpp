#include "netwright/supernet/derive.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

#include "netwright/core/error.hpp"
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

// Picks of the first `decided` decisions, and what they cost beside the strongest ones: the sum of log(largest / own).
struct Beginning {
  double loss;
  Architecture architecture;
  std::size_t decided;
  bool operator<(const Beginning& other) const { return loss > other.loss; }  // the cheapest is the top of a queue
};

std::vector<Beginning> continued(const DecisionTree& tree, const Probabilities& probabilities, const Beginning& from) {
  const std::size_t d = from.decided;
  const auto next = [&](std::int64_t pick, double loss) {
    Beginning made{from.loss + loss, from.architecture, d + 1};
    made.architecture.picks[d] = pick;
    return made;
  };
  if (!active(tree, from.architecture, static_cast<int>(d))) return {next(Architecture::inactive, 0)};
  if (tree[d].kind == Kind::k_of_n) return {next(from.architecture.picks[d], 0)};
  std::vector<Beginning> list;
  const double largest = probabilities[d][static_cast<std::size_t>(best_choice(tree[d], probabilities[d]))];
  for (int i = 0; i < static_cast<int>(tree[d].choices.size()); ++i) {
    constexpr double least = 1e-300;  // a choice of weight zero comes last, and it comes
    if (tree[d].may_pick(i)) list.push_back(next(i, std::log(std::max(largest, least) / std::max(probabilities[d][static_cast<std::size_t>(i)], least))));
  }
  return list;
}

// `picks` are the strongest of every decision, inactive ones too.
Architecture strongest_within_rule(const DecisionTree& tree, const Probabilities& probabilities, const Architecture& picks) {
  const Rule& rule = *tree.rule();
  constexpr int most_steps = 1'000'000;
  Beginning start{0, normalised(tree, picks), rule.first};
  std::copy(picks.picks.begin() + static_cast<std::ptrdiff_t>(rule.first), picks.picks.end(), start.architecture.picks.begin() + static_cast<std::ptrdiff_t>(rule.first));
  std::priority_queue<Beginning> open;
  open.push(std::move(start));
  for (int step = 0; step < most_steps && !open.empty(); ++step) {
    const Beginning best = open.top();
    open.pop();
    if (best.decided == tree.size()) {
      if (rule.holds(best.architecture)) return best.architecture;
      continue;
    }
    for (auto& one : continued(tree, probabilities, best))
      if (!rule.may_hold || rule.may_hold(one.architecture, one.decided)) open.push(std::move(one));
  }
  throw Error("no architecture was derived: the space asks that " + rule.text);
}

}  // namespace

Architecture strongest(const DecisionTree& tree, const Probabilities& probabilities) {
  Architecture architecture;
  for (int d = 0; d < static_cast<int>(tree.size()); ++d) {
    const Decision& decision = tree[static_cast<std::size_t>(d)];
    architecture.picks.push_back(decision.kind == Kind::k_of_n ? strongest_inputs(tree, probabilities, d)
                                                               : best_choice(decision, probabilities[static_cast<std::size_t>(d)]));
  }
  const Architecture free = normalised(tree, architecture);
  return tree.allows(free) ? free : strongest_within_rule(tree, probabilities, architecture);
}

}  // namespace netwright
