// What is special about the strategies with a population, a climb, or another strategy inside.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/objective/hypervolume.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/local_search.hpp"
#include "netwright/strategy/nsga2.hpp"
#include "netwright/strategy/real_coded.hpp"
#include "netwright/strategy/scalarised.hpp"
#include "netwright/strategy/warm_start.hpp"

namespace netwright {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

DecisionTree bits(int count) {
  std::vector<Decision> decisions;
  for (int i = 0; i < count; ++i) decisions.push_back({.name = "bit" + std::to_string(i), .choices = {"0", "1"}});
  return DecisionTree(std::move(decisions));
}

double ones(const Architecture& architecture, std::size_t from, std::size_t to) {
  return static_cast<double>(std::count(architecture.picks.begin() + static_cast<std::ptrdiff_t>(from),
                                        architecture.picks.begin() + static_cast<std::ptrdiff_t>(to), 1));
}

double best_of_ones(const std::string& name, const Options& options, std::int64_t trials, std::uint64_t seed) {
  const DecisionTree tree = bits(40);
  const auto strategy = make_strategy(name, {.tree = tree, .goal = {}, .seed = Seed(seed), .options = options});
  double best = 0;
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    const Architecture asked = *strategy->ask();
    best = std::max(best, ones(asked, 0, 40));
    strategy->tell({.trial = trial, .architecture = asked, .metrics = {{"val_accuracy", ones(asked, 0, 40) / 40}}});
  }
  return best;
}

TEST(Climbers, BeatRandomSearchOnCountingOnes) {
  double random = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) random += best_of_ones("random", {}, 500, seed) / 5;
  for (const std::string name : {"genetic", "local_search", "hill_climbing", "annealing", "nsga2", "pareto_evolution", "islands", "reinforce"}) {
    double mean = 0;
    for (std::uint64_t seed = 0; seed < 5; ++seed) mean += best_of_ones(name, {}, 500, seed) / 5;
    EXPECT_GT(mean, random + 3) << name;
  }
}

TEST(LocalSearch, StopsOnlyWhereNoNeighbourIsBetter) {
  const DecisionTree tree = bits(8);
  LocalSearch search({.tree = tree, .goal = {}, .seed = Seed(2), .options = {}}, false);
  std::set<Architecture> asked_ones;
  while (search.climbs() == 0) {
    const Architecture asked = *search.ask();
    asked_ones.insert(asked);
    search.tell({.architecture = asked, .metrics = {{"val_accuracy", ones(asked, 0, 8)}}});
  }
  // The only top is all ones; it and all its neighbours were asked.
  const Architecture top{.picks = std::vector<std::int64_t>(8, 1)};
  EXPECT_TRUE(asked_ones.contains(top));
  for (const Architecture& neighbour : neighbours(tree, top)) EXPECT_TRUE(asked_ones.contains(neighbour));
}

// Near the only top all islands ask for the same neighbours. Each must hear of what another one asked for, or it waits for ever and its
// asks are random from then on: ten ones of twenty, where a climb has more.
TEST(Islands, HearOfWhatOthersAsked) {
  const DecisionTree tree = bits(20);
  for (const std::string inner : {"local_search", "hill_climbing"}) {
    const auto strategy = make_strategy("islands", {.tree = tree, .goal = {}, .seed = Seed(3), .options = {{"of", inner}, {"islands", "8"}}});
    double late = 0;
    for (std::int64_t trial = 0; trial < 4000; ++trial) {
      const Architecture asked = *strategy->ask();
      if (trial >= 3000) late += ones(asked, 0, 20) / 1000;
      strategy->tell({.trial = trial, .architecture = asked, .metrics = {{"val_accuracy", ones(asked, 0, 20)}}});
    }
    EXPECT_GT(late, 11.5) << inner;
  }
}

