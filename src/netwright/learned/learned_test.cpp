#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

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
