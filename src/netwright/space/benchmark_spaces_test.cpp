// The other benchmark spaces, and those for tables and series, against published numbers (tests/oracles.json).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/library/builtin.hpp"
#include "netwright/space/library/transnas.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/message_of_test.hpp"

namespace netwright {
namespace {

using Json = nlohmann::json;

Json oracle_cases(const std::string& prefix) {
  const auto file = Json::parse(std::ifstream(std::string(NETWRIGHT_SOURCE_DIR) + "/tests/oracles.json"));
  Json found = Json::array();
  for (const auto& entry : file["cases"])
    if (entry["id"].get<std::string>().starts_with(prefix)) found.push_back(entry);
  return found;
}

TEST(Transnas, NetworksHaveThePublishedSizes) {
  const Json cases = oracle_cases("TNB-");
  EXPECT_EQ(cases.size(), 5U);
  for (const auto& entry : cases) {
    const auto code = parse_transnas(entry["input"]["code"].get<std::string>());
    EXPECT_EQ(print(code), entry["input"]["code"].get<std::string>());
    NetworkOptions options{.input = {3, 256, 256}, .classes = 75};
    EXPECT_EQ(cost(transnas_network(code, options)).params, entry["expect"]["full_params"].get<std::int64_t>()) << entry["id"];
    options.settings["head"] = "none";
    const Cost backbone = cost(transnas_network(code, options));
    EXPECT_EQ(backbone.params, entry["expect"]["backbone_params"].get<std::int64_t>()) << entry["id"];
    EXPECT_EQ(backbone.macs, entry["expect"]["backbone_macs"].get<std::int64_t>()) << entry["id"];
  }
}

TEST(Transnas, BothSpacesHaveThePublishedNumbers) {
  const Json expect = oracle_cases("C-transnas")[0]["expect"];
  const auto micro = make_transnas_micro(), macro = make_transnas_macro();
  EXPECT_EQ(size(micro->decisions()), std::to_string(expect["micro"].get<int>()));
  EXPECT_EQ(size(macro->decisions()), std::to_string(expect["macro"].get<int>()));
  int different = 0;
  enumerate(macro->decisions(), [&](const Architecture& a) {
    EXPECT_EQ(macro->parse(macro->print(a)), a);
    return ++different, true;
  });
  EXPECT_EQ(different, expect["macro"].get<int>());
}

TEST(Transnas, ClosedOpenGraphIsTheCodesNetwork) {
  const auto micro = make_transnas_micro();
  Rng rng(1);
  const NetworkOptions options{.input = {3, 64, 64}, .classes = 75, .settings = {{"channels", "8"}}};
  for (int i = 0; i < 10; ++i) {
    const Architecture a = sample(micro->decisions(), rng);
    EXPECT_EQ(canonical_hash(micro->close(a, options)), canonical_hash(transnas_network(parse_transnas(micro->print(a)), options)));
  }
}

TEST(Transnas, BadCodesAreNamed) {
  const std::string examples = "; examples are 64-41414-1_02_333 and 64-1234-basic";
  EXPECT_EQ(message_of([] { parse_transnas("64-1235-basic"); }), "'64-1235-basic' is no TransNAS-Bench-101 code: the module type '5' is not 1 to 4" + examples);
  EXPECT_EQ(message_of([] { parse_transnas("64-41414-1_024_333"); }), "'64-41414-1_024_333' is no TransNAS-Bench-101 code: node 2 has 3 edges, not 2" + examples);
  EXPECT_EQ(message_of([] { make_transnas_macro()->parse("64-1111-basic"); }), "decision 'double4' picks 1 to 3 of its choices, not 0");
}

TEST(Nasbenchmacro, NetworksHaveThePublishedSizes) {
  const auto space = make_nasbenchmacro();
  EXPECT_EQ(size(space->decisions()), "6561");
  const Json expect = oracle_cases("BM-net")[0]["expect"];
  EXPECT_EQ(expect.size(), 4U);
  for (const auto& [code, sizes] : expect.items()) {
    const Architecture a = space->parse(code);
    EXPECT_EQ(space->print(a), code);
    const Cost got = cost(space->close(a, {}));
    EXPECT_EQ(got.params, sizes[0].get<std::int64_t>()) << code;
    EXPECT_EQ(got.macs, sizes[1].get<std::int64_t>()) << code;
  }
}

TEST(NatsSize, EqualWidthsAreTheCellsOfNasbench201) {
  const auto sizes = make_nats_size(), cells = make_nasbench201();
  EXPECT_EQ(size(sizes->decisions()), "32768");
  const Architecture a = sizes->parse("8:16:16:32:32");
  EXPECT_EQ(sizes->print(a), "8:16:16:32:32");
  const Architecture same = cells->parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|");
  NetworkOptions options;
  const Graph graph = sizes->close(a, options);
  options.settings = {{"channels", "8"}, {"cells", "1"}};
  EXPECT_EQ(canonical_hash(graph), canonical_hash(cells->close(same, options)));
}

TEST(NatsSize, AChangedWidthPutsAConvolutionOnTheSkip) {
  const auto space = make_nats_size();
  const auto params = [&](const char* text) { return cost(space->close(space->parse(text), {})).params; };
  // Width 3 from 16 to 24: five convolutions and their norms, the skip's convolution and norm, and what reads the width behind.
  const std::int64_t conv = 9 * (2 * 16 * 24 + 3 * 24 * 24 - 5 * 16 * 16) + 5 * 2 * (24 - 16), skip = 16 * 24 + 2 * 24;
  const std::int64_t behind = (9 + 1) * (24 - 16) * 32;
  EXPECT_EQ(params("8:16:24:32:32") - params("8:16:16:32:32"), conv + skip + behind);
  EXPECT_EQ(message_of([&] { space->parse("8:16:20:32:32"); }), "nats_size: width '20' is not among 8, 16, 24, 32, 40, 48, 56, 64");
}

// Pearson's statistic of n draws over the cells of a space; uniform draws keep it near the number of cells.
double chi_square(const Space& space, std::int64_t draws) {
  std::map<Architecture, std::int64_t> seen;
  Rng rng(12);
  for (std::int64_t i = 0; i < draws; ++i) ++seen[sample(space.decisions(), rng)];
  const double expected = static_cast<double>(draws) / approximate_size(space.decisions());
  double sum = 0, met = 0;
  for (const auto& [architecture, count] : seen) {
    sum += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) / expected;
    ++met;
  }
  return sum + (approximate_size(space.decisions()) - met) * expected;
}

TEST(Sampling, IsUniformOverSmallSpaces) {
  for (const char* name : {"minimal2", "transnas_macro", "transnas_micro", "nasbenchmacro"}) {
    const auto space = find_space(name);
    const double cells = approximate_size(space->decisions());
    // Mean cells - 1, deviation sqrt(2 (cells - 1)): five deviations.
    EXPECT_NEAR(chi_square(*space, static_cast<std::int64_t>(20 * cells)), cells - 1, 5 * std::sqrt(2 * (cells - 1))) << name;
  }
}

TEST(Perceptron, CostIsThatOfItsLayers) {
  const auto space = make_mlp();
  const Architecture a = space->parse("depth=2,width1=32,activation=relu,width2=64");
  const Graph graph = space->close(a, {.input = {16}, .classes = 3});
  EXPECT_EQ(cost(graph).params, (16 * 32 + 32) + (32 * 64 + 64) + (64 * 3 + 3));
  EXPECT_EQ(graph.output().shape, (Shape{3}));
}

TEST(Conv1d, ClosesAtEveryWidthAndDepth) {
  const auto space = make_conv1d();
  Rng rng(2);
  for (int i = 0; i < 50; ++i) {
    const Graph graph = space->close(sample(space->decisions(), rng), {.input = {3, 1, 50}, .classes = 4});
    EXPECT_EQ(graph.output().shape, (Shape{4}));
  }
  EXPECT_EQ(message_of([&] { space->open({.input = {3, 32, 32}}); }), "conv1d: input 3x32x32 is no series; write CHANNELSx1xSTEPS, as 3x1x128");
}

}  // namespace
}  // namespace netwright
