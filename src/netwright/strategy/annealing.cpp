#include "netwright/strategy/annealing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "netwright/objective/rank.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {

Annealing::Annealing(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      goal_(strategy_case.goal),
      rng_(strategy_case.seed.derive("annealing").rng()),
      start_(static_cast<std::size_t>(integer_option(strategy_case, "start", 10, 2))),
      temperature_(number_option(strategy_case, "temperature", 0.5, 0, std::numeric_limits<double>::infinity())),
      cooling_(share_option(strategy_case, "cooling", 0.97)),
      unseen_(tree_) {}

std::optional<Architecture> Annealing::ask() {
  if (std::max(asked_++, told_) < start_ || !standing_) return unseen_.sample(rng_);
  return unseen_.fresh([&] { return mutate(tree_, here_, rng_); }, rng_);
}

void Annealing::tell(const Told& told) {
  ++told_;
  unseen_.mark(told.architecture);
  const Standing reached = standing(goal_, told.metrics);
  if (told.failed || !informative(reached)) return;
  if (told_ <= start_) start_scores_.push_back(reached.score);
  if (standing_ && !accepts(reached)) return;
  here_ = told.architecture;
  standing_ = reached;
}

bool Annealing::accepts(const Standing& next) {
  if (better(next, *standing_)) return true;
  if (told_ <= start_ || next.violation > standing_->violation) return false;
  const double spread = start_scores_.size() < 2 ? 0 : standard_deviation(start_scores_);
  const double heat = temperature_ * spread * std::pow(cooling_, static_cast<double>(told_ - start_));
  return heat > 0 && rng_.chance(std::exp(-(standing_->score - next.score) / heat));
}

std::unique_ptr<Strategy> make_annealing(const StrategyCase& strategy_case) { return std::make_unique<Annealing>(strategy_case); }

}  // namespace netwright
