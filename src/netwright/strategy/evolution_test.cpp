#include "netwright/strategy/evolution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "netwright/core/files.hpp"
#include "netwright/objective/rank.hpp"

namespace netwright {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

DecisionTree bits(int count) {
  std::vector<Decision> decisions;
  for (int i = 0; i < count; ++i) decisions.push_back({.name = "bit" + std::to_string(i), .choices = {"0", "1"}});
  return DecisionTree(std::move(decisions));
}

double share_of_ones(const Architecture& architecture) {
  double ones = 0;
  for (const std::int64_t pick : architecture.picks) ones += static_cast<double>(pick);
  return ones / static_cast<double>(architecture.picks.size());
}

// The toy of the reference: fitness is the share of ones plus noise; 1000 evaluations, the first population included.
struct Toy {
  std::vector<double> best_noisy, best_true;
};

Toy play(const std::string& strategy_name, const Options& options, double noise) {
  const DecisionTree tree = bits(100);
  Toy toy;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto strategy = make_strategy(strategy_name, {.tree = tree, .goal = {}, .seed = Seed(seed), .options = options});
    Rng rng = Seed(seed).derive("noise").rng();
    double best_noisy = 0, best_true = 0;
    for (std::int64_t trial = 0; trial < 1000; ++trial) {
      const Architecture asked = *strategy->ask();
      const double fitness = share_of_ones(asked) + noise * rng.normal();
      if (fitness > best_noisy) best_noisy = fitness, best_true = share_of_ones(asked);
      strategy->tell({.trial = trial, .architecture = asked, .metrics = {{"val_accuracy", fitness}}});
    }
    toy.best_noisy.push_back(best_noisy);
    toy.best_true.push_back(best_true);
  }
  return toy;
}

nlohmann::json expected(const std::string& id) {
  const auto file = nlohmann::json::parse(read_file(NETWRIGHT_SOURCE_DIR "/tests/oracles.json"));
  for (const auto& oracle : file.at("cases")) {
    if (oracle.at("id") == id) return oracle.at("expect");
  }
  throw std::runtime_error("no oracle " + id);
}

// Both means are of 100 seeds; they differ by at most 3.5 deviations of their difference.
void expect_mean(const std::vector<double>& got, double mean_expected, double deviation_expected) {
  const double of_mean = std::hypot(deviation_expected, standard_deviation(got)) / 10;
  EXPECT_NEAR(mean(got), mean_expected, 3.5 * of_mean);
}

void expect_toy(const std::string& id, const Options& options) {
  const auto expect = expected(id);
  const Toy toy = play("evolution", options, 0.01);
  expect_mean(toy.best_noisy, expect.at("best_noisy_mean"), expect.at("best_noisy_sd"));
  expect_mean(toy.best_true, expect.at("best_true_mean"), expect.at("best_true_sd"));
}

TEST(Toy, AgingWithTournamentsOfTen) { expect_toy("E-rea_P100_S10_aging", {{"population", "100"}, {"sample", "10"}}); }
TEST(Toy, AgingWithTournamentsOfTwo) { expect_toy("E-rea_P100_S2_aging", {{"population", "100"}, {"sample", "2"}}); }
TEST(Toy, RemovingTheWorst) { expect_toy("E-killworst", {{"population", "100"}, {"sample", "10"}, {"removal", "worst"}}); }

TEST(Toy, RandomSearch) {
  const auto expect = expected("E-random");
  expect_mean(play("random", {}, 0).best_true, expect.at("mean"), expect.at("sd"));
}

StrategyCase small(const DecisionTree& tree, Options options, Goal goal = {}) {
  options.emplace("population", "8");
  options.emplace("sample", "3");
  return {.tree = tree, .goal = std::move(goal), .seed = Seed(3), .options = std::move(options)};
}

Told told(std::int64_t trial, const Architecture& architecture, Metrics metrics) {
  return {.trial = trial, .architecture = architecture, .metrics = std::move(metrics)};
}

TEST(Evolution, PopulationIsAQueueOfTheLatest) {
  const DecisionTree tree = bits(20);
  Evolution evolution(small(tree, {}));
  for (std::int64_t trial = 0; trial < 200; ++trial) {
    const Architecture asked = *evolution.ask();
    evolution.tell(told(trial, asked, {{"val_accuracy", share_of_ones(asked)}}));
    ASSERT_EQ(evolution.population().size(), static_cast<std::size_t>(std::min<std::int64_t>(trial + 1, 8)));
    EXPECT_EQ(evolution.population().back().trial, trial);
    EXPECT_EQ(evolution.population().front().trial, std::max<std::int64_t>(0, trial - 7));
  }
}

