#include "netwright/export/onnx.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/export/verify.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

using Floats = std::vector<float>;

Weights random_weights(const Graph& graph, std::uint64_t seed) {
  Rng rng(seed);
  Weights weights;
  for (const auto& node : graph.nodes) {
    for (const auto& parameter : parameters(node, input_shapes(graph, node))) {
      Weight weight{node.name + "." + parameter.name, parameter.shape, {}};
      // variances are positive
      for (std::int64_t i = 0; i < elements(parameter.shape); ++i)
        weight.values.push_back(static_cast<float>(parameter.name == "running_var" ? 0.5 + rng.uniform() : 0.5 * rng.normal()));
      weights.push_back(std::move(weight));
    }
  }
  return weights;
}

Floats random_values(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Floats values(count);
  for (auto& value : values) value = static_cast<float>(rng.normal());
  return values;
}

const std::optional<std::filesystem::path>& python() {
  static const auto found = find_python({NETWRIGHT_SOURCE_DIR});
  return found;
}

OnnxVerdict run(const Graph& graph, const Weights& weights, const Floats& input, const Floats& expected, std::int64_t batch = 0) {
  const auto file = std::filesystem::path(testing::TempDir()) / ("netwright_onnx_test_" + std::to_string(getpid()) + ".onnx");
  write_file(file, to_onnx(graph, weights, {.batch = batch, .metadata = {{"space", "test"}}}));
  const OnnxVerdict verdict = verify_onnx(file, input, expected, {.python = *python(), .tolerance = 1e-4});
  std::filesystem::remove(file);
  return verdict;
}

// A sequence of the image's pixels through every operation on sequences, and a tied classifier of 8 features.
Value through_sequences(Builder& b, Value image) {
  const Value numbers = b.add("scale", b.add("sigmoid", b.add("flatten", b.add("global_pool", image))), {{"factor", 3.9}});
  const Value rows = b.add("embedding", numbers, {{"entries", 4}, {"features", 8}, {"scaled", 1}}, "rows");
  Value x = b.add("positions", b.add("class_token", b.add("tokens", image)), {{"learned", 1}});
  const Value y = b.add("layer_norm", b.add("positions", x));
  x = b.add("add", {x, b.add("attention", {y, y, y}, {{"head_width", 4}, {"relative", 2}})});
  x = b.add("add", {x, b.add("attention", {y, y, y}, {{"heads", 2}, {"causal", 1}})});
  x = b.add("attention", {x, rows, rows}, {{"heads", 4}});
  x = b.add("linear", b.add("linear", x, {{"features", 0}, {"percent", 150}}), {{"features", 8}});
  const Value one = b.add("tokens", b.add("global_pool", b.add("concat", {x, rows})));
  return b.add("flatten", b.add("linear", one, {{"features", 4}, {"tied", "rows"}}));
}

// Reads the input {8, 6, 6} through every operation of the table, in a network with one output.
Graph all_operations() {
  Builder b;
  const Value x = b.input({8, 6, 6}, "image");
  std::vector<Value> parts;
  for (const char* op : {"relu", "relu6", "silu", "hard_swish", "hard_sigmoid", "gelu", "sigmoid", "tanh", "identity", "batch_norm", "max_pool", "avg_pool", "zero", "shift",
                         "channel_shuffle", "slice", "conv"})
    parts.push_back(b.add(op, x));
  parts.push_back(b.add("batch_norm", x, {{"affine", 0}, {"epsilon", 1e-3}}));
  parts.push_back(b.add("pad", b.add("pad", x), {{"pixels", -1}}));
  parts.push_back(b.add("dropout", x, {{"rate", 0.3}}));
  parts.push_back(b.add("drop_path", x, {{"rate", 0.3}}));
  parts.push_back(b.add("conv", x, {{"channels", 8}, {"groups", 0}, {"kernel", 5}, {"dilation", 2}, {"bias", 1}}));
  parts.push_back(b.add("conv", x, {{"groups", 4}, {"kernel", 1}, {"kernel_w", 7}}));
  parts.push_back(squeeze_excite(b, x, 4, "relu", "hard_sigmoid"));
  Value y = b.add("concat", {b.add("add", parts), x});
  y = b.add("conv", y, {{"channels", 6}, {"stride", 2}, {"stride_w", 3}, {"padding", 0}});
  for (const int smooth : {0, 1}) y = b.add("resize", y, {{"height", 7}, {"width", 3}, {"smooth", smooth}});
  Value steps = b.add("concat", {b.add("flatten", b.add("global_pool", y)), through_sequences(b, x)});
  steps = b.add("tanh", b.add("linear", steps, {{"features", 5}, {"bias", 0}}));
  return b.finish({b.add("linear", steps, {{"features", 4}}, "classifier")});
}

