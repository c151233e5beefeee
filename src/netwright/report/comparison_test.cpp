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
  EXPECT_NEAR(json["critical_difference"].get<double>(), 2.343 * std::sqrt(3 * 4 / 120.0), 1e-9);
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
  EXPECT_NE(comparison_table(comparison).find("s1"), std::string::npos);
}

}  // namespace
}  // namespace netwright
