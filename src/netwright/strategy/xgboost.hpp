#pragma once
// XGBoost's regression trees, where this build links them (-DNETWRIGHT_XGBOOST=ON).
//
// XGBoost's own defaults (depth 6, rate 0.3, penalty 1, no sampling, squared error), 500 rounds. Rows and targets become float32. One thread and a
// fixed seed: a pure function of (options, rows, targets) for one version of the library. Knows no uncertainty: its deviations are 0.
// Errors: as in regressor.hpp; Error with XGBoost's own words where it fails.
// Source: Chen and Guestrin 2016, arXiv 1603.02754; the settings: NASLib (White et al. 2021, arXiv 2104.01177).
// Departures: the first prediction is the mean of the targets in place of 0.5; splits are searched exactly, where newer versions would use histograms.
#include <cstdint>
#include <memory>
#include <string>

#include "netwright/strategy/regressor.hpp"

namespace netwright {

struct XgboostOptions {
  int rounds = 500;
  int depth = 6;
  double rate = 0.3;
  std::uint64_t seed = 0;
};

// Why this build has no XGBoost, and how one has; empty where it has.
std::string xgboost_missing();

// Errors: UsageError where it is missing.
std::unique_ptr<Regressor> make_xgboost(const XgboostOptions& options);

}  // namespace netwright
