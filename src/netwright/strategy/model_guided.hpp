#pragma once
// Searches that a model guides: fit what was told, look at many candidates, ask for the most promising.
//
//   asks 1..start: uniform samples. Then, `batch` asks at a time:
//   fit the regressor to (features, scores of utilities); draw `candidates`: one or two mutations of the `parents` best, a tenth of them
//   uniform samples; rank them by the acquisition; ask for the best ones that were not asked
//
// Models (entries of the registry share this class and differ in defaults):
//   bayesian: Gaussian process, its length and noise the likeliest of a grid; EI
//   bananas:  ensemble of networks on the path encoding where the space has one; independent Thompson sampling
//   npenas:   the same ensemble, by its mean: evolution whose children a predictor chooses
// Options: start = 10, batch, candidates, parents, features = auto | onehot | path | wl, acquisition = ei | pi | ucb | its | mean,
// beta = 0.5 (of ucb), scores = normal | standard; GP: refit = 5 (fits between two choices of its hyperparameters); networks:
// members = 5, layers = 3, width = 20, epochs = 100.
// Several objectives: utilities of history.hpp (ParEGO: new weights every fit). No architecture is asked twice.
// Cost of a fit: that of the regressor, and a prediction of every candidate; a GP with 1,000 trials 0.3 s.
// Errors: UsageError for a bad option, or features that the space does not have.
// Source: White et al. 2021, arXiv 1910.11858 (BANANAS); Wei et al. 2020, arXiv 2003.12857 (NPENAS); Ru et al. 2021, arXiv 2006.07556
// (GP with Weisfeiler-Lehman features); Knowles 2006, IEEE TEC 10(1) (ParEGO).
// Departures: targets are rank scores by default; NPENAS' graph network is an ensemble of fully connected ones; networks
// of 3 layers are as good here as BANANAS' 10 and fit in a third of the time.
#include <deque>
#include <functional>

#include "netwright/strategy/gaussian_process.hpp"
#include "netwright/strategy/history.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

// What the entries differ in; every field is an option of that name.
struct ModelDefaults {
  const char* model = "gp";  // gp | networks
  const char* acquisition = "ei";
  const char* features = "auto";
  std::int64_t batch = 1, candidates = 200, parents = 10;
};

class ModelGuided : public Strategy {
 public:
  ModelGuided(const StrategyCase& strategy_case, const ModelDefaults& defaults);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  using Acquisition = std::function<double(double mean, double deviation, double best)>;
  using Fit = std::function<std::unique_ptr<Regressor>(const FeatureRows&, std::span<const double>)>;
  Acquisition acquisition_option(const StrategyCase& strategy_case, const char* fallback);
  Fit gaussian_process(const StrategyCase& strategy_case);
  Fit networks(const StrategyCase& strategy_case);
  std::vector<Architecture> candidates(const std::vector<double>& utilities);
  void plan();

  const DecisionTree& tree_;
  Rng rng_;
  Seed seed_;
  std::size_t start_, batch_, candidates_, parents_;
  FeatureMap features_;
  Acquisition acquisition_;
  bool normal_scores_;
  Fit fit_;
  std::uint64_t fits_ = 0;
  GaussianProcessOptions hyperparameters_;
  std::size_t asked_ = 0;
  History history_;
  FeatureRows rows_;  // one an entry of the history
  std::deque<Architecture> planned_;
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_bayesian(const StrategyCase& strategy_case);
std::unique_ptr<Strategy> make_bananas(const StrategyCase& strategy_case);
std::unique_ptr<Strategy> make_npenas(const StrategyCase& strategy_case);

}  // namespace netwright
