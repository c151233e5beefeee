#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "netwright/learned/enas_decoder.hpp"
#include "netwright/learned/policy.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/reward_baseline.hpp"

namespace netwright {
namespace {

DecisionTree nested_tree() {
  return DecisionTree({{.name = "edges", .kind = Kind::k_of_n, .choices = {"0", "1", "2"}, .minimum = 2, .maximum = 2},
                       {.name = "op", .choices = {"none", "a", "b"}, .search_only = {true, false, false}},
                       {.name = "size", .kind = Kind::ordinal, .choices = {"3", "5"}, .condition = Condition{1, {2}}}});
}

TEST(Controller, DrawsValidArchitecturesWithTheirProbability) {
  const DecisionTree tree = nested_tree();
  const auto policy = make_controller(tree, {.hidden = 8}, Seed(3), {.dtype = at::kDouble});
  Rng rng(1);
  double total = 0;
  std::map<std::vector<std::int64_t>, double> seen;
  for (int i = 0; i < 400; ++i) {
    const auto sample = policy->sample(rng);
    ASSERT_NO_THROW(validate(tree, sample.architecture));
    const double p = std::exp(sample.log_probability.item<double>());
    // The order of a subset's tokens counts: each subset of two is drawn in two orders.
    seen[sample.architecture.picks] = p;
    total += p;
  }
  EXPECT_GT(total, 0);
  EXPECT_EQ(seen.size(), 3U * 3U);
}

// A bandit: the policy concentrates on the one good architecture (Williams 1992).
TEST(Policies, ConcentrateOnTheBestOfABandit) {
  const DecisionTree tree = nested_tree();
  for (const bool lstm : {true, false}) {
    const auto parameters = ArchitectureParameters::start(tree, Seed(2), {.dtype = at::kDouble});
    const auto policy = lstm ? make_controller(tree, {.hidden = 8, .temperature = 0, .tanh_constant = 0}, Seed(3), {.dtype = at::kDouble}) : make_parameter_policy(tree, parameters);
    RewardBaseline baseline(0.9);
    Rng rng(7);
    for (int step = 0; step < 500; ++step) {
      const auto sample = policy->sample(rng);
      const double reward = sample.architecture.picks[1] == 2 && sample.architecture.picks[2] == 1 ? 1 : 0;
      (-sample.log_probability * baseline.advantage(reward)).backward();
      for (auto& named : policy->parameters()) {
        if (!named.tensor.grad().defined()) continue;
        named.tensor.data() -= 0.3 * named.tensor.grad();
        named.tensor.mutable_grad().zero_();
      }
    }
    int good = 0;
    for (int i = 0; i < 100; ++i) {
      const auto picks = policy->sample(rng).architecture.picks;
      good += picks[1] == 2 && picks[2] == 1;
    }
    EXPECT_GT(good, 85) << (lstm ? "lstm" : "parameters");
  }
}

// ---- what a stage took out ----

// Both policies over a tree, with parameters that are not even.
std::vector<std::pair<std::string, std::shared_ptr<const Policy>>> policies(const DecisionTree& tree) {
  const auto parameters = ArchitectureParameters::start(tree, Seed(2), {.dtype = at::kDouble}, {.deviation = 1});
  return {{"lstm", make_controller(tree, {.hidden = 8, .temperature = 0, .tanh_constant = 0}, Seed(3), {.dtype = at::kDouble})},
          {"parameters", make_parameter_policy(tree, parameters)}};
}

TEST(Policies, NeverDrawWhatIsOut) {
  const DecisionTree tree({{.name = "op", .choices = {"none", "a", "b", "c"}, .search_only = {true, false, false, false}},
                           {.name = "edges", .kind = Kind::k_of_n, .choices = {"0", "1", "2"}, .minimum = 1, .maximum = 3},
                           {.name = "of_0", .choices = {"x", "y"}, .condition = Condition{1, {0}}},
                           {.name = "of_1", .choices = {"x", "y"}, .condition = Condition{1, {1}}},
                           {.name = "of_2", .choices = {"x", "y"}, .condition = Condition{1, {2}}}});
  const ChoicesOut out{{false, true, false, false}, {}, {false, false}, {true, true}, {false, true}};   // input 1 has nothing left on it
  for (const auto& [name, policy] : policies(tree)) {
    Rng rng(5);
    std::set<std::int64_t> ops;
    for (int i = 0; i < 200; ++i) {
      const auto sample = policy->sample(rng, out);
      ASSERT_NO_THROW(validate(tree, sample.architecture)) << name;
      ops.insert(sample.architecture.picks[0]);
      EXPECT_EQ(sample.architecture.picks[1], 0b101) << name;   // as many of three as are left
      EXPECT_EQ(sample.architecture.picks[4], 0) << name;
      EXPECT_TRUE(std::isfinite(sample.log_probability.item<double>()) && std::isfinite(sample.entropy.item<double>())) << name;
    }
    EXPECT_EQ(ops, (std::set<std::int64_t>{2, 3})) << name;
    const auto probabilities = policy->probabilities(out);
    EXPECT_EQ(probabilities[0][0] + probabilities[0][1], 0) << name;
    EXPECT_NEAR(probabilities[0][2] + probabilities[0][3], 1, 1e-9) << name;
    EXPECT_EQ(probabilities[3], (std::vector<double>{0, 0})) << name;
    EXPECT_NEAR(probabilities[4][0], 1, 1e-9) << name;
    EXPECT_EQ(probabilities[4][1], 0) << name;
  }
}

// One decision: log p of what is left is log p of all minus the log of what these have together.
TEST(Policies, ProbabilitiesAreThoseOfWhatIsLeft) {
  const DecisionTree tree({{.name = "op", .choices = {"a", "b", "c", "d"}}});
  const ChoicesOut out{{false, true, false, true}};
  for (const auto& [name, policy] : policies(tree)) {
    std::vector<double> p(4, 0.0);
    Rng rng(6);
    for (int i = 0; i < 300; ++i) {
      const auto sample = policy->sample(rng);
      p[static_cast<std::size_t>(sample.architecture.picks[0])] = std::exp(sample.log_probability.item<double>());
    }
    ASSERT_NEAR(p[0] + p[1] + p[2] + p[3], 1, 1e-9) << name;   // each was drawn
    const double a = p[0] / (p[0] + p[2]), c = p[2] / (p[0] + p[2]);
    for (int i = 0; i < 20; ++i) {
      const auto sample = policy->sample(rng, out);
      EXPECT_NEAR(sample.log_probability.item<double>(), std::log(sample.architecture.picks[0] == 0 ? a : c), 1e-12) << name;
      EXPECT_NEAR(sample.entropy.item<double>(), -a * std::log(a) - c * std::log(c), 1e-12) << name;
      for (auto& named : policy->parameters()) named.tensor.mutable_grad() = at::Tensor();
      sample.log_probability.backward();
      for (const auto& named : policy->parameters())
        if (named.tensor.grad().defined()) EXPECT_TRUE(named.tensor.grad().isfinite().all().item<bool>()) << name << named.name;
    }
  }
}

EnasWeights random_weights(std::int64_t h, std::int64_t n) {
  const auto make = [](std::initializer_list<std::int64_t> sizes) { return at::randn(sizes, at::kDouble); };
  return {make({2 * h, 4 * h}), make({1, h}), make({n, h}), make({h, n}), make({h, h}), make({h, h}), make({h, 1}), make({n})};
}

TEST(EnasDecoder, TeacherForcingGivesTheSampledProbability) {
  at::manual_seed(1);
  const EnasWeights weights = random_weights(6, 5);
  const EnasForm form{.temperature = 5, .tanh_constant = 1.1, .operation_reduction = 2.5};
  Rng rng(4);
  std::vector<std::int64_t> asked;
  const PickToken drawing = sampled_pick(rng);
  const EnasDecoded drawn = decode_enas_cell(weights, form, 3, {}, {}, [&](const at::Tensor& logits) { return asked.emplace_back(drawing(logits)); });
  EXPECT_EQ(drawn.tokens.size(), 12U);
  for (std::size_t node = 0; node < 3; ++node) EXPECT_LT(drawn.tokens[4 * node], static_cast<std::int64_t>(node) + 2);   // earlier states alone
  std::size_t next = 0;
  const EnasDecoded forced = decode_enas_cell(weights, form, 3, {}, {}, [&](const at::Tensor&) { return asked[next++]; });
  EXPECT_EQ(forced.tokens, drawn.tokens);
  EXPECT_DOUBLE_EQ(forced.log_probability.item<double>(), drawn.log_probability.item<double>());
}

TEST(EnasDecoder, SkipsAreDrawnOneByOne) {
  at::manual_seed(2);
  const EnasDecoded drawn = decode_enas_layers(random_weights(6, 6), {.tanh_constant = 1.5}, 5, 0.4, greedy_pick());
  EXPECT_EQ(drawn.tokens.size(), 5U + 10U);
  EXPECT_GE(drawn.skip_penalty.item<double>(), -1);
}

}  // namespace
}  // namespace netwright
