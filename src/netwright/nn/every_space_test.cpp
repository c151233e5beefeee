// One network of every built-in space, small: what the graph declares is what is built, and it learns. Whatever is added to the list is tested too.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "netwright/core/error.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Settings = std::map<std::string, std::string, std::less<>>;

struct Small {
  std::string space;
  NetworkOptions options;
  std::string text = "";  // of an architecture; empty: samples
};

void PrintTo(const Small& small, std::ostream* out) { *out << small.space; }

// How a space is made small; all others run at 3x64x64 as they are.
std::vector<Small> shrunk() {
  const Shape image{3, 32, 32};
  const Settings cells{{"channels", "8"}, {"cells", "3"}, {"auxiliary", "true"}}, narrow{{"channels", "8"}}, words{{"width", "6"}};
  return {{"nasbench101", {.input = image, .settings = {{"channels", "8"}, {"modules", "2"}}}},
          {"nasnet", {.input = image, .settings = cells}},
          {"amoebanet", {.input = image, .settings = cells}},
          {"enas_micro", {.input = image, .settings = cells}},
          {"enas_macro", {.input = image, .settings = {{"channels", "4"}}}},
          {"darts", {.input = image, .settings = cells}},
          {"nasbench201", {.input = image, .settings = {{"channels", "8"}, {"cells", "1"}}}},
          {"transnas_micro", {.input = image, .settings = narrow}},
          {"transnas_macro", {.input = image, .settings = narrow}},
          {"mlp", {.input = {24}}},
          {"conv1d", {.input = {2, 1, 48}, .settings = narrow}},
          {"reference", {.input = {3, 64, 64}}, "resnet18"},
          {"darts_rnn", {.input = {4}, .classes = 11, .settings = words}},
          {"enas_rnn", {.input = {4}, .classes = 11, .settings = words}},
          {"hat", {.input = {7}, .classes = 9}, R"({"E": 16, "D": 24, "enc_ffn": [8, 12], "dec_ffn": [8], "dec_memory": [2]})"},
          {"autodeeplab", {.input = {3, 64, 64}, .settings = {{"channels", "2"}, {"head", "dense"}}}},
          {"nasfpn", {.input = {3, 128, 128}, .settings = {{"channels", "4"}, {"width", "2"}, {"stacked", "1"}}}}};
}

std::vector<Small> every_space() {
  const auto known = shrunk();
  std::vector<Small> all;
  for (const auto& name : space_names()) {
    const auto found = std::ranges::find(known, name, &Small::space);
    all.push_back(found != known.end() ? *found : Small{name, {.input = {3, 64, 64}}});
  }
  return all;
}

class EverySpace : public testing::TestWithParam<Small> {};

at::Tensor batch_of(const NetworkOptions& options) {
  std::vector<std::int64_t> sizes{2};
  sizes.insert(sizes.end(), options.input.begin(), options.input.end());
  at::manual_seed(4);
  const bool words = options.input.size() == 1 && options.input[0] < 8;
  return words ? at::randint(0, options.classes, sizes).to(at::kFloat) : at::randn(sizes);
}

void expect_a_step(const Graph& graph, const NetworkOptions& options, const std::string& name) {
  Network network(graph);
  network.initialise(Seed(3));
  std::int64_t params = 0;
  for (const auto& tensor : network.parameters()) params += tensor.numel();
  EXPECT_EQ(params, cost(graph).params) << name;
  at::Tensor loss;
  for (const auto& output : network.forward(batch_of(options))) {
    const at::Tensor part = (output * at::randn_like(output)).mean();
    loss = loss.defined() ? loss + part : part;
  }
  EXPECT_TRUE(std::isfinite(loss.item<double>())) << name;
  const auto gradients = torch::autograd::grad({loss}, network.parameters(), {}, {}, false, /*allow_unused=*/true);
  const auto reached = std::ranges::count_if(gradients, [](const at::Tensor& g) { return g.defined() && at::isfinite(g).all().item<bool>(); });
  EXPECT_EQ(reached, static_cast<std::ptrdiff_t>(gradients.size())) << name;
}

TEST_P(EverySpace, BuildsWhatTheGraphDeclaresAndLearns) {
  const Small& small = GetParam();
  const auto space = find_space(small.space);
  if (!small.text.empty()) return expect_a_step(space->network(small.text, small.options), small.options, small.text);
  Rng rng(17);
  const Architecture architecture = sample(space->decisions(), rng);
  expect_a_step(space->close(architecture, small.options), small.options, space->print(architecture));
}

INSTANTIATE_TEST_SUITE_P(Builtin, EverySpace, testing::ValuesIn(every_space()), [](const auto& info) { return info.param.space; });

}  // namespace
}  // namespace netwright
