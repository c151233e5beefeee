// Gaussian processes, ensembles, acquisitions, and the searches that they guide.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/strategy/boosted_trees.hpp"
#include "netwright/strategy/acquisition.hpp"
#include "netwright/strategy/gaussian_process.hpp"
#include "netwright/strategy/history.hpp"
#include "netwright/strategy/mlp_ensemble.hpp"

namespace netwright {
namespace {

double smooth(double x) { return std::sin(3 * x) + 0.5 * x; }

FeatureRows line(double from, double to, int count) {
  FeatureRows rows{.width = 1, .values = {}};
  for (int i = 0; i < count; ++i) rows.values.push_back(from + (to - from) * i / (count - 1));
  return rows;
}

std::vector<double> values_on(const FeatureRows& rows) {
  std::vector<double> y;
  for (const double x : rows.values) y.push_back(smooth(x));
  return y;
}

TEST(GaussianProcess, FollowsTheDataAndIsUnsureAwayFromThem) {
  GaussianProcess process({.length = 0.5, .signal = 1, .noise = 1e-3});
  const FeatureRows x = line(0, 3, 20);
  process.fit(x, values_on(x));
  const FeatureRows between = line(0.1, 2.9, 17);
  const Prediction near = process.predict(between);
  for (std::size_t i = 0; i < near.mean.size(); ++i) EXPECT_NEAR(near.mean[i], smooth(between.values[i]), 0.02);
  EXPECT_NEAR(process.predict({.width = 1, .values = {50}}).deviation[0], 1, 1e-9);
  EXPECT_LT(std::ranges::max(near.deviation), 0.05);
}

TEST(GaussianProcess, OneRowByHand) {
  GaussianProcess process({.length = 1, .signal = 2, .noise = 1});
  process.fit({.width = 2, .values = {0, 0}}, std::vector<double>{3});
  const Prediction prediction = process.predict({.width = 2, .values = {1, 1}});
  const double k = 4 * std::exp(-1.0);
  EXPECT_NEAR(prediction.mean[0], k / 5 * 3, 1e-12);
  EXPECT_NEAR(prediction.deviation[0], std::sqrt(4 - k * k / 5), 1e-12);
  EXPECT_NEAR(process.log_marginal_likelihood(), -0.5 * (9.0 / 5 + std::log(5) + std::log(2 * M_PI)), 1e-12);
}

TEST(GaussianProcess, RefusesWhatDoesNotFit) {
  GaussianProcess process({});
  EXPECT_THROW(process.predict({.width = 1, .values = {1}}), UsageError);
  EXPECT_THROW(process.fit({.width = 1, .values = {1, 2}}, std::vector<double>{1}), UsageError);
  EXPECT_THROW(process.fit({.width = 1, .values = {}}, std::vector<double>{}), UsageError);
  process.fit({.width = 1, .values = {1}}, std::vector<double>{1});
  EXPECT_THROW(process.predict({.width = 2, .values = {1, 2}}), UsageError);
}

TEST(GaussianProcess, TheLikeliestLengthOfAWigglyCurveIsTheShorter) {
  const FeatureRows x = line(0, 3, 60);
  std::vector<double> slow, fast;
  for (const double value : x.values) slow.push_back(std::sin(value)), fast.push_back(std::sin(5 * value));
  EXPECT_LT(likeliest_options(x, standard_scores(fast)).length, likeliest_options(x, standard_scores(slow)).length);
}

TEST(MlpEnsemble, OrdersWhatItHasNotSeenAndIsTheSameEveryTime) {
  Rng rng(1);
  FeatureRows train{.width = 6, .values = {}}, test{.width = 6, .values = {}};
  std::vector<double> y, truth;
  for (int i = 0; i < 120; ++i) {
    double sum = 0;
    for (int k = 0; k < 6; ++k) {
      const double value = static_cast<double>(rng.below(2));
      (i < 80 ? train : test).values.push_back(value);
      sum += (k - 1) * value;
    }
    (i < 80 ? y : truth).push_back(50 + 10 * sum);
  }
  const MlpEnsembleOptions options{.members = 3, .layers = 2, .width = 16, .epochs = 80};
  MlpEnsemble ensemble(options), again(options);
  ensemble.fit(train, y);
  again.fit(train, y);
  const Prediction prediction = ensemble.predict(test);
  EXPECT_EQ(prediction.mean, again.predict(test).mean);
  EXPECT_GT(kendall_tau(prediction.mean, truth), 0.8);
  double error = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) error += std::abs(prediction.mean[i] - truth[i]) / static_cast<double>(truth.size());
  EXPECT_LT(error, 10);  // the spread of the truth is about 20
  EXPECT_GT(std::ranges::min(prediction.deviation), 0);
}

TEST(Acquisition, KnownValues) {
  EXPECT_NEAR(expected_improvement(1, 2, 1), 2 * normal_density(0), 1e-12);
  EXPECT_EQ(expected_improvement(1, 0, 3), 0);
  EXPECT_EQ(expected_improvement(3, 0, 1), 2);
  EXPECT_NEAR(probability_of_improvement(1, 2, 1), 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(upper_confidence_bound(1, 2, 0.5), 2);
  for (const double share : {1e-6, 0.01, 0.2, 0.5, 0.77, 0.999}) EXPECT_NEAR(normal_share_below(normal_quantile(share)), share, 1e-9 * share);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-9);
}

TEST(History, ConstraintsComeFirstAndOutliersDoNotStretchTheScores) {
  History history({.constraints = {{.metric = "params", .at_most = 10}}});
  const auto tell = [&](double accuracy, double params) { return history.tell({.metrics = {{"val_accuracy", accuracy}, {"params", params}}}); };
  EXPECT_TRUE(tell(0.5, 5));
  EXPECT_TRUE(tell(0.9, 20));
  EXPECT_TRUE(tell(0.1, 5));
  EXPECT_FALSE(history.tell({.metrics = {{"val_accuracy", 0.9}}, .failed = true}));
  EXPECT_FALSE(tell(std::nan(""), 5));
  Rng rng(1);
  EXPECT_EQ(best_first(history.utilities(rng)), (std::vector<std::size_t>{0, 2, 1}));
  const std::vector<double> scores = normal_scores({-1e9, 1, 2, 3});
  EXPECT_NEAR(scores[0], -scores[3], 1e-9);
  EXPECT_NEAR(scores[2] - scores[1], 2 * normal_quantile(0.625), 1e-9);
}

DecisionTree bits(int count) {
  std::vector<Decision> decisions;
  for (int i = 0; i < count; ++i) decisions.push_back({.name = "bit" + std::to_string(i), .choices = {"0", "1"}});
  return DecisionTree(std::move(decisions));
}

double best_of_ones(const std::string& name, std::uint64_t seed) {
  const DecisionTree tree = bits(30);
  const auto strategy = make_strategy(name, {.tree = tree, .goal = {}, .seed = Seed(seed), .options = {}});
  double best = 0;
  for (std::int64_t trial = 0; trial < 100; ++trial) {
    const Architecture asked = *strategy->ask();
    const double ones = static_cast<double>(std::count(asked.picks.begin(), asked.picks.end(), 1));
    best = std::max(best, ones);
    strategy->tell({.trial = trial, .architecture = asked, .metrics = {{"val_accuracy", ones / 30}}});
  }
  return best;
}

TEST(ModelGuided, BeatsEvolutionOnCountingOnes) {
  double evolution = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) evolution += best_of_ones("evolution", seed) / 4;
  for (const std::string name : {"bayesian", "bananas", "npenas", "tpe"}) {
    double mean = 0;
    for (std::uint64_t seed = 0; seed < 4; ++seed) mean += best_of_ones(name, seed) / 4;
    EXPECT_GT(mean, evolution + 1) << name;
  }
}

