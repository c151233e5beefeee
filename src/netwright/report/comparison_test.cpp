#include "netwright/report/comparison.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace netwright {
namespace {

// Strategy i ends at regret 0.01 (i + 1) in every run, from ten times that.
Comparison example(std::size_t strategies, bool test) {
  Comparison comparison{.title = "a < b & c", .metric = "val_accuracy", .test_metric = test ? "test_accuracy" : "", .optimum = "the best", .hours = {1, 2, 3}};
  for (std::size_t i = 0; i < strategies; ++i) {
    ComparedStrategy strategy{.name = "s" + std::to_string(i), .trials = 10};
    for (int run = 0; run < 20; ++run) {
      const double last = 0.01 * static_cast<double>(i + 1) + 1e-5 * run;
      strategy.validation.runs.push_back({run < 15 ? NAN : 10 * last, 10 * last, last});
      if (test) strategy.test.runs.push_back({10 * last, 5 * last, 2 * last});
    }
    comparison.strategies.push_back(strategy);
  }
  return comparison;
}

TEST(Comparisons, NumbersAreThoseOfTheRuns) {
  const auto json = nlohmann::json::parse(comparison_json(example(3, true)));
  EXPECT_EQ(json["strategies"][0]["rank"], 1.0);
  EXPECT_EQ(json["strategies"][2]["rank"], 3.0);
  EXPECT_LT(json["strategies"][2]["p_against_first"].get<double>(), 1e-3);
  EXPECT_NEAR(json["critical_difference"].get<double>(), 2.3437006 * std::sqrt(3 * 4 / 120.0), 1e-6);
  EXPECT_NEAR(json["strategies"][1]["test"]["final"]["mean"].get<double>(), 2 * (0.02 + 9.5e-5), 1e-9);
  const auto& median = json["strategies"][0]["validation"]["curve"]["median"];
  EXPECT_TRUE(median[0].is_null()) << "most runs have no value yet";
  EXPECT_NEAR(median[2].get<double>(), 0.01 + 9.5e-5, 1e-9);
}

TEST(Comparisons, TheFigureStandsAlone) {
  for (const bool test : {false, true}) {
    for (const std::size_t count : {1u, 2u, 7u}) {
      const std::string svg = comparison_svg(example(count, test));
      EXPECT_TRUE(svg.starts_with("<svg ")) << count;
      EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
      EXPECT_EQ(svg.find("nan"), std::string::npos);
      EXPECT_EQ(svg.find("href"), std::string::npos);
      EXPECT_EQ(svg.find("test_accuracy") != std::string::npos, test);
      EXPECT_EQ(svg.find("average rank") != std::string::npos, count > 1);
    }
  }
}

TEST(Comparisons, ARunThatFoundNothingIsLast) {
  Comparison comparison = example(2, false);
  for (auto& run : comparison.strategies[0].validation.runs) run.back() = NAN;
  const auto json = nlohmann::json::parse(comparison_json(comparison));
  EXPECT_EQ(json["strategies"][0]["rank"], 2.0);
  EXPECT_EQ(json["strategies"][0]["validation"]["final"]["without"], 20);
  EXPECT_TRUE(json["strategies"][0]["validation"]["final"]["mean"].is_null());
  EXPECT_NE(comparison_table(comparison).find("s1"), std::string::npos);
}

// Six of twenty runs without a value: the mean is of the others, the quantiles count the six as the worst.
TEST(Comparisons, ARunWithoutAValuePoisonsNothing) {
  Comparison comparison = example(2, false);
  auto& runs = comparison.strategies[0].validation.runs;
  for (std::size_t i = 0; i < 20; ++i) runs[i].back() = i < 6 ? NAN : 0.01 * static_cast<double>(i);
  const auto json = nlohmann::json::parse(comparison_json(comparison));
  const auto& last = json["strategies"][0]["validation"]["final"];
  EXPECT_EQ(last["without"], 6);
  EXPECT_NEAR(last["mean"].get<double>(), 0.125, 1e-12);
  EXPECT_NEAR(last["median"].get<double>(), 0.155, 1e-12);  // between the 10th and the 11th of 0.06 ... 0.19, then six without
  const auto& curve = json["strategies"][0]["validation"]["curve"];
  EXPECT_NEAR(curve["low"][2].get<double>(), 0.1075, 1e-12);
  EXPECT_TRUE(curve["high"][2].is_null());
  EXPECT_NE(comparison_table(comparison).find("6 of 20 runs of s0 found nothing"), std::string::npos);
  EXPECT_EQ(comparison_table(comparison).find("nan"), std::string::npos);
}

TEST(Comparisons, AnyNumberOfStrategiesIsRanked) {
  const auto many = nlohmann::json::parse(comparison_json(example(25, false)));
  EXPECT_GT(many["critical_difference"].get<double>(), 0);
  EXPECT_EQ(many["strategies"][24]["rank"], 25.0);
  EXPECT_NE(comparison_table(example(1, false)).find("one strategy: nothing to rank it against"), std::string::npos);
}

}  // namespace
}  // namespace netwright
