#include "netwright/fidelity/ranking.hpp"

#include <algorithm>
#include <numeric>

#include "netwright/objective/fronts.hpp"

namespace netwright {
namespace {

using Positions = std::vector<std::size_t>;

Positions by_fronts(const Goal& goal, const std::vector<Measured>& measured, const Positions& good) {
  std::vector<Point> points;
  for (const std::size_t i : good) points.push_back(point_of(goal, measured[i].metrics));
  Positions sorted;
  for (const Positions& front : non_dominated_fronts(points)) {
    const std::vector<double> lonely = crowding_distances(points, front);
    Positions order(front.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return lonely[a] > lonely[b]; });
    for (const std::size_t i : order) sorted.push_back(good[front[i]]);
  }
  return sorted;
}

}  // namespace

bool usable(const Goal& goal, const Measured& measured) { return !measured.failed && informative(point_of(goal, measured.metrics)); }

std::vector<std::size_t> best_first(const Goal& goal, const std::vector<Measured>& measured) {
  Positions order(measured.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return measured[i].number; });
  const auto bad = std::ranges::stable_partition(order, [&](std::size_t i) { return usable(goal, measured[i]); });
  Positions good(order.begin(), bad.begin());
  if (goal.objectives.size() > 1) {
    good = by_fronts(goal, measured, good);
  } else {
    std::ranges::stable_sort(good, [&](std::size_t a, std::size_t b) { return better(goal, measured[a].metrics, measured[b].metrics); });
  }
  std::ranges::copy(good, order.begin());
  return order;
}

}  // namespace netwright
