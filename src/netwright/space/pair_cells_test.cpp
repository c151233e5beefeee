// Pairwise cells: NASNet, AmoebaNet, ENAS.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/architectures.hpp"
#include "netwright/space/library/enas.hpp"
#include "netwright/space/library/nasnet.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/message_of_test.hpp"

namespace netwright {
namespace {

Graph named(const std::string& name, const std::string& auxiliary = "false") {
  const Written written = written_architecture(name);
  NetworkOptions options = *written.network;
  options.settings["auxiliary"] = auxiliary;
  return written.space->network(written.text, options);
}

// tests/oracles.json: P-nasnet-cifar.
TEST(Nasnet, AuxiliaryHeadHasItsSize) { EXPECT_EQ(cost(named("nasnet/NASNet-A@cifar", "true")).params_auxiliary, 1631498); }

TEST(Nasnet, CellsHaveThePublishedChannels) {
  const Graph graph = named("nasnet/NASNet-A@mobile");
  const auto channels_of = [&](const std::string& cell) {
    Shape shape;
    for (const auto& node : graph.nodes)
      if (node.name.starts_with(cell + ".concat")) shape = node.shape;
    return shape.empty() ? 0 : shape[0];
  };
  const std::map<std::string, std::int64_t> expected = {{"cell0", 264}, {"reduction0", 352}, {"cell4", 528}, {"reduction1", 704}, {"cell8", 1056}};
  for (const auto& [cell, channels] : expected) EXPECT_EQ(channels_of(cell), channels) << cell;
}

// What the port of the mobile network multiplies more: 2n + 1 results of each separable convolution's first half in the three cells
// that halve an even size to n. The sizes stay.
TEST(Nasnet, CroppedReductionsCostWhatThePortDoes) {
  const Written written = written_architecture("nasnet/NASNet-A@mobile");
  NetworkOptions options = *written.network;
  options.settings["even_sizes"] = "cropped";
  const Graph graph = written.space->network(written.text, options);
  std::int64_t more = 0;
  constexpr std::int64_t taps = 5 * 5 + 7 * 7 + 7 * 7 + 5 * 5 + 3 * 3;
  for (const std::int64_t size : {28, 14, 7}) {
    const std::int64_t channels = size == 28 ? 22 : 1232 / size;
    more += (2 * size + 1) * (taps + 5 * channels) * channels;
  }
  EXPECT_EQ(cost(graph).macs, 563638816 + more);
  EXPECT_EQ(cost(graph).params, 5289978);
  EXPECT_EQ(message_of([&] {
              options.settings["even_sizes"] = "cropt";
              written.space->network(written.text, options);
            }),
            "nasnet: even_sizes=cropt is neither centred nor cropped; known: centred, cropped");
}

// A node's own share of the rate grows with the cells, stem cells and reductions counted: 16 of them.
TEST(Nasnet, DropPathKnowsItsDepth) {
  const Graph graph = named("nasnet/NASNet-A@mobile");
  std::set<double> depths;
  for (const auto& node : graph.nodes)
    if (node.op == "drop_path") depths.insert(number(node, "depth"));
  EXPECT_EQ(depths.size(), 16u);
  EXPECT_DOUBLE_EQ(*depths.begin(), 1.0 / 16);
  EXPECT_DOUBLE_EQ(*depths.rbegin(), 1.0);
}

TEST(Nasnet, SizeIsThePublishedCardinality) {
  EXPECT_EQ(size(make_nasnet()->decisions()), "5229943396058757337940161399357440000");
}

TEST(Nasnet, FiguresOfThePapersComeOut) {
  // Published 88.9M and 23.8B; 2.6M, 3.2M and 5.1M for AmoebaNet-A.
  EXPECT_EQ(cost(named("nasnet/NASNet-A@large")).params, 88753150);
  EXPECT_EQ(cost(named("amoebanet/AmoebaNet-A@cifar-small")).params, 2567754);
  EXPECT_EQ(cost(named("amoebanet/AmoebaNet-A@cifar")).params, 3218266);
}

TEST(PairCells, TextsOfRelativesAreNoArchitectures) {
  const Written written = written_architecture("nasnet/NASNet-A@mobile");
  EXPECT_EQ(message_of([&] { written.space->parse(written.text); }),
            "nasnet: normal concatenates other states than its loose ends; such a cell is no architecture of the space");
}

TEST(PairCells, PrintedCellsAreReadAgain) {
  const PairFamily family = nasnet_family();
  const PairCells cells = parse_pair_cells(family, written_architecture("nasnet/NASNet-A@mobile").text);
  EXPECT_EQ(parse_pair_cells(family, print(family, cells)), cells);
  EXPECT_EQ(cells.normal.joined, (std::vector<int>{1, 2, 3, 4, 5, 6}));
}

TEST(PairCells, MistakesAreNamed) {
  const PairFamily family = amoebanet_family();
  const auto read = [&](const std::string& text) { return message_of([&] { parse_pair_cells(family, text); }); };
  EXPECT_EQ(read(R"({"normal": [["sep_conv_3x4", 0, "identity", 1]]})"),
            "amoebanet: normal block 0 names the unknown operation 'sep_conv_3x4'; did you mean 'sep_conv_3x3'?");
  EXPECT_EQ(read(R"({"normal": [["identity", 0, "identity", 2]]})"), "amoebanet: normal block 0 reads state 2; it may read 0 to 1");
  EXPECT_EQ(read(R"({"norml": []})"), "amoebanet: unknown key 'norml'; did you mean 'normal'?");
}

// The two mutations of AmoebaNet are one changed decision: a state or an operation.
TEST(Amoebanet, MutationsChangeAStateOrAnOperation) {
  const auto space = make_amoebanet();
  const DecisionTree& tree = space->decisions();
  Rng rng(7);
  int states = 0, operations = 0;
  for (int i = 0; i < 200; ++i) {
    const Architecture a = sample(tree, rng), b = mutate(tree, a, rng);
    for (std::size_t d = 0; d < tree.size(); ++d)
      if (a.picks[d] != b.picks[d]) ++(tree[d].name.find(".input") != std::string::npos ? states : operations);
  }
  EXPECT_EQ(states + operations, 200);
  EXPECT_GT(states, 60);
  EXPECT_GT(operations, 60);
}

TEST(EnasMicro, ReadsTheNumbersOfTheOfficialCode) {
  const auto space = make_enas_micro();
  const Architecture a = space->parse("0 0 0 0 2 0 2 0 3 0 3 0 4 0 4 0 5 0 5 0 1 0 1 0 2 0 2 0 3 0 3 0 4 0 4 0 5 0 5 0");
  EXPECT_EQ(space->parse(space->print(a)), a);
  EXPECT_EQ(a.picks[4], 2);
  EXPECT_NE(message_of([&] { space->parse("0 0 1"); }).find("40 numbers, not 3"), std::string::npos);
  EXPECT_THROW(space->parse("0 0 9 0 2 0 2 0 3 0 3 0 4 0 4 0 5 0 5 0 1 0 1 0 2 0 2 0 3 0 3 0 4 0 4 0 5 0 5 0"), UsageError);
}

TEST(EnasMacro, SizeAndNumbers) {
  const auto space = make_enas_macro();
  EXPECT_EQ(size(space->decisions()), "160618186625454535808756219904");  // 6^12 * 2^66
  std::string numbers;  // of the official code: operation, then a skip from each earlier value
  for (int layer = 0; layer < 12; ++layer) {
    numbers += "1 ";
    for (int value = 0; value < layer; ++value) numbers += value == 0 ? "1 " : "0 ";
  }
  const Architecture a = space->parse(numbers);
  EXPECT_EQ(space->parse(space->print(a)), a);
  const DecisionTree& tree = space->decisions();
  EXPECT_EQ(a.picks[static_cast<std::size_t>(tree.find("layer5.op"))], 1);
  EXPECT_EQ(a.picks[static_cast<std::size_t>(tree.find("layer5.skip0"))], 1);
  EXPECT_EQ(a.picks[static_cast<std::size_t>(tree.find("layer5.skip4"))], 0);
}

}  // namespace
}  // namespace netwright
