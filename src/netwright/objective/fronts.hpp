#pragma once
// Fronts after fronts, and how crowded they are: what multi-objective selection needs of a set of points.
#include <cstddef>
#include <vector>

#include "netwright/objective/objective.hpp"

namespace netwright {

// One trial's objectives, each turned so that larger is better, and how far it misses the constraints (0 = meets them all).
struct Point {
  std::vector<double> values;
  double violation = 0;
};

// Cost: one look-up an objective and a constraint. A missing or infinite metric becomes -infinity.
Point point_of(const Goal& goal, const Metrics& metrics);
bool informative(const Point& point);  // every value is finite

// Constrained domination: fewer violations; or equally many, and in no value worse and in one better.
// Source: Deb, Pratap, Agarwal and Meyarivan 2002, IEEE TEC 6(2), definition 1.
bool dominates(const Point& a, const Point& b);

// Indices by front: the first holds what no point dominates, the next what only points of earlier fronts dominate, and so on.
// Ascending within a front. All points have equally many values, none of them NaN.
// Cost: O(n log n) to sort; then each point is compared with members of O(log fronts) fronts, O(n^2) comparisons at worst.
// Source: the fronts are those of Deb et al. 2002; found by efficient non-dominated sort with binary search (Zhang, Tian, Cheng and Jin
// 2015, IEEE TEC 19(2)).
std::vector<std::vector<std::size_t>> non_dominated_fronts(const std::vector<Point>& points);

// One distance a member of `front`, in its order: the sum over the objectives of (next value - previous value) / range, infinite for the
// two ends of an objective. An objective with range 0 adds nothing. Not divided by the number of objectives.
// Cost: O(m n log n). Source: Deb et al. 2002, section III-B.
std::vector<double> crowding_distances(const std::vector<Point>& points, const std::vector<std::size_t>& front);

}  // namespace netwright
