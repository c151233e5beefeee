#include "netwright/strategy/nsga2.hpp"

#include <algorithm>
#include <numeric>

#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {

bool crowded_better(const Survivor& a, const Survivor& b) { return a.rank != b.rank ? a.rank < b.rank : a.crowding > b.crowding; }

std::vector<Survivor> nsga2_survivors(const std::vector<Point>& points, std::size_t count) {
  std::vector<Survivor> survivors;
  const auto fronts = non_dominated_fronts(points);
  for (std::size_t rank = 0; rank < fronts.size() && survivors.size() < count; ++rank) {
    const std::vector<double> crowding = crowding_distances(points, fronts[rank]);
    const auto first = static_cast<std::ptrdiff_t>(survivors.size());
    for (std::size_t i = 0; i < crowding.size(); ++i) survivors.push_back({.index = fronts[rank][i], .rank = rank, .crowding = crowding[i]});
    if (survivors.size() <= count) continue;
    std::stable_sort(survivors.begin() + first, survivors.end(), [](const Survivor& a, const Survivor& b) { return a.crowding > b.crowding; });
    survivors.resize(count);
  }
  return survivors;
}

Nsga2::Nsga2(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      goal_(strategy_case.goal),
      rng_(strategy_case.seed.derive("nsga2").rng()),
      size_(static_cast<std::size_t>(integer_option(strategy_case, "population", 40, 2))),
      crossover_(share_option(strategy_case, "crossover", 0.9)),
      mutation_(share_option(strategy_case, "mutation", 1)),
      unseen_(tree_) {}

std::optional<Architecture> Nsga2::ask() {
  if (std::max(asked_++, told_) < size_ || parents_.empty()) return unseen_.sample(rng_);
  return unseen_.fresh([&] { return child(); }, rng_);
}

const Nsga2::Member& Nsga2::tournament() {
  const Member& a = parents_[rng_.below(parents_.size())];
  const Member& b = parents_[rng_.below(parents_.size())];
  return crowded_better(b.standing, a.standing) ? b : a;
}

Architecture Nsga2::child() {
  Architecture result = tournament().architecture;
  if (rng_.chance(crossover_)) result = crossover(tree_, result, tournament().architecture, rng_);
  if (rng_.chance(mutation_)) result = mutate(tree_, result, rng_);
  return result;
}

void Nsga2::tell(const Told& told) {
  unseen_.mark(told.architecture);
  if (!told.failed) {
    Member member{.architecture = told.architecture, .point = point_of(goal_, told.metrics), .standing = {}};
    if (informative(member.point)) children_.push_back(std::move(member));
  }
  if (++told_ % size_ == 0) survive();
}

void Nsga2::survive() {
  std::vector<Member> all = std::move(parents_);
  std::ranges::move(children_, std::back_inserter(all));
  children_.clear();
  std::vector<Point> points;
  for (const Member& member : all) points.push_back(member.point);
  parents_.clear();
  for (const Survivor& survivor : nsga2_survivors(points, size_)) {
    parents_.push_back(std::move(all[survivor.index]));
    parents_.back().standing = survivor;
  }
}

std::unique_ptr<Strategy> make_nsga2(const StrategyCase& strategy_case) { return std::make_unique<Nsga2>(strategy_case); }

}  // namespace netwright
