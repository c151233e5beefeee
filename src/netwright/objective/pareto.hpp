#pragma once
// The front: trials that no other trial beats in every objective.
#include <string>
#include <string_view>
#include <vector>

#include "netwright/objective/objective.hpp"

namespace netwright {

// a dominates b: fewer violations; or equally many, and in no objective worse and in one better.
// A metric that is missing or not finite is worse than any number. Source: constrained domination, Deb et al. 2002, section VI.
bool dominates(const Goal& goal, const Metrics& a, const Metrics& b);

// Indices of the trials that no other one dominates, ascending. Equal trials are all kept. A trial without a finite value of an
// objective, or that misses a constraint, is never among them. Cost: O(n^2) comparisons at worst, O(n * front) as a rule.
std::vector<std::size_t> non_dominated(const Goal& goal, const std::vector<Metrics>& trials);

// "maximise val_accuracy, minimise params, params <= 3e+06, val_accuracy >= 0.9". parse_goal(to_string(goal)) == goal.
std::string to_string(const Goal& goal);
// Bounds may carry a count's unit (300M). A metric without a verb is maximised. Errors: UsageError naming the part and the rule.
Goal parse_goal(std::string_view text);

}  // namespace netwright
