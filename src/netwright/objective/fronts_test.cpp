#include "netwright/objective/fronts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ranges>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/objective/hypervolume.hpp"
#include "netwright/objective/scalarise.hpp"
#include "netwright/objective/zdt.hpp"

namespace netwright {
namespace {

std::vector<Point> random_points(std::size_t count, std::size_t width, Rng& rng, bool constrained) {
  std::vector<Point> points(count);
  for (Point& point : points) {
    for (std::size_t i = 0; i < width; ++i) point.values.push_back(static_cast<double>(rng.below(12)));
    if (constrained && rng.chance(0.5)) point.violation = static_cast<double>(rng.below(4));
  }
  return points;
}

// Peeled off one by one, by the definition.
std::vector<std::vector<std::size_t>> peeled(const std::vector<Point>& points) {
  std::vector<std::vector<std::size_t>> fronts;
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < points.size(); ++i) rest.push_back(i);
  while (!rest.empty()) {
    std::vector<std::size_t> front, behind;
    for (const std::size_t i : rest)
      (std::ranges::any_of(rest, [&](std::size_t j) { return dominates(points[j], points[i]); }) ? behind : front).push_back(i);
    fronts.push_back(front);
    rest = behind;
  }
  return fronts;
}

TEST(Fronts, EqualTheirDefinition) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    const auto points = random_points(50, 1 + seed % 4, rng, seed % 2 == 1);
    EXPECT_EQ(non_dominated_fronts(points), peeled(points)) << seed;
  }
  EXPECT_TRUE(non_dominated_fronts({}).empty());
}

TEST(Crowding, EndsAreInfiniteAndAConstantObjectiveAddsNothing) {
  const std::vector<Point> points = {{{0, 5}}, {{1, 5}}, {{4, 5}}, {{2, 5}}};
  const auto distances = crowding_distances(points, {0, 1, 2, 3});
  EXPECT_TRUE(std::isinf(distances[0]));
  EXPECT_TRUE(std::isinf(distances[2]));
  EXPECT_DOUBLE_EQ(distances[3], 3.0 / 4);
}

TEST(Hypervolume, OfBoxesByHand) {
  EXPECT_DOUBLE_EQ(hypervolume({{3}, {5}}, std::vector<double>{1}), 4);
  EXPECT_DOUBLE_EQ(hypervolume({{1, 2}, {2, 1}}, std::vector<double>{0, 0}), 3);
  EXPECT_DOUBLE_EQ(hypervolume({{1, 2}, {2, 1}, {1, 1}, {2, 1}, {-1, 9}}, std::vector<double>{0, 0}), 3);
  EXPECT_DOUBLE_EQ(hypervolume({{1, 1, 2}, {1, 2, 1}, {2, 1, 1}}, std::vector<double>{0, 0, 0}), 4);
  EXPECT_DOUBLE_EQ(hypervolume({}, std::vector<double>{0, 0}), 0);
  EXPECT_THROW(hypervolume({{1, 2, 3}}, std::vector<double>{0, 0}), UsageError);
}

// On a lattice of whole numbers the volume is the number of unit cells that some point covers.
double cells_covered(const std::vector<std::vector<double>>& points, std::size_t width) {
  double count = 0;
  std::vector<int> cell(width, 0);
  for (std::size_t i = 0; i < width;) {
    const auto covers = [&](const std::vector<double>& point) {
      return std::ranges::all_of(std::views::iota(std::size_t{0}, width), [&](std::size_t k) { return point[k] > cell[k]; });
    };
    count += std::ranges::any_of(points, covers) ? 1 : 0;
    for (i = 0; i < width && ++cell[i] == 6; ++i) cell[i] = 0;
  }
  return count;
}

TEST(Hypervolume, EqualsTheNumberOfCoveredCells) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed);
    const std::size_t width = 2 + seed % 4;
    std::vector<std::vector<double>> points(1 + seed % 12);
    for (auto& point : points)
      for (std::size_t i = 0; i < width; ++i) point.push_back(static_cast<double>(rng.below(7)));
    EXPECT_DOUBLE_EQ(hypervolume(points, std::vector<double>(width, 0)), cells_covered(points, width)) << seed;
  }
}