// A trial that two islands wait for is told to both, in any order of asks and tells.
TEST(Islands, EvaluateNothingTwiceWhileThereIsMore) {
  const DecisionTree tree = bits(8);
  for (const std::string inner : {"random", "evolution", "genetic", "nsga2", "bayesian"}) {
    const auto strategy = make_strategy("islands", {.tree = tree, .goal = {}, .seed = Seed(4), .options = {{"of", inner}, {"islands", "3"}}});
    std::set<Architecture> asked_ones;
    std::deque<Architecture> open;
    for (std::int64_t trial = 0; trial < 60; ++trial) {
      const auto asked = strategy->ask();
      ASSERT_TRUE(asked);
      asked_ones.insert(*asked);
      open.push_back(*asked);
      if (open.size() < 4) continue;
      strategy->tell({.trial = trial, .architecture = open.front(), .metrics = {{"val_accuracy", ones(open.front(), 0, 8)}}});
      open.pop_front();
    }
    EXPECT_GE(asked_ones.size(), 57u) << inner;
  }
}

TEST(Nsga2, KeepsAFrontOfTwoObjectives) {
  const DecisionTree tree = bits(24);
  const Goal goal{.objectives = {{"first", Direction::maximise}, {"second", Direction::minimise}}};
  Nsga2 search({.tree = tree, .goal = goal, .seed = Seed(1), .options = {{"population", "24"}}});
  double before = 0;
  for (std::int64_t trial = 0; trial < 24 * 40; ++trial) {
    const Architecture asked = *search.ask();
    // Bits of the first half help the first objective; every bit costs.
    search.tell({.trial = trial, .architecture = asked, .metrics = {{"first", ones(asked, 0, 12)}, {"second", ones(asked, 0, 24)}}});
    if ((trial + 1) % 24 != 0) continue;
    ASSERT_EQ(search.population().size(), 24u);
    std::vector<std::vector<double>> points;
    for (const auto& member : search.population()) points.push_back(member.point.values);
    const double volume = hypervolume(points, std::vector<double>{-1, -25});
    EXPECT_GE(volume, before);  // elitism: the front never falls back
    before = volume;
  }
  // The true front is first = second = 0..12.
  std::vector<std::vector<double>> best;
  for (int k = 0; k <= 12; ++k) best.push_back({static_cast<double>(k), static_cast<double>(-k)});
  EXPECT_GT(before, 0.95 * hypervolume(best, std::vector<double>{-1, -25}));
}

TEST(Nsga2, TheLastFrontIsCutByCrowding) {
  const std::vector<Point> points = {{{0, 9}}, {{4, 5}}, {{4.5, 4.5}}, {{5, 4}}, {{9, 0}}, {{10, 10}}};
  std::vector<std::size_t> kept;
  for (const Survivor& survivor : nsga2_survivors(points, 4)) kept.push_back(survivor.index);
  EXPECT_EQ(kept.front(), 5u);  // dominates all
  EXPECT_EQ((std::set<std::size_t>(kept.begin() + 1, kept.end())), (std::set<std::size_t>{0, 4, 1}));
}

TEST(RealCoded, ChildrenStayWithinTheBoundsAndKeepTheirMean) {
  const RealProblem problem = zdt(4, 10);
  Rng rng(1);
  for (int i = 0; i < 2000; ++i) {
    std::vector<double> x, y;
    for (std::size_t k = 0; k < 10; ++k) {
      x.push_back(problem.lower[k] + rng.uniform() * (problem.upper[k] - problem.lower[k]));
      y.push_back(problem.lower[k] + rng.uniform() * (problem.upper[k] - problem.lower[k]));
    }
    simulated_binary_crossover(x, y, problem, 15, rng);
    polynomial_mutation(x, problem, 0.5, 20, rng);
    for (std::size_t k = 0; k < 10; ++k) {
      EXPECT_GE(std::min(x[k], y[k]), problem.lower[k]);
      EXPECT_LE(std::max(x[k], y[k]), problem.upper[k]);
    }
  }
}

