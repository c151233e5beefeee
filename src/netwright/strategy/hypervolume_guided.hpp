#pragma once
// Several objectives by expected hypervolume improvement: a Gaussian process an objective, and the question how much the front would grow.
//
//   asks 1..start: uniform samples. Then one ask at a time:
//   fit a process to each objective; draw `candidates` (candidates.hpp) around the front;
//   ask for the one with the largest  P(it meets the constraints) * mean over `draws` of HV(front + drawn values) - HV(front)
//
// Values are turned so that larger is better and scored over the history (scores = normal: normal scores of the ranks, which nets that did not
// learn do not stretch; standard: (value - mean) / deviation); the reference is the least score less a tenth of the range. A constraint's chance
// is that of a process on the violation staying below half of the least violation seen; where none was seen it is 1, and where nothing meets the
// constraints it is all that counts. The same normal draws are used for all candidates of an ask. No architecture is asked twice.
// Options: start = 10, candidates = 200, draws = 32, features = auto | onehot | path | wl, scores, refit = 5 (fits between two choices of
// hyperparameters). Cost of an ask: that of the processes, and candidates * draws hypervolumes (2 objectives, a front of 30: 30 ms).
// Errors: UsageError for a bad option, or features that the space does not have.
// Source: Emmerich, Giannakoglou and Naujoks 2006, IEEE TEC 10(4); by draws as Daulton, Balandat and Bakshy 2020, arXiv 2006.05078.
// Departures: independent objectives; scores of ranks by default, so the hypervolume is of ranks.
#include <optional>
#include <vector>

#include "netwright/strategy/candidates.hpp"
#include "netwright/strategy/gaussian_process.hpp"
#include "netwright/strategy/history.hpp"

namespace netwright {

class HypervolumeGuided : public Strategy {
 public:
  explicit HypervolumeGuided(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  std::optional<Architecture> most_promising();
  std::vector<const Architecture*> parents(const std::vector<Point>& points) const;
  std::vector<Prediction> predictions(const std::vector<Point>& points, const FeatureRows& looked_at);
  std::vector<double> chances(const FeatureRows& looked_at);
  std::vector<double> improvements(const std::vector<Point>& points, const std::vector<Prediction>& predicted);
  Prediction fitted(std::size_t model, const std::vector<double>& targets, const FeatureRows& looked_at);

  const DecisionTree& tree_;
  Rng rng_;
  std::size_t start_, candidates_, draws_, refit_;
  FeatureMap features_;
  bool normal_scores_;
  History history_;
  FeatureRows rows_;  // one an entry of the history
  std::vector<GaussianProcessOptions> hyperparameters_;  // one an objective, and the violation's
  std::size_t asked_ = 0, fits_ = 0;
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_hypervolume(const StrategyCase& strategy_case);

}  // namespace netwright
