#include "netwright/nn/torchscript.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <unistd.h>

#include <set>

#include "netwright/core/error.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

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

// Reads {8, 6, 6} through every operation of the table; the second output is an auxiliary one.
Graph all_operations() {
  Builder b;
  const Value x = b.input({8, 6, 6}, "image");
  std::vector<Value> parts;
  for (const char* op : {"relu", "relu6", "silu", "hard_swish", "hard_sigmoid", "gelu", "sigmoid", "tanh", "identity", "batch_norm", "max_pool",
                         "avg_pool", "zero", "shift", "channel_shuffle", "slice", "conv"})
    parts.push_back(b.add(op, x));
  parts.push_back(b.add("batch_norm", x, {{"affine", 0}, {"epsilon", 1e-3}}, "edge-1|odd~name.norm"));
  parts.push_back(b.add("pad", b.add("pad", x), {{"pixels", -1}}));
  parts.push_back(b.add("dropout", x, {{"rate", 0.3}}));
  parts.push_back(b.add("drop_path", x, {{"rate", 0.3}}));
  parts.push_back(b.add("conv", x, {{"groups", 0}, {"kernel", 5}, {"dilation", 2}, {"bias", 1}}));
  parts.push_back(squeeze_excite(b, x, 4, "relu", "hard_sigmoid"));
  Value y = b.add("concat", {b.add("add", parts), x});
  y = b.add("conv", y, {{"channels", 6}, {"stride", 2}, {"kernel", 3}}, "down");
  y = b.add("add", {y, b.add("zero", x, {{"stride", 2}, {"channels", 6}})});
  const Value head = b.add("linear", b.add("flatten", x), {{"features", 3}}, "auxiliary");
  for (const int smooth : {0, 1}) y = b.add("resize", y, {{"height", 7}, {"width", 4}, {"smooth", smooth}});
  return b.finish({b.add("add", {classifier(b, y, 4), through_sequences(b, x)}), head});
}

struct TorchScript : testing::Test {
  std::filesystem::path file = std::filesystem::path(testing::TempDir()) / ("netwright_torchscript_" + std::to_string(getpid()) + ".pt");
  ~TorchScript() override { std::filesystem::remove(file); }
};

TEST_F(TorchScript, TheLoadedFileComputesTheSameAtAnyBatch) {
  const Graph graph = all_operations();
  std::set<std::string> used;
  for (const auto& node : graph.nodes) used.insert(node.op);
  for (const auto& name : operation_names()) EXPECT_TRUE(used.contains(name)) << name << " is missing in this test's network";
  for (const auto type : {at::kFloat, at::kDouble}) {
    Network network(graph, {.dtype = type});
    network.forward(at::randn({4, 8, 6, 6}, type));  // running statistics of its own
    write_torchscript(network, file);
    EXPECT_TRUE(network.training());
    network.train(false);
    torch::jit::Module loaded = torch::jit::load(file.string());
    EXPECT_FALSE(loaded.is_training());
    const at::NoGradGuard no_grad;
    for (const std::int64_t batch : {1, 5}) {
      const at::Tensor x = at::randn({batch, 8, 6, 6}, type);
      const at::Tensor got = loaded.forward({x}).toTensor(), expected = network.forward(x)[0];
      ASSERT_EQ(got.sizes(), expected.sizes());
      EXPECT_LE((got - expected).abs().max().item<double>(), 1e-6);
    }
  }
}

TEST_F(TorchScript, TensorsKeepTheirNames) {
  Network network(all_operations());
  write_torchscript(network, file);
  torch::jit::Module loaded = torch::jit::load(file.string());
  std::set<std::string> expected, got;
  for (const auto& named : network.tensors()) expected.insert(named.name);
  for (const auto& parameter : loaded.named_parameters()) got.insert(parameter.name);
  EXPECT_EQ(got.size(), network.parameters().size());
  for (const auto& buffer : loaded.named_buffers()) got.insert(buffer.name);
  EXPECT_EQ(got, expected);
}

TEST_F(TorchScript, ReadsTensorsOfOtherMemoryFormats) {
  Network network(all_operations());
  write_torchscript(network, file);
  network.train(false);
  torch::jit::Module loaded = torch::jit::load(file.string());
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({3, 8, 6, 6}).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_LE((loaded.forward({x}).toTensor() - network.forward(x)[0]).abs().max().item<double>(), 1e-6);
}

TEST_F(TorchScript, AFolderThatIsNotThereIsOneClearError) {
  Network network(all_operations());
  EXPECT_THROW(write_torchscript(network, "/nowhere/at/all/network.pt"), Error);
}

}  // namespace
}  // namespace netwright
