#pragma once
// Strategies side by side over many seeds: the field's usual plot, a table, and which differences mean something.
//
// Regret: how far the best found is from the best there is, in the metric's own unit; less is better. A run's curve is that of its
// incumbent: the architecture that its search would hand over at that time, by what the search has seen.
#include <cstdint>
#include <string>
#include <vector>

namespace netwright {

struct RegretCurves {
  std::vector<std::vector<double>> runs;  // [seed][point of time]; NaN before the first trial has ended
};

struct ComparedStrategy {
  std::string name;
  RegretCurves validation;
  RegretCurves test;         // no runs where the evaluator knows no test part
  double trials = 0;         // that ended in time, mean over the seeds
};

struct Comparison {
  std::string title;         // "nasbench201, 1 worker, 100 seeds"
  std::string metric;        // of the validation part: "val_accuracy"
  std::string test_metric;   // "test_accuracy", or empty
  std::string optimum;       // what the regret is measured from: "the best of the space", "the best that any run found"
  std::vector<double> hours; // points of time, ascending
  std::vector<ComparedStrategy> strategies;
};

// Both panels (validation and test regret, logarithmic, against simulated hours; medians, and bands from the 25 % to the 75 % quantile) and
// the critical-difference diagram of the last values. Stands alone: no script, no reference.
std::string comparison_svg(const Comparison& comparison);

// Curves (median, low, high), final regrets with 95 % intervals, average ranks, critical difference, p against the first strategy.
std::string comparison_json(const Comparison& comparison);

// The same numbers as lines.
std::string comparison_table(const Comparison& comparison);

}  // namespace netwright