TEST(Onnx, EveryOperationIsAcceptedAndRunsAtAnyBatch) {
  const Graph graph = all_operations();
  std::set<std::string> used;
  for (const auto& node : graph.nodes) used.insert(node.op);
  for (const auto& name : operation_names()) EXPECT_TRUE(used.contains(name)) << name << " is missing in this test's network";
  const Weights weights = random_weights(graph, 1);
  EXPECT_FALSE(to_onnx(graph, weights).empty());
  if (!python()) GTEST_SKIP() << "no Python with onnx (NETWRIGHT_PYTHON, or .venv/bin/python in the source folder)";
  for (const std::int64_t batch : {1, 3}) {
    const auto verdict = run(graph, weights, random_values(static_cast<std::size_t>(batch) * 8 * 36, 2), {});
    EXPECT_TRUE(verdict.ok) << verdict.reason;
    EXPECT_EQ(verdict.shape, (Shape{batch, 4}));
    EXPECT_TRUE(run(graph, weights, random_values(static_cast<std::size_t>(batch) * 8 * 36, 2), {}, batch).ok);
  }
}

// A value {channels, height, width} of a batch, read with zeros around it.
struct Image {
  Shape shape;
  const Floats& values;
  std::int64_t inside(std::int64_t h, std::int64_t w) const { return h >= 0 && h < shape[1] && w >= 0 && w < shape[2]; }
  float at(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) const {
    return inside(h, w) ? values[static_cast<std::size_t>(((n * shape[0] + c) * shape[1] + h) * shape[2] + w)] : 0.0f;
  }
};

using Pixel = std::function<float(const Image&, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w)>;

struct HandCase {
  std::string name;
  std::function<Value(Builder&, Value)> build;
  Pixel pixel;
};

Value with(Builder& b, Value x, const char* op, Attributes attributes) { return b.add(op, x, std::move(attributes)); }

float mean_of_window(const Image& x, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w, std::int64_t dilation) {
  double sum = 0;
  int count = 0;
  for (std::int64_t i = -1; i <= 1; ++i)
    for (std::int64_t j = -1; j <= 1; ++j)
      if (x.inside(h + i * dilation, w + j * dilation)) sum += x.at(n, c, h + i * dilation, w + j * dilation), ++count;
  return static_cast<float>(sum / count);
}

