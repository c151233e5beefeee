// Exported networks of every space, run by onnxruntime, against the same networks run by torch.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/export/onnx.hpp"
#include "netwright/export/verify.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/graph/operation.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/space/library/darts.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

struct OnnxAgreement : testing::Test {
  std::optional<fs::path> python = find_python({NETWRIGHT_SOURCE_DIR});
  fs::path file = fs::path(testing::TempDir()) / ("netwright_onnx_agreement_" + std::to_string(getpid()) + ".onnx");

  void SetUp() override {
    if (!python) GTEST_SKIP() << "no Python with onnxruntime (NETWRIGHT_PYTHON, or .venv/bin/python in the source folder)";
  }
  ~OnnxAgreement() override { fs::remove(file); }

  void expect_agreement(const Graph& graph, const std::string& name) {
    Network network(graph);
    std::vector<std::int64_t> sizes{6};
    for (const auto size : graph.nodes.front().shape) sizes.push_back(size);
    at::manual_seed(1);
    network.forward(at::randn(sizes) * 2 + 0.3);  // running statistics away from 0 and 1
    network.train(false);
    sizes[0] = 3;
    const at::Tensor input = at::randn(sizes);
    const at::NoGradGuard no_grad;
    const at::Tensor expected = network.forward(input)[0].contiguous();
    write_file(file, to_onnx(graph, to_weights(network.tensors())));
    const auto span = [](const at::Tensor& t) { return std::span(t.const_data_ptr<float>(), static_cast<std::size_t>(t.numel())); };
    const OnnxVerdict verdict = verify_onnx(file, span(input), span(expected), {.python = *python, .tolerance = 1e-4});
    EXPECT_TRUE(verdict.ok) << name << ": " << verdict.reason;
    EXPECT_GT(expected.abs().max().item<double>(), 1e-3) << name << " gives nothing to compare";
  }

  void expect_agreement_of_samples(const std::string& space_name, int count, NetworkOptions options) {
    const auto space = find_space(space_name);
    Rng rng = Seed(11).derive("onnx").rng();
    for (int i = 0; i < count; ++i) {
      const Architecture architecture = sample(space->decisions(), rng);
      expect_agreement(space->close(architecture, options), space->print(architecture));
    }
  }
};

TEST_F(OnnxAgreement, NasBench201) {
  expect_agreement_of_samples("nasbench201", 3, {.input = {3, 16, 16}, .settings = {{"channels", "8"}, {"cells", "1"}}});
}

TEST_F(OnnxAgreement, DartsWithAndWithoutTheAuxiliaryHead) {
  const Genotype genotype{.normal = {{"sep_conv_3x3", 0, 2},
                                     {"dil_conv_5x5", 1, 2},
                                     {"skip_connect", 0, 3},
                                     {"max_pool_3x3", 1, 3},
                                     {"avg_pool_3x3", 2, 4},
                                     {"sep_conv_5x5", 0, 4},
                                     {"dil_conv_3x3", 1, 5},
                                     {"skip_connect", 4, 5}},
                          .normal_concat = {2, 3, 4, 5},
                          .reduce = {{"max_pool_3x3", 0, 2},
                                     {"sep_conv_3x3", 1, 2},
                                     {"skip_connect", 2, 3},
                                     {"avg_pool_3x3", 0, 3},
                                     {"dil_conv_3x3", 0, 4},
                                     {"skip_connect", 1, 4},
                                     {"sep_conv_5x5", 1, 5},
                                     {"dil_conv_5x5", 3, 5}},
                          .reduce_concat = {2, 3, 4, 5}};
  for (const char* auxiliary : {"false", "true"}) {
    const Graph graph = genotype_network(genotype, {.input = {3, 32, 32}, .settings = {{"channels", "8"}, {"cells", "3"}, {"auxiliary", auxiliary}}});
    EXPECT_EQ(graph.outputs.size(), std::string_view(auxiliary) == "true" ? 2U : 1U);
    expect_agreement(graph, std::string("auxiliary=") + auxiliary);
  }
}

TEST_F(OnnxAgreement, Minimal2) { expect_agreement_of_samples("minimal2", 1, {.input = {1, 28, 28}}); }