int distance(const Architecture& a, const Architecture& b) {
  int differing = 0;
  for (std::size_t i = 0; i < a.picks.size(); ++i) differing += a.picks[i] != b.picks[i];
  return differing;
}

TEST(Evolution, ChildrenDifferFromALivingParentInOneDecision) {
  const DecisionTree tree = bits(20);
  Evolution evolution(small(tree, {}));
  for (std::int64_t trial = 0; trial < 200; ++trial) {
    const auto living = evolution.population();
    const Architecture asked = *evolution.ask();
    if (trial >= 8) {
      EXPECT_TRUE(std::ranges::any_of(living, [&](const auto& member) { return distance(member.architecture, asked) == 1; }));
    }
    evolution.tell(told(trial, asked, {{"val_accuracy", share_of_ones(asked)}}));
  }
}

TEST(Evolution, IdentityGivesTheParentAgain) {
  const DecisionTree tree = bits(20);
  Evolution evolution(small(tree, {{"identity", "1"}}));
  for (std::int64_t trial = 0; trial < 100; ++trial) {
    const auto living = evolution.population();
    const Architecture asked = *evolution.ask();
    if (trial >= 8) {
      EXPECT_TRUE(std::ranges::any_of(living, [&](const auto& member) { return member.architecture == asked; }));
    }
    evolution.tell(told(trial, asked, {{"val_accuracy", share_of_ones(asked)}}));
  }
}

TEST(Evolution, RemovingTheWorstKeepsTheBest) {
  const DecisionTree tree = bits(20);
  Evolution evolution(small(tree, {{"removal", "worst"}}));
  std::vector<double> seen;
  for (std::int64_t trial = 0; trial < 100; ++trial) {
    const Architecture asked = *evolution.ask();
    seen.push_back(share_of_ones(asked));
    evolution.tell(told(trial, asked, {{"val_accuracy", seen.back()}}));
    std::vector<double> living;
    for (const auto& member : evolution.population()) living.push_back(member.standing.score);
    std::ranges::sort(living, std::greater{});
    std::vector<double> best = seen;
    std::ranges::sort(best, std::greater{});
    best.resize(living.size());
    EXPECT_EQ(living, best);
  }
}

// Members that meet the constraint win against better ones that do not.
TEST(Evolution, ConstraintsComeFirst) {
  const DecisionTree tree = bits(20);
  const Goal goal{.constraints = {{.metric = "params", .at_most = 10}}};
  Evolution evolution(small(tree, {{"sample", "200"}}, goal));
  Architecture within{.picks = std::vector<std::int64_t>(20, 0)}, beyond{.picks = std::vector<std::int64_t>(20, 1)};
  for (std::int64_t trial = 0; trial < 8; ++trial) {
    evolution.ask();
    const bool fits = trial == 3;
    evolution.tell(told(trial, fits ? within : beyond, {{"val_accuracy", fits ? 0.1 : 0.9}, {"params", fits ? 5.0 : 20.0}}));
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(distance(*evolution.ask(), within), 1);
}

TEST(Evolution, FailedTrialsNeverHaveChildren) {
  const DecisionTree tree = bits(20);
  Evolution evolution(small(tree, {}));
  const Architecture good{.picks = std::vector<std::int64_t>(20, 0)}, bad{.picks = std::vector<std::int64_t>(20, 1)};
  for (std::int64_t trial = 0; trial < 50; ++trial) {
    evolution.ask();
    evolution.tell({.trial = trial, .architecture = trial == 3 ? good : bad, .metrics = {{"val_accuracy", 0.5}}, .failed = trial != 3});
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(distance(*evolution.ask(), good), 1);
}

TEST(Evolution, AsksBeforeTheFirstPopulationIsToldAreRandomThenFromWhatIsTold) {
  const DecisionTree tree = bits(20);
  Evolution evolution(small(tree, {}));
  std::vector<Architecture> asked;
  for (int i = 0; i < 12; ++i) asked.push_back(*evolution.ask());
  for (const Architecture& architecture : asked) EXPECT_NO_THROW(validate(tree, architecture));
  evolution.tell(told(5, asked[5], {{"val_accuracy", 0.5}}));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(distance(*evolution.ask(), asked[5]), 1);
}

}  // namespace
}  // namespace netwright
