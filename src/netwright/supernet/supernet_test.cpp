#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <map>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/graph/inherited.hpp"
#include "netwright/nn/fused.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/space/library/autodeeplab.hpp"
#include "netwright/space/message_of_test.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/supernet/derive.hpp"
#include "netwright/supernet/mixed.hpp"
#include "netwright/supernet/relaxation.hpp"
#include "netwright/supernet/supernet.hpp"

namespace netwright {
namespace {

constexpr std::int64_t most_parameters = 12'000'000;

bool reads_numbers(const Space& space) {
  const auto& traits = space.info().traits;
  return std::find(traits.begin(), traits.end(), "sequence") != traits.end();
}

// Cells of two inputs stand before each reduction and at the end.
std::string fewest_cells(const std::string& space) {
  const std::set<std::string> two_inputs{"darts", "nasnet", "amoebanet", "enas_micro"};
  return two_inputs.contains(space) ? "3" : "1";
}

NetworkOptions small(const Space& space) {
  NetworkOptions options{.input = space.info().input, .classes = 10, .search = true};
  if (options.input.size() == 3 && options.input[0] == 3) options.input = {3, 16, 16};
  if (reads_numbers(space)) options.input = {3};
  for (const auto& setting : space.info().settings) {
    if (setting.name == "width") options.settings["width"] = "6";
    if (setting.name == "channels") options.settings["channels"] = "4";
    if (setting.name == "cells") options.settings["cells"] = fewest_cells(space.info().name);
  }
  return options;
}

at::Tensor input_of(const Space& space, at::ScalarType type = at::kFloat, std::int64_t batch = 2) {
  const NetworkOptions options = small(space);
  std::vector<std::int64_t> sizes{batch};
  sizes.insert(sizes.end(), options.input.begin(), options.input.end());
  return reads_numbers(space) ? at::randint(0, options.classes, sizes).to(type) : at::randn(sizes, type);
}

// ---- one conformance suite over every space that opens ----

class OpenSpace : public testing::TestWithParam<std::string> {};

TEST_P(OpenSpace, SupernetHasTheGraphsParametersAndGradientsEverywhere) {
  const auto space = find_space(GetParam());
  const Graph open = space->open(small(*space));
  if (cost(open).params > most_parameters) GTEST_SKIP() << "too large for a quick test";
  Supernet supernet(open);
  std::int64_t count = 0;
  for (const auto& p : supernet.parameters()) count += p.numel();
  EXPECT_EQ(count, cost(open).params);
  const auto relaxation = make_relaxation("softmax", space->decisions());
  const auto parameters = ArchitectureParameters::start(space->decisions(), Seed(1));
  Rng rng(1);
  const at::Tensor logits = supernet.forward(input_of(*space), relaxation->draw(parameters, rng))[0];
  EXPECT_TRUE(logits.isfinite().all().item<bool>());
  logits.square().sum().backward();
  for (const auto& vector : parameters.defined()) EXPECT_TRUE(vector.grad().defined() && vector.grad().isfinite().all().item<bool>());
  for (const auto& named : supernet.tensors())
    if (named.trainable) EXPECT_TRUE(named.tensor.grad().defined()) << named.name;
}

std::vector<std::string> every_pattern() {
  std::vector<std::string> names{"weighted_sum", "shared"};
  for (const auto& pattern : fused_patterns()) names.push_back(pattern.name);
  return names;
}

// Groups of nodes as one kernel, and node by node on torch: the same values and the same gradients of the architecture parameters.
TEST_P(OpenSpace, LoweredAndPlainAgree) {
  const auto space = find_space(GetParam());
  const Graph open = space->open(small(*space));
  // Of two values a batch norm's deviation is as good as nothing: 6 images.
  if (cost(open).params > most_parameters / 4 || cost(open).layers > 2000) GTEST_SKIP() << "too large for a quick test";
  Supernet lowered(open), plain(open, {}, {.without = every_pattern()});
  for (Supernet* supernet : {&lowered, &plain}) supernet->initialise(Seed(4)), supernet->set_noise(false);
  const at::Tensor input = input_of(*space, at::kFloat, 6);
  for (const char* name : {"softmax", "gumbel_hard"}) {
    std::vector<at::Tensor> values, gradients;
    for (Supernet* supernet : {&lowered, &plain}) {
      const auto parameters = ArchitectureParameters::start(space->decisions(), Seed(1));
      Rng rng(2);
      const at::Tensor value = supernet->forward(input, make_relaxation(name, space->decisions())->draw(parameters, rng))[0];
      value.square().sum().backward();
      std::vector<at::Tensor> all;
      for (const auto& vector : parameters.defined()) all.push_back(vector.grad().defined() ? vector.grad().flatten() : at::zeros({vector.numel()}));
      values.push_back(value.detach()), gradients.push_back(at::cat(all));
    }
    EXPECT_LT((values[0] - values[1]).norm().item<double>(), 1e-3 * values[1].norm().item<double>()) << name;
    EXPECT_LT((gradients[0] - gradients[1]).norm().item<double>(), 2e-2 * gradients[1].norm().item<double>()) << name;
  }
}

// Cells that are computed again in backward: values, gradients of weights and decisions, and running statistics are the same, with the same noise.
TEST_P(OpenSpace, CheckpointedCellsAgree) {
  const auto space = find_space(GetParam());
  const Graph open = space->open(small(*space));
  if (cost(open).params > most_parameters) GTEST_SKIP() << "too large for a quick test";
  const at::Tensor x = input_of(*space, at::kDouble);
  std::vector<std::vector<at::Tensor>> results;
  for (const bool checkpoint : {false, true}) {
    Supernet supernet(open, {.dtype = at::kDouble}, {.checkpoint = checkpoint});
    supernet.set_drop_path(0.2);
    const auto parameters = ArchitectureParameters::start(space->decisions(), Seed(3), {.dtype = at::kDouble});
    Rng rng(2);
    const Mixture mixture = make_relaxation("gumbel_hard", space->decisions())->draw(parameters, rng);
    at::manual_seed(4);
    const at::Tensor value = supernet.forward(x, mixture)[0];
    value.square().sum().backward();
    results.push_back({value.detach()});
    for (const auto& list : {supernet.parameters(), parameters.defined()})
      for (const auto& tensor : list) results.back().push_back(tensor.grad());
    for (const auto& named : supernet.tensors())
      if (!named.trainable) results.back().push_back(named.tensor);
  }
  ASSERT_EQ(results[0].size(), results[1].size());
  for (std::size_t i = 0; i < results[0].size(); ++i) {
    ASSERT_EQ(results[0][i].defined(), results[1][i].defined()) << i;
    if (results[0][i].defined()) EXPECT_TRUE(results[1][i].allclose(results[0][i], 1e-9, 1e-11)) << i << " " << (results[1][i] - results[0][i]).abs().max().item<double>() << " of " << results[0][i].abs().max().item<double>();
  }
}

// The closed search graph with the weights that it inherits from the supernet.
at::Tensor closed_forward(const Space& space, const Graph& open, const Supernet& supernet, const Architecture& architecture, const at::Tensor& x) {
  Origins origins;
  Network network(close(open, picks_of(space.decisions(), architecture), &origins), {.dtype = x.scalar_type()});
  Weights weights = to_weights(network.tensors());
  const Weights found = inherited(to_weights(supernet.tensors()), origins, weights);
  EXPECT_EQ(found.size(), weights.size());
  load_weights(network.tensors(), found);
  return network.forward(x)[0];
}

// A supernet that runs one architecture computes what the closed search graph computes with the same weights.
TEST_P(OpenSpace, OneHotMixtureEqualsTheClosedGraph) {
  const auto space = find_space(GetParam());
  const Graph open = space->open(small(*space));
  if (cost(open).params > most_parameters) GTEST_SKIP() << "too large for a quick test";
  Supernet supernet(open, {.dtype = at::kDouble});
  load_weights(supernet.tensors(), to_weights(supernet.tensors()));   // weights travel as float32: the same on both sides
  Rng rng(5);
  for (int trial = 0; trial < 3; ++trial) {
    const Architecture architecture = sample(space->decisions(), rng);
    const at::Tensor x = input_of(*space, at::kDouble);
    const at::NoGradGuard no_grad;
    const at::Tensor fused = supernet.forward(x, one_hot(space->decisions(), architecture, {.dtype = at::kDouble}))[0];
    Supernet plain(open, {.dtype = at::kDouble}, {.without = {"weighted_sum", "shared"}});
    EXPECT_TRUE(fused.allclose(closed_forward(*space, open, supernet, architecture, x), 1e-9, 1e-10));
    load_weights(plain.tensors(), to_weights(supernet.tensors()));
    EXPECT_TRUE(fused.allclose(plain.forward(x, one_hot(space->decisions(), architecture, {.dtype = at::kDouble}))[0], 1e-10, 1e-12));
  }
}

// Kernels that go through learned matrices arrive so in a closed network too.
TEST(KernelMatrices, ClosedNetworksInheritThroughThem) {
  const auto space = find_space(std::string(NETWRIGHT_SOURCE_DIR) + "/spaces/elastic_mobile.yaml");
  const Graph open = space->open({.input = {1, 12, 12}, .classes = 3, .search = true});
  Supernet supernet(open, {.dtype = at::kDouble}, {.kernel_transform = true});
  {
    const at::NoGradGuard no_grad;
    for (auto named : supernet.tensors())
      if (named.op == kernel_step_op) named.tensor.add_(at::randn(named.tensor.sizes(), at::kDouble), 0.1);
  }
  load_weights(supernet.tensors(), to_weights(supernet.tensors()));   // float32 on both sides
  Rng rng(5);
  for (int trial = 0; trial < 4; ++trial) {
    const Architecture architecture = sample(space->decisions(), rng);
    const at::Tensor x = at::randn({3, 1, 12, 12}, at::kDouble);
    const at::NoGradGuard no_grad;
    const at::Tensor shared = supernet.forward(x, one_hot(space->decisions(), architecture, {.dtype = at::kDouble}))[0];
    EXPECT_TRUE(shared.allclose(closed_forward(*space, open, supernet, architecture, x), 1e-4, 1e-6));
  }
}

INSTANTIATE_TEST_SUITE_P(Spaces, OpenSpace, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const auto& name : space_names()) {
                             const auto space = find_space(name);
                             const auto& traits = space->info().traits;
                             if (std::find(traits.begin(), traits.end(), "open") != traits.end()) names.push_back(name);
                           }
                           return names;
                         }()),
                         [](const auto& info) { return info.param; });

