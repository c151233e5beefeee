#pragma once
// Performance predictors: from features of an architecture to a number, with an uncertainty.
//
// All are fitted on n rows of equally many features (those of graphs: on rows of any length) and asked one row at a time. Values are in the metric's own unit.
// Errors: UsageError for lengths that differ or fewer than two rows; Error when asked before fitted.
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/core/rng.hpp"

namespace netwright {

using FeatureRow = std::vector<double>;

struct Predicted {
  double mean = 0;
  double deviation = 0;  // of the value that a training would give; 0 where the predictor knows none
};

class Predictor {
 public:
  virtual ~Predictor() = default;
  virtual void fit(std::span<const FeatureRow> rows, std::span<const double> values) = 0;
  virtual Predicted predict(std::span<const double> row) const = 0;
};

struct PredictorOption {
  std::string name;
  std::string fallback;
  std::string meaning;
};

struct PredictorCase {
  Seed seed = Seed(0);
  std::map<std::string, std::string, std::less<>> options = {};
};

// One line of the registry.
struct PredictorEntry {
  std::string name;
  std::string title;
  std::string paper;
  std::vector<PredictorOption> options;
  std::unique_ptr<Predictor> (*make)(const PredictorCase&);
  bool graphs = false;  // reads rows that hold a graph (space/features.hpp), of any length
  std::string missing = {};  // why this build does not have it; empty: it has
};

// ridge, knn (predictors.cpp). Rooms with others give lists of their own.
std::vector<PredictorEntry> plain_predictors();
// Errors: UsageError with the nearest name, for the predictor or an option; for one that is missing in this build.
std::unique_ptr<Predictor> make_predictor(const std::vector<PredictorEntry>& entries, std::string_view name, const PredictorCase& predictor_case);

// How good predictions are. Top-k regret: the best true value less the best true value among the k highest predictions, 0 or more.
struct PredictionQuality {
  double kendall_tau = 0, spearman = 0, mean_absolute_error = 0, top_regret = 0;
};
PredictionQuality quality(std::span<const double> predicted, std::span<const double> truth, std::size_t top = 10);

}  // namespace netwright
