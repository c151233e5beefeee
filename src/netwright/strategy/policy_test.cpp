#include "netwright/strategy/policy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "netwright/space/variation.hpp"
#include "netwright/strategy/reinforce.hpp"

namespace netwright {
namespace {

DecisionTree nested_tree() {
  return DecisionTree({
      {.name = "stem", .choices = {"none", "conv", "deep"}, .search_only = {true, false, false}},
      {.name = "kernel", .kind = Kind::ordinal, .choices = {"3", "5", "7"}, .condition = Condition{0, {1}}},
      {.name = "blocks", .kind = Kind::k_of_n, .choices = {"a", "b", "c", "d"}, .minimum = 1, .maximum = 3},
      {.name = "width_of_b", .kind = Kind::ordinal, .choices = {"16", "32"}, .condition = Condition{2, {1}}},
  });
}

TabularPolicy random_policy(const DecisionTree& tree) {
  TabularPolicy policy(tree);
  Rng rng(4);
  for (double& logit : policy.logits()) logit = rng.normal();
  return policy;
}

TEST(Policy, SamplesAreValidAndSkipWhatIsInactive) {
  const DecisionTree tree = nested_tree();
  const TabularPolicy policy = random_policy(tree);
  Rng rng(1);
  for (int i = 0; i < 200; ++i) {
    const Episode episode = policy.sample(rng);
    EXPECT_NO_THROW(validate(tree, episode.architecture));
    std::size_t active_decisions = 0;
    for (const auto pick : episode.architecture.picks) active_decisions += pick != Architecture::inactive;
    EXPECT_EQ(episode.draws.size(), active_decisions);
  }
}

TEST(Policy, SamplesAreAsFrequentAsTheirProbability) {
  const DecisionTree tree = nested_tree();
  const TabularPolicy policy = random_policy(tree);
  Rng rng(2);
  std::map<std::vector<std::vector<int>>, std::pair<double, double>> seen;  // frequency, probability of one order of draws
  constexpr int count = 60000;
  for (int i = 0; i < count; ++i) {
    const Episode episode = policy.sample(rng);
    std::vector<std::vector<int>> key;
    for (const Draw& drawn : episode.draws) key.push_back(drawn.picks);
    auto& [frequency, probability] = seen[key];
    frequency += 1.0 / count;
    probability = std::exp(policy.log_probability(episode));
  }
  double total = 0;
  for (const auto& [key, both] : seen) {
    EXPECT_NEAR(both.first, both.second, 5 * std::sqrt(both.second / count) + 1e-4);
    total += both.second;
  }
  EXPECT_NEAR(total, 1, 1e-2);
}

TEST(Policy, GradientEqualsFiniteDifferences) {
  const DecisionTree tree = nested_tree();
  TabularPolicy policy = random_policy(tree);
  Rng rng(3);
  for (int i = 0; i < 20; ++i) {
    const Episode episode = policy.sample(rng);
    std::vector<double> gradient(policy.logits().size(), 0);
    policy.add_gradient(episode, 2, gradient);
    for (std::size_t k = 0; k < gradient.size(); ++k) {
      const double before = policy.logits()[k], step = 1e-5;
      policy.logits()[k] = before + step;
      const double above = policy.log_probability(episode);
      policy.logits()[k] = before - step;
      const double below = policy.log_probability(episode);
      policy.logits()[k] = before;
      EXPECT_NEAR(gradient[k], 2 * (above - below) / (2 * step), 1e-7);
    }
  }
}

TEST(Policy, AnUntrainedSoftmaxHasFullEntropy) {
  const DecisionTree tree({{.name = "a", .choices = {"x", "y", "z"}}});
  const TabularPolicy policy(tree);
  Rng rng(0);
  EXPECT_NEAR(policy.entropy(policy.sample(rng)), std::log(3.0), 1e-12);
}

// On a bandit with known rewards the policy concentrates on the best arm, whatever constant is added to all rewards.
TEST(Reinforce, ConcentratesOnTheBestChoices) {
  std::vector<Decision> decisions;
  for (int i = 0; i < 6; ++i) decisions.push_back({.name = "d" + std::to_string(i), .choices = {"a", "b", "c", "d"}});
  const DecisionTree tree(decisions);
  for (const double shift : {0.0, 5.0}) {
    Reinforce strategy({.tree = tree, .goal = {}, .seed = Seed(1), .options = {}});
    double late = 0;
    for (std::int64_t trial = 0; trial < 1500; ++trial) {
      const Architecture asked = *strategy.ask();
      double share = 0;
      for (const auto pick : asked.picks) share += pick == 2 ? 1.0 / 6 : 0;
      if (trial >= 1400) late += share / 100;
      strategy.tell({.trial = trial, .architecture = asked, .metrics = {{"val_accuracy", shift + share}}});
    }
    EXPECT_GT(late, 0.9) << shift;  // a random policy has 0.25
  }
}

}  // namespace
}  // namespace netwright