TEST(Scalarised, TellsTheInnerStrategyOneNumber) {
  const DecisionTree tree = bits(4);
  const Goal goal{.objectives = {{"val_accuracy", Direction::maximise}, {"latency_ms", Direction::minimise}}};
  const auto form = scalar_form({.tree = tree, .goal = goal, .seed = Seed(0), .options = {{"form", "mnas_hard"}, {"target", "75"}}});
  EXPECT_DOUBLE_EQ(form({{"val_accuracy", 0.76}, {"latency_ms", 150}}), 0.38);
  EXPECT_TRUE(std::isnan(form({{"val_accuracy", 0.76}})));
  const auto sum = scalar_form({.tree = tree, .goal = goal, .seed = Seed(0), .options = {{"form", "sum"}, {"weights", "2 0.5"}}});
  EXPECT_DOUBLE_EQ(sum({{"val_accuracy", 0.5}, {"latency_ms", 4}}), -1);
}

TEST(Scalarised, NamesWhatIsMissing) {
  const DecisionTree tree = bits(4);
  const auto make = [&](Options options) { make_strategy("scalarised", {.tree = tree, .goal = {}, .seed = Seed(0), .options = std::move(options)}); };
  EXPECT_THROW(make({{"form", "mnas_soft"}}), UsageError);
  EXPECT_THROW(make({{"form", "mnas_soft"}, {"cost", "params"}}), UsageError);
  EXPECT_THROW(make({{"form", "sum"}, {"weights", "1 2"}}), UsageError);
  EXPECT_THROW(make({{"popluation", "5"}}), UsageError);
  EXPECT_THROW(make({{"of", "islands"}}), UsageError);
  EXPECT_NO_THROW(make({{"form", "mnas_soft"}, {"cost", "params"}, {"target", "1M"}, {"population", "5"}}));
}

TEST(WarmStart, IsAskedFirstAndNeverAgain) {
  const DecisionTree tree = bits(6);
  Rng rng(9);
  std::vector<Architecture> first;
  for (int i = 0; i < 12; ++i) first.push_back(sample(tree, rng));
  first.push_back(first.front());
  const std::set<Architecture> warm(first.begin(), first.end());
  for (const std::string name : {"random", "nsga2", "pareto_evolution", "genetic", "annealing", "local_search", "bayesian", "tpe"}) {
    WarmStart strategy(tree, first, make_strategy(name, {.tree = tree, .goal = {}, .seed = Seed(1), .options = {}}));
    std::set<Architecture> asked;
    for (std::int64_t trial = 0; trial < 40; ++trial) {
      const Architecture architecture = *strategy.ask();
      EXPECT_TRUE(asked.insert(architecture).second) << name;
      if (asked.size() == warm.size()) EXPECT_EQ(asked, warm) << name;
      strategy.tell({.trial = trial, .architecture = architecture, .metrics = {{"val_accuracy", ones(architecture, 0, 6)}}});
    }
  }
}

TEST(WarmStart, ShortensTheRandomStart) {
  const DecisionTree tree = bits(60);
  std::vector<Architecture> first;
  for (std::size_t i = 0; i < 10; ++i) {
    first.push_back({.picks = std::vector<std::int64_t>(60, 0)});
    first.back().picks[i] = 1;
  }
  WarmStart strategy(tree, first, make_strategy("evolution", {.tree = tree, .goal = {}, .seed = Seed(1), .options = {{"population", "10"}}}));
  for (std::int64_t trial = 0; trial < 12; ++trial) {
    const Architecture architecture = *strategy.ask();
    EXPECT_LE(ones(architecture, 0, 60), 3) << trial;  // a random one has thirty
    strategy.tell({.trial = trial, .architecture = architecture, .metrics = {{"val_accuracy", 0.5}}});
  }
}

}  // namespace
}  // namespace netwright
