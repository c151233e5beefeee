// Predictors by linear algebra, and how predictions are judged.
#include <Eigen/Dense>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/predictor.hpp"
#include "netwright/objective/rank.hpp"

namespace netwright {
namespace {

double number(const PredictorCase& predictor_case, std::string_view name, double fallback, double minimum) {
  const auto found = predictor_case.options.find(name);
  if (found == predictor_case.options.end() || found->second.empty()) return fallback;
  const std::string& text = found->second;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= minimum))
    throw UsageError("predictor option " + std::string(name) + ": '" + text + "' is not a number of at least " + std::to_string(minimum));
  return value;
}

bool flag(const PredictorCase& predictor_case, std::string_view name) {
  const auto found = predictor_case.options.find(name);
  if (found == predictor_case.options.end() || found->second == "false") return false;
  if (found->second != "true") throw UsageError("predictor option " + std::string(name) + ": '" + found->second + "' is not true or false");
  return true;
}

void check(std::span<const FeatureRow> rows, std::span<const double> values) {
  if (rows.size() != values.size()) throw UsageError("predictor: as many values as rows are needed");
  if (rows.size() < 2) throw UsageError("predictor: at least two rows are needed");
  for (const FeatureRow& row : rows)
    if (row.size() != rows[0].size()) throw UsageError("predictor: rows of different lengths");
}

// y = mean(y) + x w, w = argmin |y - mean(y) - X w|^2 + lambda |w|^2; with `bias` the features are centred too. lambda 0: the least
// squares of least norm. Deviation: of the residuals.
class Ridge : public Predictor {
 public:
  explicit Ridge(const PredictorCase& predictor_case) : lambda_(number(predictor_case, "lambda", 1, 0)), bias_(flag(predictor_case, "bias")) {}

  void fit(std::span<const FeatureRow> rows, std::span<const double> values) override {
    check(rows, values);
    const auto n = static_cast<Eigen::Index>(rows.size()), d = static_cast<Eigen::Index>(rows[0].size());
    Eigen::MatrixXd x(n, d);
    for (Eigen::Index i = 0; i < n; ++i) x.row(i) = Eigen::Map<const Eigen::RowVectorXd>(rows[static_cast<std::size_t>(i)].data(), d);
    Eigen::VectorXd y = Eigen::Map<const Eigen::VectorXd>(values.data(), n);
    centre_ = bias_ ? Eigen::RowVectorXd(x.colwise().mean()) : Eigen::RowVectorXd(Eigen::RowVectorXd::Zero(d));
    mean_ = y.mean();
    x.rowwise() -= centre_;
    y.array() -= mean_;
    if (lambda_ > 0) {
      const Eigen::MatrixXd normal = x.transpose() * x + lambda_ * Eigen::MatrixXd::Identity(d, d);
      weights_ = normal.ldlt().solve(x.transpose() * y);
    } else {
      weights_ = x.completeOrthogonalDecomposition().solve(y);
    }
    deviation_ = std::sqrt((y - x * weights_).squaredNorm() / static_cast<double>(n));
  }

  Predicted predict(std::span<const double> row) const override {
    if (static_cast<Eigen::Index>(row.size()) != weights_.size()) throw Error("predictor ridge: not fitted on rows of this length");
    const Eigen::Map<const Eigen::RowVectorXd> x(row.data(), weights_.size());
    return {.mean = mean_ + ((x - centre_) * weights_).value(), .deviation = deviation_};
  }

 private:
  double lambda_;
  bool bias_;
  Eigen::RowVectorXd centre_;
  Eigen::VectorXd weights_;
  double mean_ = 0, deviation_ = 0;
};

// The mean of the k nearest by Euclidean distance, features scaled by their deviation; the deviation among them.
class Nearest : public Predictor {
 public:
  explicit Nearest(const PredictorCase& predictor_case) : k_(static_cast<std::size_t>(number(predictor_case, "k", 5, 1))) {}

