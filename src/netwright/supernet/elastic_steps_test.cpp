// Transformers with open widths, heads and depths: each architecture in the supernet is its closed network.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "netwright/graph/builder.hpp"
#include "netwright/graph/inherited.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/space/library/autoformer.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/supernet/relaxation.hpp"
#include "netwright/supernet/supernet.hpp"

namespace netwright {
namespace {

// Every architecture of the graph, with the weights that it inherits.
void expect_every_architecture(const Graph& open, const at::Tensor& x) {
  const DecisionTree tree = decisions_of(open);
  Supernet supernet(open, {.dtype = at::kDouble});
  load_weights(supernet.tensors(), to_weights(supernet.tensors()));  // weights travel as float32: the same on both sides
  const Weights shared = to_weights(supernet.tensors());
  const at::NoGradGuard no_grad;
  enumerate(tree, [&](const Architecture& architecture) {
    Origins origins;
    Network network(close(open, picks_of(tree, architecture), &origins), {.dtype = at::kDouble});
    const Weights own = inherited(shared, origins, to_weights(network.tensors()));
    EXPECT_EQ(own.size(), network.tensors().size());
    load_weights(network.tensors(), own);
    const at::Tensor got = supernet.forward(x, one_hot(tree, architecture, {.dtype = at::kDouble}))[0], expected = network.forward(x)[0];
    EXPECT_TRUE(got.allclose(expected, 1e-9, 1e-10)) << print(tree, architecture);
    return true;
  });
}

TEST(ElasticSteps, VisionTransformersAreSlicesOfTheLargest) {
  const auto space = make_autoformer({.name = "small", .widths = {10, 14}, .heads = {1, 2}, .percents = {150, 200}, .depths = {1, 2}});
  expect_every_architecture(space->open({.input = {3, 32, 32}, .classes = 5}), at::randn({2, 3, 32, 32}, at::kDouble));
}

// Embeddings, sines, heads and steps to attend to, as in translation transformers.
Graph translation() {
  Builder b;
  const Open width{"width", {6, 8}};
  const Value numbers = b.input({3});
  Value x = b.add("positions", b.add("embedding", numbers, {{"entries", 7}, {"features", width}, {"scaled", 1}}, "rows"));
  const Value twice = b.add("concat", {x, b.add("relu", x)});
  const Value memory = b.add("slice", twice, {{"channels", Open{"memory", {3, 6}, {"1", "2"}}}});
  const auto product = [&](Value v, const char* name) { return b.add("linear", v, {{"features", 8}}, name); };
  Value y = b.add("attention", {product(x, "query"), product(memory, "key"), product(memory, "value")}, {{"heads", Open{"heads", {2, 4}}}});
  y = b.add("layer_norm", b.add("add", {x, b.add("linear", y, {{"features", width}}, "project")}));
  y = b.add("linear", y, {{"features", 0}, {"percent", Open{"percent", {50, 130}}}}, "expand");
  return b.finish({b.add("global_pool", b.add("linear", y, {{"features", 7}, {"bias", 0}}, "classifier"))});
}

TEST(ElasticSteps, TranslationTransformersAreSlicesOfTheLargest) {
  expect_every_architecture(translation(), at::tensor({0, 3, 6, 2, 2, 5}, at::kDouble).view({2, 3}));
}

TEST(ElasticSteps, EveryWeightAndDecisionGetsAGradientWhereAllAreMixed) {
  const Graph open = translation();
  const DecisionTree tree = decisions_of(open);
  Supernet supernet(open, {.dtype = at::kDouble});
  auto parameters = ArchitectureParameters::start(tree, Seed(1), {.dtype = at::kDouble});
  Rng rng(1);
  const at::Tensor y = supernet.forward(at::tensor({0, 3, 6}, at::kDouble).view({1, 3}), make_relaxation("softmax", tree)->draw(parameters, rng))[0];
  y.square().sum().backward();
  for (const auto& vector : parameters.defined()) EXPECT_TRUE(vector.grad().defined() && vector.grad().isfinite().all().item<bool>());
  for (const auto& named : supernet.tensors())
    EXPECT_TRUE(named.tensor.grad().defined() && named.tensor.grad().isfinite().all().item<bool>()) << named.name;
}

}  // namespace
}  // namespace netwright
