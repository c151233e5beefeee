// Spaces written in YAML: the files under spaces/, what the language means, and what its mistakes say.
#include <gtest/gtest.h>

#include <filesystem>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/yaml.hpp"

namespace netwright {
namespace {

std::shared_ptr<const Space> file(const std::string& name) {
  return find_space((std::filesystem::path(NETWRIGHT_SOURCE_DIR) / "spaces" / (name + ".yaml")).string());
}

std::shared_ptr<const Space> text(const std::string& yaml) { return read_yaml_space_text(yaml, "x.yaml"); }

NetworkOptions usual(const Space& space) { return {.input = space.info().input, .classes = space.info().classes}; }

std::string message_of(const std::string& yaml) {
  try {
    text(yaml);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

std::vector<std::string> names_of(const Space& space) {
  std::vector<std::string> names;
  for (const auto& decision : space.decisions()) names.push_back(decision.name);
  return names;
}

class Files : public testing::TestWithParam<std::string> {};

TEST_P(Files, OpenSampleCloseAndPrint) {
  const auto space = file(GetParam());
  NetworkOptions options = usual(*space);
  EXPECT_FALSE(space->info().title.empty());
  EXPECT_TRUE(space->open(options).open());
  options.search = true;
  EXPECT_TRUE(space->open(options).open());
  options.search = false;
  Rng rng(11);
  for (int i = 0; i < 25; ++i) {
    const Architecture a = sample(space->decisions(), rng);
    const Graph graph = space->close(a, options);
    EXPECT_FALSE(graph.open());
    EXPECT_EQ(graph.output().shape, (Shape{space->info().classes}));
    EXPECT_EQ(space->parse(space->print(a)), a);
  }
}

INSTANTIATE_TEST_SUITE_P(Spaces, Files, testing::Values("small", "cell", "mobile", "kernel_width", "elastic_mobile"), [](const auto& info) { return info.param; });

TEST(Files, SmallHasSixPlacesAndCheapNetworks) {
  const auto space = file("small");
  EXPECT_EQ(space->decisions().size(), 6u);
  EXPECT_EQ(size(space->decisions()), "15625");
  NetworkOptions options = usual(*space);
  const auto params = [&](const char* op) {
    Architecture a;
    for (const auto& decision : space->decisions())
      a.picks.push_back(std::find(decision.choices.begin(), decision.choices.end(), op) - decision.choices.begin());
    return cost(space->close(a, options)).params;
  };
  EXPECT_LT(params("skip"), 10000);
  EXPECT_GT(params("conv_3x3"), 50000);
  EXPECT_LT(params("conv_3x3"), 300000);
  options.search = true;
  EXPECT_LT(cost(space->open(options)).macs, 20000000);
}

TEST(Files, CellTiesItsCells) {
  const auto space = file("cell");
  // 4 one-of places (node a, node b twice) of 4 operations, 3 subsets of 2, with an operation on each picked edge: squared for two cells.
  EXPECT_EQ(size(space->decisions()), std::to_string((64 * 3 * 16) * (64 * 3 * 16)));
  NetworkOptions options = usual(*space);
  Rng rng(1);
  const Architecture a = sample(space->decisions(), rng);
  options.settings = {{"cells", "4"}};
  EXPECT_GT(cost(space->close(a, options)).layers, cost(space->close(a, usual(*space))).layers);
}

TEST(Files, MobileDepthSwitchesDecisionsOff) {
  const auto space = file("mobile");
  const auto& tree = space->decisions();
  const Decision& deep = tree[static_cast<std::size_t>(tree.find("stage2.block3.kernel"))];
  ASSERT_TRUE(deep.condition.has_value());
  EXPECT_EQ(tree[static_cast<std::size_t>(deep.condition->parent)].name, "stage2.depth");
  EXPECT_EQ(deep.condition->choices, (std::vector<int>{2}));
  EXPECT_EQ(deep.kind, Kind::ordinal);
  const Decision& expand = tree[static_cast<std::size_t>(tree.find("stage2.block1.expand"))];
  EXPECT_EQ(expand.choices, (std::vector<std::string>{"3", "6"}));
}

TEST(Files, KernelWidthHasOneWidthAStage) {
  const auto space = file("kernel_width");
  // kernels 3^6, widths 3^3 and depth: the second block of stage 3 has a kernel only where it stands.
  EXPECT_EQ(size(space->decisions()), std::to_string(27 * 81 * (3 + 9)));
  const Architecture narrow = space->parse(
      "stage1.channels=8,stage1.block1.kernel=3,stage1.block2.kernel=3,stage2.channels=16,stage2.block1.kernel=3,stage2.block2.kernel=3,"
      "stage3.channels=32,stage3.depth=1,stage3.block1.kernel=3");
  const Graph graph = space->close(narrow, usual(*space));
  // stem and stage 1 with 8 channels, then 16, then 32; 3x3 each, batch norm 2 a channel, linear 32 x 10 + 10.
  EXPECT_EQ(cost(graph).params, 9 * (8 + 64 + 64 + 128 + 256 + 512) + 2 * (8 + 8 + 8 + 16 + 16 + 32) + 330);
}

const std::string kHead = "name: t\ninput: 3x8x8\nclasses: 4\nstages:\n";

TEST(Language, ShortestSpaceHasNothingToDecide) {
  const auto space = text("name: one\nstages:\n  - {channels: 8, block: conv_bn_3x3}\n");
  EXPECT_EQ(space->decisions().size(), 0u);
  EXPECT_EQ(cost(space->close({}, {})).params, 8 * 27 + 16 + 90);
}

TEST(Language, DecisionsAreNamedByWhereTheyStand) {
  const auto space = text(kHead +
                          "  - {channels: 8, repeat: 2, block: {choose: [conv_bn, identity]}}\n  - {block: [{choose: [sep_conv, identity]}, {choose: "
                          "[relu, identity]}]}\n");
  EXPECT_EQ(names_of(*space), (std::vector<std::string>{"stage1.block1.op", "stage1.block2.op", "stage2.block1.op", "stage2.block1.op2"}));
}

TEST(Language, AsTiesDecisions) {
  EXPECT_EQ(names_of(*text(kHead + "  - {channels: 8, repeat: 3, block: {choose: [conv_bn, identity], as: kind}}\n")),
            (std::vector<std::string>{"kind"}));
  EXPECT_EQ(names_of(*text(kHead + "  - {channels: 8, repeat: 3, as: all, block: {choose: [conv_bn, identity]}}\n")),
            (std::vector<std::string>{"all.op"}));
  EXPECT_EQ(names_of(*text(kHead + "  - {channels: 8, repeat: 2, block: {b: {as: s}}}\nblocks:\n  b: {choose: [conv_bn, identity]}\n")),
            (std::vector<std::string>{"s.op"}));
}

TEST(Language, CandidatesAreNamedByTheirOperation) {
  const auto space = text(kHead + "  - {channels: 8, block: {choose: [conv_bn_3x3, {conv_bn: {kernel: 5}}, {mbconv: {kernel: 3, expand: 4}}]}}\n");
  EXPECT_EQ(space->decisions()[0].choices, (std::vector<std::string>{"conv_bn_3x3", "conv_bn_5x5", "mbconv_3x3_expand4"}));
}

TEST(Language, SkipWhereTheShapeChangesIsAFactorizedReduction) {
  const auto space = text(kHead + "  - {channels: 8, stride: 2, block: {choose: {skip: identity, conv: conv_bn}}}\n");
  // Two 1x1 convolutions 3 -> 4, batch norm; linear 8 x 4 + 4.
  EXPECT_EQ(cost(space->close(space->parse("stage1.block1.op=skip"), usual(*space))).params, 2 * 12 + 16 + 36);
}

TEST(Language, SkipBetweenOpenWidthsIsAConvolution) {
  const auto space = text(
      kHead +
      "  - {channels: {choose: [4, 8]}, block: conv_bn_1x1}\n  - {channels: {choose: [4, 8]}, block: {choose: {skip: identity, conv: conv_bn}}}\n");
  const Graph graph = space->close(space->parse("stage1.channels=4,stage2.channels=8,stage2.block1.op=skip"), usual(*space));
  EXPECT_EQ(cost(graph).params, (12 + 8) + (32 + 16) + 36);
}

TEST(Language, ExpressionsOfSettings) {
  const auto space = text("name: t\ninput: 3x8x8\nsettings: {c: 4}\nstages:\n  - {channels: 2*(c+1)-c/2, block: conv_bn_1x1}\n");
  EXPECT_EQ(cost(space->close({}, usual(*space))).params, 8 * 3 + 16 + 90);
  NetworkOptions wide = usual(*space);
  wide.settings = {{"c", "8"}};
  EXPECT_EQ(cost(space->close({}, wide)).params, 14 * 3 + 28 + 150);
}

TEST(Language, CellSumsAndPicks) {
  const auto space = text(kHead +
                          "  - {channels: 4, block: {cell: {nodes: {a: {from: in, do: conv_bn_1x1}, b: {from: {in: conv_bn_1x1, a: identity}, pick: "
                          "[1, 2]}}, output: [a, b]}}}\n");
  EXPECT_EQ(size(space->decisions()), "3");
  const auto params = [&](const char* picks) { return cost(space->close(space->parse(picks), usual(*space))).params; };
  // The output's 8 channels are brought to 4 by ReLU, 1x1 convolution, batch norm.
  const std::int64_t conv = 12 + 8, end = 32 + 8 + 20;
  EXPECT_EQ(params("stage1.block1.b.from=in+a"), 2 * conv + end);
  EXPECT_EQ(params("stage1.block1.b.from=a"), conv + end);
}

TEST(Language, SearchOnlyCandidatesAreNeverPicked) {
  const auto space = text(kHead + "  - {channels: 4, block: {choose: [zero, conv_bn], search_only: [zero]}}\n");
  EXPECT_EQ(size(space->decisions()), "1");
}

TEST(Language, ExpansionIsOpenWithSqueezeExcite) {
  const auto space = text(kHead + "  - {channels: 8, block: {mbconv: {expand: {choose: [2, 4]}, squeeze: 4, activation: hard_swish}}}\n");
  const auto params = [&](const char* picks) { return cost(space->close(space->parse(picks), usual(*space))).params; };
  const auto expected = [](std::int64_t e, std::int64_t s) { return 3 * e + 2 * e + 9 * e + 2 * e + (e * s + s) + (s * e + e) + 8 * e + 16 + 36; };
  EXPECT_EQ(params("stage1.block1.expand=2"), expected(6, 8));
  EXPECT_EQ(params("stage1.block1.expand=4"), expected(12, 8));
}

struct Mistake {
  const char* yaml;
  const char* message;
};

TEST(Language, MistakesNamePlaceValueRuleAndNearestName) {
  const std::vector<Mistake> mistakes = {
      {"name: t\nstagse: []\n", "x.yaml:2:1: a space has no key 'stagse'; did you mean 'stages'?"},
      {"stages: []\n", "x.yaml:1:1: a space needs a name"},
      {"name: t\n", "x.yaml:1:1: a space needs stages: a list, each with a block"},
      {"name: t\nstages: 3\n", "x.yaml:2:9: stages is a list of maps, each with a block; found '3'"},
      {"name: t\nname: u\nstages: []\n", "x.yaml:2:1: the key 'name' stands twice"},
      {"name: t\ninput: 3x32\nstages: []\n", "x.yaml:2:8: input is channels x height x width, as 3x32x32; found '3x32'"},
      {"name: t\nclasses: ten\nstages: []\n", "x.yaml:2:10: classes is a whole number of at least 1; found 'ten'"},
      {"name: t\nstages:\n  - {channels: 8, block: sep_con_3x3}\n",
       "x.yaml:3:26: unknown operation or block 'sep_con_3x3'; did you mean 'sep_conv_3x3'?"},
      {"name: t\nstages:\n  - {channels: 8, blok: conv}\n", "x.yaml:3:19: a stage has no key 'blok'; did you mean 'block'?"},
      {"name: t\nstages:\n  - {channels: 8}\n", "x.yaml:3:5: a stage needs a block"},
      {"name: t\nstages:\n  - {channels: 8, block: {conv: {kernal: 3}}}\n", "x.yaml:3:34: conv has no key 'kernal'; did you mean 'kernel'?"},
      {"name: t\nstages:\n  - {channels: 2*chanels, block: conv}\nsettings: {channels: 8}\n",
       "x.yaml:3:16: '2*chanels' is no number: there is no setting 'chanels'; did you mean 'channels'?"},
      {"name: t\nstages:\n  - {channels: 8*, block: conv}\n", "x.yaml:3:16: '8*' is no number: a number or a setting is expected"},
      {"name: t\nstages:\n  - {channels: 0, block: conv}\n", "x.yaml:3:16: channels is at least 1; found 0"},
      {"name: t\nstages:\n  - {channels: 8, repeat: 999, block: conv}\n", "x.yaml:3:27: repeat is at most 200; found 999"},
      {"name: t\nstages:\n  - {channels: 8, stride: {choose: [1, 2]}, block: conv}\n",
       "x.yaml:3:27: a stage's stride cannot be chosen: its size must be known"},
      {"name: t\nstages:\n  - {channels: 8, block: {conv: {kernel: {choose: [3, 4]}}}}\n",
       "x.yaml:3:42: a chosen kernel is odd, so that every choice keeps the size; found 4"},
      {"name: t\nstages:\n  - {channels: 8, block: {conv: {kernel: {choose: [3, 3]}}}}\n", "x.yaml:3:55: the choice '3' stands twice"},
      {"name: t\nstages:\n  - {channels: 8, block: {conv: {groups: {choose: [1, 2]}}}}\n",
       "x.yaml:3:42: groups cannot be chosen; what can: kernel, channels, expand"},
      {"name: t\nstages:\n  - {channels: 8, block: {choose: [conv, conv]}}\n", "x.yaml:3:42: the candidate 'conv' stands twice"},
      {"name: t\nstages:\n  - {channels: 8, block: {choose: [[conv, relu], conv]}}\n",
       "x.yaml:3:36: a candidate that is a list, a choose or a cell needs a name: write choose: as a map of names to blocks"},
      {"name: t\nstages:\n  - {channels: 8, block: {choose: [conv, zero], search_only: [zeros]}}\n",
       "x.yaml:3:63: no candidate is called 'zeros'; did you mean 'zero'?"},
      {"name: t\nstages:\n  - {channels: 8, block: {choose: [conv, relu], as: k}}\n  - {block: {choose: [conv, identity], as: k}}\n",
       "x.yaml:4:13: the decision 'k' offers conv, identity here, but conv, relu in line 3"},
      {"name: t\nstages:\n  - {channels: 8, block: {choose: [conv, relu], as: 'a=b'}}\n",
       "x.yaml:3:53: as is made of letters, digits, '_', '.' and '-'; found 'a=b'"},
      {"name: t\nstages:\n  - block:\n      cell:\n        nodes:\n          left: {from: in}\n          right: {from: [in, lef]}\n",
       "x.yaml:7:30: 'lef' is no node above this one; did you mean 'left'?"},
      {"name: t\nstages:\n  - {block: {cell: {nodes: {a: {from: [in], pick: 2}}}}}\n", "x.yaml:3:51: pick 2 is more than the 1 nodes that it reads"},
      {"name: t\nstages:\n  - {block: {cell: {nodes: {a: {from: in, combine: summ}}}}}\n",
       "x.yaml:3:52: combine is sum or concat; found 'summ'; did you mean 'sum'?"},
      {"name: t\nstages:\n  - {channels: 8, block: {max_pool: {kernel: 2}}}\n",
       "x.yaml:3:26: gives 8x31x31 where the stage needs height and width 32x32"},
      {"name: t\ninput: 3x4x4\nstages:\n  - {channels: 8, block: {conv: {kernel: 9, padding: 0}}}\n",
       "x.yaml:4:26: node 'stage1.block1.conv.conv' (conv): a window of 9x9 does not fit into 3x4x4"},
      {"name: t\nstages:\n  - {channels: 8, block: flatten}\n", "x.yaml:3:26: gives shape 3072; a block gives channels x height x width"},
      {"name: t\nstages:\n  - {channels: 8, block: {conv_bn: {activation: rellu}}}\n",
       "x.yaml:3:49: unknown operation 'rellu'; did you mean 'relu'?"},
      {"name: t\nblocks: {conv: relu}\nstages: []\n", "x.yaml:2:10: 'conv' is an operation already; choose another name"},
      {"name: t\nblocks:\n  a: b\n  b: relu\nstages: []\n",
       "x.yaml:3:6: unknown operation or block 'b'; known: choose, cell, relu_conv_bn, conv_bn, sep_conv, dil_conv, factorized_reduce, mbconv, ..."},
      {"name: t\nsettings: {c: {defualt: 3}}\nstages: []\n", "x.yaml:2:16: a setting has no key 'defualt'; did you mean 'default'?"},
      {"name: t\nstages:\n  - {block: &a [relu, *a]}\n", "x.yaml:3:17: blocks are nested more than 50 deep"},
      {"name: t\nstages: [\n", "x.yaml:3:1: is not YAML: end of sequence flow not found"},
  };
  for (const auto& mistake : mistakes) EXPECT_EQ(message_of(mistake.yaml), mistake.message) << mistake.yaml;
}

TEST(Language, BlocksThatMultiplyAreRefused) {
  std::string yaml = "name: t\nblocks:\n  b0: relu\n";
  for (int i = 1; i <= 40; ++i) {
    const std::string inner = "b" + std::to_string(i - 1);
    yaml += "  b" + std::to_string(i) + ": [" + inner + ", " + inner + "]\n";
  }
  EXPECT_NE(message_of(yaml + "stages:\n  - {block: b40}\n").find("more than 100000 blocks"), std::string::npos);
}

TEST(Language, SettingsThatChangeTheDecisionsAreRefused) {
  const auto space = text("name: t\ninput: 3x8x8\nsettings: {n: 2}\nstages:\n  - {channels: 4, repeat: n, block: {choose: [conv_bn, identity]}}\n");
  NetworkOptions options = usual(*space);
  options.settings = {{"n", "3"}};
  EXPECT_THROW(space->open(options), UsageError);
  options.settings = {{"m", "3"}};
  EXPECT_THROW(space->open(options), UsageError);
}

// Every example of docs/spaces.md is a whole space.
TEST(Language, TheExamplesOfThePageAreSpaces) {
  std::vector<std::shared_ptr<const Space>> spaces;
  std::string page = read_file(std::filesystem::path(NETWRIGHT_SOURCE_DIR) / "docs" / "spaces.md"), mark = "```yaml\n";
  for (auto start = page.find(mark); start != std::string::npos; start = page.find(mark, start)) {
    start += mark.size();
    spaces.push_back(text(page.substr(start, page.find("```", start) - start)));
  }
  std::vector<std::string> sizes;
  for (const auto& space : spaces) sizes.push_back(size(space->decisions()));
  EXPECT_EQ(sizes, (std::vector<std::string>{"1", "4", "64", "8", "729", "9216", "59049"}));
}

TEST(Language, MissingFileIsNamed) {
  try {
    find_space("no/such/file.yaml");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("no/such/file.yaml"), std::string::npos);
  }
}

}  // namespace
}  // namespace netwright