TEST(Hypervolume, ImprovementIsTheDifference) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    const std::size_t width = 1 + seed % 4;
    const std::vector<double> reference(width, 1);
    const auto drawn = [&] {
      std::vector<double> point;
      for (std::size_t i = 0; i < width; ++i) point.push_back(static_cast<double>(rng.below(8)));  // some do not beat the reference
      return point;
    };
    std::vector<std::vector<double>> points;
    for (std::uint64_t i = 0; i < seed % 9; ++i) points.push_back(drawn());
    const std::vector<double> added = drawn();
    auto with = points;
    with.push_back(added);
    EXPECT_NEAR(hypervolume_improvement(points, added, reference), hypervolume(with, reference) - hypervolume(points, reference), 1e-9) << seed;
  }
}

TEST(Hypervolume, OfTrialsLeavesOutWhatMissesAConstraint) {
  const Goal goal{.objectives = {{"val_accuracy", Direction::maximise}, {"params", Direction::minimise}},
                  .constraints = {{.metric = "params", .at_most = 80}}};
  const std::vector<Metrics> trials = {{{"val_accuracy", 0.5}, {"params", 60}}, {{"val_accuracy", 0.9}, {"params", 90}}, {{"val_accuracy", 0.9}}};
  EXPECT_DOUBLE_EQ(hypervolume(goal, trials, {{"val_accuracy", 0}, {"params", 100}}), 20);
  EXPECT_THROW(hypervolume(goal, trials, {{"val_accuracy", 0}}), UsageError);
}

TEST(Scalarise, ChebyshevIsBestAtTheIdealPointAndPunishesTheWorstObjective) {
  const std::vector<double> even = {0.5, 0.5};
  EXPECT_EQ(chebyshev(std::vector<double>{1, 1}, even), 0);
  EXPECT_GT(chebyshev(std::vector<double>{0.5, 0.5}, even), chebyshev(std::vector<double>{1, 0}, even));
  EXPECT_DOUBLE_EQ(chebyshev(std::vector<double>{0.8, 0.4}, even), -(0.3 + 0.05 * 0.4));
  EXPECT_DOUBLE_EQ(weighted_sum(std::vector<double>{2, 3}, std::vector<double>{1, -1}), -1);
}

TEST(Scalarise, WeightsAreOnTheSimplex) {
  Rng rng(3);
  double first = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto weights = random_weights(3, rng);
    EXPECT_NEAR(weights[0] + weights[1] + weights[2], 1, 1e-12);
    EXPECT_GE(std::ranges::min(weights), 0);
    first += weights[0] / 4000;
  }
  EXPECT_NEAR(first, 1.0 / 3, 0.02);
}

// Points of the true fronts reach the closed form from below.
TEST(Zdt, FrontsHaveTheirVolume) {
  for (const int number : {1, 2, 3, 4, 6}) {
    const RealProblem problem = zdt(number, 30);
    std::vector<std::vector<double>> points;
    for (int i = 0; i <= 20000; ++i) {
      std::vector<double> x(30, 0);
      x[0] = i / 20000.0;
      auto costs = problem.costs(x);
      points.push_back({-costs[0], -costs[1]});
    }
    EXPECT_NEAR(hypervolume(points, std::vector<double>{-1.1, -1.2}), zdt_front_hypervolume(number, {1.1, 1.2}), 5e-4) << number;
  }
  EXPECT_THROW(zdt(5, 30), UsageError);
  // The least value of ZDT3's curve is -0.7733690 at 0.8518329 (its published last piece).
  EXPECT_NEAR(zdt_front_hypervolume(3, {2, 1}) - zdt_front_hypervolume(3, {1, 1}), 1 + 0.7733690, 1e-7);
  EXPECT_THROW(zdt_front_hypervolume(5, {1.1, 1.1}), UsageError);
  EXPECT_THROW(zdt_front_hypervolume(3, {0.9, 1.1}), UsageError);
}

}  // namespace
}  // namespace netwright