TEST_F(OnnxAgreement, CellsOfOtherFamilies) {
  const NetworkOptions cells{.settings = {{"channels", "8"}, {"cells", "3"}}};
  for (const char* space : {"nasnet", "amoebanet", "enas_micro"}) expect_agreement_of_samples(space, 1, cells);
  expect_agreement_of_samples("enas_macro", 1, {.settings = {{"channels", "4"}}});
  expect_agreement_of_samples("nasbench101", 1, {.settings = {{"channels", "8"}, {"modules", "1"}}});
}

TEST_F(OnnxAgreement, EverySpaceInYaml) {
  int found = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(NETWRIGHT_SOURCE_DIR) / "spaces")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto space = find_space(entry.path().string());
    expect_agreement_of_samples(entry.path().string(), 1, {.input = space->info().input, .classes = space->info().classes});
    ++found;
  }
  EXPECT_GE(found, 3);
}

// Operations on sequences refuse an image.
bool reads_an_image(const Operation& operation) {
  Builder b;
  const Value x = b.input({8, 12, 12});
  try {
    b.add(operation.name, std::vector<Value>(static_cast<std::size_t>(operation.minimum_inputs), x));
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

TEST_F(OnnxAgreement, EveryOperation) {
  Builder b;
  const Value x = b.input({8, 12, 12});
  std::vector<Value> parts;
  for (const auto& entry : operations()) {
    if (entry.minimum_inputs > 1 || entry.maximum_inputs != 1 || !reads_an_image(entry)) continue;
    const Value y = b.add(entry.name, x);
    if (b.shape(y) == b.shape(x)) parts.push_back(y);
  }
  for (const std::int64_t groups : {0, 2}) parts.push_back(b.add("conv", x, {{"groups", groups}, {"kernel", 5}, {"dilation", 2}, {"bias", 1}}));
  parts.push_back(b.add("batch_norm", x, {{"affine", 0}, {"epsilon", 1e-3}}));
  parts.push_back(b.add("shift", x, {{"offset", -2}}));
  parts.push_back(b.add("pad", b.add("pad", x, {{"pixels", -3}}), {{"pixels", 3}}));
  parts.push_back(squeeze_excite(b, x, 4, "relu", "hard_sigmoid"));
  parts.push_back(mbconv(b, x, 8, {.kernel = 5, .expanded = 24, .activation = "hard_swish"}));
  Value y = factorized_reduce(b, b.add("concat", {b.add("add", parts), x}), 8, true);
  y = b.add("avg_pool", b.add("max_pool", y, {{"stride", 2}}), {{"kernel", 2}, {"padding", 0}});
  for (const int smooth : {0, 1}) y = b.add("resize", y, {{"height", 7}, {"width", 2}, {"smooth", smooth}});
  expect_agreement(b.finish({classifier(b, y, 5, 0.2)}), "every operation");
}

TEST_F(OnnxAgreement, Sequences) {
  Builder b;
  const Value image = b.input({8, 5, 5});
  Value x = b.add("positions", b.add("class_token", b.add("tokens", image)), {{"learned", 1}});
  const Value y = b.add("layer_norm", b.add("positions", x));
  x = b.add("add", {x, b.add("attention", {y, y, y}, {{"head_width", 4}, {"relative", 2}}), b.add("attention", {y, y, y}, {{"heads", 2}, {"causal", 1}})});
  const Value numbers = b.add("scale", b.add("sigmoid", b.add("flatten", b.add("global_pool", image))), {{"factor", 3.9}});
  const Value rows = b.add("embedding", numbers, {{"entries", 4}, {"features", 6}, {"scaled", 1}}, "rows");
  const Value memory = b.add("linear", rows, {{"features", 8}});
  x = b.add("linear", b.add("attention", {x, memory, memory}, {{"heads", 4}}), {{"features", 0}, {"percent", 75}});
  x = b.add("linear", x, {{"features", 4}, {"tied", "rows"}});
  expect_agreement(b.finish({b.add("global_pool", x)}), "sequences");
}

}  // namespace
}  // namespace netwright
