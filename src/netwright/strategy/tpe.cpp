#include "netwright/strategy/tpe.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {

TreeParzen::TreeParzen(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      rng_(strategy_case.seed.derive("tpe").rng()),
      start_(static_cast<std::size_t>(integer_option(strategy_case, "start", 20, 2))),
      candidates_(static_cast<std::size_t>(integer_option(strategy_case, "candidates", 24, 1))),
      good_(share_option(strategy_case, "good", 0.2)),
      prior_(number_option(strategy_case, "prior", 1, 1e-9, 1e9)),
      history_(strategy_case.goal),
      unseen_(tree_) {}

std::optional<Architecture> TreeParzen::ask() {
  if (std::max(asked_++, history_.entries().size()) < start_ || history_.entries().size() < 4) return unseen_.sample(rng_);
  const Model both = model();
  std::optional<Architecture> best;
  double highest = 0;
  // Some draws were asked before, or break the tree's rule.
  for (std::size_t tried = 0, found = 0; found < candidates_ && tried < 10 * candidates_; ++tried) {
    Architecture candidate = draw(both.good);
    if (!tree_.allows(candidate) || unseen_.seen(candidate)) continue;
    ++found;
    const double ratio = log_ratio(both, candidate);
    if (!best || ratio > highest) best = std::move(candidate), highest = ratio;
  }
  if (!best) return unseen_.sample(rng_);
  unseen_.mark(*best);
  return best;
}

void TreeParzen::tell(const Told& told) {
  unseen_.mark(told.architecture);  // told without having been asked: a warm start
  history_.tell(told);
}

std::vector<TreeParzen::Counts> TreeParzen::counts(const std::vector<std::size_t>& trials) const {
  std::vector<Counts> result;
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    const Decision& decision = tree_[i];
    Counts own;
    const double share = prior_ / decision.pickable();
    for (int choice = 0; choice < static_cast<int>(decision.choices.size()); ++choice) own.choices.push_back(decision.may_pick(choice) ? share : 0);
    const auto sizes = static_cast<std::size_t>(decision.maximum - decision.minimum + 1);
    own.sizes.assign(sizes, prior_ / static_cast<double>(sizes));
    own.total = prior_;
    for (const std::size_t trial : trials) {
      const std::int64_t pick = history_.entries()[trial].architecture.picks[i];
      if (pick == Architecture::inactive) continue;
      own.total += 1;
      const std::vector<int> members = picked(decision, pick);
      for (const int choice : members) own.choices[static_cast<std::size_t>(choice)] += 1;
      if (decision.kind == Kind::k_of_n) own.sizes[members.size() - static_cast<std::size_t>(decision.minimum)] += 1;
    }
    result.push_back(std::move(own));
  }
  return result;
}

TreeParzen::Model TreeParzen::model() {
  std::vector<std::size_t> order = best_first(history_.utilities(rng_));
  const auto wanted = static_cast<std::size_t>(std::ceil(good_ * static_cast<double>(order.size())));
  const auto cut = static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(wanted, 2, order.size() - 1));
  return {.good = counts({order.begin(), order.begin() + cut}), .bad = counts({order.begin() + cut, order.end()})};
}

std::size_t TreeParzen::draw_index(const std::vector<double>& weights) {
  double rest = rng_.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    if (rest < weights[i]) return i;
    rest -= weights[i];
    last = i;  // rounding may leave a little
  }
  return last;
}

std::int64_t TreeParzen::draw_subset(const Decision& decision, const Counts& counts) {
  std::vector<double> weights = counts.choices;
  std::int64_t pick = 0;
  for (std::size_t left = static_cast<std::size_t>(decision.minimum) + draw_index(counts.sizes); left > 0; --left) {
    const std::size_t member = draw_index(weights);
    weights[member] = 0;
    pick |= std::int64_t{1} << member;
  }
  return pick;
}

Architecture TreeParzen::draw(const std::vector<Counts>& counts) {
  Architecture architecture{.picks = std::vector<std::int64_t>(tree_.size(), Architecture::inactive)};
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    if (!active(tree_, architecture, static_cast<int>(i))) continue;
    architecture.picks[i] =
        tree_[i].kind == Kind::k_of_n ? draw_subset(tree_[i], counts[i]) : static_cast<std::int64_t>(draw_index(counts[i].choices));
  }
  return architecture;
}

double TreeParzen::log_ratio(const Model& model, const Architecture& architecture) const {
  double sum = 0;
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    if (architecture.picks[i] == Architecture::inactive) continue;
    const Counts &good = model.good[i], &bad = model.bad[i];
    const auto add = [&](double a, double b) { sum += std::log(a / good.total) - std::log(b / bad.total); };
    const std::vector<int> members = picked(tree_[i], architecture.picks[i]);
    for (const int choice : members) add(good.choices[static_cast<std::size_t>(choice)], bad.choices[static_cast<std::size_t>(choice)]);
    if (tree_[i].kind != Kind::k_of_n) continue;
    const std::size_t size = members.size() - static_cast<std::size_t>(tree_[i].minimum);
    add(good.sizes[size], bad.sizes[size]);
  }
  return sum;
}

std::unique_ptr<Strategy> make_tpe(const StrategyCase& strategy_case) { return std::make_unique<TreeParzen>(strategy_case); }

}  // namespace netwright
