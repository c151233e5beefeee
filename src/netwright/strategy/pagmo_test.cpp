// A second opinion: fronts, crowding, hypervolumes and NSGA-II beside pagmo's own. Built where pagmo is installed (libpagmo-dev); it takes no
// part in the library.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <pagmo/algorithm.hpp>
#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#include <pagmo/problems/zdt.hpp>
#include <pagmo/utils/hypervolume.hpp>
#include <pagmo/utils/multi_objective.hpp>

#include "netwright/objective/fronts.hpp"
#include "netwright/objective/hypervolume.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/strategy/real_coded.hpp"

namespace netwright {
namespace {

using Values = std::vector<double>;

// Costs as values to be maximised.
std::vector<Values> turned(std::vector<Values> costs) {
  for (Values& row : costs)
    for (double& value : row) value = -value;
  return costs;
}

std::vector<Point> points_of(const std::vector<Values>& costs) {
  std::vector<Point> points;
  for (const Values& values : turned(costs)) points.push_back({.values = values});
  return points;
}

std::vector<Values> random_costs(std::size_t count, std::size_t width, Rng& rng, bool lattice) {
  std::vector<Values> costs(count);
  for (Values& row : costs)
    for (std::size_t k = 0; k < width; ++k) row.push_back(lattice ? static_cast<double>(rng.below(9)) / 8 : rng.uniform());
  return costs;
}

TEST(BesidePagmo, FrontsAreTheSame) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed);
    const auto costs = random_costs(80, 2 + seed % 3, rng, seed % 2 == 0);
    auto theirs = std::get<0>(pagmo::fast_non_dominated_sorting(costs));
    for (auto& front : theirs) std::ranges::sort(front);
    const auto ours = non_dominated_fronts(points_of(costs));
    ASSERT_EQ(ours.size(), theirs.size()) << seed;
    for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_TRUE(std::ranges::equal(ours[i], theirs[i])) << seed << " front " << i;
  }
}

TEST(BesidePagmo, CrowdingIsTheSame) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed);
    const auto costs = random_costs(30, 2 + seed % 3, rng, false);
    for (const auto& front : non_dominated_fronts(points_of(costs))) {
      if (front.size() < 3) continue;
      std::vector<Values> own;
      for (const std::size_t i : front) own.push_back(costs[i]);
      const auto theirs = pagmo::crowding_distance(own);
      const auto ours = crowding_distances(points_of(costs), front);
      for (std::size_t i = 0; i < ours.size(); ++i) {
        if (std::isinf(theirs[i])) {
          EXPECT_TRUE(std::isinf(ours[i])) << seed;
        } else {
          EXPECT_NEAR(ours[i], theirs[i], 1e-12) << seed;
        }
      }
    }
  }
}

TEST(BesidePagmo, HypervolumesAreTheSame) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed);
    const std::size_t width = 2 + seed % 4;
    const auto costs = random_costs(40, width, rng, seed % 3 == 0);
    const double theirs = pagmo::hypervolume(costs).compute(Values(width, 1.1));
    EXPECT_NEAR(hypervolume(turned(costs), Values(width, -1.1)), theirs, 1e-12) << seed;
  }
}

TEST(BesidePagmo, ZdtProblemsHaveTheSameCosts) {
  for (const unsigned number : {1u, 2u, 3u, 4u, 6u}) {
    const RealProblem ours = zdt(static_cast<int>(number), 12);
    const pagmo::problem theirs{pagmo::zdt(number, 12)};
    EXPECT_EQ(ours.lower, theirs.get_bounds().first);
    EXPECT_EQ(ours.upper, theirs.get_bounds().second);
    Rng rng(number);
    for (int i = 0; i < 20; ++i) {
      Values x;
      for (std::size_t k = 0; k < 12; ++k) x.push_back(ours.lower[k] + rng.uniform() * (ours.upper[k] - ours.lower[k]));
      const Values a = ours.costs(x), b = theirs.fitness(x);
      for (std::size_t k = 0; k < 2; ++k) EXPECT_NEAR(a[k], b[k], 1e-9 * std::max(1.0, std::abs(b[k]))) << number;
    }
  }
}

double volume_of(const std::vector<Values>& costs) { return hypervolume(turned(costs), Values{-1.1, -1.1}); }

// The same settings, budget and reference: our runs end where pagmo's do, up to what differs between seeds.
TEST(BesidePagmo, Nsga2ReachesTheSameVolume) {
  for (const unsigned number : {1u, 2u, 3u, 6u}) {
    Values ours, theirs;
    const RealNsga2Options options{.population = 100, .generations = 250, .crossover = 0.9, .crossover_eta = 15, .mutation_eta = 20};
    const std::size_t variables = number == 6 ? 10 : 30;
    for (unsigned seed = 1; seed <= 3; ++seed) {
      std::vector<Values> costs;
      for (const RealSolution& solution : minimise_nsga2(zdt(static_cast<int>(number), variables), options, Seed(seed))) costs.push_back(solution.costs);
      ours.push_back(volume_of(costs));
      pagmo::population population{pagmo::problem{pagmo::zdt(number, static_cast<unsigned>(variables))}, 100, seed};
      const pagmo::algorithm search{pagmo::nsga2(249, 0.9, 15, 1.0 / static_cast<double>(variables), 20, seed)};
      theirs.push_back(volume_of(search.evolve(population).get_f()));
    }
    const double whole = zdt_front_hypervolume(static_cast<int>(number), {1.1, 1.1});
    EXPECT_LT(mean(ours), whole) << "ZDT" << number;
    EXPECT_GT(mean(ours), mean(theirs) - 0.002) << "ZDT" << number << ": theirs " << mean(theirs) << " +- " << standard_deviation(theirs) << ", of " << whole;
  }
}

}  // namespace
}  // namespace netwright
