#pragma once
// Gaussian-process regression in closed form.
//
//   k(a, b) = signal^2 exp(-|a - b|^2 / (2 length^2));  K = k(X, X) + noise^2 I
//   mean = k* K^-1 y;  variance = signal^2 - k* K^-1 k*;  log p(y) = -(y K^-1 y + log det K + n log 2 pi) / 2
//
// On one-hot rows |a - b|^2 / 2 counts the decisions that differ: the Hamming kernel exp(-distance / length^2). On path bits it counts
// paths, on normalised Weisfeiler-Lehman histograms it is 1 - cosine (space/features.hpp).
// Cost: O(n^3 / 3) a fit, O(n^2) a predicted row; memory 8 n^2 bytes. 1,000 rows: about 0.1 s and 0.5 ms on one core.
// Errors: as in regressor.hpp. Source: Rasmussen and Williams 2006, algorithm 2.1.
#include <vector>

#include "netwright/strategy/regressor.hpp"

namespace netwright {

struct GaussianProcessOptions {
  double length = 1;
  double signal = 1;
  double noise = 0.1;
};

class GaussianProcess : public Regressor {
 public:
  explicit GaussianProcess(const GaussianProcessOptions& options) : options_(options) {}
  void fit(const FeatureRows& x, std::span<const double> y) override;
  Prediction predict(const FeatureRows& x) const override;
  double log_marginal_likelihood() const;

 private:
  GaussianProcessOptions options_;
  FeatureRows x_;
  std::vector<double> y_, weights_;  // weights: K^-1 y
  std::vector<double> factor_;       // lower Cholesky factor of K, column by column
};

// The likeliest of a grid of lengths (in units of the root mean squared distance of the rows) and noises, for standardised targets and
// signal 1. At most 200 rows, evenly spread, are looked at. Cost: 24 fits of those rows.
GaussianProcessOptions likeliest_options(const FeatureRows& x, std::span<const double> y);

}  // namespace netwright
