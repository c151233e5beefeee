// Every relaxation: its gradient against finite differences, the frequencies of what it draws, what it runs.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "netwright/core/error.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/space.hpp"
#include "netwright/supernet/elastic.hpp"
#include "netwright/supernet/independent.hpp"
#include "netwright/supernet/mixed.hpp"
#include "netwright/supernet/partial.hpp"
#include "netwright/supernet/supernet.hpp"

namespace netwright {
namespace {

const NetworkPlace kDouble{.dtype = at::kDouble};

DecisionTree two_decisions() {
  return DecisionTree({{.name = "a", .choices = {"w", "x", "y", "z"}}, {.name = "b", .kind = Kind::ordinal, .choices = {"3", "5", "7"}}});
}

ArchitectureParameters spread_parameters(const DecisionTree& tree) { return ArchitectureParameters::start(tree, Seed(4), kDouble, {.deviation = 0.7}); }

// Pearson's statistic against the probability that a chi-square variable of these degrees of freedom stays below in 999,999 of a million.
void expect_frequencies(const std::vector<double>& counts, const std::vector<double>& probabilities) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  double statistic = 0, degrees = -1;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (probabilities[i] == 0) {
      EXPECT_EQ(counts[i], 0);
      continue;
    }
    statistic += std::pow(counts[i] - total * probabilities[i], 2) / (total * probabilities[i]);
    ++degrees;
  }
  const double spread = 2 / (9 * degrees), bound = degrees * std::pow(1 - spread + 4.75 * std::sqrt(spread), 3);   // Wilson and Hilferty
  EXPECT_LT(statistic, bound);
}

class EveryRelaxation : public testing::TestWithParam<std::string> {};

TEST_P(EveryRelaxation, IsNamedWithItsOptionsAndDrawsTheSameFromOneSeed) {
  const DecisionTree tree = two_decisions();
  const auto relaxation = make_relaxation(GetParam(), tree);
  const auto parameters = spread_parameters(tree);
  Rng a(5), b(5);
  const auto first = relaxation->paths(parameters, {a, 0.5}), second = relaxation->paths(parameters, {b, 0.5});
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i)
    for (const auto& [name, entry] : first[i]) {
      EXPECT_EQ(entry.values, second[i].at(name).values);
      EXPECT_EQ(entry.values, to_values(at::tensor(entry.values, at::kDouble)));
      EXPECT_TRUE(entry.weights.allclose(at::tensor(entry.values, at::kDouble), 1e-12, 1e-15));
    }
  const auto probabilities = relaxation->probabilities(parameters);
  ASSERT_EQ(probabilities.size(), 2U);
  EXPECT_EQ(probabilities[0].size(), 4U);
}

TEST_P(EveryRelaxation, WhatIsOutHasWeightZero) {
  const DecisionTree tree = two_decisions();
  auto parameters = spread_parameters(tree);
  parameters.take_out(tree, 0, 1), parameters.take_out(tree, 1, 0);
  const auto relaxation = make_relaxation(GetParam(), tree);
  Rng rng(5);
  for (int step = 0; step < 20; ++step)
    for (const auto& mixture : relaxation->paths(parameters, {rng, 0.5})) {
      EXPECT_EQ(mixture.at("a").values[1], 0);
      EXPECT_EQ(mixture.at("b").values[0], 0);
      EXPECT_GT(std::accumulate(mixture.at("a").values.begin(), mixture.at("a").values.end(), 0.0), 0);
    }
  EXPECT_EQ(relaxation->probabilities(parameters)[0][1], 0);
}

