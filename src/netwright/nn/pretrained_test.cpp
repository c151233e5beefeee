// A file of weights as torchvision's users have it, read into our network: the reference is ResNet-18 written anew on torch's functions, by
// torchvision's names, which shares no code with the graph.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/export/safetensors.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/space/space.hpp"

namespace netwright {
namespace {

// A module's state, in the order of torchvision's state_dict.
class Pretrained {
 public:
  explicit Pretrained(std::uint64_t seed) : rng_(seed) {}

  void convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel) {
    draw(name + ".weight", {out, in, kernel, kernel}, 0, std::sqrt(2.0 / static_cast<double>(in * kernel * kernel)));
  }

  void norm(const std::string& name, std::int64_t channels) {
    draw(name + ".weight", {channels}, 1, 0.1);
    draw(name + ".bias", {channels}, 0, 0.1);
    draw(name + ".running_mean", {channels}, 0, 0.1);
    draw(name + ".running_var", {channels}, 1, 0.1);
    keep(name + ".num_batches_tracked", at::full({}, 31, at::kLong));
  }

  void block(const std::string& name, std::int64_t in, std::int64_t out) {
    convolution(name + ".conv1", in, out, 3);
    norm(name + ".bn1", out);
    convolution(name + ".conv2", out, out, 3);
    norm(name + ".bn2", out);
    if (in == out) return;
    convolution(name + ".downsample.0", in, out, 1);
    norm(name + ".downsample.1", out);
  }

  void linear(const std::string& name, std::int64_t in, std::int64_t out) {
    draw(name + ".weight", {out, in}, 0, 0.05);
    draw(name + ".bias", {out}, 0, 0.1);
  }

  const at::Tensor& operator[](const std::string& name) const { return state_.at(name); }
  bool has(const std::string& name) const { return state_.contains(name); }

  std::string file() const {
    nlohmann::ordered_json header;
    std::string values;
    for (const auto& name : order_) {
      const at::Tensor& tensor = state_.at(name);
      const auto begin = values.size();
      values.append(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
      header[name] = {{"dtype", tensor.scalar_type() == at::kLong ? "I64" : "F32"}, {"shape", tensor.sizes().vec()}, {"data_offsets", {begin, values.size()}}};
    }
    const std::string text = header.dump();
    const std::uint64_t length = text.size();
    return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + text + values;
  }

 private:
  void keep(const std::string& name, at::Tensor tensor) {
    order_.push_back(name);
    state_[name] = std::move(tensor);
  }

  void draw(const std::string& name, const std::vector<std::int64_t>& sizes, double mean, double deviation) {
    at::Tensor tensor = at::empty(sizes);
    auto* values = tensor.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(mean + deviation * rng_.normal());
    keep(name, tensor);
  }

  Rng rng_;
  std::vector<std::string> order_;
  std::map<std::string, at::Tensor> state_;
};

Pretrained pretrained_resnet18(std::int64_t classes) {
  Pretrained state(18);
  state.convolution("conv1", 3, 64, 7);
  state.norm("bn1", 64);
  std::int64_t in = 64;
  for (int layer = 1; layer <= 4; ++layer) {
    const std::int64_t out = 32 << layer;
    for (int block = 0; block < 2; ++block) state.block("layer" + std::to_string(layer) + "." + std::to_string(block), block == 0 ? in : out, out);
    in = out;
  }
  state.linear("fc", 512, classes);
  return state;
}

at::Tensor normalised(const Pretrained& state, const std::string& name, const at::Tensor& x) {
  return at::batch_norm(x, state[name + ".weight"], state[name + ".bias"], state[name + ".running_mean"], state[name + ".running_var"], false, 0.1, 1e-5, false);
}

at::Tensor convolved(const Pretrained& state, const std::string& name, const at::Tensor& x, std::int64_t stride) {
  const at::Tensor& weight = state[name + ".weight"];
  return at::conv2d(x, weight, {}, stride, (weight.size(2) - 1) / 2);
}

at::Tensor block(const Pretrained& state, const std::string& name, const at::Tensor& x, std::int64_t stride) {
  at::Tensor y = at::relu(normalised(state, name + ".bn1", convolved(state, name + ".conv1", x, stride)));
  y = normalised(state, name + ".bn2", convolved(state, name + ".conv2", y, 1));
  const bool projected = state.has(name + ".downsample.0.weight");
  return at::relu(y + (projected ? normalised(state, name + ".downsample.1", convolved(state, name + ".downsample.0", x, stride)) : x));
}

at::Tensor resnet18(const Pretrained& state, const at::Tensor& images) {
  at::Tensor x = at::relu(normalised(state, "bn1", convolved(state, "conv1", images, 2)));
  x = at::max_pool2d(x, 3, 2, 1);
  for (int layer = 1; layer <= 4; ++layer)
    for (int i = 0; i < 2; ++i) x = block(state, "layer" + std::to_string(layer) + "." + std::to_string(i), x, layer > 1 && i == 0 ? 2 : 1);
  return at::linear(x.mean({2, 3}), state["fc.weight"], state["fc.bias"]);
}

TEST(Pretrained, AFileWithTorchvisionsNamesGivesTorchvisionsOutputs) {
  const at::NoGradGuard no_grad;
  const Pretrained state = pretrained_resnet18(10);
  const Graph graph = find_space("reference")->network("resnet18", {.input = {3, 64, 64}, .classes = 10});
  Network network(graph, {.dtype = at::kDouble});
  network.initialise(Seed(1));
  load_weights(network.tensors(), from_safetensors(state.file()).weights);
  network.train(false);
  at::manual_seed(5);
  const at::Tensor images = at::randn({3, 3, 64, 64});
  const at::Tensor expected = resnet18(state, images), got = network.forward(images.to(at::kDouble))[0];
  ASSERT_EQ(got.sizes(), expected.sizes());
  EXPECT_LT((got - expected).abs().max().item<double>(), 1e-4 * expected.abs().max().item<double>());
  EXPECT_GT(expected.std().item<double>(), 0.1);  // or nothing would have been compared
}

TEST(Pretrained, ANetworkWithOtherClassesNamesTheTensorThatDoesNotFit) {
  const Pretrained state = pretrained_resnet18(10);
  Network network(find_space("reference")->network("resnet18", {.input = {3, 64, 64}, .classes = 7}));
  try {
    load_weights(network.tensors(), from_safetensors(state.file()).weights);
    FAIL() << "loaded";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("'fc.weight' has shape 10x512 in the file but 7x512"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace netwright
