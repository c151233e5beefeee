// Spaces for dense prediction: paths of resolutions, pyramids of merging cells.
#include <gtest/gtest.h>

#include <functional>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/library/autodeeplab.hpp"
#include "netwright/space/library/nasfpn.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/message_of_test.hpp"

namespace netwright {
namespace {

TEST(AutoDeepLab, PathsAreCountedAsTheyAreVisited) {
  for (const int steps : {1, 4, 7}) {
    const DecisionTree tree = path_decisions(steps);
    std::size_t count = 0;
    enumerate(tree, [&](const Architecture&) { return ++count, true; });
    EXPECT_EQ(size(tree), std::to_string(count));
  }
  EXPECT_EQ(size(path_decisions(11)), "28657");
  EXPECT_EQ(size(path_decisions(12)), "75025");
}

TEST(AutoDeepLab, SizeIsPathsTimesCells) {
  // Nodes choose 2 of 2, 3, ..., 6 states, and one of seven operations twice.
  const auto cells = 1LL * 3 * 6 * 10 * 15 * (282475249LL);  // 7^10
  EXPECT_EQ(size(make_autodeeplab()->decisions()), std::to_string(28657LL * cells));
}

TEST(AutoDeepLab, ClosingTheTrellisGivesThePathsNetwork) {
  const auto space = make_autodeeplab();
  Rng rng(3);
  for (const char* head : {"classifier", "dense"}) {
    const NetworkOptions options{.input = {3, 40, 40}, .classes = 5, .settings = {{"channels", "2"}, {"head", head}}};
    const Graph open = space->open(options);
    const Architecture a = sample(space->decisions(), rng);
    const Graph generic = close(open, picks_of(space->decisions(), a));
    EXPECT_EQ(canonical_hash(generic), canonical_hash(space->close(a, options)));
    EXPECT_EQ(generic.output().shape, std::string_view(head) == "dense" ? (Shape{5, 40, 40}) : Shape{5});
  }
}

TEST(AutoDeepLab, MistakesNameThePlaceTheValueAndTheRule) {
  const auto message = [](const std::string& path, const std::string& cell) {
    return message_of([&] { parse_dense_network("{\"path\": " + path + ", \"cell\": " + cell + "}"); });
  };
  const std::string cell = R"([["sep_conv_3x3", 0], ["skip_connect", 1]])";
  EXPECT_EQ(message("[4, 16]", cell), "dense network: 'path' goes to 16 after 4; neighbouring layers have equal or neighbouring strides");
  EXPECT_EQ(message("[8]", cell), "dense network: 'path' goes to 8 at first; it starts at 4");
  EXPECT_EQ(message("[4, 5]", cell), "dense network: 'path' holds 5; strides are 4, 8, 16 and 32");
  EXPECT_EQ(message("[4]", R"([["sep_conv_3x", 0], ["skip_connect", 1]])"),
            "dense network: cell[0] names the unknown operation 'sep_conv_3x'; did you mean 'sep_conv_3x3'?");
  EXPECT_EQ(message("[4]", R"([["sep_conv_3x3", 1], ["skip_connect", 1]])"), "dense network: cell[1] reads state 1 twice");
}

const char* const found_pyramid =
    R"([[4,"attention",1,3],[4,"sum",1,5],[3,"sum",0,6],[4,"sum",6,7],[5,"attention",7,8],[7,"attention",6,9],[6,"attention",9,10]])";

TEST(NasFpn, ThePublishedPyramidGivesFiveLevels) {
  const auto space = make_nasfpn();
  const NetworkOptions options{
      .input = {3, 256, 128}, .classes = 10, .settings = {{"channels", "8"}, {"width", "4"}, {"stacked", "2"}, {"head", "pyramid"}}};
  const Architecture a = space->parse(found_pyramid);
  EXPECT_EQ(space->print(a), found_pyramid);
  const Graph graph = space->close(a, options);
  ASSERT_EQ(graph.outputs.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(graph.nodes[static_cast<std::size_t>(graph.outputs[i])].shape, (Shape{8, 32 >> i, 16 >> i}));
}

// Seven 3x3 convolutions with batch norm a pyramid, whatever the cells.
TEST(NasFpn, EveryPyramidHasTheSameParameters) {
  const auto space = make_nasfpn();
  const auto params = [&](const Architecture& a, const char* stacked) {
    return cost(space->close(a, {.input = {3, 128, 128}, .classes = 10, .settings = {{"channels", "8"}, {"width", "4"}, {"stacked", stacked}}}))
        .params;
  };
  Rng rng(6);
  for (int i = 0; i < 10; ++i) {
    const Architecture a = sample(space->decisions(), rng);
    EXPECT_EQ(params(a, "3") - params(a, "2"), 7 * (8 * 8 * 9 + 16));
  }
}

TEST(NasFpn, SizeIsWhatItsCellsChoose) {
  const long long inputs = 10LL * 15 * 21 * 28 * 36 * 45 * 55;
  EXPECT_EQ(size(make_nasfpn()->decisions()), std::to_string(inputs * 128 * 25 * 120));
}

TEST(NasFpn, MistakesNameThePlaceTheValueAndTheRule) {
  EXPECT_EQ(message_of([] { parse_merging_cells(R"([[4, "sum", 0, 5]])"); }), "merging cells: cell 0 reads layer 5; it may read 0 to 4");
  EXPECT_EQ(message_of([] { parse_merging_cells(R"([[4, "summ", 0, 1]])"); }), "merging cells: cell 0 merges by 'summ'; did you mean 'sum'?");
  EXPECT_EQ(message_of([] { parse_merging_cells(R"([[2, "sum", 0, 1]])"); }), "merging cells: cell 0 is of level 2; levels are 3 to 7");
  EXPECT_EQ(message_of([] {
              make_nasfpn()->close(sample(make_nasfpn()->decisions(), *std::make_unique<Rng>(1)), {.input = {3, 64, 64}});
            }),
            "nasfpn: the input is 3x64x64; height and width must be multiples of 32, at least 128");
}

}  // namespace
}  // namespace netwright
