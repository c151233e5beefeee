// The published spaces that spaces/*.yaml write down are the built-in ones.
#include <gtest/gtest.h>

#include "netwright/core/error.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/yaml.hpp"

namespace netwright {
namespace {

struct Pair {
  const char* file;
  const char* builtin;
  NetworkOptions options = {};
};

// Decisions of the same kinds with the same choices under the same parents, in one order; only their names, and those of what a node
// reads, are the file's own. So an architecture of one is, pick by pick, one of the other.
void expect_equal_trees(const DecisionTree& written, const DecisionTree& known) {
  ASSERT_EQ(written.size(), known.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    EXPECT_EQ(written[i].kind, known[i].kind) << known[i].name;
    if (known[i].kind != Kind::k_of_n) EXPECT_EQ(written[i].choices, known[i].choices) << known[i].name;
    EXPECT_EQ(written[i].choices.size(), known[i].choices.size()) << known[i].name;
    EXPECT_EQ(written[i].search_only, known[i].search_only) << known[i].name;
    EXPECT_EQ(written[i].minimum, known[i].minimum) << known[i].name;
    EXPECT_EQ(written[i].maximum, known[i].maximum) << known[i].name;
    EXPECT_EQ(written[i].condition, known[i].condition) << known[i].name;
  }
  EXPECT_EQ(size(written), size(known));
}

class PublishedYaml : public testing::TestWithParam<Pair> {};

TEST_P(PublishedYaml, IsTheBuiltInSpace) {
  const auto written = read_yaml_space(std::string(NETWRIGHT_SOURCE_DIR) + "/spaces/" + GetParam().file);
  const auto known = find_space(GetParam().builtin);
  ASSERT_NO_FATAL_FAILURE(expect_equal_trees(written->decisions(), known->decisions()));
  const Graph open = written->open(GetParam().options);
  Rng rng(20);
  for (int i = 0; i < 100; ++i) {
    const Architecture a = sample(known->decisions(), rng);
    const Cost ours = cost(close(open, picks_of(written->decisions(), a))), theirs = cost(known->close(a, GetParam().options));
    ASSERT_EQ(ours.params, theirs.params) << known->print(a);
    ASSERT_EQ(ours.macs, theirs.macs) << known->print(a);
  }
}

TEST_P(PublishedYaml, HasTheUsualSize) {
  const auto written = read_yaml_space(std::string(NETWRIGHT_SOURCE_DIR) + "/spaces/" + GetParam().file);
  const auto known = find_space(GetParam().builtin);
  Rng rng(21);
  const Architecture a = sample(known->decisions(), rng);
  const NetworkOptions usual{.input = known->info().input, .classes = known->info().classes};
  EXPECT_EQ(written->info().input, usual.input);
  EXPECT_EQ(cost(written->close(a, usual)).params, cost(known->close(a, usual)).params);
}

const NetworkOptions small_cells{.settings = {{"channels", "4"}, {"cells", "5"}}};

const NetworkOptions mobile{.input = {3, 224, 224}, .classes = 1000};

INSTANTIATE_TEST_SUITE_P(Files, PublishedYaml,
                         testing::Values(Pair{"nasbench201.yaml", "nasbench201", {.settings = {{"channels", "4"}, {"cells", "2"}}}},
                                         Pair{"darts.yaml", "darts", small_cells},
                                         Pair{"proxyless.yaml", "proxylessnas", mobile},
                                         Pair{"ofa.yaml", "ofa_mobilenetv3", mobile}),
                         [](const auto& info) { return std::string(info.param.builtin); });

std::string message_of(const std::string& yaml) {
  try {
    read_yaml_space_text(yaml, "my.yaml");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(PairedCells, MistakesAreAnsweredByTheirPlace) {
  const std::string start = "name: pairs\ninput: 1x28x28\nstem: conv_bn_3x3\nstages:\n  - channels: 8\n";
  const std::string cell = "{cell: {inputs: {before: conv_bn_1x1, last: conv_bn_1x1}, nodes: {a: {from: [before, last], do: conv_bn_3x3}}}}";
  EXPECT_EQ(message_of(start + "    block: " + cell + "\n"), "no error");
  EXPECT_EQ(message_of(start + "    block: [" + cell + ", relu]\n"),
            "my.yaml:6:20: a cell with two inputs is a stage's whole block, and stands inside no other");
  EXPECT_EQ(message_of(start + "    repeat: {choose: [1, 2]}\n    block: " + cell + "\n"),
            "my.yaml:6:13: a cell with two inputs is repeated a fixed number of times: what stands behind it reads the block before the last");
  EXPECT_EQ(message_of(start + "    block: {cell: {inputs: {before: identity}, nodes: {a: {from: before}}}}\n"),
            "my.yaml:6:28: inputs is a map of two names to blocks: what the block before the last gave, and what the last gave; found a map");
}

}  // namespace
}  // namespace netwright
