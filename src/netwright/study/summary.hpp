#pragma once
// What a study has found so far, computed from its trials alone.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "netwright/objective/objective.hpp"
#include "netwright/study/study.hpp"

namespace netwright {

// How many epochs a trial's outcome stands for: those of its last report where it was stopped, else those of its fidelity; the most there are
// for an evaluator's own full measure (0).
std::int64_t reached_epochs(const Trial& trial);

// The order of trials, best first: done and stopped ones with a finite first objective before all others; of these what reached more epochs
// (numbers of long and short trainings do not compare), then better() of objective.hpp. A strict weak order.
bool ahead(const Trial& a, const Trial& b, const Goal& goal);

// The best done or stopped trial under the goal, among those that reached the most epochs; the earlier one where two are equal; nothing when none has a finite first objective.
std::optional<Trial> best(const std::vector<Trial>& trials, const Goal& goal);
std::optional<Trial> best(const std::vector<Trial>& trials, const Goal& goal, std::string_view phase);  // of those of one phase

struct BestSoFar {
  std::int64_t trial = 0;        // the number of the trial just finished
  std::int64_t best_trial = 0;   // the best one among it and those before it
  double value = 0;              // the best one's first objective, in the metric's own unit
  bool feasible = false;         // the best one meets all constraints
  double total_seconds = 0;      // sum of the outcomes' seconds up to `trial`, failed ones included
};

// One point for every finished trial, in order, from the first that has a value on; so the curve is as long as the search, and flat
// where a trial failed.
std::vector<BestSoFar> best_so_far(const std::vector<Trial>& trials, const Goal& goal);

// done, stopped or failed.
bool finished(const Trial& trial);

}  // namespace netwright
