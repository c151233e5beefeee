// Networks of sequences and for dense prediction: built, trained for a step, exported; and their operations one by one.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cmath>
#include <ostream>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/export/onnx.hpp"
#include "netwright/export/verify.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/nn/operations.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

struct SmallNetwork {
  std::string space;
  std::string text;  // empty: a sample
  NetworkOptions options;
};

void PrintTo(const SmallNetwork& small, std::ostream* out) { *out << small.space; }

std::vector<SmallNetwork> small_networks() {
  const NetworkOptions words{.input = {4}, .classes = 11, .settings = {{"width", "6"}}};
  return {{"darts_rnn", "", words},
          {"enas_rnn", "", words},
          {"autoformer_tiny", R"({"E": 24, "heads": [1, 2], "ratio": [1.5, 2]})", {.input = {3, 32, 32}, .classes = 7}},
          {"hat", R"({"E": 16, "D": 24, "enc_ffn": [8, 12], "dec_ffn": [8], "dec_memory": [2]})", {.input = {7}, .classes = 9}},
          {"autodeeplab", "", {.input = {3, 32, 32}, .classes = 5, .settings = {{"channels", "2"}, {"head", "dense"}}}},
          {"nasfpn", "", {.input = {3, 128, 128}, .classes = 5, .settings = {{"channels", "4"}, {"width", "2"}, {"stacked", "1"}}}}};
}

at::Tensor input_of(const SmallNetwork& small, std::int64_t batch) {
  std::vector<std::int64_t> sizes{batch};
  sizes.insert(sizes.end(), small.options.input.begin(), small.options.input.end());
  at::manual_seed(3);
  return small.options.input.size() == 1 ? at::randint(0, small.options.classes, sizes).to(at::kFloat) : at::randn(sizes);
}

Graph graph_of(const SmallNetwork& small) {
  const auto space = find_space(small.space);
  Rng rng(7);
  return small.text.empty() ? space->close(sample(space->decisions(), rng), small.options) : space->network(small.text, small.options);
}

class SequenceNetwork : public testing::TestWithParam<SmallNetwork> {};

TEST_P(SequenceNetwork, BuildsAndTakesAStep) {
  const Graph graph = graph_of(GetParam());
  Network network(graph);
  std::int64_t count = 0;
  for (const auto& p : network.parameters()) count += p.numel();
  EXPECT_EQ(count, cost(graph).params);
  const at::Tensor out = network.forward(input_of(GetParam(), 4))[0];
  EXPECT_EQ(Shape(out.sizes().begin() + 1, out.sizes().end()), graph.output().shape);
  EXPECT_TRUE(out.isfinite().all().item<bool>());
  out.square().sum().backward();
  for (const auto& named : network.tensors())
    if (named.trainable) EXPECT_TRUE(named.tensor.grad().defined() && named.tensor.grad().isfinite().all().item<bool>()) << named.name;
}

TEST_P(SequenceNetwork, RunsEquallyInOnnxruntime) {
  const auto python = find_python({NETWRIGHT_SOURCE_DIR});
  if (!python) GTEST_SKIP() << "no Python with onnxruntime (NETWRIGHT_PYTHON, or .venv/bin/python in the source folder)";
  const Graph graph = graph_of(GetParam());
  Network network(graph);
  network.forward(input_of(GetParam(), 6));  // running statistics away from 0 and 1
  network.train(false);
  const at::NoGradGuard no_grad;
  const at::Tensor input = input_of(GetParam(), 3), expected = network.forward(input)[0].contiguous();
  const auto file = std::filesystem::path(testing::TempDir()) / ("netwright_sequences_" + std::to_string(getpid()) + ".onnx");
  write_file(file, to_onnx(graph, to_weights(network.tensors())));
  const auto span = [](const at::Tensor& t) { return std::span(t.const_data_ptr<float>(), static_cast<std::size_t>(t.numel())); };
  const OnnxVerdict verdict = verify_onnx(file, span(input), span(expected), {.python = *python, .tolerance = 1e-4});
  std::filesystem::remove(file);
  EXPECT_TRUE(verdict.ok) << verdict.reason;
}

INSTANTIATE_TEST_SUITE_P(Small, SequenceNetwork, testing::ValuesIn(small_networks()), [](const auto& info) { return info.param.space; });

// ---- carried states ----

// The same weights in a window of another length: they are tied to those of the first step.
void share_weights(const Network& from, const Network& to) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < from.tensors().size(); ++i) {
    ASSERT_EQ(from.tensors()[i].name, to.tensors()[i].name);
    at::Tensor(to.tensors()[i].tensor).copy_(from.tensors()[i].tensor);
  }
}

