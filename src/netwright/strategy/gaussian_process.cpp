#include "netwright/strategy/gaussian_process.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <numbers>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

using Matrix = Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Map<const RowMajor> matrix_of(const FeatureRows& x) {
  return {x.values.data(), static_cast<Eigen::Index>(x.rows()), static_cast<Eigen::Index>(x.width)};
}

Eigen::Map<const Eigen::VectorXd> vector_of(std::span<const double> y) { return {y.data(), static_cast<Eigen::Index>(y.size())}; }

// |a - b|^2, one row an a, one column a b.
Matrix squared_distances(const FeatureRows& a, const FeatureRows& b) {
  const auto rows = matrix_of(a), columns = matrix_of(b);
  Matrix result = -2 * rows * columns.transpose();
  result.colwise() += rows.rowwise().squaredNorm();
  result.rowwise() += columns.rowwise().squaredNorm().transpose();
  return result.cwiseMax(0);  // rounding may leave a little below
}

Matrix kernel(const Matrix& squared, const GaussianProcessOptions& options) {
  const double scale = -0.5 / (options.length * options.length);
  return options.signal * options.signal * (scale * squared.array()).exp();
}

void check(const FeatureRows& x, std::span<const double> y) {
  if (y.empty() || x.rows() != y.size())
    throw UsageError("regression: " + std::to_string(x.rows()) + " rows for " + std::to_string(y.size()) + " targets; they must be equal, and some");
}

FeatureRows every_nth(const FeatureRows& x, std::span<const double> y, std::size_t most, std::vector<double>& targets) {
  const std::size_t step = (y.size() + most - 1) / most;
  FeatureRows some{.width = x.width, .values = {}};
  for (std::size_t row = 0; row < y.size(); row += step) {
    const auto first = x.values.begin() + static_cast<std::ptrdiff_t>(row * x.width);
    some.values.insert(some.values.end(), first, first + static_cast<std::ptrdiff_t>(x.width));
    targets.push_back(y[row]);
  }
  return some;
}

double likelihood(const Eigen::LLT<Matrix>& factor, const Eigen::VectorXd& y) {
  const Eigen::VectorXd weights = factor.solve(y);
  const double log_determinant = 2 * factor.matrixLLT().diagonal().array().log().sum();
  return -0.5 * (y.dot(weights) + log_determinant + static_cast<double>(y.size()) * std::log(2 * std::numbers::pi));
}

}  // namespace

void GaussianProcess::fit(const FeatureRows& x, std::span<const double> y) {
  check(x, y);
  x_ = x;
  y_.assign(y.begin(), y.end());
  Matrix covariance = kernel(squared_distances(x, x), options_);
  covariance.diagonal().array() += options_.noise * options_.noise;
  const Eigen::LLT<Matrix> factor(covariance);
  if (factor.info() != Eigen::Success) throw Error("Gaussian process: equal rows need noise above 0");
  const Eigen::VectorXd weights = factor.solve(vector_of(y_));
  weights_.assign(weights.begin(), weights.end());
  const Matrix& lower = factor.matrixLLT();
  factor_.assign(lower.data(), lower.data() + lower.size());
}

Prediction GaussianProcess::predict(const FeatureRows& x) const {
  if (y_.empty()) throw UsageError("Gaussian process: asked before it was fitted");
  if (x.width != x_.width)
    throw UsageError("Gaussian process: rows of " + std::to_string(x.width) + " features, fitted on " + std::to_string(x_.width));
  const auto count = static_cast<Eigen::Index>(y_.size());
  const Eigen::Map<const Matrix> lower(factor_.data(), count, count);
  Matrix across = kernel(squared_distances(x_, x), options_);
  const Eigen::VectorXd mean = across.transpose() * vector_of(weights_);
  lower.triangularView<Eigen::Lower>().solveInPlace(across);
  const Eigen::VectorXd variance = (options_.signal * options_.signal - across.colwise().squaredNorm().array()).cwiseMax(0);
  Prediction prediction;
  prediction.mean.assign(mean.begin(), mean.end());
  for (const double value : variance) prediction.deviation.push_back(std::sqrt(value));
  return prediction;
}

double GaussianProcess::log_marginal_likelihood() const {
  if (y_.empty()) throw UsageError("Gaussian process: asked before it was fitted");
  const auto count = static_cast<Eigen::Index>(y_.size());
  const Eigen::Map<const Matrix> lower(factor_.data(), count, count);
  const double log_determinant = 2 * lower.diagonal().array().log().sum();
  return -0.5 * (vector_of(y_).dot(vector_of(weights_)) + log_determinant + static_cast<double>(count) * std::log(2 * std::numbers::pi));
}

GaussianProcessOptions likeliest_options(const FeatureRows& x, std::span<const double> y) {
  check(x, y);
  constexpr std::size_t most = 200;
  constexpr double lengths[] = {0.2, 0.35, 0.6, 1, 1.7, 3}, noises[] = {0.05, 0.15, 0.35, 0.7};
  std::vector<double> targets;
  const FeatureRows some = every_nth(x, y, most, targets);
  const Matrix squared = squared_distances(some, some);
  const double unit = std::sqrt(std::max(squared.mean(), 1e-12));
  GaussianProcessOptions best{.length = unit, .signal = 1, .noise = noises[1]};
  double highest = -std::numeric_limits<double>::infinity();
  for (const double length : lengths)
    for (const double noise : noises) {
      const GaussianProcessOptions options{.length = length * unit, .signal = 1, .noise = noise};
      Matrix covariance = kernel(squared, options);
      covariance.diagonal().array() += noise * noise;
      const double value = likelihood(Eigen::LLT<Matrix>(covariance), vector_of(targets));
      if (value > highest) highest = value, best = options;
    }
  return best;
}

}  // namespace netwright
