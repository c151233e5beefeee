// Hypervolume improvement and pruning: what is special about them. What every strategy holds to is in strategy_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "netwright/objective/hypervolume.hpp"
#include "netwright/strategy/pruning.hpp"

namespace netwright {
namespace {

DecisionTree bits(int count) {
  std::vector<Decision> decisions;
  for (int i = 0; i < count; ++i) decisions.push_back({.name = "bit" + std::to_string(i), .choices = {"0", "1"}});
  return DecisionTree(std::move(decisions));
}

const Goal two{.objectives = {{"gain", Direction::maximise}, {"cost", Direction::minimise}}};

// Every bit costs one; those of the first half gain too, the first ones more. The front switches them on in that order.
Metrics trade(const Architecture& architecture) {
  const std::size_t half = architecture.picks.size() / 2;
  double gain = 0, cost = 0;
  for (std::size_t i = 0; i < architecture.picks.size(); ++i) {
    const auto on = static_cast<double>(architecture.picks[i]);
    cost += on;
    if (i < half) gain += on * static_cast<double>(half - i);
  }
  return {{"gain", gain}, {"cost", cost}};
}

double reached(const std::string& name, std::int64_t trials, std::uint64_t seed, const Goal& goal) {
  const DecisionTree tree = bits(16);
  const auto strategy = make_strategy(name, {.tree = tree, .goal = goal, .seed = Seed(seed), .options = {}});
  std::vector<Metrics> found;
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    const Architecture asked = *strategy->ask();
    found.push_back(trade(asked));
    strategy->tell({.trial = trial, .architecture = asked, .metrics = found.back()});
  }
  return hypervolume(goal, found, {{"gain", -1}, {"cost", 17}});
}

TEST(HypervolumeImprovement, FillsTheFrontSoonerThanEvolution) {
  std::vector<std::vector<double>> best;
  for (int on = 0; on <= 8; ++on) best.push_back({on * 8.0 - on * (on - 1) / 2.0, -on * 1.0});
  const double whole = hypervolume(best, std::vector<double>{-1, -17});
  double guided = 0, evolved = 0, random = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    guided += reached("hypervolume", 60, seed, two) / 3;
    evolved += reached("nsga2", 60, seed, two) / 3;
    random += reached("random", 60, seed, two) / 3;
  }
  EXPECT_GT(guided, 0.97 * whole);
  EXPECT_GT(guided, evolved);
  EXPECT_GT(guided, random);
}

// A bound that random architectures miss: what is asked in the end meets it.
TEST(HypervolumeImprovement, LearnsWhatMeetsAConstraint) {
  const DecisionTree tree = bits(16);
  Goal bounded = two;
  bounded.constraints = {{.metric = "cost", .at_most = 4}};
  const auto strategy = make_strategy("hypervolume", {.tree = tree, .goal = bounded, .seed = Seed(3), .options = {}});
  int kept = 0;
  for (std::int64_t trial = 0; trial < 60; ++trial) {
    const Architecture asked = *strategy->ask();
    const Metrics metrics = trade(asked);
    if (trial >= 40 && metrics.at("cost") <= 4) ++kept;
    strategy->tell({.trial = trial, .architecture = asked, .metrics = metrics});
  }
  EXPECT_GE(kept, 12) << "of the last twenty";
}

// Scores of no common scale, one of them to be minimised: where they agree, that is what is left.
TEST(Pruning, LeavesWhatBothScoresPrefer) {
  std::vector<Decision> decisions;
  for (int i = 0; i < 6; ++i) decisions.push_back({.name = "edge" + std::to_string(i), .choices = {"a", "b", "c", "d", "e"}});
  const DecisionTree tree(std::move(decisions));
  const Goal scores{.objectives = {{"regions", Direction::maximise}, {"condition", Direction::minimise}}};
  const Architecture target{.picks = {4, 0, 2, 1, 3, 2}};
  int found = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Pruning strategy({.tree = tree, .goal = scores, .seed = Seed(seed), .options = {{"samples", "12"}}});
    std::set<Architecture> asked_ones;
    std::int64_t trial = 0;
    for (; strategy.finished() == 0 && trial < 2000; ++trial) {
      const Architecture asked = *strategy.ask();
      EXPECT_TRUE(asked_ones.insert(asked).second);
      double apart = 0;
      for (std::size_t i = 0; i < 6; ++i) apart += std::abs(static_cast<double>(asked.picks[i] - target.picks[i]));
      strategy.tell({.trial = trial, .architecture = asked, .metrics = {{"regions", 1e30 * std::exp(-apart)}, {"condition", 50 + apart}}});
    }
    EXPECT_LT(trial, 400) << "of 15,625";
    found += asked_ones.contains(target) ? 1 : 0;
  }
  EXPECT_GE(found, 3);
}

// Every choice of an open decision is in as many architectures as it shall be, and one choice of each goes at a time.
TEST(Pruning, DropsOneChoiceADecisionARound) {
  std::vector<Decision> decisions;
  for (int i = 0; i < 4; ++i) decisions.push_back({.name = "d" + std::to_string(i), .choices = {"a", "b", "c", "d"}});
  decisions.push_back({.name = "edges", .kind = Kind::k_of_n, .choices = {"p", "q", "r", "s", "t"}, .minimum = 2, .maximum = 2});
  const DecisionTree tree(std::move(decisions));
  Pruning strategy({.tree = tree, .goal = {}, .seed = Seed(1), .options = {}});
  auto before = strategy.alive();
  std::size_t rounds = 0;
  for (std::int64_t trial = 0; strategy.finished() == 0 && trial < 1000; ++trial) {
    const Architecture asked = *strategy.ask();
    validate(tree, asked);
    strategy.tell({.trial = trial, .architecture = asked, .metrics = {{"val_accuracy", static_cast<double>(hash(asked) % 1009)}}});
    if (strategy.alive() == before || strategy.finished() > 0) continue;
    ++rounds;
    for (std::size_t i = 0; i < tree.size(); ++i) {
      const auto lost = std::ranges::count(before[i], true) - std::ranges::count(strategy.alive()[i], true);
      EXPECT_EQ(lost, 1) << "decision " << i << ", round " << rounds;
    }
    before = strategy.alive();
  }
  EXPECT_EQ(rounds, 3u);  // of four choices one is left, of five edges two
  EXPECT_EQ(strategy.finished(), 1u);
}

}  // namespace
}  // namespace netwright
