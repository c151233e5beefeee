#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "netwright/core/error.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/graph/operation.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/nn/operations.hpp"
#include "netwright/nn/tensors.hpp"

namespace netwright {
namespace {

Graph mixed_graph() {
  Builder b;
  Value x = b.input({3, 9, 9});
  x = conv_bn(b, x, 8, {.kernel = 3, .activation = "silu"});
  x = mbconv(b, x, 8, {.kernel = 5, .expanded = 24, .squeeze = 4, .activation = "hard_swish", .gate = "hard_sigmoid", .drop_path = 0.1});
  x = sep_conv(b, x, 8, {.kernel = 3, .stride = 2});
  x = dil_conv(b, x, 8, {.kernel = 3});
  x = factorized_reduce(b, x, 16, true);
  x = b.add("channel_shuffle", x, {{"groups", 4}});
  return b.finish({classifier(b, x, 5, 0.2)});
}

TEST(Network, ParametersEqualTheGraphsCount) {
  const Graph graph = mixed_graph();
  Network network(graph);
  std::int64_t count = 0;
  for (const auto& p : network.parameters()) count += p.numel();
  EXPECT_EQ(count, cost(graph).params);
}

TEST(Network, EveryValueHasItsInferredShape) {
  const Graph graph = mixed_graph();
  Network network(graph);
  const auto values = network.values(at::randn({2, 3, 9, 9}));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto sizes = values[i].sizes();
    EXPECT_EQ(Shape(sizes.begin() + 1, sizes.end()), graph.nodes[i].shape) << graph.nodes[i].name;
    EXPECT_TRUE(values[i].isfinite().all().item<bool>());
  }
}

// Bytes of tensors that live at once.
class Counting : public c10::Allocator {
 public:
  explicit Counting(c10::Allocator& inner) : inner_(inner) {}
  c10::DataPtr allocate(std::size_t bytes) override {
    struct Block {
      c10::DataPtr data;
      Counting* by;
      std::size_t bytes;
    };
    live_ += bytes, most_ = std::max(most_, live_);
    auto* block = new Block{inner_.allocate(bytes), this, bytes};
    const auto give = [](void* context) {
      auto* given = static_cast<Block*>(context);
      given->by->live_ -= given->bytes;
      delete given;
    };
    return {block->data.get(), block, give, c10::DeviceType::CPU};
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { inner_.copy_data(to, from, bytes); }
  std::size_t most() const { return most_; }

 private:
  c10::Allocator& inner_;
  std::size_t live_ = 0, most_ = 0;
};

TEST(Network, ValuesLiveUntilTheirLastReader) {
  Builder b;
  Value x = b.input({8, 32, 32});
  for (int i = 0; i < 12; ++i) x = b.add("conv", b.add("silu", x), {{"kernel", 3}, {"channels", 8}});
  Network network(b.finish({x}));
  const at::Tensor image = at::randn({4, 8, 32, 32}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::NoGradGuard no_grad;
  c10::Allocator& own = *c10::GetCPUAllocator();
  static Counting counting(own);
  c10::SetCPUAllocator(&counting, 1);
  network.forward(image);
  c10::SetCPUAllocator(&own, 1);
  EXPECT_LT(counting.most(), 4 * image.nbytes());   // of 25 values
}

TEST(Network, EveryOperationOfTheTableHasAKernel) {
  for (const auto& entry : operations()) {
    Node node{.name = "x", .op = entry.name};
    EXPECT_NO_THROW(make_kernel(node)) << entry.name;
  }
}

TEST(Network, GradientsAgreeWithFiniteDifferences) {
  Network network(mixed_graph(), {.dtype = at::kDouble});
  network.set_drop_path(0);
  network.train(false);  // no dropout; running statistics
  const at::Tensor x = at::randn({2, 3, 9, 9}, at::kDouble), mix = at::randn({2, 5}, at::kDouble);
  const auto loss = [&] { return (network.forward(x)[0] * mix).sum(); };
  loss().backward();
  Rng rng(4);
  for (const auto& p : network.parameters()) {
    const auto k = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(p.numel())));
    const double analytic = p.grad().reshape({-1})[k].item<double>();
    const at::NoGradGuard no_grad;
    at::Tensor flat = p.view({-1});
    const double start = flat[k].item<double>(), step = 1e-6;
    flat[k] = start + step;
    const double above = loss().item<double>();
    flat[k] = start - step;
    const double below = loss().item<double>();
    flat[k] = start;
    EXPECT_NEAR((above - below) / (2 * step), analytic, 1e-5 * (1 + std::abs(analytic)));
  }
}

// A network whose cells are computed again in backward has the same gradients, and the same gradients of these.
TEST(Network, CheckpointedCellsAreDifferentiatedTwice) {
  Builder b;
  Value x = b.input({3, 6, 6});
  for (const char* cell : {"cell0", "cell1"}) {
    const auto scope = b.scope(cell);
    const Value y = b.add("tanh", b.add("batch_norm", b.add("conv", x, {{"channels", 4}, {"kernel", 3}}, "conv"), {}, "norm"), {}, "act");
    x = b.add("add", {y, b.add("conv", y, {{"channels", 4}, {"kernel", 1}}, "point")}, {}, "sum");
  }
  const Graph graph = b.finish({x});
  at::manual_seed(1);
  const at::Tensor input = at::randn({4, 3, 6, 6}, at::kDouble);
  std::vector<std::vector<at::Tensor>> results;
  for (const bool checkpoint : {false, true}) {
    Network network(graph, {.dtype = at::kDouble}, {.checkpoint = checkpoint});
    network.initialise(Seed(2));
    const at::Tensor leaf = input.clone().requires_grad_(true);
    std::vector<at::Tensor> of = network.parameters();
    of.push_back(leaf);
    const auto first = torch::autograd::grad({network.forward(leaf)[0].pow(3).sum()}, of, {}, true, true);
    at::Tensor size = at::zeros({}, at::kDouble);
    for (const auto& gradient : first) size = size + gradient.square().sum();
    results.push_back(torch::autograd::grad({size}, of));
    results.back().insert(results.back().end(), first.begin(), first.end());
  }
  for (std::size_t i = 0; i < results[0].size(); ++i) EXPECT_TRUE(results[1][i].allclose(results[0][i], 1e-9, 1e-11)) << i;
}

TEST(Network, SameSeedSameWeightsOtherSeedOthers) {
  Network a(mixed_graph()), b(mixed_graph());
  a.initialise(Seed(1)), b.initialise(Seed(1));
  EXPECT_TRUE(a.parameters()[0].equal(b.parameters()[0]));
  b.initialise(Seed(2));
  EXPECT_FALSE(a.parameters()[0].equal(b.parameters()[0]));
}

TEST(Network, WeightsGoOutAndComeBack) {
  Network a(mixed_graph()), b(mixed_graph());
  a.initialise(Seed(1)), b.initialise(Seed(2));
  load_weights(b.tensors(), to_weights(a.tensors()));
  a.train(false), b.train(false);
  const at::Tensor x = at::randn({2, 3, 9, 9});
  EXPECT_TRUE(a.forward(x)[0].equal(b.forward(x)[0]));
  Weights renamed = to_weights(a.tensors());
  renamed[0].name = "stem";
  EXPECT_THROW(load_weights(b.tensors(), renamed), UsageError);
}

TEST(Network, RefusesOpenGraphsAndOtherShapes) {
  Builder b;
  const Value x = b.input({3, 8, 8});
  const Graph open = b.finish({b.choice("edge", x, {{"skip", [](Builder& in, Value v) { return in.add("identity", v); }}})});
  EXPECT_THROW(Network{open}, UsageError);
  Network network(mixed_graph());
  EXPECT_THROW(network.forward(at::randn({2, 3, 8, 8})), UsageError);
  EXPECT_THROW(network.forward(at::randn({0, 3, 9, 9})), UsageError);
}

TEST(Operations, ShiftMovesToTheUpperLeft) {
  const at::Tensor x = at::arange(9, at::kFloat).view({1, 1, 3, 3});
  const Node node{.name = "shift", .op = "shift"};
  const at::Tensor y = make_kernel(node)(std::vector<at::Tensor>{x}, {}, {});
  EXPECT_TRUE(y.equal(at::tensor({4, 5, 0, 7, 8, 0, 0, 0, 0}, at::kFloat).view({1, 1, 3, 3})));
}

TEST(Operations, ShiftMovesBackAndAway) {
  const at::Tensor x = at::arange(9, at::kFloat).view({1, 1, 3, 3});
  const auto moved = [&](std::int64_t offset) {
    return make_kernel(Node{.name = "shift", .op = "shift", .attributes = {{"offset", offset}}})(std::vector<at::Tensor>{x}, {}, {});
  };
  EXPECT_TRUE(moved(-1).equal(at::tensor({0, 0, 0, 0, 0, 1, 0, 3, 4}, at::kFloat).view({1, 1, 3, 3})));
  for (const std::int64_t offset : {3, 9, -9}) EXPECT_TRUE(moved(offset).equal(at::zeros_like(x)));
}

TEST(Operations, PadAddsAndCutsOffOnTheUpperLeft) {
  const at::Tensor x = at::arange(4, at::kFloat).view({1, 1, 2, 2});
  const auto padded = [](const at::Tensor& image, std::int64_t pixels) {
    return make_kernel(Node{.name = "pad", .op = "pad", .attributes = {{"pixels", pixels}}})(std::vector<at::Tensor>{image}, {}, {});
  };
  EXPECT_TRUE(padded(x, 1).equal(at::tensor({0, 0, 0, 0, 0, 1, 0, 2, 3}, at::kFloat).view({1, 1, 3, 3})));
  EXPECT_TRUE(padded(x, -1).equal(at::tensor({3}, at::kFloat).view({1, 1, 1, 1})));
}

// Without its way around, torch 2.15 never comes back from this backward pass on an AVX2 machine.
TEST(Operations, StridedPointwiseOnFewChannelsComesBack) {
  const Node node{.name = "conv", .op = "conv", .attributes = {{"kernel", 1}, {"stride", 2}, {"channels", 8}}};
  for (const std::int64_t size : {7, 28}) {
    const at::Tensor x = at::randn({64, 6, size, size}).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_(true);
    const at::Tensor w = at::randn({8, 6, 1, 1}).requires_grad_(true);
    const at::Tensor y = make_kernel(node)(std::vector<at::Tensor>{x}, std::vector<at::Tensor>{w}, {});
    y.sum().backward();
    EXPECT_TRUE(y.detach().to(at::kDouble).allclose(at::conv2d(x.detach().to(at::kDouble), w.detach().to(at::kDouble), {}, 2), 1e-4, 1e-4));
    EXPECT_TRUE(w.grad().defined());
  }
}

TEST(Operations, AveragePoolingExcludesPadding) {
  const at::Tensor x = at::ones({1, 1, 3, 3});
  const Node node{.name = "pool", .op = "avg_pool"};
  EXPECT_TRUE(make_kernel(node)(std::vector<at::Tensor>{x}, {}, {}).equal(x));
}

// A batch norm that several read: folded into the load of all where each can, else made once. `other` reads it besides.
Graph shared_norm(const std::string& other) {
  Builder b;
  const Value before = b.add("relu", conv_bn(b, b.input({3, 8, 8}), 8, {.kernel = 3}));
  const Value x = b.add("batch_norm", b.add("conv", before, {{"kernel", 1}, {"channels", 12}}, "cell1.conv"), {}, "cell1.norm");
  const auto separable = [&](const std::string& name, std::int64_t stride) {
    Value y = b.add("conv", b.add("relu", x, {}, name + ".relu"), {{"kernel", 3}, {"channels", 12}, {"groups", 0}, {"stride", stride}}, name + ".depthwise");
    return b.add("batch_norm", b.add("conv", y, {{"kernel", 1}, {"channels", 12}}, name + ".pointwise"), {}, name + ".norm");
  };
  const Value skip = b.add("identity", x, {}, "cell1.skip");
  std::vector<Value> outputs{b.add("add", {separable("cell1.first", 1), separable("cell1.second", 1), skip}, {}, "cell1.sum")};
  if (other == "output") outputs.push_back(x);
  else if (other == "strided") outputs.push_back(separable("cell1.third", 2));
  else if (other == "outside") outputs.push_back(separable("cell2.third", 1));
  else if (other == "twice") outputs.push_back(b.add("add", {b.add("identity", x, {}, "cell1.again"), b.add("identity", x, {}, "cell1.third")}, {}, "cell1.pair"));
  else if (other == "joined") outputs.push_back(b.add("concat", {separable("cell1.third", 1), outputs[0], b.add("drop_path", b.add("identity", x, {}, "cell1.again"), {{"rate", 0.0}}, "cell1.drop")}, {}, "cell1.joined"));
  else if (!other.empty()) outputs.push_back(b.add(other, x, {}, "cell1.other"));
  return b.finish(outputs);
}

std::vector<at::Tensor> results_of(const Graph& graph, const LoweringOptions& options, at::ScalarType type) {
  Network network(graph, {.dtype = type}, options);
  network.initialise(Seed(1));
  at::manual_seed(5);
  std::vector<at::Tensor> results = network.forward(at::randn({5, 3, 8, 8}, at::kDouble).to(type));
  at::Tensor loss = at::zeros({}, type);
  for (auto& y : results) loss = loss + (y * at::randn(y.sizes(), at::kDouble).to(type)).sum(), y = y.detach();
  loss.backward();
  for (const auto& parameter : network.parameters()) results.push_back(parameter.grad().to(at::kDouble));
  for (const auto& tensor : network.tensors())
    if (!tensor.trainable) results.push_back(tensor.tensor.to(at::kDouble));
  return results;
}

void expect_alike(const std::vector<at::Tensor>& fused, const std::vector<at::Tensor>& plain) {
  ASSERT_EQ(fused.size(), plain.size());
  for (std::size_t i = 0; i < fused.size(); ++i)
    EXPECT_LT((fused[i] - plain[i]).abs().max().item<double>(), 2e-5 * std::max(1.0, plain[i].abs().max().item<double>())) << "result " << i;
}

// Sums and norms that a concatenation alone reads are added up in its value; one that others read too is not.
Graph joined_cell() {
  Builder b;
  const Value x = conv_bn(b, b.input({3, 8, 8}), 8, {.kernel = 3});
  const auto branch = [&](std::int64_t channels) { return conv_bn(b, x, channels, {.kernel = 1, .activation = ""}); };
  const Value own = b.add("add", {branch(12), branch(12)}, {}, "cell1.own"), read = b.add("add", {branch(12), b.add("drop_path", branch(12), {{"rate", 0.5}}, "cell1.drop")}, {}, "cell1.read");
  const Value joined = b.add("concat", {own, branch(5), read, x, b.add("max_pool", read, {}, "cell1.pool")}, {}, "cell1.joined");
  return b.finish({joined, b.add("concat", {b.add("relu", joined), read}, {}, "cell2.joined")});
}

TEST(Operations, SumsInsideOfAConcatenationEqualThoseBeforeIt) {
  const Graph graph = joined_cell();
  const auto plain = results_of(graph, {.without = {"concat"}}, at::kFloat);
  for (const bool checkpoint : {false, true}) {
    SCOPED_TRACE(checkpoint);
    expect_alike(results_of(graph, {.checkpoint = checkpoint}, at::kFloat), plain);
  }
}

TEST(Operations, ANormThatSeveralReadEqualsOneThatIsMadeForEach) {
  for (const std::string other : {"", "output", "strided", "outside", "twice", "joined", "max_pool", "relu", "identity", "global_pool"}) {
    const Graph graph = shared_norm(other);
    const auto plain = results_of(graph, {}, at::kDouble);
    for (const bool checkpoint : {false, true}) {
      SCOPED_TRACE(other + (checkpoint ? ", checkpoint" : ""));
      expect_alike(results_of(graph, {.checkpoint = checkpoint}, at::kFloat), plain);
    }
  }
}

// Folded into the sum or not, a pass of one seed drops the same paths and has the same gradients.
TEST(Operations, DroppedPathsAreThoseOfTheSum) {
  Builder b;
  Value x = b.input({3, 8, 8});
  x = conv_bn(b, x, 8, {.kernel = 3});
  const Value conv = b.add("drop_path", conv_bn(b, x, 8, {.kernel = 1, .activation = ""}), {{"rate", 0.5}}, "first"), pool = b.add("drop_path", b.add("max_pool", x), {{"rate", 0.25}}, "second");
  x = b.add("add", {conv, b.add("drop_path", pool, {{"rate", 0.5}}, "third"), x}, {}, "sum");
  const Graph graph = b.finish({x});
  const at::Tensor image = at::randn({9, 3, 8, 8}), mix = at::randn({9, 8, 8, 8});
  std::vector<std::vector<at::Tensor>> results;
  for (const bool folded : {true, false}) {
    Network network(graph, {}, {.without = folded ? std::vector<std::string>{} : std::vector<std::string>{"drop_path"}});
    network.initialise(Seed(1));
    at::manual_seed(5);
    const at::Tensor y = network.forward(image)[0];
    (y * mix).sum().backward();
    results.push_back({y.detach()});
    for (const auto& parameter : network.parameters()) results.back().push_back(parameter.grad());
  }
  for (std::size_t i = 0; i < results[0].size(); ++i) EXPECT_LT((results[0][i] - results[1][i]).abs().max().item<double>(), 1e-4 * results[1][i].abs().max().item<double>()) << i;
}

TEST(Operations, DropPathKeepsTheMeanAndWholeSamples) {
  Node node{.name = "drop", .op = "drop_path", .attributes = {{"rate", 0.25}}};
  const at::Tensor y = make_kernel(node)(std::vector<at::Tensor>{at::ones({4000, 2, 2, 2})}, {}, {.training = true});
  EXPECT_NEAR(y.mean().item<double>(), 1.0, 0.05);
  EXPECT_TRUE(y.amax({1, 2, 3}).equal(y.amin({1, 2, 3})));
}

}  // namespace
}  // namespace netwright