std::vector<std::string> names_of_relaxations(const std::function<bool(const RelaxationEntry&)>& which) {
  std::vector<std::string> names;
  for (const auto& entry : relaxations())
    if (which(entry)) names.push_back(entry.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Relaxations, EveryRelaxation, testing::ValuesIn(names_of_relaxations([](const auto& e) { return !e.needs_policy; })),
                         [](const auto& info) { return info.param; });

TEST(Relaxation, EveryNameHasCodeAndEveryCodeAName) {
  ASSERT_EQ(relaxations().size(), relaxation_parts().size());
  for (std::size_t i = 0; i < relaxations().size(); ++i) EXPECT_EQ(relaxations()[i].name, relaxation_parts()[i].name);
}

// d (sum_i c_i w_i) / d a by autograd, against the same draw at a +- h.
class SmoothRelaxation : public testing::TestWithParam<std::string> {};

TEST_P(SmoothRelaxation, GradientAgreesWithFiniteDifferences) {
  const DecisionTree tree = two_decisions();
  const auto parameters = spread_parameters(tree);
  const auto relaxation = make_relaxation(GetParam(), tree);
  const at::Tensor c = at::tensor({0.3, -1.0, 2.0, 0.7}, at::kDouble);
  const auto value = [&] {
    Rng rng(11);
    return (relaxation->draw(parameters, {rng, 0.4}).at("a").weights * c).sum();
  };
  value().backward();
  const at::Tensor gradient = parameters.vectors[0].grad();
  const at::NoGradGuard no_grad;
  for (std::int64_t i = 0; i < 4; ++i) {
    constexpr double h = 1e-6;
    parameters.vectors[0][i] += h;
    const double up = value().item<double>();
    parameters.vectors[0][i] -= 2 * h;
    const double down = value().item<double>();
    parameters.vectors[0][i] += h;
    EXPECT_NEAR(gradient[i].item<double>(), (up - down) / (2 * h), 1e-8);
  }
}

INSTANTIATE_TEST_SUITE_P(Relaxations, SmoothRelaxation, testing::Values("softmax", "sigmoid", "gumbel", "concrete"), [](const auto& info) { return info.param; });

// The straight-through gradient is that of the soft sample of the same noise, for the candidates that are evaluated.
TEST(GumbelHard, OneCandidateRunsAndTheGradientIsThatOfTheSoftSample) {
  const at::Tensor logits = at::tensor({0.2, -0.4, 0.9}, at::kDouble).requires_grad_(true);
  Rng rng(3);
  const at::Tensor noise = gumbel_noise(logits, rng), outputs = at::tensor({1.0, -2.0, 0.5}, at::kDouble);
  const MixtureEntry entry = straight_through(gumbel_softmax(logits, noise, 0.7));
  int runs = 0;
  const at::Tensor y = mixed_sum(entry, [&](std::size_t i) { return ++runs, outputs[static_cast<std::int64_t>(i)].reshape({1}); }, false);
  EXPECT_EQ(runs, 1);
  y.sum().backward();
  const at::Tensor got = logits.grad().clone();
  logits.mutable_grad().zero_();
  // Gates stand for the outputs that were not computed: their weight counts once.
  at::Tensor factors = at::ones({3}, at::kDouble);
  for (std::int64_t i = 0; i < 3; ++i)
    if (entry.values[static_cast<std::size_t>(i)] == 1) factors[i] = outputs[i];
  (gumbel_softmax(logits, noise, 0.7) * factors).sum().backward();
  EXPECT_TRUE(got.allclose(logits.grad(), 1e-12, 1e-14));
}

// dx/da of the first of two coordinates at a fixed quantile: -(dF/da) / f, with F by Simpson's rule.
TEST(Dirichlet, GradientIsThatOfTheInverseDistribution) {
  const auto density = [](double x, double a, double b) { return std::exp((a - 1) * std::log(x) + (b - 1) * std::log1p(-x) + std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b)); };
  const auto distribution = [&](double x, double a, double b) {
    constexpr int n = 20000;
    double sum = density(x, a, b);
    for (int i = 1; i < n; ++i) sum += (i % 2 == 1 ? 4 : 2) * density(x * i / n, a, b);
    return sum * x / n / 3;
  };
  for (const double x : {0.2, 0.5, 0.8}) {
    const double a = 3.2, b = 2.7, h = 1e-4;
    const double expected = -(distribution(x, a + h, b) - distribution(x, a - h, b)) / (2 * h) / density(x, a, b);
    const at::Tensor sample = at::tensor({x, 1 - x}, at::kDouble), concentration = at::tensor({a, b}, at::kDouble);
    const at::Tensor gradient = dirichlet_gradient(sample, concentration, at::tensor({1.0, 0.0}, at::kDouble));
    EXPECT_NEAR(gradient[0].item<double>(), expected, 1e-3 * std::abs(expected));   // torch's own approximation is that good
  }
}

