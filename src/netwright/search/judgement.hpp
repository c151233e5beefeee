#pragma once
// One candidate's way from evaluator to outcome: whatever goes wrong with a candidate becomes a failed outcome with a one-line reason.
#include <functional>
#include <string>

#include "netwright/evaluation/evaluator.hpp"

namespace netwright {

// evaluate(), with these rules added:
// - an exception other than a UsageError is the candidate's failure (UsageErrors, and what `progress` throws, pass through);
// - a metric that is NaN, or an objective that is missing or infinite, is a failure too; the metrics stay;
// - seconds that the evaluator left at 0 are measured, unless it has the trait "simulated time";
// - reports that were made but are missing in the outcome are put there;
// - an outcome that stopped because the search is `interrupted` is only half measured, before its first report not at all: it is no failure;
// - a reason is one line, and a failure always has one.
Outcome judge(Evaluator& evaluator, const Candidate& candidate, const Fidelity& fidelity, const Goal& goal, const Progress& progress,
              const std::function<bool()>& interrupted = {});

bool simulates_time(const Evaluator& evaluator);

}  // namespace netwright