TEST(CarriedStates, TwoWindowsAreOneOfDoubleLength) {
  for (const std::string name : {"darts_rnn", "enas_rnn"}) {
    NetworkOptions options{.input = {4}, .classes = 11, .settings = {{"width", "6"}}};
    const auto space = find_space(name);
    Rng rng(7);
    const Architecture architecture = sample(space->decisions(), rng);
    Network half(space->close(architecture, options), {.dtype = at::kDouble});
    options.input = {8};
    Network whole(space->close(architecture, options), {.dtype = at::kDouble});
    share_weights(half, whole);
    at::manual_seed(4);
    const at::Tensor words = at::randint(0, 11, {3, 8}).to(at::kDouble), first = words.narrow(1, 0, 4), second = words.narrow(1, 4, 4);
    CarriedStates states;
    const at::Tensor before = half.forward(first, &states)[0];
    states.go_on();
    const at::Tensor after = half.forward(second, &states)[0], expected = whole.forward(words)[0];
    EXPECT_TRUE(at::cat({before, after}, 1).allclose(expected, 1e-10, 1e-12)) << name;
    EXPECT_TRUE(before.equal(half.forward(first)[0])) << name;             // without states, and with none yet
    EXPECT_FALSE(after.allclose(half.forward(second)[0], 1e-3)) << name;   // which has forgotten the first
    for (const auto& [node, state] : states.after) EXPECT_FALSE(state.requires_grad()) << node;
    after.sum().backward();                                                // the first window is cut off
    const at::Tensor cut = half.parameters()[0].grad().clone();
    for (auto& p : half.parameters()) p.mutable_grad() = at::Tensor();
    states.before.begin()->second = states.before.begin()->second.clone();
    half.forward(second, &states)[0].sum().backward();
    EXPECT_TRUE(cut.equal(half.parameters()[0].grad())) << name;
  }
}

TEST(CarriedStates, AreOfAsManyRowsAsTheBatch) {
  const auto space = find_space("darts_rnn");
  Rng rng(7);
  Network network(space->close(sample(space->decisions(), rng), {.input = {2}, .classes = 5, .settings = {{"width", "3"}}}));
  CarriedStates states;
  network.forward(at::zeros({3, 2}), &states);
  states.go_on();
  try {
    network.forward(at::zeros({2, 2}), &states);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "the state of 'step1.mean' has 3 rows and the batch 2");
  }
  states.clear();
  EXPECT_TRUE(network.forward(at::zeros({2, 2}), &states)[0].equal(network.forward(at::zeros({2, 2}))[0]));
}

TEST(CarriedStates, OfNothingAreRefused) {
  Builder b;
  const Graph graph = b.finish({b.add("zero", b.input({4}), {{"carried", "later"}}, "start")});
  try {
    Network network(graph);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "node 'start' (zero): no node of its shape is called 'later', whose state it carries");
  }
}

// ---- the operations ----

at::Tensor run(const std::string& op, const std::vector<at::Tensor>& inputs, Attributes attributes, const std::vector<at::Tensor>& tensors = {}) {
  return make_kernel(Node{.name = op, .op = op, .attributes = std::move(attributes)})(inputs, tensors, {});
}

TEST(Attention, IsTheFormulaHeadByHead) {
  const at::Tensor q = at::randn({2, 3, 4}, at::kDouble), k = at::randn({2, 5, 4}, at::kDouble), v = at::randn({2, 5, 6}, at::kDouble);
  std::vector<at::Tensor> heads;
  for (int head = 0; head < 2; ++head) {
    const at::Tensor scores = at::matmul(q.narrow(2, 2 * head, 2), k.narrow(2, 2 * head, 2).transpose(1, 2)) / std::sqrt(2.0);
    heads.push_back(at::matmul(at::softmax(scores, -1), v.narrow(2, 3 * head, 3)));
  }
  EXPECT_TRUE(run("attention", {q, k, v}, {{"heads", 2}}).allclose(at::cat(heads, 2), 1e-10, 1e-12));
}

TEST(Attention, CausalStepsSeeNoLaterOnes) {
  const at::Tensor x = at::randn({1, 6, 4}, at::kDouble);
  at::Tensor changed = x.clone();
  changed.narrow(1, 4, 2).add_(1);
  const at::Tensor before = run("attention", {x, x, x}, {{"causal", 1}}), after = run("attention", {changed, changed, changed}, {{"causal", 1}});
  EXPECT_TRUE(before.narrow(1, 0, 4).allclose(after.narrow(1, 0, 4), 1e-10, 1e-12));
  EXPECT_FALSE(before.narrow(1, 4, 2).allclose(after.narrow(1, 4, 2)));
}

