#pragma once
// The hypervolume: how much of the objective space a set of points reaches.
#include <span>
#include <vector>

#include "netwright/objective/objective.hpp"

namespace netwright {

// The volume of what some point dominates and the reference does not beat: union of the boxes [reference, point], larger is better.
//   {(1, 2), (2, 1)} with reference (0, 0): 3
// Exact in any dimension; points that do not beat the reference in every value add nothing. Cost: O(n log n) in one and two dimensions;
// beyond, exponential in the dimension at worst, 3 objectives and 200 points in about a millisecond.
// Errors: UsageError where a point has another number of values than the reference.
// Source: the WFG algorithm, While, Bradstreet and Barone 2012, IEEE TEC 16(1).
double hypervolume(std::vector<std::vector<double>> points, std::span<const double> reference);

// hypervolume(front + point) - hypervolume(front): what the point adds. The box [reference, point] less what the front has of it.
// Cost: that of one hypervolume of the front. Errors: as above.
double hypervolume_improvement(const std::vector<std::vector<double>>& front, std::span<const double> point, std::span<const double> reference);

// Of trials under a goal, against a reference in the metrics' own directions and units ({error: 1, latency_ms: 100} for minimised ones).
// Trials that miss a constraint, or an objective's value, add nothing. Errors: UsageError where the reference lacks an objective.
double hypervolume(const Goal& goal, const std::vector<Metrics>& trials, const Metrics& reference);

}  // namespace netwright
