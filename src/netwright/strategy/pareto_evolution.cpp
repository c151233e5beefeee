#include "netwright/strategy/pareto_evolution.hpp"

#include <algorithm>

#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {

ParetoEvolution::ParetoEvolution(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      goal_(strategy_case.goal),
      rng_(strategy_case.seed.derive("pareto evolution").rng()),
      capacity_(static_cast<std::size_t>(integer_option(strategy_case, "population", 50, 1))),
      sample_(static_cast<std::size_t>(integer_option(strategy_case, "sample", 10, 1))),
      unseen_(tree_) {}

std::optional<Architecture> ParetoEvolution::ask() {
  if (std::max(asked_++, told_) < capacity_ || population_.empty()) return unseen_.sample(rng_);
  return unseen_.fresh([&] { return mutate(tree_, parent().architecture, rng_); }, rng_);
}

const ParetoEvolution::Member& ParetoEvolution::parent() {
  std::vector<std::size_t> drawn;
  std::vector<Point> points;
  for (std::size_t i = 0; i < sample_; ++i) {
    drawn.push_back(rng_.below(population_.size()));
    points.push_back(population_[drawn.back()].point);
  }
  const std::vector<std::size_t> front = non_dominated_fronts(points).front();
  const std::vector<double> crowding = crowding_distances(points, front);
  const auto least = std::ranges::max_element(crowding) - crowding.begin();
  return population_[drawn[front[static_cast<std::size_t>(least)]]];
}

void ParetoEvolution::tell(const Told& told) {
  ++told_;
  unseen_.mark(told.architecture);
  if (told.failed) return;
  Member member{.architecture = told.architecture, .point = point_of(goal_, told.metrics)};
  if (!informative(member.point)) return;
  population_.push_back(std::move(member));
  if (population_.size() > capacity_) population_.pop_front();
}

std::unique_ptr<Strategy> make_pareto_evolution(const StrategyCase& strategy_case) { return std::make_unique<ParetoEvolution>(strategy_case); }

}  // namespace netwright
