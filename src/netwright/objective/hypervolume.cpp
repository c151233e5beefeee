#include "netwright/objective/hypervolume.hpp"

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/objective/fronts.hpp"

namespace netwright {
namespace {

using Corner = std::vector<double>;  // values above the reference, all positive

double box(const Corner& corner) {
  double volume = 1;
  for (const double side : corner) volume *= side;
  return volume;
}

bool covers(const Corner& a, const Corner& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] < b[i]) return false;
  return true;
}

// The corners that no other one covers; of equal ones, one.
std::vector<Corner> uncovered(const std::vector<Corner>& corners) {
  std::vector<Corner> front;
  for (const Corner& corner : corners) {
    if (std::ranges::any_of(front, [&](const Corner& other) { return covers(other, corner); })) continue;
    std::erase_if(front, [&](const Corner& other) { return covers(corner, other); });
    front.push_back(corner);
  }
  return front;
}

// Descending in the first value: each corner adds the strip above the highest one before it.
double area(std::vector<Corner> corners) {
  std::ranges::sort(corners, std::greater{});
  double sum = 0, height = 0;
  for (const Corner& corner : corners) {
    if (corner[1] <= height) continue;
    sum += corner[0] * (corner[1] - height);
    height = corner[1];
  }
  return sum;
}

double volume(std::vector<Corner> corners);

// What corners[i] covers and none behind it does, without their last side.
double own_base(const std::vector<Corner>& corners, std::size_t i) {
  Corner base(corners[i].begin(), corners[i].end() - 1);
  std::vector<Corner> shared;
  for (std::size_t j = i + 1; j < corners.size(); ++j) {
    Corner limited(corners[j].begin(), corners[j].end() - 1);
    for (std::size_t k = 0; k < limited.size(); ++k) limited[k] = std::min(limited[k], base[k]);
    shared.push_back(std::move(limited));
  }
  return box(base) - volume(uncovered(shared));
}

double volume(std::vector<Corner> corners) {
  if (corners.empty()) return 0;
  if (corners.front().size() == 2) return area(std::move(corners));
  // Ascending in the last side: what a corner shares with a later one is as high as itself, so the difference has a base and a height.
  std::ranges::sort(corners, {}, [](const Corner& corner) { return corner.back(); });
  double sum = 0;
  for (std::size_t i = 0; i < corners.size(); ++i) sum += corners[i].back() * own_base(corners, i);
  return sum;
}

}  // namespace

double hypervolume(std::vector<std::vector<double>> points, std::span<const double> reference) {
  std::vector<Corner> corners;
  for (Corner& point : points) {
    if (point.size() != reference.size())
      throw UsageError("hypervolume: a point of " + std::to_string(point.size()) + " values, a reference of " + std::to_string(reference.size()));
    for (std::size_t i = 0; i < point.size(); ++i) point[i] -= reference[i];
    if (std::ranges::all_of(point, [](double side) { return side > 0; })) corners.push_back(std::move(point));
  }
  if (corners.empty() || reference.empty()) return 0;
  if (reference.size() == 1) return std::ranges::max(corners).front();
  if (reference.size() == 2) return area(std::move(corners));
  return volume(uncovered(corners));
}

double hypervolume_improvement(const std::vector<std::vector<double>>& front, std::span<const double> point, std::span<const double> reference) {
  std::vector<std::vector<double>> shared = front;
  for (auto& other : shared)
    for (std::size_t k = 0; k < std::min(other.size(), point.size()); ++k) other[k] = std::min(other[k], point[k]);
  const double whole = hypervolume({{point.begin(), point.end()}}, reference);
  return whole > 0 ? whole - hypervolume(std::move(shared), reference) : 0;
}

double hypervolume(const Goal& goal, const std::vector<Metrics>& trials, const Metrics& reference) {
  const Point corner = point_of({.objectives = goal.objectives}, reference);
  if (!informative(corner)) throw UsageError("hypervolume: the reference needs a finite number for every objective");
  std::vector<std::vector<double>> points;
  for (const Metrics& metrics : trials) {
    const Point point = point_of(goal, metrics);
    if (informative(point) && point.violation == 0) points.push_back(point.values);
  }
  return hypervolume(std::move(points), corner.values);
}

}  // namespace netwright
