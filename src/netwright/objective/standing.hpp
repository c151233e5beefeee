#pragma once
// The order of trials under a goal, as two numbers: what a strategy keeps of each trial instead of its metrics.
#include "netwright/objective/objective.hpp"

namespace netwright {

// violation as in violation(), score as in score(); see objective.hpp.
struct Standing {
  double violation = 0;
  double score = 0;
};

// Cost: one look-up a constraint and one for the objective.
Standing standing(const Goal& goal, const Metrics& metrics);

// Fewer violations first, then the higher score. A strict weak order, for scores that are no NaN (score() never is).
bool better(const Standing& a, const Standing& b);

// False where the first objective is missing or not finite: such a trial tells nothing and is ranked below every other.
bool informative(const Standing& standing);

}  // namespace netwright