  void fit(std::span<const FeatureRow> rows, std::span<const double> values) override {
    check(rows, values);
    rows_.assign(rows.begin(), rows.end());
    values_.assign(values.begin(), values.end());
    weights_.assign(rows[0].size(), 0);
    for (std::size_t j = 0; j < weights_.size(); ++j) {
      std::vector<double> column;
      for (const FeatureRow& row : rows) column.push_back(row[j]);
      const double width = standard_deviation(column);
      weights_[j] = width > 0 ? 1 / (width * width) : 0;
    }
  }

  Predicted predict(std::span<const double> row) const override {
    if (rows_.empty() || row.size() != weights_.size()) throw Error("predictor knn: not fitted on rows of this length");
    std::vector<std::pair<double, std::size_t>> distances;
    for (std::size_t i = 0; i < rows_.size(); ++i) distances.emplace_back(distance(row, rows_[i]), i);
    const std::size_t k = std::min(k_, distances.size());
    std::partial_sort(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(k), distances.end());
    std::vector<double> nearest;
    for (std::size_t i = 0; i < k; ++i) nearest.push_back(values_[distances[i].second]);
    return {.mean = mean(nearest), .deviation = k > 1 ? standard_deviation(nearest) : 0};
  }

 private:
  double distance(std::span<const double> a, const FeatureRow& b) const {
    double sum = 0;
    for (std::size_t j = 0; j < b.size(); ++j) sum += weights_[j] * (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
  }

  std::size_t k_;
  std::vector<FeatureRow> rows_;
  std::vector<double> values_, weights_;
};

template <class P>
std::unique_ptr<Predictor> make(const PredictorCase& predictor_case) {
  return std::make_unique<P>(predictor_case);
}

}  // namespace

std::vector<PredictorEntry> plain_predictors() {
  return {{.name = "ridge",
           .title = "Linear, with a penalty on the weights",
           .paper = "Hoerl and Kennard 1970, Technometrics 12",
           .options = {{"lambda", "1", "of the penalty; 0 = least squares"}, {"bias", "false", "centres the features, not the values alone"}},
           .make = make<Ridge>},
          {.name = "knn",
           .title = "The mean of the nearest neighbours",
           .paper = "",
           .options = {{"k", "5", "neighbours"}},
           .make = make<Nearest>}};
}

std::unique_ptr<Predictor> make_predictor(const std::vector<PredictorEntry>& entries, std::string_view name, const PredictorCase& predictor_case) {
  std::vector<std::string> names, known;
  for (const PredictorEntry& entry : entries) names.push_back(entry.name);
  const auto entry = std::ranges::find(entries, name, &PredictorEntry::name);
  if (entry == entries.end()) throw UsageError("unknown predictor '" + std::string(name) + "'" + name_hint(name, names));
  if (!entry->missing.empty()) throw UsageError("predictor " + entry->name + ": " + entry->missing);
  for (const PredictorOption& option : entry->options) known.push_back(option.name);
  for (const auto& [option, value] : predictor_case.options)
    if (std::ranges::find(known, option) == known.end())
      throw UsageError("predictor " + entry->name + ": unknown option '" + option + "'" + name_hint(option, known));
  return entry->make(predictor_case);
}

PredictionQuality quality(std::span<const double> predicted, std::span<const double> truth, std::size_t top) {
  PredictionQuality result{.kendall_tau = kendall_tau(predicted, truth), .spearman = spearman_rho(predicted, truth)};
  for (std::size_t i = 0; i < truth.size(); ++i) result.mean_absolute_error += std::abs(predicted[i] - truth[i]) / static_cast<double>(truth.size());
  std::vector<std::size_t> order(truth.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return predicted[a] > predicted[b]; });
  order.resize(std::min(top, order.size()));
  double best = -std::numeric_limits<double>::infinity();
  for (const std::size_t i : order) best = std::max(best, truth[i]);
  result.top_regret = truth.empty() ? 0 : *std::ranges::max_element(truth) - best;
  return result;
}

}  // namespace netwright