// ---- the parts ----

TEST(WeightedSum, ValuesAndGradientsEqualPlainTorch) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    const auto make = [&] {
      std::vector<at::Tensor> values;
      for (int i = 0; i < 3; ++i) values.push_back(at::randn({2, 5, 7, 3}, type).requires_grad_(true));
      return values;
    };
    at::manual_seed(3);
    auto a = make();
    at::manual_seed(3);
    auto b = make();
    const at::Tensor wa = at::tensor({0.2, -0.5, 1.1}, type).requires_grad_(true), wb = at::tensor({0.2, -0.5, 1.1}, type).requires_grad_(true);
    const at::Tensor ya = weighted_sum(wa, a, true), yb = weighted_sum(wb, b, false);
    const double tolerance = type == at::kFloat ? 1e-5 : 1e-12;
    EXPECT_TRUE(ya.allclose(yb, tolerance, tolerance));
    const at::Tensor g = at::randn({2, 5, 7, 3}, type);
    ya.backward(g), yb.backward(g);
    EXPECT_TRUE(wa.grad().allclose(wb.grad(), tolerance, tolerance));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(a[static_cast<std::size_t>(i)].grad().allclose(b[static_cast<std::size_t>(i)].grad(), tolerance, tolerance));
  }
}

TEST(WeightedSum, TakesValuesOfMixedMemoryFormats) {
  const at::Tensor x = at::randn({2, 4, 3, 3}), y = at::randn({2, 4, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor w = at::tensor({0.5f, 2.0f});
  EXPECT_TRUE(weighted_sum(w, {x, y}, true).allclose(0.5 * x + 2 * y, 1e-5, 1e-6));
  EXPECT_TRUE(weighted_sum(w, {y, x}, true).allclose(0.5 * y + 2 * x, 1e-5, 1e-6));
}

TEST(Elastic, KernelAndWidthEqualTheClosedNetworkAtEveryPick) {
  Builder b;
  Value x = b.input({3, 6, 6});
  x = b.add("conv", x, {{"kernel", Open{"kernel", {1, 3, 5}}}, {"channels", Open{"width", {2, 4}}}}, "a");
  x = b.add("batch_norm", x, {}, "norm");
  x = b.add("relu", x, {}, "act");
  x = b.add("conv", x, {{"kernel", 3}, {"groups", 0}, {"channels", 0}}, "depthwise");
  x = b.add("batch_norm", x, {}, "norm_2");
  x = b.add("conv", x, {{"kernel", 1}, {"channels", 3}}, "out");
  const Graph open = b.finish({x});
  const DecisionTree tree = decisions_of(open);
  Supernet supernet(open, {.dtype = at::kDouble});
  const at::Tensor input = at::randn({2, 3, 6, 6}, at::kDouble);
  enumerate(tree, [&](const Architecture& architecture) {
    const std::int64_t kernel = std::vector<std::int64_t>{1, 3, 5}[static_cast<std::size_t>(architecture.picks[static_cast<std::size_t>(tree.find("kernel"))])];
    const std::int64_t width = std::vector<std::int64_t>{2, 4}[static_cast<std::size_t>(architecture.picks[static_cast<std::size_t>(tree.find("width"))])];
    const at::NoGradGuard no_grad;
    const at::Tensor got = supernet.forward(input, one_hot(tree, architecture, {.dtype = at::kDouble}))[0];
    // By hand: cut the weights to size.
    std::map<std::string, at::Tensor> t;
    for (const auto& named : supernet.tensors()) t[named.name] = named.tensor;
    const std::int64_t edge = (5 - kernel) / 2;
    at::Tensor y = at::conv2d(input, t["a.weight"].narrow(0, 0, width).narrow(2, edge, kernel).narrow(3, edge, kernel), {}, 1, (kernel - 1) / 2);
    const auto norm = [&](const at::Tensor& v) { return at::batch_norm(v, {}, {}, {}, {}, true, 0.1, 1e-5, false); };
    y = at::relu(norm(y));
    y = norm(at::conv2d(y, t["depthwise.weight"].narrow(0, 0, width), {}, 1, 1, 1, width));
    y = at::conv2d(y, t["out.weight"].narrow(1, 0, width));
    EXPECT_TRUE(got.allclose(y, 1e-8, 1e-10)) << print(tree, architecture);
    return true;
  });
}

// An inverted residual with or without squeeze and excite, whose expansion and kernel are open, with weights of any value.
struct OpenBlock {
  Graph graph;
  DecisionTree tree;
  std::unique_ptr<Supernet> supernet;
  at::Tensor input, mix;

  OpenBlock(at::ScalarType type, bool gated) {
    Builder b;
    const std::vector<std::string> names{"2", "3", "5"};
    const Open expand{"expand", {16, 24, 40}, names}, squeeze{"expand", {4, 6, 10}, names};
    const Value x = b.input({12, 7, 6});
    Value y = b.add("conv", x, {{"kernel", 1}, {"channels", expand}}, "expand");
    y = b.add("relu", b.add("batch_norm", y, {}, "norm"), {}, "act");
    y = b.add("conv", y, {{"kernel", Open{"kernel", {3, 5, 7}}}, {"groups", 0}, {"channels", 0}, {"stride", 2}}, "depthwise");
    y = b.add("hard_swish", b.add("batch_norm", y, {}, "norm_2"), {}, "act_2");
    Value gate = b.add("conv", b.add("global_pool", y, {}, "pool"), {{"kernel", 1}, {"channels", squeeze}, {"bias", 1}}, "reduce");
    gate = b.add("conv", b.add("relu", gate, {}, "act_3"), {{"kernel", 1}, {"channels", expand}, {"bias", 1}}, "excite");
    if (gated) y = b.add("multiply", {y, b.add("hard_sigmoid", gate, {}, "gate")}, {}, "scale");
    y = b.add("batch_norm", b.add("conv", y, {{"kernel", 1}, {"channels", 20}}, "project"), {}, "norm_3");
    graph = b.finish({y});
    tree = decisions_of(graph);
    supernet = std::make_unique<Supernet>(graph, NetworkPlace{.dtype = type});
    at::manual_seed(2);
    const at::NoGradGuard no_grad;
    for (auto named : supernet->tensors()) named.tensor.copy_(at::randn(named.tensor.sizes(), at::kDouble).to(at::kFloat));
    for (auto named : supernet->tensors())
      if (named.name.ends_with("running_var")) named.tensor.abs_();
    input = at::randn({5, 12, 7, 6}, at::kDouble).to(at::kFloat).to(type);
    mix = at::randn({5, 20, 4, 3}, at::kDouble).to(at::kFloat).to(type);
  }

  // The value and the gradients of all weights; `masked`: the decisions' weights learn, so that widths are not narrow.
  std::vector<at::Tensor> results(const Architecture& architecture, bool masked) const {
    Mixture mixture = one_hot(tree, architecture, {.dtype = input.scalar_type()});
    for (auto& [name, entry] : mixture) entry.weights.requires_grad_(masked);
    const at::Tensor value = supernet->forward(input, mixture)[0];
    std::vector<at::Tensor> list{value.detach()};
    for (const auto& gradient : torch::autograd::grad({(value * mix).sum()}, supernet->parameters(), {}, false, false, true)) list.push_back(gradient);
    return list;
  }
};

TEST(Elastic, NarrowPathsEqualMaskedOnes) {
  for (const bool gated : {true, false}) {
    const OpenBlock single(at::kFloat, gated), twice(at::kDouble, gated);
    enumerate(single.tree, [&](const Architecture& architecture) {
      const auto fused = single.results(architecture, false), fused_masks = single.results(architecture, true), masked = twice.results(architecture, true), narrow = twice.results(architecture, false);
      for (std::size_t i = 0; i < masked.size(); ++i) {
        if (!masked[i].defined() || !narrow[i].defined()) continue;
        const double size = masked[i].abs().max().item<double>();
        EXPECT_LT((fused_masks[i].to(at::kDouble) - masked[i]).abs().max().item<double>(), 2e-5 * size) << gated << print(single.tree, architecture) << ", " << i;
        EXPECT_LT((fused[i].to(at::kDouble) - masked[i]).abs().max().item<double>(), 2e-5 * size) << gated << print(single.tree, architecture) << ", " << i;
        EXPECT_LT((narrow[i] - masked[i]).abs().max().item<double>(), 1e-11 * size) << gated << print(single.tree, architecture) << ", " << i;
      }
      return true;
    });
  }
}

// What a path does not pick it does not touch: the statistics of its norms' other channels stay where they are.
TEST(Elastic, SampledWidthsRunNarrow) {
  OpenBlock block(at::kFloat, true);
  const auto running_mean = [&] {
    for (const auto& named : block.supernet->tensors())
      if (named.name == "norm.running_mean") return named.tensor.detach().clone();
    throw Error("no such tensor");
  };
  const at::Tensor before = running_mean();
  block.results({std::vector<std::int64_t>(block.tree.size(), 0)}, false);
  const at::Tensor moved = running_mean() != before;
  EXPECT_TRUE(moved.narrow(0, 0, 16).all().item<bool>());
  EXPECT_FALSE(moved.narrow(0, 16, 24).any().item<bool>());
}

TEST(Supernet, SharesItsWeightsWithANetworkOfOtherInputs) {
  const auto space = find_space("nasbench201");
  const auto options = [](std::int64_t side) {
    return NetworkOptions{.input = {3, side, side}, .classes = 4, .search = true, .settings = {{"channels", "4"}, {"cells", "1"}}};
  };
  Supernet whole(space->open(options(12))), other(space->open(options(8)), whole), alone(space->open(options(8)));
  for (std::size_t i = 0; i < whole.tensors().size(); ++i) EXPECT_TRUE(whole.tensors()[i].tensor.is_same(other.tensors()[i].tensor));
  whole.initialise(Seed(7)), alone.initialise(Seed(7));
  whole.train(false), alone.train(false);
  Rng rng(1);
  const Mixture mixture = one_hot(space->decisions(), sample(space->decisions(), rng));
  const at::Tensor images = at::randn({2, 3, 8, 8});
  EXPECT_TRUE(other.forward(images, mixture)[0].equal(alone.forward(images, mixture)[0]));
}

TEST(Supernet, OtherWeightsCannotBeShared) {
  const auto flat = [](std::int64_t side) {
    Builder b;
    return b.finish({b.add("linear", b.add("flatten", b.input({1, side, side})), {{"features", 2}})});
  };
  const Supernet whole(flat(4));
  EXPECT_EQ(message_of([&] { Supernet(flat(3), whole); }), "the network has other weights at inputs of 1x3x3 than at 1x4x4");
}

TEST(Derive, TakesTheStrongestAndNeverSearchOnly) {
  const DecisionTree tree({
      {.name = "edges", .kind = Kind::k_of_n, .choices = {"0", "1", "2"}, .minimum = 2, .maximum = 2},
      {.name = "op0", .choices = {"none", "a", "b"}, .search_only = {true, false, false}, .condition = Condition{0, {0}}},
      {.name = "op1", .choices = {"none", "a", "b"}, .search_only = {true, false, false}, .condition = Condition{0, {1}}},
      {.name = "op2", .choices = {"none", "a", "b"}, .search_only = {true, false, false}, .condition = Condition{0, {2}}},
  });
  const Architecture derived = strongest(tree, {{}, {0.9, 0.06, 0.04}, {0.1, 0.5, 0.4}, {0.2, 0.3, 0.5}});
  EXPECT_EQ(derived.picks, (std::vector<std::int64_t>{0b110, Architecture::inactive, 1, 2}));
}

TEST(Derive, KeepsTheTreesRule) {
  const DecisionTree tree = path_decisions(6);
  Rng rng(5);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::vector<double>> probabilities;
    for (const auto& decision : tree) {
      probabilities.emplace_back();
      for (std::size_t i = 0; i < decision.choices.size(); ++i) probabilities.back().push_back(rng.uniform());
    }
    const auto product = [&](const Architecture& a) {
      double value = 1;
      for (std::size_t d = 0; d < tree.size(); ++d) value *= probabilities[d][static_cast<std::size_t>(a.picks[d])];
      return value;
    };
    double largest = 0;
    enumerate(tree, [&](const Architecture& a) { return largest = std::max(largest, product(a)), true; });
    EXPECT_NEAR(product(strongest(tree, probabilities)), largest, 1e-12);
  }
}

TEST(Relaxation, DartsHasOneVectorAnEdgeAndNoneForItsSelects) {
  const auto space = find_space("darts");
  const auto parameters = ArchitectureParameters::start(space->decisions(), Seed(1));
  ASSERT_EQ(parameters.defined().size(), 28U);
  for (const auto& vector : parameters.defined()) EXPECT_EQ(vector.numel(), 8);
  for (std::size_t d = 0; d < space->decisions().size(); ++d) EXPECT_EQ(parameters.vectors[d].defined(), space->decisions()[d].kind == Kind::one_of);
}

TEST(Relaxation, ASelectThatTakesAllIsSummed) {
  const auto space = find_space("darts");
  const DecisionTree& tree = space->decisions();
  const auto parameters = ArchitectureParameters::start(tree, Seed(1));
  Rng rng(1);
  const Mixture mixture = make_relaxation("softmax", tree)->draw(parameters, rng);
  EXPECT_FALSE(mixture.contains("normal.node0.edges"));  // 2 of 2
  EXPECT_FALSE(mixture.contains("normal.node1.edges"));  // 2 of 3, ranked by what stands on them
  EXPECT_TRUE(mixture.contains("normal.node0.edge0"));
  const Architecture derived = strongest(tree, make_relaxation("softmax", tree)->probabilities(parameters));
  EXPECT_EQ(derived.picks[static_cast<std::size_t>(tree.find("normal.node0.edges"))], 0b11);
}

TEST(Relaxation, UnknownNameGivesTheNearest) {
  const DecisionTree tree({{.name = "a", .choices = {"x", "y"}}});
  try {
    make_relaxation("sofmax", tree);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("softmax"), std::string::npos);
  }
}

}  // namespace
}  // namespace netwright
