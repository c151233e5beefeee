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
  // Ranks 1..5 all on one side: W = 0, z = -7.5 / sqrt(13.75).
  EXPECT_NEAR(wilcoxon_p(std::vector{0.0, 0.0, 0.0, 0.0, 0.0}, std::vector{1.0, 2.0, 3.0, 4.0, 5.0}), std::erfc(7.5 / std::sqrt(27.5)), 1e-12);
}

}  // namespace
}  // namespace netwright
