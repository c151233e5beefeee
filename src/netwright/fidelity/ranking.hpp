#pragma once
// Who of a rung is best, for one objective or several.
//
// One objective: fewer violations first, then the objective (better() of objective.hpp); equal ones in order of number. Several: the
// front a trial stands in (the non-dominated first, then those that only these dominate, and so on), then its crowding distance within
// the front, the loneliest first (Deb et al. 2002, IEEE TEC 6(2)). Failed trials and those without a finite objective are last.
#include <cstdint>
#include <vector>

#include "netwright/objective/objective.hpp"

namespace netwright {

struct Measured {
  std::int64_t number = 0;
  Metrics metrics;
  bool failed = false;
};

// Positions in `measured`, best first. Cost: O(n log n) for one objective; fronts.hpp for several.
std::vector<std::size_t> best_first(const Goal& goal, const std::vector<Measured>& measured);

// Whether it has a finite value of every objective.
bool usable(const Goal& goal, const Measured& measured);

}  // namespace netwright