// Steps 1 to 4 are a 2x2 image; row 0 of a table belongs to the class token, row 2 to no distance where 1 is the farthest.
TEST(Attention, RelativePositionsAreByRowAndColumn) {
  const std::int64_t width = 3, steps = 5, farthest = 1;
  std::vector<at::Tensor> tables;
  for (int i = 0; i < 4; ++i) tables.push_back(at::randn({2 * farthest + 2, width}, at::kDouble));
  const at::Tensor q = at::randn({1, steps, width}, at::kDouble), k = at::randn({1, steps, width}, at::kDouble),
                   v = at::randn({1, steps, width}, at::kDouble);
  const auto offset = [&](std::size_t table, std::int64_t i, std::int64_t j) {
    const auto row = [&](std::int64_t a, std::int64_t b) { return i == 0 || j == 0 ? 0 : b - a + farthest + 1; };
    return tables[table][row((i - 1) / 2, (j - 1) / 2)] + tables[table + 1][row((i - 1) % 2, (j - 1) % 2)];
  };
  at::Tensor expected = at::zeros({1, steps, width}, at::kDouble);
  for (std::int64_t i = 0; i < steps; ++i) {
    std::vector<at::Tensor> scores;
    for (std::int64_t j = 0; j < steps; ++j) scores.push_back((q[0][i] * (k[0][j] + offset(0, i, j))).sum() / std::sqrt(3.0));
    const at::Tensor weights = at::softmax(at::stack(scores), 0);
    for (std::int64_t j = 0; j < steps; ++j) expected[0][i] += weights[j] * (v[0][j] + offset(2, i, j));
  }
  EXPECT_TRUE(run("attention", {q, k, v}, {{"relative", farthest}}, tables).allclose(expected, 1e-10, 1e-12));
}

TEST(Sequences, PositionsAreSinesThenCosines) {
  const at::Tensor y = run("positions", {at::zeros({1, 3, 4}, at::kDouble)}, {});
  for (std::int64_t step = 0; step < 3; ++step) {
    const double t = static_cast<double>(step);
    const at::Tensor row = at::tensor({std::sin(t), std::sin(t / 10000), std::cos(t), std::cos(t / 10000)}, at::kDouble);
    EXPECT_TRUE(y[0][step].allclose(row, 1e-12, 1e-12));
  }
}

TEST(Sequences, NumbersBeyondTheTableAreTheNearestRow) {
  const at::Tensor table = at::randn({3, 2}),
                   rows = run("embedding", {at::tensor({-4.0f, 1.0f, 7.0f}).view({1, 3})}, {{"entries", 3}, {"features", 2}}, {table});
  EXPECT_TRUE(rows[0].equal(table));
}

TEST(Sequences, PixelsBecomeStepsRowByRow) {
  const at::Tensor image = at::arange(12, at::kFloat).view({1, 2, 2, 3});
  EXPECT_TRUE(run("tokens", {image}, {}).equal(at::tensor({0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}, at::kFloat).view({1, 6, 2})));
}

TEST(Sequences, ATiedWeightGathersTheGradientsOfItsUses) {
  Builder b;
  const Value x = b.add("embedding", b.input({2}), {{"entries", 3}, {"features", 4}}, "rows");
  Network network(b.finish({b.add("linear", x, {{"features", 3}, {"bias", 0}, {"tied", "rows"}}, "classifier")}), {.dtype = at::kDouble});
  ASSERT_EQ(network.tensors().size(), 1U);
  const at::Tensor weight = network.parameters()[0], numbers = at::tensor({2, 0}, at::kDouble).view({1, 2});
  const at::Tensor copy = weight.detach().clone().requires_grad_(true);
  network.forward(numbers)[0].square().sum().backward();
  at::matmul(at::embedding(copy, numbers.to(at::kLong)), copy.t()).square().sum().backward();
  EXPECT_TRUE(weight.grad().allclose(copy.grad(), 1e-10, 1e-12));
}

TEST(Sequences, TyingToNothingIsRefused) {
  Builder b;
  const Graph graph = b.finish({b.add("linear", b.input({4}), {{"features", 3}, {"tied", "rows"}}, "classifier")});
  try {
    Network network(graph);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "node 'classifier' (linear): no node before it is called 'rows', to which it is tied");
  }
}

TEST(Sequences, GradientsAgreeWithFiniteDifferences) {
  Builder b;
  Value x = b.add("positions", b.add("class_token", b.add("tokens", b.input({4, 2, 2}))), {{"learned", 1}});
  const Value y = b.add("layer_norm", x);
  x = b.add("add", {x, b.add("attention", {y, y, y}, {{"head_width", 2}, {"relative", 1}}), b.add("attention", {y, y, y}, {{"causal", 1}})});
  Network network(b.finish({b.add("global_pool", x)}), {.dtype = at::kDouble});
  const at::Tensor input = at::randn({2, 4, 2, 2}, at::kDouble), mix = at::randn({2, 4}, at::kDouble);
  const auto loss = [&] { return (network.forward(input)[0] * mix).sum(); };
  loss().backward();
  for (const auto& p : network.parameters()) {
    const double analytic = p.grad().reshape({-1})[0].item<double>();
    const at::NoGradGuard no_grad;
    at::Tensor flat = p.view({-1});
    const double start = flat[0].item<double>(), step = 1e-6;
    flat[0] = start + step;
    const double above = loss().item<double>();
    flat[0] = start - step;
    const double below = loss().item<double>();
    flat[0] = start;
    EXPECT_NEAR((above - below) / (2 * step), analytic, 1e-6 * (1 + std::abs(analytic)));
  }
}

}  // namespace
}  // namespace netwright
