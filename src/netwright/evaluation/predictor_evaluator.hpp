#pragma once
// A predictor in a trainer's place: fitted once on some rows of a stored table, then asked for every candidate.
//
// Gives the predicted metric and METRIC_deviation, its uncertainty in the same unit. Features: one-hot.
// Options: table (a stored table of the space, with architectures as keys; needed), predictor (a name
// of the given ones), metric (default val_accuracy),
// known (rows that it is fitted on, default 200; 0 = all), seed (which rows).
// Cost: the fit at make; then microseconds. Errors: UsageError at make for a bad option, a table of another space, a metric that it lacks or
// a metric of the test part.
#include "netwright/evaluation/predictor.hpp"
#include "netwright/evaluation/registry.hpp"

namespace netwright {

// `predictors`: those that may be named. Each entry has its own list.
EvaluatorEntry predictor_entry(const std::vector<PredictorEntry>& predictors);

}  // namespace netwright
