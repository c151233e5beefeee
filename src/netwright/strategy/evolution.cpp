#include "netwright/strategy/evolution.hpp"

#include <algorithm>

#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {

Evolution::Evolution(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      goal_(strategy_case.goal),
      rng_(strategy_case.seed.derive("evolution").rng()),
      capacity_(static_cast<std::size_t>(integer_option(strategy_case, "population", 50, 1))),
      sample_(integer_option(strategy_case, "sample", 10, 1)),
      removal_(word_option(strategy_case, "removal", {"oldest", "worst", "worst_drawn"})),
      identity_(share_option(strategy_case, "identity", 0)) {}

std::optional<Architecture> Evolution::ask() {
  if (std::max(asked_++, told_) < capacity_ || population_.empty()) return netwright::sample(tree_, rng_);
  const Member& chosen = parent();
  if (identity_ > 0 && rng_.chance(identity_)) return chosen.architecture;
  return mutate(tree_, chosen.architecture, rng_);
}

const Evolution::Member& Evolution::parent() {
  const Member* best = nullptr;
  for (std::int64_t i = 0; i < sample_; ++i) {
    const Member& drawn = population_[rng_.below(population_.size())];
    if (!best || better(drawn.standing, best->standing)) best = &drawn;
  }
  return *best;
}

void Evolution::tell(const Told& told) {
  ++told_;
  if (told.failed) return;
  const Standing reached = standing(goal_, told.metrics);
  if (!informative(reached)) return;
  population_.push_back({.trial = told.trial, .architecture = told.architecture, .standing = reached});
  if (population_.size() > capacity_) remove_one();
}

void Evolution::remove_one() {
  if (removal_ == "oldest") return population_.pop_front();
  const auto worse = [](const Member& a, const Member& b) { return better(b.standing, a.standing); };
  if (removal_ == "worst") {
    population_.erase(std::ranges::min_element(population_, worse));
    return;
  }
  std::size_t worst = rng_.below(population_.size());
  for (std::int64_t i = 1; i < sample_; ++i) {
    const std::size_t drawn = rng_.below(population_.size());
    if (worse(population_[drawn], population_[worst])) worst = drawn;
  }
  population_.erase(population_.begin() + static_cast<std::ptrdiff_t>(worst));
}

std::unique_ptr<Strategy> make_evolution(const StrategyCase& strategy_case) { return std::make_unique<Evolution>(strategy_case); }

}  // namespace netwright
