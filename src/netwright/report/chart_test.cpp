#include "netwright/report/chart.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "netwright/core/rng.hpp"
#include "netwright/report/table.hpp"

namespace netwright {
namespace {

TEST(Chart, TicksAreRoundAndSpanTheValues) {
  EXPECT_EQ(nice_ticks(0, 10, 6), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(nice_ticks(0.3, 2.2, 6, true), (std::vector<double>{0, 1, 2, 3}));
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    Rng rng(seed);
    const double low = rng.normal() * std::pow(10, static_cast<double>(rng.below(9)) - 4), high = low + rng.uniform() * std::pow(10, static_cast<double>(rng.below(9)) - 4);
    const auto ticks = nice_ticks(low, high, 6);
    RC_ASSERT(ticks.size() >= 2 && ticks.size() <= 9);
    const double step = ticks[1] - ticks[0];
    RC_ASSERT(ticks.front() <= low + step * 1e-6 && ticks.back() >= high - step * 1e-6);
  }));
  EXPECT_GE(nice_ticks(5, 5, 6).size(), 2u);
  EXPECT_GE(nice_ticks(0, 0, 6).size(), 2u);
}

TEST(Chart, ValuesThatAreNotFiniteAreLeftOut) {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const Chart chart{.title = "a < b", .x = {"x"}, .y = {"y"}, .series = {{.name = "s", .points = {{0, nan}, {1, 2}, {2, infinity}, {3, 4}}}}};
  const std::string html = chart_html(chart);
  EXPECT_EQ(html.find("nan"), std::string::npos) << html;
  EXPECT_EQ(html.find("inf"), std::string::npos) << html;
  EXPECT_NE(html.find("a &lt; b"), std::string::npos);
  EXPECT_NE(chart_html({.title = "empty", .series = {{.name = "s", .points = {{0, nan}}}}}).find("no values"), std::string::npos);
}

TEST(Chart, ManyDotsAreThinnedOutAndTheLastStays) {
  Chart chart{.title = "t", .x = {"x"}, .y = {"y"}, .series = {{.name = "s", .mark = Mark::dots}}};
  for (int i = 0; i < 100000; ++i) chart.series[0].points.emplace_back(i, i % 7);
  EXPECT_LT(chart_html(chart).size(), 200000u);
}

TEST(Chart, SharesAreStackedToTheirSum) {
  const std::string html = share_chart_html({.title = "t", .names = {"a", "b"}, .steps = {0, 1}, .shares = {{0.5, 0.5}, {0.25, 0.75}}});
  // a: from the ground (y 112) to a half, then a quarter; b: the rest up to the top (y 8)
  EXPECT_NE(html.find("M30 60L234 86L234 112L30 112Z"), std::string::npos) << html;
  EXPECT_NE(html.find("M30 8L234 8L234 86L30 60Z"), std::string::npos) << html;
}

TEST(Table, ColumnsAreAlignedAndLongCellsCut) {
  const std::string text = text_table({{"name"}, {"n", true}, {"text", false, 6}}, {{"\u00e9t\u00e9", "7", "abcdefgh"}, {"longer", "123"}});
  EXPECT_EQ(text,
            "name      n  text\n"
            "------  ---  ------\n"
            "\u00e9t\u00e9       7  abc...\n"
            "longer  123\n");
}

}  // namespace
}  // namespace netwright
