// The recurrent policy and the searches that it drives.
#include "netwright/strategy/controller.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "netwright/strategy/surrogate.hpp"

namespace netwright {
namespace {

DecisionTree nested_tree() {
  return DecisionTree({
      {.name = "stem", .choices = {"none", "conv", "deep"}, .search_only = {true, false, false}},
      {.name = "kernel", .kind = Kind::ordinal, .choices = {"3", "5", "7"}, .condition = Condition{0, {1}}},
      {.name = "blocks", .kind = Kind::k_of_n, .choices = {"a", "b", "c", "d"}, .minimum = 1, .maximum = 3},
      {.name = "pair", .kind = Kind::k_of_n, .choices = {"0", "1", "2"}, .minimum = 2, .maximum = 2},
  });
}

RecurrentOptions small() { return {.layers = 2, .hidden = 4, .temperature = 2, .tanh_constant = 1.5, .spread = 1}; }

TEST(RecurrentPolicy, ProbabilitiesOfAllItsEpisodesSumToOne) {
  const DecisionTree tree = nested_tree();
  const RecurrentPolicy policy(tree, small(), Seed(3));
  Rng rng(1);
  std::set<std::vector<std::vector<int>>> seen;
  double total = 0;
  for (int i = 0; i < 40000; ++i) {
    const Episode episode = policy.sample(rng).episode;
    ASSERT_NO_THROW(validate(tree, episode.architecture));
    std::vector<std::vector<int>> key{{episode.architecture.picks.begin(), episode.architecture.picks.end()}};
    for (const Draw& drawn : episode.draws) key.push_back(drawn.picks);
    if (seen.insert(key).second) total += std::exp(policy.log_probability(episode));
  }
  EXPECT_EQ(seen.size(), 4u * (4 + 12 + 24) * 6);  // stems with kernels, ordered subsets, ordered pairs
  EXPECT_NEAR(total, 1, 1e-9);
}

TEST(RecurrentPolicy, GradientEqualsFiniteDifferences) {
  const DecisionTree tree = nested_tree();
  RecurrentPolicy policy(tree, small(), Seed(5));
  Rng rng(2);
  const Episode episode = policy.sample(rng).episode;
  std::vector<double> gradient(policy.weights().size(), 0);
  policy.add_gradient(episode, [](double) { return 2; }, 3, gradient);
  const auto objective = [&] { return 2 * policy.log_probability(episode) + 3 * policy.entropy(episode); };
  for (std::size_t k = 0; k < gradient.size(); ++k) {
    const double before = policy.weights()[k], step = 1e-5;
    policy.weights()[k] = before + step;
    const double above = objective();
    policy.weights()[k] = before - step;
    const double below = objective();
    policy.weights()[k] = before;
    ASSERT_NEAR(gradient[k], (above - below) / (2 * step), 1e-7) << k;
  }
}

TEST(Surrogate, SlopeIsThatOfItsValue) {
  for (const double advantage : {2.0, -2.0})
    for (const double ratio : {0.5, 0.9, 1.1, 1.5}) {
      const double step = 1e-6;
      const double above = clipped_surrogate(ratio + step, advantage, 0.2).value, below = clipped_surrogate(ratio - step, advantage, 0.2).value;
      EXPECT_NEAR(clipped_surrogate(ratio, advantage, 0.2).slope, (above - below) / (2 * step), 1e-8);
    }
  EXPECT_DOUBLE_EQ(clipped_surrogate(1.5, 2, 0.2).value, 2.4);
  EXPECT_DOUBLE_EQ(clipped_surrogate(0.5, -2, 0.2).value, -1.6);
}

// On a bandit with known rewards the controllers concentrate on the best choices, whatever constant is added to all rewards.
TEST(Controllers, ConcentrateOnTheBestChoices) {
  std::vector<Decision> decisions;
  for (int i = 0; i < 4; ++i) decisions.push_back({.name = "d" + std::to_string(i), .choices = {"a", "b", "c"}});
  const DecisionTree tree(decisions);
  for (const char* name : {"reinforce_lstm", "ppo", "enas_controller"})
    for (const double shift : {0.0, 5.0}) {
      const decltype(StrategyCase::options) options{{"learning_rate", "0.02"}, {"hidden", "16"}, {"power", "1"}, {"batch", "10"}, {"baseline", "0.9"}};
      const auto strategy = make_strategy(name, {.tree = tree, .goal = {}, .seed = Seed(1), .options = options});
      double late = 0;
      for (std::int64_t trial = 0; trial < 1500; ++trial) {
        const Architecture asked = *strategy->ask();
        double share = 0;
        for (const auto pick : asked.picks) share += pick == 2 ? 0.25 : 0;
        if (trial >= 1400) late += share / 100;
        strategy->tell({.trial = trial, .architecture = asked, .metrics = {{"val_accuracy", shift + share}}});
      }
      EXPECT_GT(late, 0.7) << name << " " << shift;  // a random policy has 0.33; ENAS' bounds leave each wrong choice 1 in 10
    }
}

}  // namespace
}  // namespace netwright
