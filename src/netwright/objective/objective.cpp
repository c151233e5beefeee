#include "netwright/objective/objective.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "netwright/objective/standing.hpp"

namespace netwright {
namespace {

// Relative to the bound; a bound of 0 is taken as 1, so that the excess stays a finite number.
double excess(const Constraint& constraint, const Metrics& metrics) {
  const auto found = metrics.find(constraint.metric);
  if (found == metrics.end() || std::isnan(found->second)) return 1;
  const double over = constraint.at_least ? constraint.at_most - found->second : found->second - constraint.at_most;
  const double scale = constraint.at_most == 0 ? 1 : std::abs(constraint.at_most);
  return std::max(0.0, over / scale);
}

}  // namespace

double violation(const Goal& goal, const Metrics& metrics) {
  double sum = 0;
  for (const Constraint& constraint : goal.constraints) sum += excess(constraint, metrics);
  return sum;
}

double score(const Goal& goal, const Metrics& metrics) {
  constexpr double none = -std::numeric_limits<double>::infinity();
  if (goal.objectives.empty()) return none;
  const Objective& first = goal.objectives.front();
  const auto found = metrics.find(first.metric);
  if (found == metrics.end() || !std::isfinite(found->second)) return none;
  return first.direction == Direction::maximise ? found->second : -found->second;
}

Standing standing(const Goal& goal, const Metrics& metrics) { return {.violation = violation(goal, metrics), .score = score(goal, metrics)}; }

bool informative(const Standing& standing) { return std::isfinite(standing.score); }

bool better(const Standing& a, const Standing& b) {
  if (informative(a) != informative(b)) return informative(a);
  if (a.violation != b.violation) return a.violation < b.violation;
  return a.score > b.score;
}

bool better(const Goal& goal, const Metrics& a, const Metrics& b) { return better(standing(goal, a), standing(goal, b)); }

}  // namespace netwright