TEST(ModelGuided, SeveralObjectivesAreSpreadAlongTheFront) {
  const DecisionTree tree = bits(16);
  const Goal goal{.objectives = {{"ones", Direction::maximise}, {"cost", Direction::minimise}}};
  const auto strategy = make_strategy("bayesian", {.tree = tree, .goal = goal, .seed = Seed(1), .options = {}});
  double least = 16, most = 0;
  for (std::int64_t trial = 0; trial < 60; ++trial) {
    const Architecture asked = *strategy->ask();
    const double ones = static_cast<double>(std::count(asked.picks.begin(), asked.picks.end(), 1));
    least = std::min(least, ones), most = std::max(most, ones);
    strategy->tell({.trial = trial, .architecture = asked, .metrics = {{"ones", ones}, {"cost", ones}}});
  }
  EXPECT_LE(least, 3);
  EXPECT_GE(most, 13);
}

TEST(ModelGuided, FeaturesThatTheSpaceLacksAreRefused) {
  const DecisionTree tree = bits(4);
  EXPECT_THROW(make_strategy("bayesian", {.tree = tree, .goal = {}, .seed = Seed(0), .options = {{"features", "path"}}}), UsageError);
  int seen = 0;
  StrategyCase with{.tree = tree, .goal = {}, .seed = Seed(0), .options = {{"features", "path"}, {"start", "2"}}};
  with.features["path"] = [&](const Architecture& architecture) {
    ++seen;
    return std::vector<float>(architecture.picks.begin(), architecture.picks.end());
  };
  const auto strategy = make_strategy("bayesian", with);
  for (std::int64_t trial = 0; trial < 5; ++trial)
    strategy->tell({.trial = trial, .architecture = *strategy->ask(), .metrics = {{"val_accuracy", 0.1 * static_cast<double>(trial)}}});
  EXPECT_GT(seen, 5);
}

// One tree of one split on (0, 0, 1, 1): leaves 2 G / (n + 1) off the mean, by hand.
TEST(BoostedTrees, OneSplitByHand) {
  BoostedTrees one({.trees = 1, .depth = 1, .rate = 1, .penalty = 1});
  const FeatureRows x{.width = 2, .values = {5, 0, 5, 0, 5, 1, 5, 1}};
  one.fit(x, std::vector<double>{1, 3, 7, 9});
  const Prediction found = one.predict(x);   // the mean is 5, the residuals -4, -2, 2, 4
  EXPECT_EQ(found.mean, (std::vector<double>{3, 3, 7, 7}));
  BoostedTrees many({.trees = 300, .depth = 2, .rate = 0.3, .penalty = 0});
  many.fit(x, std::vector<double>{2, 2, 8, 8});
  for (const double mean : many.predict({.width = 2, .values = {0, 0.4, 9, 0.6}}).mean) EXPECT_NEAR(std::abs(mean - 5), 3, 1e-9);
}

}  // namespace
}  // namespace netwright