TEST(Dirichlet, SamplesHaveTheRightMeanAndVariance) {
  const at::Tensor concentration = at::tensor({0.4, 1.0, 2.6}, at::kDouble);
  Rng rng(8);
  at::Tensor sum = at::zeros({3}, at::kDouble), squares = at::zeros({3}, at::kDouble);
  constexpr int n = 20000;
  for (int i = 0; i < n; ++i) {
    const at::Tensor x = dirichlet_sample(concentration, rng);
    sum += x, squares += x * x;
  }
  const at::Tensor mean = sum / n, expected = concentration / 4.0;
  EXPECT_LT((mean - expected).abs().max().item<double>(), 5 * 0.23 / std::sqrt(n));
  const at::Tensor variance = squares / n - mean * mean;
  EXPECT_TRUE(variance.allclose(expected * (1 - expected) / 5.0, 0.06, 0));
}

TEST(Frequencies, OfHardDrawsAreTheProbabilities) {
  const DecisionTree tree = two_decisions();
  const auto parameters = spread_parameters(tree);
  for (const std::string name : {"gumbel_hard", "gates", "uniform"}) {
    const auto relaxation = make_relaxation(name, tree);
    const auto probabilities = relaxation->probabilities(parameters);
    std::vector<double> counts(4, 0.0);
    Rng rng(17);
    for (int i = 0; i < 8000; ++i) {
      const Mixture mixture = relaxation->draw(parameters, rng);
      for (std::size_t k = 0; k < 4; ++k) counts[k] += mixture.at("a").values[k];
    }
    SCOPED_TRACE(name);
    expect_frequencies(counts, probabilities[0]);
  }
}

TEST(Fair, EveryCandidateRunsOnceAStep) {
  const DecisionTree tree({{.name = "a", .choices = {"w", "x", "y"}}, {.name = "b", .choices = {"p", "q", "r"}}});
  const auto parameters = spread_parameters(tree);
  const auto relaxation = make_relaxation("fair", tree);
  Rng rng(2);
  for (int step = 0; step < 10; ++step) {
    std::vector<double> a(3, 0.0), b(3, 0.0);
    for (const auto& path : relaxation->paths(parameters, rng))
      for (std::size_t k = 0; k < 3; ++k) a[k] += path.at("a").values[k], b[k] += path.at("b").values[k];
    EXPECT_EQ(a, std::vector<double>(3, 1.0));
    EXPECT_EQ(b, std::vector<double>(3, 1.0));
  }
}

TEST(Gates, TwoPathsKeepTheProbabilitiesOfTheOthers) {
  const at::Tensor before = at::tensor({0.2, -0.1, 0.4, 0.0}, at::kDouble);
  at::Tensor after = before.clone();
  after[0] += 0.6, after[2] -= 0.6;
  const at::Tensor p = at::softmax(before, 0), q = at::softmax(keep_other_probabilities(before, after), 0);
  for (const std::int64_t i : {1, 3}) EXPECT_NEAR(p[i].item<double>(), q[i].item<double>(), 1e-15);
  EXPECT_GT(q[0].item<double>(), p[0].item<double>());
}

// A supernet step at one path trains one path: no other candidate gets a gradient.
TEST(SinglePath, OtherCandidatesAreNotRun) {
  const auto space = find_space("nasbench201");
  const Graph open = space->open({.input = {3, 8, 8}, .search = true, .settings = {{"channels", "4"}, {"cells", "1"}}});
  const auto parameters = ArchitectureParameters::start(space->decisions(), Seed(1));
  for (const std::string name : {"gumbel_hard", "gates", "uniform"}) {
    Supernet supernet(open);
    Rng rng(9);
    const Mixture mixture = make_relaxation(name, space->decisions())->draw(parameters, rng);
    supernet.forward(at::randn({2, 3, 8, 8}), mixture)[0].square().sum().backward();
    // Of the two convolutions of an edge at most one has run; over all edges, some have not.
    std::map<std::string, bool> learned;
    for (const auto& named : supernet.tensors())
      if (named.trainable) learned[named.name] = named.tensor.grad().defined();
    std::size_t idle = 0, pairs = 0;
    for (const auto& [tensor, has] : learned) {
      const std::size_t at = tensor.find("nor_conv_3x3");
      if (at == std::string::npos) continue;
      const auto twin = learned.find(std::string(tensor).replace(at, 12, "nor_conv_1x1"));
      ASSERT_NE(twin, learned.end()) << tensor;
      EXPECT_FALSE(has && twin->second) << name << ' ' << tensor;
      idle += !has || !twin->second;
      ++pairs;
    }
    EXPECT_GT(pairs, 0U);
    EXPECT_EQ(idle, pairs);
  }
}

