#pragma once
// What the numbers and the figure of a comparison share. Inside the room only.
#include <vector>

#include "netwright/report/comparison.hpp"

namespace netwright {

struct Band {
  // 25 %, 50 %, 75 % over the runs at each point of time; a run without a value is behind all others, NaN where that decides.
  std::vector<double> low, median, high;
};
Band band_of(const RegretCurves& curves, std::size_t points);

std::vector<double> last_values(const RegretCurves& curves);  // of each run

// What the ranks are of: the test part where it is known.
const RegretCurves& ranked(const Comparison& comparison, const ComparedStrategy& strategy);

struct Standings {
  std::vector<double> ranks;            // average over the seeds, 1 = best
  double critical_difference = 0;       // 0 where there are fewer than 2 strategies
  std::vector<double> p_against_first;  // Wilcoxon, paired by seed
};
Standings standings_of(const Comparison& comparison);

}  // namespace netwright
