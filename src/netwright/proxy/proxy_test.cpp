#include "netwright/proxy/proxy.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/proxy/blocks.hpp"
#include "netwright/proxy/curvature.hpp"
#include "netwright/proxy/fill.hpp"
#include "netwright/proxy/patterns.hpp"
#include "netwright/proxy/score_evaluator.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "oracle_nets.hpp"

namespace netwright {
namespace {

nlohmann::json oracle_case(const std::string& id) {
  std::ifstream file(NETWRIGHT_SOURCE_DIR "/tests/oracles.json");
  const auto all = nlohmann::json::parse(file);
  for (const auto& entry : all.at("cases"))
    if (entry.at("id") == id) return entry;
  throw Error("no oracle case " + id);
}

Graph cell_network(const std::string& cell, std::int64_t channels, std::int64_t cells) {
  const auto located = find_architecture("nasbench201:" + cell);
  return located.space->close(located.architecture, {.settings = {{"channels", std::to_string(channels)}, {"cells", std::to_string(cells)}}});
}

ProxyOptions oracle_options(std::int64_t batch, at::ScalarType dtype = at::kDouble) {
  return {.batch = batch, .fill = Fill::oracle, .place = {.dtype = dtype}};
}

// The file calls one score by the number of its batches.
std::string proxy_name(const std::string& key) { return key == "zico_2b" ? "zico" : key; }

void expect_scores(const std::map<std::string, double>& got, const nlohmann::json& entry, bool wide) {
  const auto& tol = entry.at("tol");
  int compared = 0;
  for (const auto& [key, expected] : entry.at("expect").items()) {
    const auto found = got.find(proxy_name(key));
    if (found == got.end() || !expected.is_number()) continue;
    const double value = expected.get<double>();
    double tolerance = std::abs(value) * tol.at(wide ? "default_rel" : "float32_rel").get<double>();
    if (!wide && key == "jacob_cov") tolerance = tol.at("jacob_cov_float32_abs").get<double>();
    EXPECT_NEAR(found->second, value, tolerance) << key;
    ++compared;
  }
  EXPECT_EQ(compared, static_cast<int>(got.size()));
}

std::vector<std::string> scored_in(const nlohmann::json& entry) {
  std::vector<std::string> names;
  for (const Proxy& proxy : proxy_list())
    for (const auto& [key, expected] : entry.at("expect").items())
      if (proxy_name(key) == proxy.name) names.push_back(proxy.name);
  return names;
}

TEST(Fill, FollowsTheRule) {
  // One step from seed 0 gives the increment itself.
  EXPECT_DOUBLE_EQ(lcg(0, 1)[0], 1013904223.0 / 4294967296.0 - 0.5);
  const auto two = lcg(12345, 2);
  const auto state = static_cast<std::uint32_t>((two[0] + 0.5) * 4294967296.0);
  EXPECT_DOUBLE_EQ(two[1], (1664525u * state + 1013904223u) / 4294967296.0 - 0.5);
  EXPECT_NEAR(fill_input({64, 3, 8, 8}).var().item<double>(), 1, 0.02);
}

TEST(Proxies, Z1IsExactInFloat64) {
  auto entry = oracle_case("Z1-main");
  entry["expect"]["macs"] = 8 * 64 * 27 + 8 * 64 * 72 + 16 * 16 * 72 + 80;  // the layers of the net, which the case does not count
  ProxyOptions options = oracle_options(8);
  options.names = scored_in(entry);
  EXPECT_EQ(options.names.size(), 18u);  // all but those of blocks, which this net has none of
  expect_scores(score(z1_graph(), options), entry, true);
}

TEST(Proxies, Z1AgreesInFloat32) {
  const auto entry = oracle_case("Z1-main");
  ProxyOptions options = oracle_options(8, at::kFloat);
  options.names = {"params", "grad_norm", "synflow", "naswot", "jacob_cov", "snip", "fisher", "l2_norm"};
  expect_scores(score(z1_graph(), options), entry, false);
}

TEST(Proxies, Z1sPassesAreTheFiles) {
  const auto expect = oracle_case("Z1-main").at("expect");
  Passes passes(prepare(z1_graph(), oracle_options(8)));
  EXPECT_NEAR(passes.loss().loss, expect.at("loss").get<double>(), 1e-9);
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(passes.logits()[0][i].item<double>(), expect.at("logits0").at(i).get<double>(), 1e-9);
  const at::Tensor kernel = agreement_kernel(passes.patterns());
  for (int i = 0; i < 8; ++i) EXPECT_EQ(kernel[0][i].item<double>(), expect.at("naswot_K_row0").at(i).get<double>());
  const at::Tensor eigenvalues = at::linalg_eigvalsh(passes.tangent_kernel());
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(eigenvalues[i].item<double>() / expect.at("ntk_eigenvalues").at(i).get<double>(), 1, 1e-6);
}

TEST(Proxies, ACellNetworkIsExactInFloat64AndAgreesInFloat32) {
  const auto entry = oracle_case("Z201-a");
  const auto& input = entry.at("input");
  const Graph graph = cell_network(input.at("arch"), input.at("C"), input.at("N"));
  ProxyOptions options = oracle_options(8);
  options.names = scored_in(entry);
  EXPECT_GE(options.names.size(), 13u);
  expect_scores(score(graph, options), entry, true);
  options.place.dtype = at::kFloat;
  options.names = {"params", "grad_norm", "synflow", "naswot", "jacob_cov", "snip"};
  expect_scores(score(graph, options), entry, false);
}

TEST(Proxies, CellsOfTheTableHaveTheirPublishedScores) {
  const auto entry = oracle_case("Z-corr-public");
  for (const auto& row : entry.at("input").at("first5")) {
    const std::string arch = row.at("arch");
    ProxyOptions options = oracle_options(16);
    options.names = {"grad_norm", "snip", "synflow", "jacob_cov", "naswot"};
    for (const auto& [name, value] : score(cell_network(arch, 8, 1), options))
      EXPECT_NEAR(value / row.at(name).get<double>(), 1, 1e-6) << arch << " " << name;
  }
}

// Every rule of hyper-dual numbers against autograd: windows, norms, poolings, squeeze-excite, swishes, slices, shuffles and perceptrons.
TEST(Curvature, ForwardIsThatOfADifferentiatedGradient) {
  for (const char* name : {"nasbench201", "darts", "enas_macro", "mnasnet", "proxylessnas", "spos", "mlp", "conv1d"}) {
    const auto space = find_space(name);
    NetworkOptions network{.input = space->info().input};
    if (network.input.size() == 3 && network.input[1] > 64) network.input = {3, 64, 64};
    for (const Setting& setting : space->info().settings)
      if (setting.name == "channels") network.settings["channels"] = "4";
    Rng rng(6);
    const Architecture architecture = sample(space->decisions(), rng);
    Passes passes(prepare(space->close(architecture, network), {.batch = 3, .seed = Seed(2), .place = {.dtype = at::kDouble}}));
    const auto forward = curvature_forward(passes, passes.loss().weights);
    ASSERT_TRUE(forward) << name;
    EXPECT_NEAR(*forward, curvature_along_gradient(passes), 1e-6 * std::abs(*forward)) << space->print(architecture);
  }
}

// W (g(W + h V) - g(W - h V)) / 2h, V the gradient g at W.
double curvature_by_steps(const ProxyCase& made, double h) {
  const Passes passes(made);
  std::vector<at::Tensor> weights, start;
  for (const WeightLayer& layer : passes.layers()) weights.push_back(layer.weight.detach()), start.push_back(weights.back().clone());
  const auto gradients_at = [&](double step, const std::vector<at::Tensor>& direction) {
    for (std::size_t i = 0; i < direction.size(); ++i) weights[i].copy_(start[i] + step * direction[i]);
    return Passes(made).loss().weights;
  };
  const auto direction = gradients_at(0, {}), ahead = gradients_at(h, direction), behind = gradients_at(-h, direction);
  gradients_at(0, direction);
  double sum = 0;
  for (std::size_t i = 0; i < start.size(); ++i) sum += (start[i] * (ahead[i] - behind[i])).sum().item<double>() / (2 * h);
  return sum;
}

// Hard sigmoids, which autograd does not differentiate twice.
TEST(Curvature, OfAMobileNetworkIsThatOfSmallSteps) {
  const auto space = find_space("ofa_mobilenetv3");
  Rng rng(6);
  const ProxyCase made = prepare(space->close(sample(space->decisions(), rng), {.input = {3, 96, 96}, .settings = {}}), {.batch = 4, .seed = Seed(2), .place = {.dtype = at::kDouble}});
  Passes passes(made);
  const auto forward = curvature_forward(passes, passes.loss().weights);
  ASSERT_TRUE(forward);
  EXPECT_NEAR(*forward / curvature_by_steps(made, 1e-8), 1, 1e-3);
}

TEST(Curvature, OfOperationsWithoutARuleIsLeftToAutograd) {
  const auto space = find_space("autoformer_tiny");
  Rng rng(6);
  const Graph graph = space->close(sample(space->decisions(), rng), {.input = {3, 32, 32}, .settings = {}});
  Passes passes(prepare(graph, {.batch = 2, .seed = Seed(2), .place = {.dtype = at::kDouble}}));
  EXPECT_FALSE(curvature_forward(passes, passes.loss().weights));
  EXPECT_TRUE(std::isfinite(curvature_along_gradient(passes)));
}

TEST(Proxies, LeaveTheNetworkAsItWas) {
  const ProxyCase made = prepare(z1_graph(), {.batch = 4, .seed = Seed(3)});
  made.network->train(false);
  std::vector<at::Tensor> before;
  for (const auto& named : made.network->tensors()) before.push_back(named.tensor.detach().clone());
  score(made, {"all"});
  EXPECT_FALSE(made.network->training());
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto& named = made.network->tensors()[i];
    EXPECT_TRUE(at::equal(before[i], named.tensor)) << named.name;
    EXPECT_FALSE(named.tensor.grad().defined()) << named.name;
  }
}

TEST(Proxies, OneSeedOneScoreInAnyOrder) {
  const Graph graph = cell_network("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|", 4, 1);
  const ProxyOptions all{.batch = 4, .seed = Seed(5)};
  const auto first = score(graph, all), again = score(graph, all);
  EXPECT_EQ(first, again);
  for (const char* name : {"zen", "synflow_bn", "grad_norm", "trainability"}) {
    ProxyOptions alone = all;
    alone.names = {name};
    EXPECT_EQ(score(graph, alone).at(name), first.at(name)) << name;
  }
  ProxyOptions other = all;
  other.seed = Seed(6);
  for (const char* name : {"naswot", "trainability"}) EXPECT_NE(score(graph, other).at(name), first.at(name)) << name;
}

TEST(Proxies, TwinSamplesHaveNoDeterminant) {
  ProxyOptions options{.names = {"naswot"}, .seed = Seed(1)};
  const at::Tensor image = fill_input({1, 3, 8, 8});
  options.data = LabelledBatch{at::cat({image, image, fill_input({1, 3, 8, 8}, 7)}), at::zeros({3}, at::kLong)};
  EXPECT_EQ(score(z1_graph(), options).at("naswot"), -std::numeric_limits<double>::infinity());
}

TEST(Proxies, PatternsOfASmallPerceptronAreCounted) {
  const auto expect = oracle_case("Z-lr-mini").at("expect");
  const at::Tensor w1 = lcg_tensor({3, 4}, 9002, 2), w2 = lcg_tensor({2, 3}, 9003, 2), bias = at::tensor({0.1, -0.05}, at::kDouble);
  const auto patterns = [&](const at::Tensor& x) {
    const at::Tensor a = at::mm(x, w1.t());
    return std::vector<at::Tensor>{a > 0, at::mm(at::relu(a), w2.t()) + bias > 0};
  };
  EXPECT_EQ(distinct_patterns(patterns(lcg_tensor({40, 4}, 9001, 2))), expect.at("unique_patterns").get<int>());
  const auto six = patterns(lcg_tensor({6, 4}, 9011, 2));
  const at::Tensor kernel = agreement_kernel(six);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(kernel[0][i].item<double>(), expect.at("hamming_kernel_row0_for_first6_of_seed_9011").at(i).get<double>());
  EXPECT_EQ(log_determinant(kernel), -std::numeric_limits<double>::infinity());
}

Graph turning_blocks(int count) {
  Builder b;
  Value x = b.input({8, 16, 16});
  for (int i = 0; i < count; ++i) {
    const auto scope = b.scope("block" + std::to_string(i));
    x = b.add("conv", x, {{"channels", 8}, {"kernel", 1}});
  }
  const auto scope = b.scope("head");
  return b.finish({b.add("linear", b.add("flatten", b.add("global_pool", x)), {{"features", 5}})});
}

// Each block turns its input's channels and makes them `scale` times as long.
ProxyCase turning_case(int count, double scale) {
  ProxyCase made = prepare(turning_blocks(count), {.batch = 64, .seed = Seed(2), .place = {.dtype = at::kDouble}});
  for (const auto& named : made.network->tensors())
    if (named.tensor.dim() == 4) at::Tensor(named.tensor).detach().copy_(scale * std::get<0>(at::linalg_qr(named.tensor.detach().flatten(1))).view_as(named.tensor));
  return made;
}

TEST(Proxies, TurningBlocksKeepAllComponentsAndGradients) {
  const auto kept = score(turning_case(3, 1), {"expressivity", "progressivity", "trainability"});
  EXPECT_NEAR(kept.at("expressivity"), 3 * std::log(8), 0.03);  // white noise has eight equal components
  EXPECT_NEAR(kept.at("progressivity"), 0, 1e-6);
  EXPECT_NEAR(kept.at("trainability"), 0, 0.01);                 // s = 1
  EXPECT_NEAR(score(turning_case(3, 2), {"trainability"}).at("trainability"), 2 - 2 - 0.5, 0.1);
  EXPECT_TRUE(std::isnan(score(turning_case(1, 1), {"progressivity"}).at("progressivity")));
}

TEST(Proxies, ABlockThatHandsGradientsOnUntouchedCannotBeTrained) {
  const std::string skips = "|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|";
  EXPECT_EQ(score(cell_network(skips, 4, 2), {.names = {"trainability"}, .batch = 2}).at("trainability"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isfinite(score(cell_network("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|", 4, 2),
                                  {.names = {"trainability"}, .batch = 4}).at("trainability")));
}

TEST(Blocks, AreCellsAndLayersWhateverTheyAreCalled) {
  const auto count = [](const std::string& text) {
    const auto located = find_architecture(text);
    return block_results(located.space->close(located.architecture, {.input = located.space->info().input})).size();
  };
  EXPECT_EQ(count("nasbench201:|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|avg_pool_3x3~2|"), 1u + 3 * 5 + 2);  // the stem, cells, reductions
  EXPECT_EQ(count("reference:resnet18"), 1u + 8);  // the stem too
  EXPECT_EQ(count("reference:mobilenet_v2"), 19u);
}

TEST(Proxies, SayWhatIsWrong) {
  const auto message = [](const std::function<void()>& run) -> std::string {
    try {
      run();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message([] { find_proxies({"sinflow"}); }).find("did you mean 'synflow'"), std::string::npos);
  EXPECT_NE(message([] { score(z1_graph(), {.batch = 1}); }).find("at least 2"), std::string::npos);
  EXPECT_NE(message([] { parse_fill("oracel"); }).find("oracle"), std::string::npos);
  Builder b;
  const Graph maps = b.finish({b.add("relu", b.input({3, 8, 8}))});
  EXPECT_NE(message([&] { score(maps); }).find("classifiers"), std::string::npos);
}

TEST(ScoreEvaluator, GivesTheScoresThatItAnnounces) {
  const auto space = find_space("nasbench201");
  const EvaluatorCase evaluator_case{
      .space = space, .network = {.settings = {{"channels", "4"}, {"cells", "1"}}}, .options = {{"proxies", "synflow, naswot"}, {"batch", "4"}}};
  const auto evaluator = make_evaluator({score_entry({}, 1)}, "score", evaluator_case);
  const auto candidate = find_architecture("nasbench201:|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|");
  const Outcome outcome = evaluator->evaluate({.architecture = candidate.architecture, .seed = 9}, {}, {});
  EXPECT_EQ(outcome.status, Status::done);
  EXPECT_EQ(outcome.metrics.size(), evaluator->info().metrics.size());
  for (const auto& name : evaluator->info().metrics) EXPECT_TRUE(std::isfinite(outcome.metrics.at(name))) << name;
  EXPECT_EQ(outcome.metrics, evaluator->evaluate({.architecture = candidate.architecture, .seed = 9}, {}, {}).metrics);
  EXPECT_NE(outcome.metrics, evaluator->evaluate({.architecture = candidate.architecture, .seed = 8}, {}, {}).metrics);
  EvaluatorCase bad = evaluator_case;
  bad.options["batch"] = "1";
  EXPECT_THROW(make_evaluator({score_entry({}, 1)}, "score", bad), UsageError);
}

}  // namespace
}  // namespace netwright
