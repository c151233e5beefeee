#include "netwright/objective/fronts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace netwright {
namespace {

// Before what it dominates: fewer violations first, then the larger values.
std::vector<std::size_t> dominators_first(const std::vector<Point>& points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t i, std::size_t j) {
    if (points[i].violation != points[j].violation) return points[i].violation < points[j].violation;
    return points[i].values > points[j].values;
  });
  return order;
}

// The latest member is the likeliest to dominate.
bool dominated_by(const std::vector<Point>& points, const std::vector<std::size_t>& front, std::size_t candidate) {
  return std::any_of(front.rbegin(), front.rend(), [&](std::size_t member) { return dominates(points[member], points[candidate]); });
}

void add_objective(const std::vector<Point>& points, const std::vector<std::size_t>& front, std::size_t objective, std::vector<double>& distances) {
  std::vector<std::size_t> order(front.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto value = [&](std::size_t place) { return points[front[place]].values[objective]; };
  std::ranges::stable_sort(order, {}, value);
  const double range = value(order.back()) - value(order.front());
  if (!(range > 0)) return;  // equal in this objective: it has no ends
  distances[order.front()] = distances[order.back()] = std::numeric_limits<double>::infinity();
  if (!std::isfinite(range)) return;
  for (std::size_t i = 1; i + 1 < order.size(); ++i) distances[order[i]] += (value(order[i + 1]) - value(order[i - 1])) / range;
}

}  // namespace

Point point_of(const Goal& goal, const Metrics& metrics) {
  Point result{.violation = violation(goal, metrics)};
  for (const Objective& objective : goal.objectives) {
    const auto found = metrics.find(objective.metric);
    const bool missing = found == metrics.end() || !std::isfinite(found->second);
    const double sign = objective.direction == Direction::maximise ? 1 : -1;
    result.values.push_back(missing ? -std::numeric_limits<double>::infinity() : sign * found->second);
  }
  return result;
}

bool informative(const Point& point) {
  return !point.values.empty() && std::ranges::all_of(point.values, [](double value) { return std::isfinite(value); });
}

bool dominates(const Point& a, const Point& b) {
  if (a.violation != b.violation) return a.violation < b.violation;
  bool one_better = false;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    if (a.values[i] < b.values[i]) return false;
    one_better = one_better || a.values[i] > b.values[i];
  }
  return one_better;
}

std::vector<std::vector<std::size_t>> non_dominated_fronts(const std::vector<Point>& points) {
  std::vector<std::vector<std::size_t>> fronts;
  for (const std::size_t candidate : dominators_first(points)) {
    // Whoever a front dominates, all fronts before it dominate too: the first front that does not is found by halving.
    const auto place = std::ranges::partition_point(fronts, [&](const auto& front) { return dominated_by(points, front, candidate); });
    if (place == fronts.end()) {
      fronts.push_back({candidate});
    } else {
      place->push_back(candidate);
    }
  }
  for (auto& front : fronts) std::ranges::sort(front);
  return fronts;
}

std::vector<double> crowding_distances(const std::vector<Point>& points, const std::vector<std::size_t>& front) {
  if (front.size() <= 2) return std::vector<double>(front.size(), std::numeric_limits<double>::infinity());
  std::vector<double> distances(front.size(), 0);
  for (std::size_t objective = 0; objective < points[front.front()].values.size(); ++objective) add_objective(points, front, objective, distances);
  return distances;
}

}  // namespace netwright
