#include "netwright/objective/significance.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"

namespace netwright {
namespace {

TEST(Significance, IntervalsOfSmallSamples) {
  // t(0.975) = 12.706, 4.303, 3.182, 2.262 for 1, 2, 3 and 9 degrees of freedom.
  EXPECT_NEAR(mean_interval(std::vector{0.0, 2.0}), 12.706, 1e-3);
  EXPECT_NEAR(mean_interval(std::vector{0.0, 1.0, 2.0}), 4.3027 / std::sqrt(3.0), 1e-3);
  EXPECT_NEAR(mean_interval(std::vector{1.0, 2.0, 3.0, 4.0}), 3.1824 * 1.2909944 / 2, 2e-2);
  const std::vector<double> ten{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_NEAR(mean_interval(ten), 2.2622 * 3.0276504 / std::sqrt(10.0), 1e-3);
}

TEST(Significance, RanksAreMeansOverRuns) {
  EXPECT_EQ(average_ranks({{1, 1, 2}, {2, 1, 1}, {3, 4, 5}}), (std::vector{(1 + 1.5 + 2) / 3, (2 + 1.5 + 1) / 3, 3.0}));
}

// Demsar 2006, section 3.2.2: four methods on 14 data sets, CD = 1.25 at 5 % (2.569 sqrt(4 5 / (6 14))).
TEST(Significance, CriticalDifferenceOfThePaper) {
  EXPECT_NEAR(critical_difference(4, 14), 1.25, 0.005);
  EXPECT_THROW(critical_difference(1, 10), UsageError);
  EXPECT_THROW(critical_difference(3, 0), UsageError);
}

// Demsar 2006, table 5 (a), to its three decimals; with one run and k methods CD = q sqrt(k (k + 1) / 6). Beyond its ten methods, and beyond
// twenty: the Studentised range of Harter 1960, Annals of Mathematical Statistics 31, over the root of 2: 5.012 (20), 5.301 (30).
TEST(Significance, CriticalValuesOfAnyNumberOfMethods) {
  const auto q = [](std::size_t k) { return critical_difference(k, 1) / std::sqrt(static_cast<double>(k * (k + 1)) / 6); };
  const std::vector published{1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164};
  for (std::size_t k = 2; k <= 10; ++k) EXPECT_NEAR(q(k), published[k - 2], 1.1e-3) << k;
  EXPECT_NEAR(q(2), 1.959963984540054, 1e-6);  // the normal quantile
  EXPECT_NEAR(q(20), 5.012 / std::sqrt(2.0), 1e-3);
  EXPECT_NEAR(q(30), 5.301 / std::sqrt(2.0), 1e-3);
}

TEST(Significance, WilcoxonSeesAShiftAndNoneWhereThereIsNone) {
  Rng rng = Seed(1).rng();
  std::vector<double> a, b, c;
  for (int i = 0; i < 100; ++i) {
    a.push_back(rng.normal()), b.push_back(a.back() + 0.5 + 0.5 * rng.normal()), c.push_back(a.back() + 0.5 * rng.normal());
  }
  EXPECT_LT(wilcoxon_p(a, b), 1e-6);
  EXPECT_GT(wilcoxon_p(a, c), 0.01);
  EXPECT_EQ(wilcoxon_p(a, a), 1);
}

// Up to 25 pairs every sign is counted.
TEST(Significance, WilcoxonIsExactForFewPairs) {
  const std::vector<double> zeros(26, 0.0);
  const auto p = [&](std::vector<double> differences) { return wilcoxon_p(differences, std::span(zeros).first(differences.size())); };
  EXPECT_DOUBLE_EQ(p({1, 2, 3, 4, 5}), 2.0 / 32);        // all on one side: one of 32, twice
  EXPECT_DOUBLE_EQ(p({-1, -2, -3, -4, -5}), 2.0 / 32);
  EXPECT_DOUBLE_EQ(p({-1, 2, 3, 4, 5, 6}), 4.0 / 64);    // W = 1: {} and {1}
  EXPECT_DOUBLE_EQ(p({1, 2, -3, 4, -5, 6}), 44.0 / 64);  // W = 8 of 21: 22 subsets of 1..6 sum to at most 8
  EXPECT_DOUBLE_EQ(p({1, -1}), 1);                       // shared ranks on both sides
  EXPECT_DOUBLE_EQ(p({1, 1, 2}), 2.0 / 8);
  // Wilcoxon's table: n = 25, W = 89 is the largest with p <= 0.05.
  std::vector<double> ranked;
  for (int i = 1; i <= 25; ++i) ranked.push_back(i);
  for (const int negative : {25, 24, 23, 17}) ranked[static_cast<std::size_t>(negative - 1)] *= -1;  // 89
  EXPECT_LE(p(ranked), 0.05);
  ranked[16] *= -1, ranked[17] *= -1;  // 18 for 17: 90
  EXPECT_GT(p(ranked), 0.05);
  // Pairs that do not differ, or have no value, say nothing.
  EXPECT_DOUBLE_EQ(p({0, 1, 2, NAN, 3, 4, 5}), 2.0 / 32);
}

TEST(Significance, WilcoxonOfManyPairsIsNormal) {
  std::vector<double> zeros(26, 0.0), ranked;
  for (int i = 1; i <= 26; ++i) ranked.push_back(i);
  EXPECT_NEAR(wilcoxon_p(ranked, zeros), std::erfc(175.5 / std::sqrt(2 * 26.0 * 27 * 53 / 24)), 1e-12);  // z = n (n + 1) / 4 / deviation
}

}  // namespace
}  // namespace netwright