TEST(Partial, DartsHasThePublishedSizeAndBypassedChannelsLearn) {
  const auto space = find_space("darts");
  const Graph open = space->open({.input = {3, 32, 32}, .classes = 10, .search = true});
  const Cost size = cost(partial_channels(open, 4));
  EXPECT_EQ(size.params, 299578);
  EXPECT_EQ(size.macs, 56596992);
  const Graph small = partial_channels(space->open({.input = {3, 16, 16}, .search = true, .settings = {{"channels", "8"}, {"cells", "3"}}}), 4);
  EXPECT_EQ(decisions_of(small).size(), space->decisions().size());
  Supernet supernet(small);
  const auto parameters = ArchitectureParameters::start(space->decisions(), Seed(1), {}, {.edges = true});
  EXPECT_EQ(parameters.defined().size(), 28U + 8U);
  Rng rng(1);
  at::Tensor x = at::randn({2, 3, 16, 16}).requires_grad_(true);
  supernet.forward(x, make_relaxation("softmax", space->decisions())->draw(parameters, rng))[0].square().sum().backward();
  for (const auto& vector : parameters.defined()) EXPECT_TRUE(vector.grad().defined());
}

// ---- elastic layers ----

Graph elastic_graph() {
  Builder b;
  Value x = b.input({3, 9, 9});
  x = b.add("conv", x, {{"kernel", 1}, {"channels", Open{"width", {4, 6, 8}}}}, "expand");
  x = b.add("relu", b.add("batch_norm", x, {}, "norm"), {}, "act");
  x = b.add("conv", x, {{"kernel", Open{"kernel", {3, 5, 7}}}, {"groups", 0}, {"channels", 0}}, "depthwise");
  x = b.add("relu", b.add("batch_norm", x, {}, "norm_2"), {}, "act_2");
  x = b.add("conv", x, {{"kernel", 1}, {"channels", 5}}, "project");
  return b.finish({x});
}

TEST(Elastic, KernelTransformStartsAsCroppingAndItsMatricesLearn) {
  const Graph open = elastic_graph();
  const DecisionTree tree = decisions_of(open);
  Supernet plain(open, kDouble), transformed(open, kDouble, {.kernel_transform = true});
  std::map<std::string, at::Tensor> by_name;
  for (const auto& named : plain.tensors()) by_name[named.name] = named.tensor;
  const at::Tensor x = at::randn({2, 3, 9, 9}, at::kDouble);
  {
    const at::NoGradGuard no_grad;
    for (auto named : transformed.tensors())
      if (by_name.contains(named.name)) named.tensor.copy_(by_name[named.name]);
  }
  for (std::int64_t kernel = 0; kernel < 3; ++kernel) {
    const Mixture mixture = one_hot(tree, {{2, kernel}}, kDouble);
    EXPECT_TRUE(plain.forward(x, mixture)[0].allclose(transformed.forward(x, mixture)[0], 1e-10, 1e-12));
  }
  transformed.forward(x, one_hot(tree, {{2, 0}}, kDouble))[0].square().sum().backward();
  int learned = 0;
  for (const auto& named : transformed.tensors())
    if (named.op == kernel_step_op) learned += named.tensor.grad().defined() && named.tensor.grad().abs().sum().item<double>() > 0;
  EXPECT_EQ(learned, 2);
}

