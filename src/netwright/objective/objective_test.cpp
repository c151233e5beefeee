#include "netwright/objective/objective.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/objective/pareto.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/objective/standing.hpp"

namespace netwright {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

Goal small_and_good() {
  return {.objectives = {{"val_accuracy", Direction::maximise}, {"params", Direction::minimise}},
          .constraints = {{.metric = "params", .at_most = 100}, {.metric = "val_accuracy", .at_most = 0.5, .at_least = true}}};
}

TEST(Violation, AddsRelativeExcesses) {
  const Goal goal = small_and_good();
  EXPECT_EQ(violation(goal, {{"params", 100}, {"val_accuracy", 0.5}}), 0);
  EXPECT_DOUBLE_EQ(violation(goal, {{"params", 150}, {"val_accuracy", 0.4}}), 0.5 + 0.2);
  EXPECT_DOUBLE_EQ(violation(goal, {{"val_accuracy", 0.9}}), 1);
  EXPECT_DOUBLE_EQ(violation({.constraints = {{.metric = "loss", .at_most = 0}}}, {{"loss", 2}}), 2);
  EXPECT_DOUBLE_EQ(violation(goal, {{"params", std::nan("")}, {"val_accuracy", 0.9}}), 1);
}

TEST(Score, IsTheFirstObjectiveToBeMaximised) {
  EXPECT_EQ(score(small_and_good(), {{"val_accuracy", 0.7}}), 0.7);
  EXPECT_EQ(score({.objectives = {{"val_loss", Direction::minimise}}}, {{"val_loss", 0.7}}), -0.7);
  EXPECT_EQ(score({}, {{"params", 1}}), -inf);
  EXPECT_EQ(score({}, {{"val_accuracy", std::nan("")}}), -inf);
}

TEST(Better, PutsConstraintsBeforeTheObjective) {
  const Goal goal = small_and_good();
  const Metrics fits = {{"params", 90}, {"val_accuracy", 0.6}}, large = {{"params", 110}, {"val_accuracy", 0.9}};
  const Metrics larger = {{"params", 120}, {"val_accuracy", 0.9}}, nothing = {};
  EXPECT_TRUE(better(goal, fits, large));
  EXPECT_FALSE(better(goal, large, fits));
  EXPECT_TRUE(better(goal, large, larger));
  EXPECT_TRUE(better(goal, larger, nothing));
  EXPECT_FALSE(better(goal, fits, fits));
  const Metrics cheap_but_unmeasured = {{"params", 1}};
  EXPECT_TRUE(better({.constraints = {{.metric = "params", .at_most = 10}}}, large, cheap_but_unmeasured));
}

TEST(NonDominated, FrontsOfTheReferenceSet) {
  const auto file = nlohmann::json::parse(read_file(NETWRIGHT_SOURCE_DIR "/tests/oracles.json"));
  const auto& cases = file.at("cases");
  const auto& oracle = *std::ranges::find_if(cases, [](const auto& c) { return c.at("id") == "E-nsga2-2d"; });
  const Goal goal{.objectives = {{"x", Direction::minimise}, {"y", Direction::minimise}}};
  std::vector<Metrics> rest;
  std::vector<std::size_t> names;
  for (const auto& xy : oracle.at("input").at("points")) {
    names.push_back(rest.size());
    rest.push_back({{"x", xy[0].get<double>()}, {"y", xy[1].get<double>()}});
  }
  for (const auto& expected : oracle.at("expect").at("fronts")) {
    std::vector<std::size_t> front = non_dominated(goal, rest), got;
    for (const std::size_t i : front) got.push_back(names[i]);
    EXPECT_EQ(got, expected.get<std::vector<std::size_t>>());
    for (auto i = front.rbegin(); i != front.rend(); ++i) {
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(*i));
      names.erase(names.begin() + static_cast<std::ptrdiff_t>(*i));
    }
  }
  EXPECT_TRUE(rest.empty());
}

