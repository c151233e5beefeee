#pragma once
// An ensemble of small fully connected networks: their mean is the prediction, their spread its uncertainty.
//
// Each member: `layers` hidden layers of `width` ReLU units and one linear output; its own initial weights (uniform, Glorot) and its own
// order of the rows; Adam on the mean absolute error of standardised targets, in batches. Deviation: of the members, divided by n - 1.
// Cost of a fit: members * epochs * rows * 6 * (features * width + layers * width^2) operations; 100 rows of 30 features at the defaults
// of ModelGuided: about 0.1 s on one core. A pure function of (options, rows, targets). Errors: as in regressor.hpp.
// Source: BANANAS, White et al. 2021, arXiv 1910.11858, and its released code: 5 members, 10 layers of 20, 150 epochs, batch 32, Adam
// 0.01 (0.9, 0.99).
#include <memory>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/strategy/regressor.hpp"

namespace netwright {

struct MlpEnsembleOptions {
  std::size_t members = 5;
  std::size_t layers = 10;
  std::size_t width = 20;
  std::size_t epochs = 150;
  std::size_t batch = 32;
  double learning_rate = 0.01;
  Seed seed = Seed(0);
};

class MlpEnsemble : public Regressor {
 public:
  explicit MlpEnsemble(const MlpEnsembleOptions& options);
  ~MlpEnsemble() override;
  void fit(const FeatureRows& x, std::span<const double> y) override;
  Prediction predict(const FeatureRows& x) const override;
  // One row a member, in the members' order.
  std::vector<std::vector<double>> members(const FeatureRows& x) const;

 private:
  struct Member;
  MlpEnsembleOptions options_;
  std::size_t width_ = 0;  // features
  double middle_ = 0, scale_ = 1;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace netwright