TEST(Elastic, SortedChannelsLeaveTheFullNetworkAlone) {
  const Graph open = elastic_graph();
  const DecisionTree tree = decisions_of(open);
  Supernet supernet(open, kDouble);
  const at::Tensor x = at::randn({2, 3, 9, 9}, at::kDouble);
  const Mixture full = one_hot(tree, {{2, 2}}, kDouble);
  const at::NoGradGuard no_grad;
  const at::Tensor before = supernet.forward(x, full)[0];
  EXPECT_EQ(sort_channels(open, supernet.tensors()), 1);
  EXPECT_TRUE(supernet.forward(x, full)[0].allclose(before, 1e-10, 1e-12));
  for (const auto& named : supernet.tensors()) {
    if (named.name != "project.weight") continue;
    const auto importance = to_values(channel_importance(named.tensor));
    EXPECT_TRUE(std::is_sorted(importance.rbegin(), importance.rend()));
  }
}

// Squeeze-excite gates are ordered with what they multiply: nine blocks, each with an open expansion, six with the width of a gate as well.
TEST(Elastic, GatesAreSortedWithTheirChannels) {
  const auto space = find_space(std::string(NETWRIGHT_SOURCE_DIR) + "/spaces/elastic_mobile.yaml");
  const Graph open = space->open({.input = {1, 12, 12}, .classes = 3, .search = true});
  const DecisionTree& tree = space->decisions();
  Supernet supernet(open, kDouble);
  supernet.initialise(Seed(5));
  const at::NoGradGuard no_grad;
  for (auto named : supernet.tensors())  // norms that tell channels apart
    if (named.op == "batch_norm") named.tensor.copy_(at::randn(named.tensor.sizes(), at::kDouble).abs() + 0.5);
  const at::Tensor x = at::randn({4, 1, 12, 12}, at::kDouble);
  Architecture full;
  for (std::size_t d = 0; d < tree.size(); ++d) full.picks.push_back(2);
  for (const bool training : {true, false}) {
    supernet.train(training);
    const at::Tensor before = supernet.forward(x, one_hot(tree, full, kDouble))[0];
    sort_channels(open, supernet.tensors());
    EXPECT_TRUE(supernet.forward(x, one_hot(tree, full, kDouble))[0].allclose(before, 1e-9, 1e-11));
  }
  EXPECT_EQ(sort_channels(open, supernet.tensors()), 15);
  for (const auto& named : supernet.tensors()) {
    if (!named.name.ends_with("project.weight")) continue;
    const auto importance = to_values(channel_importance(named.tensor));
    EXPECT_TRUE(std::is_sorted(importance.rbegin(), importance.rend())) << named.name;
  }
}

// A momentum of 1/n at the n-th batch: the mean of the batches' statistics.
TEST(Supernet, NormMomentumCountsTheMeanOverBatches) {
  const auto space = find_space("nasbench201");
  Supernet supernet(space->open({.input = {1, 8, 8}, .classes = 2, .search = true, .settings = {{"channels", "4"}, {"cells", "1"}}}), kDouble);
  const at::NoGradGuard no_grad;
  Architecture architecture = space->parse("|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|avg_pool_3x3~2|");
  const Mixture mixture = one_hot(space->decisions(), architecture, kDouble);
  const auto statistics = [&] {
    std::vector<at::Tensor> list;
    for (const auto& named : supernet.tensors())
      if (!named.trainable) list.push_back(named.tensor.clone());
    return list;
  };
  const at::Tensor a = at::randn({5, 1, 8, 8}, at::kDouble), b = at::randn({5, 1, 8, 8}, at::kDouble) * 3 + 1;
  std::vector<std::vector<at::Tensor>> alone;
  supernet.set_norm_momentum(1);
  for (const auto& batch : {a, b}) supernet.forward(batch, mixture), alone.push_back(statistics());
  supernet.forward(a, mixture);
  supernet.set_norm_momentum(0.5);
  supernet.forward(b, mixture);
  const auto both = statistics();
  for (std::size_t i = 0; i < both.size(); ++i) EXPECT_TRUE(both[i].allclose((alone[0][i] + alone[1][i]) / 2, 1e-10, 1e-12)) << i;
}

}  // namespace
}  // namespace netwright
