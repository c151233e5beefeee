#include "netwright/strategy/genetic.hpp"

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {

Genetic::Genetic(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      goal_(strategy_case.goal),
      rng_(strategy_case.seed.derive("genetic").rng()),
      size_(static_cast<std::size_t>(integer_option(strategy_case, "population", 20, 2))),
      elite_(static_cast<std::size_t>(integer_option(strategy_case, "elite", std::min<std::int64_t>(4, static_cast<std::int64_t>(size_) - 1), 0))),
      drawn_(integer_option(strategy_case, "tournament", 3, 1)),
      crossover_(share_option(strategy_case, "crossover", 0.9)),
      mutation_(share_option(strategy_case, "mutation", 0.5)),
      unseen_(tree_) {
  if (elite_ >= size_) throw UsageError("strategy option elite: '" + std::to_string(elite_) + "' is not below the population");
}

std::optional<Architecture> Genetic::ask() {
  if (std::max(asked_++, told_) < size_ || parents_.empty()) return unseen_.sample(rng_);
  return unseen_.fresh([&] { return child(); }, rng_);
}

const Genetic::Member& Genetic::tournament() {
  const Member* best = nullptr;
  for (std::int64_t i = 0; i < drawn_; ++i) {
    const Member& drawn = parents_[rng_.below(parents_.size())];
    if (!best || better(drawn.standing, best->standing)) best = &drawn;
  }
  return *best;
}

Architecture Genetic::child() {
  Architecture result = tournament().architecture;
  if (rng_.chance(crossover_)) result = crossover(tree_, result, tournament().architecture, rng_);
  if (rng_.chance(mutation_)) result = mutate(tree_, result, rng_);
  return result;
}

void Genetic::tell(const Told& told) {
  ++told_;
  unseen_.mark(told.architecture);
  const Standing reached = standing(goal_, told.metrics);
  if (!told.failed && informative(reached)) children_.push_back({.architecture = told.architecture, .standing = reached});
  ++waited_;
  if (waited_ >= (parents_.empty() ? size_ : size_ - elite_)) next_generation();
}

void Genetic::next_generation() {
  std::ranges::stable_sort(parents_, [](const Member& a, const Member& b) { return better(a.standing, b.standing); });
  // Where children failed, more of the old ones live on.
  const std::size_t kept = std::max(elite_, size_ - std::min(size_, children_.size()));
  if (parents_.size() > kept) parents_.resize(kept);
  std::ranges::move(children_, std::back_inserter(parents_));
  children_.clear();
  waited_ = 0;
}

std::unique_ptr<Strategy> make_genetic(const StrategyCase& strategy_case) { return std::make_unique<Genetic>(strategy_case); }

}  // namespace netwright