std::vector<HandCase> hand_cases() {
  return {
      {"shift", [](Builder& b, Value x) { return with(b, x, "shift", {}); }, [](const Image& x, auto n, auto c, auto h, auto w) { return x.at(n, c, h + 1, w + 1); }},
      {"shift back", [](Builder& b, Value x) { return with(b, x, "shift", {{"offset", -2}}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { return x.at(n, c, h - 2, w - 2); }},
      {"shift away", [](Builder& b, Value x) { return with(b, x, "shift", {{"offset", 9}}); }, [](const Image&, auto, auto, auto, auto) { return 0.0f; }},
      {"pad", [](Builder& b, Value x) { return with(b, x, "pad", {{"pixels", 2}}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { return x.at(n, c, h - 2, w - 2); }},
      {"pad cutting off", [](Builder& b, Value x) { return with(b, x, "pad", {{"pixels", -1}}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { return x.at(n, c, h + 1, w + 1); }},
      {"zero", [](Builder& b, Value x) { return with(b, x, "zero", {{"stride", 2}, {"channels", 3}}); }, [](const Image&, auto, auto, auto, auto) { return 0.0f; }},
      {"channel_shuffle", [](Builder& b, Value x) { return with(b, x, "channel_shuffle", {{"groups", 3}}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { return x.at(n, (c % 3) * 2 + c / 3, h, w); }},
      {"slice", [](Builder& b, Value x) { return with(b, x, "slice", {{"offset", 2}, {"channels", 3}}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { return x.at(n, c + 2, h, w); }},
      {"avg_pool", [](Builder& b, Value x) { return with(b, x, "avg_pool", {{"stride", 2}}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { return mean_of_window(x, n, c, 2 * h, 2 * w, 1); }},
      {"dilated avg_pool", [](Builder& b, Value x) { return with(b, x, "avg_pool", {{"dilation", 2}}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { return mean_of_window(x, n, c, h, w, 2); }},
      {"gelu", [](Builder& b, Value x) { return with(b, x, "gelu", {}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { return static_cast<float>(x.at(n, c, h, w) * 0.5 * std::erfc(-x.at(n, c, h, w) / std::sqrt(2.0))); }},
      {"hard_swish", [](Builder& b, Value x) { return with(b, x, "hard_swish", {}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { const float v = x.at(n, c, h, w); return v * std::clamp(v + 3, 0.0f, 6.0f) / 6; }},
      {"silu", [](Builder& b, Value x) { return with(b, x, "silu", {}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { const float v = x.at(n, c, h, w); return v / (1 + std::exp(-v)); }},
      {"drop_path", [](Builder& b, Value x) { return with(b, x, "drop_path", {{"rate", 0.5}}); },
       [](const Image& x, auto n, auto c, auto h, auto w) { return x.at(n, c, h, w); }},
  };
}

TEST(Onnx, ValuesMatchThoseWorkedOutByHand) {
  if (!python()) GTEST_SKIP() << "no Python with onnx (NETWRIGHT_PYTHON, or .venv/bin/python in the source folder)";
  const Shape shape{6, 5, 4};
  const std::int64_t batch = 2;
  const Floats input = random_values(static_cast<std::size_t>(batch * elements(shape)), 3);
  for (const auto& hand : hand_cases()) {
    Builder b;
    const Graph graph = b.finish({hand.build(b, b.input(shape))});
    const Shape out = graph.output().shape;
    Floats expected;
    for (std::int64_t n = 0; n < batch; ++n)
      for (std::int64_t c = 0; c < out[0]; ++c)
        for (std::int64_t h = 0; h < out[1]; ++h)
          for (std::int64_t w = 0; w < out[2]; ++w) expected.push_back(hand.pixel({shape, input}, n, c, h, w));
    const auto verdict = run(graph, {}, input, expected);
    EXPECT_TRUE(verdict.ok) << hand.name << ": " << verdict.reason;
  }
}

TEST(Onnx, OtherValuesAreNoted) {
  if (!python()) GTEST_SKIP() << "no Python with onnx (NETWRIGHT_PYTHON, or .venv/bin/python in the source folder)";
  Builder b;
  const Graph graph = b.finish({b.add("relu", b.input({2}))});
  const auto verdict = run(graph, {}, {1, 2, -3, 4}, {1, 2, 0, 4.25f});
  EXPECT_FALSE(verdict.ok);
  EXPECT_NEAR(verdict.max_abs_difference, 0.25, 1e-6);
  EXPECT_FALSE(run(graph, {}, {1, 2, -3, 4}, {1, 2, 0, std::nanf("")}).ok);
  EXPECT_FALSE(run(graph, {}, {1, 2, -3, 4}, {1, 2, 0}).ok);
}

TEST(Onnx, LinearOnStepsAndBatchNormOnFeatures) {
  if (!python()) GTEST_SKIP() << "no Python with onnx (NETWRIGHT_PYTHON, or .venv/bin/python in the source folder)";
  Builder b;
  const Graph graph = b.finish({b.add("linear", b.input({2, 3}), {{"features", 2}}, "fc")});
  const Weights weights{{"fc.weight", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"fc.bias", {2}, {10, 20}}};
  const auto verdict = run(graph, weights, {1, 0, 0, 0, 1, 1}, {11, 24, 15, 31});
  EXPECT_TRUE(verdict.ok) << verdict.reason;
  EXPECT_EQ(verdict.shape, (Shape{1, 2, 2}));
  Builder c;
  const Graph norm = c.finish({c.add("batch_norm", c.input({2}), {{"affine", 0}, {"epsilon", 0.0}}, "bn")});
  const auto normed = run(norm, {{"bn.running_mean", {2}, {1, 2}}, {"bn.running_var", {2}, {4, 16}}}, {3, 6, 1, 2}, {1, 1, 0, 0});
  EXPECT_TRUE(normed.ok) << normed.reason;
}

TEST(Onnx, TheAuxiliaryOutputIsLeftOutUnlessAsked) {
  Builder b;
  const Value x = b.input({2, 4, 4});
  const Value head = b.add("conv", x, {{"kernel", 1}}, "head");
  const Graph graph = b.finish({b.add("relu", x, {}, "output"), head});
  EXPECT_EQ(to_onnx(graph, {}).find("head"), std::string::npos);
  EXPECT_THROW(to_onnx(graph, {}, {.auxiliary = true}), UsageError);
  EXPECT_NE(to_onnx(graph, random_weights(graph, 1), {.auxiliary = true}).find("auxiliary"), std::string::npos);
  if (!python()) GTEST_SKIP() << "no Python with onnx (NETWRIGHT_PYTHON, or .venv/bin/python in the source folder)";
  EXPECT_TRUE(run(graph, {}, random_values(32, 1), {}).ok);
}

TEST(Onnx, BadInputNamesThePlace) {
  Builder b;
  const Graph graph = b.finish({b.add("conv", b.input({2, 4, 4}), {{"kernel", 1}}, "conv")});
  const auto error_of = [&](const Weights& weights) -> std::string {
    try {
      to_onnx(graph, weights);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(error_of({{"conv.weigth", {2, 2, 1, 1}, {1, 2, 3, 4}}}), "the weights lack 'conv.weight' of shape 2x2x1x1; did you mean 'conv.weigth'?");
  EXPECT_NE(error_of({{"conv.weight", {2, 2}, {1, 2, 3, 4}}}).find("2x2x1x1"), std::string::npos);
  Builder open;
  const Graph choice = open.finish({open.add("conv", open.input({2, 4, 4}), {{"kernel", Open{"k", {1, 3}}}})});
  EXPECT_THROW(to_onnx(choice, {}), UsageError);
}

TEST(Onnx, ABrokenModelIsAVerdict) {
  if (!python()) GTEST_SKIP() << "no Python with onnx (NETWRIGHT_PYTHON, or .venv/bin/python in the source folder)";
  const auto file = std::filesystem::path(testing::TempDir()) / ("netwright_broken_" + std::to_string(getpid()) + ".onnx");
  write_file(file, "no model");
  const auto verdict = verify_onnx(file, {}, {}, {.python = *python()});
  EXPECT_FALSE(verdict.ok);
  EXPECT_FALSE(verdict.reason.empty());
  std::filesystem::remove(file);
  EXPECT_THROW(verify_onnx(file, {}, {}, {.python = "/nowhere/python"}), Error);
}

}  // namespace
}  // namespace netwright
