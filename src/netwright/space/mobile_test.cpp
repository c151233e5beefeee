// Mobile spaces and hand-made networks against published numbers (tests/oracles.json).
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/graph/operation.hpp"
#include "netwright/space/library/efficientnet.hpp"
#include "netwright/space/library/mnasnet.hpp"
#include "netwright/space/library/mobile_chain.hpp"
#include "netwright/space/library/once_for_all.hpp"
#include "netwright/space/library/reference.hpp"
#include "netwright/space/library/spos.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/message_of_test.hpp"

namespace netwright {
namespace {

using Json = nlohmann::json;

NetworkOptions imagenet(std::int64_t side = 224) { return {.input = {3, side, side}, .classes = 1000}; }

std::set<std::string> weight_names(const Graph& graph) {
  std::set<std::string> names;
  for (const auto& node : graph.nodes)
    for (const auto& parameter : parameters(node, input_shapes(graph, node))) names.insert(node.name + "." + parameter.name);
  return names;
}

void expect_names(const char* network, const std::vector<std::string>& expected, std::size_t count) {
  const auto names = weight_names(make_reference()->network(network, imagenet()));
  for (const auto& name : expected) EXPECT_TRUE(names.contains(name)) << network << " lacks " << name;
  EXPECT_EQ(names.size(), count) << network;
}

// ---- hand-made networks ----

TEST(Reference, HasTheKnownSizes) {
  const Json file = Json::parse(std::ifstream(NETWRIGHT_SOURCE_DIR "/tests/oracles.json"));
  int seen = 0;
  for (const auto& c : file["cases"]) {
    if (!c["id"].get<std::string>().starts_with("P-tv-")) continue;
    const Cost counted = cost(make_reference()->network(c["id"].get<std::string>().substr(5), imagenet()));
    EXPECT_EQ(counted.params, c["expect"]["params"].get<std::int64_t>()) << c["id"];
    EXPECT_EQ(counted.macs, c["expect"]["macs"].get<std::int64_t>()) << c["id"];
    ++seen;
  }
  EXPECT_EQ(seen, 10);
}

// All parameters and running statistics; torchvision's files hold a batch counter a norm beside them.
TEST(Reference, WeightsAreCalledAsTorchvisionCallsThem) {
  expect_names("resnet18",
               {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer1.0.bn2.bias", "layer2.0.downsample.0.weight",
                "layer2.0.downsample.1.running_var", "layer4.1.conv2.weight", "fc.weight", "fc.bias"},
               102);
  expect_names("resnet50", {"layer1.0.conv3.weight", "layer1.0.downsample.0.weight", "layer3.5.bn3.weight"}, 267);
  expect_names("densenet121",
               {"features.conv0.weight", "features.denseblock4.denselayer16.norm2.running_var", "features.transition3.conv.weight", "features.norm5.bias",
                "classifier.weight"},
               606);
  expect_names("mobilenet_v2",
               {"features.0.1.weight", "features.1.conv.0.0.weight", "features.1.conv.1.weight", "features.2.conv.1.1.bias", "features.2.conv.3.weight",
                "features.18.0.weight", "classifier.1.bias"},
               262);
  expect_names("mobilenet_v3_large",
               {"features.1.block.1.0.weight", "features.4.block.2.fc1.bias", "features.4.block.3.1.weight", "features.16.0.weight", "classifier.0.weight",
                "classifier.3.bias"},
               266);
  expect_names("vgg16", {"features.0.bias", "features.28.weight", "classifier.0.weight", "classifier.6.bias"}, 32);
  expect_names("mnasnet1_0", {"layers.0.weight", "layers.7.running_var", "layers.8.0.layers.3.weight", "layers.13.0.layers.7.bias", "classifier.1.weight"}, 262);
}

TEST(Reference, SaysWhatItCannotDo) {
  EXPECT_EQ(message_of([] { make_reference()->parse("resnet81"); }), "decision 'network' has no choice 'resnet81'; did you mean 'resnet18'?");
  EXPECT_THROW(make_reference()->open({}), Unsupported);
  EXPECT_EQ(message_of([] { make_reference()->network("vgg16", imagenet(192)); }),
            "vgg: the input's side must be a multiple of 224; this one gives 512x6x6 where the linear layers begin");
}

// ---- block strings and compound scaling ----

TEST(MobileBlocks, ReadBackAndNameTheirMistakes) {
  const std::string text = "r3_k5_s22_e3_i24_o40_se0.25_noskip";
  EXPECT_EQ(print(parse_mobile_block(text)), text);
  EXPECT_EQ(parse_mobile_blocks("[\"r1_k3_s11_e1_i32_o16\", \"r2_k3_s22_e6_i16_o24\"]").size(), 2u);
  EXPECT_EQ(message_of([] { parse_mobile_block("r1_k3_s21_e1_i32_o16"); }), "block 'r1_k3_s21_e1_i32_o16': 's21' must be s and one stride for both sides, as s22");
  EXPECT_EQ(message_of([] { parse_mobile_block("r1_kx_i32_o16"); }), "block 'r1_kx_i32_o16': 'kx' must be k and a whole number of at least 1");
  EXPECT_EQ(message_of([] { parse_mobile_blocks("r1_i32_o16,r1_i24_o40"); }), "block 'r1_i24_o40': reads 24 channels; the block before it gives 16");
}

TEST(CompoundScaling, TakesAnyBaseNetwork) {
  const MobileNetwork base{.blocks = parse_mobile_blocks("r1_k3_s11_e1_i16_o16,r3_k5_s22_e4_i16_o40"), .head = 200};
  const MobileNetwork grown = scaled(base, Compound{}.at(2));   // depth 1.44, width 1.21
  EXPECT_EQ(print(grown.blocks), "r2_k3_s11_e1_i24_o24,r5_k5_s22_e4_i24_o48");
  EXPECT_EQ(grown.head, 240);
  EXPECT_EQ(print(scaled(base, Compound{}.at(0)).blocks), print(base.blocks));
}

TEST(CompoundScaling, GridHoldsTheConstraint) {
  const auto candidates = compound_candidates({});
  bool published = false;
  for (const auto& c : candidates) {
    EXPECT_NEAR(c.product(), 2.0, 0.1);
    EXPECT_GE(std::min({c.alpha, c.beta, c.gamma}), 1.0);
    published = published || (std::abs(c.alpha - 1.2) < 1e-9 && std::abs(c.beta - 1.1) < 1e-9 && std::abs(c.gamma - 1.15) < 1e-9);
  }
  EXPECT_TRUE(published);
  EXPECT_THROW(compound_candidates({.step = 0}), UsageError);
}

// The network written at one scaling is the open one, closed.
TEST(EfficientNet, ClosedOpenGraphIsTheScaledNetwork) {
  const auto space = make_efficientnet();
  const Graph open = space->open(imagenet(64));
  for (const char* text : {"width=1.1,depth=1.2", "width=2.0,depth=3.1"}) {
    const Architecture a = space->parse(text);
    const Graph closed = close(open, picks_of(space->decisions(), a)), written = space->close(a, imagenet(64));
    EXPECT_EQ(weight_names(closed), weight_names(written));
    EXPECT_EQ(cost(closed).params, cost(written).params);
    EXPECT_EQ(cost(closed).macs, cost(written).macs);
  }
  NetworkOptions other = imagenet(64);
  other.settings = {{"base", "r1_k3_s11_e1_i16_o16,r3_k5_s22_e4_i16_o40"}, {"head", "200"}};
  EXPECT_EQ(cost(space->network("alpha=1,beta=1,gamma=1", other)).params, cost(space->network("width=1.0,depth=1.0", other)).params);
  EXPECT_EQ(space->network("phi=1", imagenet(224)).nodes.front().shape, (Shape{3, 258, 258}));
}

// ---- chains ----

TEST(Chain, ReadsTheFieldsWordsForALayer) {
  EXPECT_EQ(parse_chain_layer("ir_k3_e6"), parse_chain_layer("k3e6"));
  EXPECT_EQ(parse_chain_layer("ir_k5_s2"), parse_chain_layer("k5e1g2"));
  EXPECT_EQ(parse_chain_layer("k5e3 32 s2").stride, 2);
  EXPECT_EQ(message_of([] { parse_chain_layer("k4e3"); }),
            "layer 'k4e3': 'k4e3' is no operation; the form is ir_k3_e6, ir_k3_s2, k3e6 or skip, with channels and stride as in 'k3e6 24 s2'");
}

TEST(Chain, SizesAreThePublishedOnes) {
  EXPECT_EQ(size(make_fbnet()->decisions()), "984770902183611232881");
  EXPECT_EQ(size(make_proxylessnas()->decisions()), "221502229807900608");
  const auto proxyless = make_proxylessnas();
  EXPECT_EQ(proxyless->decisions()[0].choices.size(), 6u);
  EXPECT_EQ(proxyless->decisions()[1].choices.back(), "skip");
}

TEST(Chain, SkippedLayersLeaveNothingWhereShapesAgree) {
  const auto space = make_fbnet();
  std::string text = "skip";
  for (int i = 1; i < 22; ++i) text += ",skip";
  // Stem, the 1x1 convolutions of the six changes of channels, head, classifier.
  EXPECT_EQ(cost(space->network(text, imagenet())).layers, 1 + 6 + 1 + 1);
}

TEST(Chain, LayersWithPlacesReachBeyondTheSpace) {
  const auto space = make_fbnet();
  NetworkOptions options = imagenet(64);
  options.settings = {{"widths", "16,16,24,32,64,112,184,352,1504"}};
  EXPECT_GT(cost(space->network("[\"k3e1 16 s1\", \"k3e6 24 s2\", \"skip\"]", options)).params, 0);
  EXPECT_THROW(space->parse("k3e6 24 s2"), UsageError);
  options.settings = {{"widths", "16,24"}};
  EXPECT_EQ(message_of([&] { space->open(options); }),
            "space 'fbnet': setting 'widths' has 2 numbers; it needs 9, as 16,16,24,32,64,112,184,352,1984");
}

// ---- MnasNet, SPOS, Once-for-All ----

TEST(MnasNet, HasFourHundredAndThirtyTwoChoicesABlock) {
  const auto space = make_mnasnet();
  EXPECT_EQ(size(space->decisions()), "15045919506432");
  EXPECT_EQ(space->decisions().size(), 30u);
}

TEST(MnasNet, BlocksAreOfTheSizeThatTheirDecisionsSay) {
  const auto space = make_mnasnet();
  const auto with = [&](const std::string& decision, const std::string& choice) {
    Architecture a{std::vector<std::int64_t>(space->decisions().size(), 0)};
    const auto i = static_cast<std::size_t>(space->decisions().find(decision));
    const auto& choices = space->decisions()[i].choices;
    a.picks[i] = std::find(choices.begin(), choices.end(), choice) - choices.begin();
    return cost(space->close(a, imagenet(64)));
  };
  // 64 * 0.75 = 48 channels, 3 layers of a 3x3 convolution; a fourth adds 9 * 48 * 48 and a norm.
  EXPECT_EQ(with("block3.layers", "0").params - with("block3.layers", "-1").params, 9 * 48 * 48 + 2 * 48);
  // 5x5 instead of 3x3: 32 * 0.75 = 24 channels in block 2's two layers, from 24 * 0.75 rounded to 24.
  EXPECT_EQ(with("block2.kernel", "5").params - with("block2.kernel", "3").params, 2 * 16 * 24 * 24);
  EXPECT_EQ(with("block1.skip", "identity").params, with("block1.skip", "none").params);
  EXPECT_GT(with("block1.se", "se0.25").params, with("block1.se", "none").params);
}

TEST(Spos, ReadsDigitsAndLists) {
  const auto space = make_spos();
  EXPECT_EQ(space->parse("[2, 1, 0, 1, 2, 0, 2, 0, 2, 0, 2, 3, 0, 0, 0, 0, 3, 2, 3, 3]"), space->parse("21012020202300003233"));
  EXPECT_EQ(message_of([&] { space->parse("210"); }), "spos: 3 blocks are written; there are 20");
  EXPECT_EQ(message_of([&] { space->parse("4"); }),
            "spos: '4' is no kind of block; 0, 1, 2 are shuffle blocks with kernel 3, 5, 7, and 3 is xception");
}

TEST(OnceForAll, OnlyTheOpenGraphHasKernelTransforms) {
  const auto space = make_ofa_mobilenetv3();
  EXPECT_EQ(cost(space->open(imagenet())).params, 7678880);
  EXPECT_EQ(cost(space->network("k7 e6 d4", imagenet())).params, 7678880 - 14120);
}

TEST(OnceForAll, ListsReadBackAndEntriesBeyondTheDepthHaveNoMeaning) {
  const auto space = make_ofa_mobilenetv3();
  Rng rng(7);
  const Architecture a = sample(space->decisions(), rng);
  EXPECT_EQ(space->parse(space->print(a)), a);
  EXPECT_EQ(space->parse(R"({"ks": [3], "e": [6], "d": [2]})"), space->parse("k3 e6 d2"));
  const std::string shallow = R"({"ks": [3,3,7,7,3,3,7,7,3,3,7,7,3,3,7,7,3,3,7,7], "e": [6], "d": [2]})";
  EXPECT_EQ(space->parse(shallow), space->parse("k3 e6 d2"));
  EXPECT_EQ(space->network("k3 e6 d2 r160", imagenet()).nodes.front().shape, (Shape{3, 160, 160}));
  EXPECT_EQ(message_of([&] { space->parse(R"({"ks": [3, 5], "e": [6], "d": [2]})"); }), "ofa: 'ks' has 2 numbers; it needs 20, or one for all");
  EXPECT_EQ(message_of([&] { space->parse("k9 e6 d2"); }), "ofa: 'ks'[0] is 9; it must be one of 3, 5, 7");
}

}  // namespace
}  // namespace netwright