TEST(NonDominated, LeavesOutMissedConstraintsAndMissingNumbers) {
  const std::vector<Metrics> trials = {{{"val_accuracy", 0.9}, {"params", 200}}, {{"val_accuracy", 0.8}, {"params", 50}},
                                       {{"val_accuracy", 0.8}, {"params", 50}},  {{"val_accuracy", 0.99}},
                                       {{"val_accuracy", 0.7}, {"params", 40}},  {{"val_accuracy", 0.6}, {"params", 45}}};
  EXPECT_EQ(non_dominated(small_and_good(), trials), (std::vector<std::size_t>{1, 2, 4}));
  EXPECT_TRUE(dominates(small_and_good(), trials[1], trials[0]));
}

TEST(GoalText, ReadsBackWhatItPrints) {
  const std::string text = to_string(small_and_good());
  EXPECT_EQ(text, "maximise val_accuracy, minimise params, params <= 100, val_accuracy >= 0.5");
  EXPECT_EQ(to_string(parse_goal(text)), text);
  EXPECT_EQ(parse_goal("val_accuracy, params<=300M").constraints.at(0).at_most, 3e8);
}

TEST(GoalText, NamesWhatIsWrong) {
  EXPECT_THROW(parse_goal("maximize val_accuracy"), UsageError);
  EXPECT_THROW(parse_goal("params <= 3"), UsageError);
  EXPECT_THROW(parse_goal("val_accuracy, <= 3"), UsageError);
  EXPECT_THROW(parse_goal("val_accuracy, params <= many"), UsageError);
  EXPECT_THROW(parse_goal(""), UsageError);
  EXPECT_THROW(parse_goal("a b c"), UsageError);
}

TEST(Rank, EqualsTheReferenceWithTies) {
  const std::vector<double> a = {.1, .4, .35, .8, .7, .7, .2, .9}, b = {1, 3, 2.5, 7, 8, 6, 2.5, 9};
  EXPECT_NEAR(kendall_tau(a, b), 0.8888888888888888, 1e-12);
  EXPECT_NEAR(spearman_rho(a, b), 0.9518072289156626, 1e-12);
}

// Straight from the definition, pair by pair.
double tau_by_pairs(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0, n_a = 0, n_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double x = (a[i] > a[j]) - (a[i] < a[j]), y = (b[i] > b[j]) - (b[i] < b[j]);
      sum += x * y, n_a += x * x, n_b += y * y;
    }
  }
  return sum / std::sqrt(n_a * n_b);
}

TEST(Rank, TauEqualsItsDefinitionOnTiedLists) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    std::vector<double> a, b;
    for (int i = 0; i < 40; ++i) {
      a.push_back(static_cast<double>(rng.below(12)));
      b.push_back(static_cast<double>(rng.below(7)));
    }
    EXPECT_NEAR(kendall_tau(a, b), tau_by_pairs(a, b), 1e-12);
    EXPECT_NEAR(kendall_tau(a, a), 1, 1e-12);
  }
}

TEST(Rank, RefusesAndSaysNothingWhereThereIsNothing) {
  EXPECT_THROW(kendall_tau(std::vector<double>{1}, std::vector<double>{1, 2}), UsageError);
  EXPECT_TRUE(std::isnan(kendall_tau(std::vector<double>{1, 1}, std::vector<double>{1, 2})));
  EXPECT_TRUE(std::isnan(spearman_rho(std::vector<double>{1, 1}, std::vector<double>{1, 2})));
}

TEST(Statistics, MeanDeviationQuantile) {
  const std::vector<double> values = {4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(mean(values), 2.5);
  EXPECT_DOUBLE_EQ(standard_deviation(values), std::sqrt(5.0 / 3));
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 4);
  EXPECT_TRUE(std::isnan(mean({})));
}

}  // namespace
}  // namespace netwright
