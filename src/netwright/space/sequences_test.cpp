// Recurrent cells and transformers against published numbers (tests/oracles.json), and their notations.
#include <gtest/gtest.h>

#include <functional>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/library/autoformer.hpp"
#include "netwright/space/library/hat.hpp"
#include "netwright/space/library/recurrent.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/message_of_test.hpp"

namespace netwright {
namespace {

const char* const darts_v2 =
    R"({"recurrent":[["sigmoid",0],["relu",1],["relu",1],["identity",1],["tanh",2],["sigmoid",5],["tanh",3],["relu",5]],"concat":[1,2,3,4,5,6,7,8]})";

TEST(Recurrent, LanguageModelHasThePublishedSizeAtAnyLength) {
  const RecurrentGenotype v2 = parse_recurrent_genotype(darts_v2);
  for (const std::int64_t steps : {1, 3}) {
    const Graph graph = recurrent_network(v2, {.input = {steps}, .classes = 10000});
    EXPECT_EQ(cost(graph).params, 22960000);
    EXPECT_EQ(graph.output().shape, (Shape{steps, 10000}));
    EXPECT_EQ(cost(graph).macs, steps * (1700 * 1700 + 8 * 850 * 1700 + 850 * 10000));
  }
}

TEST(Recurrent, SizesAreWhatTheFormulasSay) {
  EXPECT_EQ(size(make_darts_rnn()->decisions()), "2642411520");
  EXPECT_EQ(size(make_enas_rnn()->decisions()), std::to_string(39916800LL * 16777216LL));
}

TEST(Recurrent, ClosingTheOpenGraphGivesTheGenotypesNetwork) {
  const auto space = make_darts_rnn();
  const NetworkOptions options{.input = {2}, .classes = 7, .settings = {{"width", "4"}}};
  const Architecture a = space->parse(darts_v2);
  EXPECT_EQ(space->print(a), darts_v2);
  const Graph generic = close(space->open(options), picks_of(space->decisions(), a));
  EXPECT_EQ(canonical_hash(generic), canonical_hash(space->close(a, options)));
  EXPECT_EQ(cost(generic).params, cost(space->close(a, options)).params);
}

TEST(Recurrent, AveragesLooseEndsInEnas) {
  const auto space = make_enas_rnn();
  Rng rng(2);
  const NetworkOptions options{.input = {2}, .classes = 7, .settings = {{"width", "4"}}};
  for (int i = 0; i < 20; ++i) {
    const Architecture a = sample(space->decisions(), rng);
    const RecurrentGenotype genotype = parse_recurrent_genotype(space->print(a));
    for (const int state : genotype.concat)
      for (const auto& node : genotype.nodes) EXPECT_NE(node.input, state);
    // One weight a node: the first 8x8, the other eleven 8x4; embedding 7x4 and the classifier's bias.
    EXPECT_EQ(cost(space->close(a, options)).params, 64 + 11 * 32 + 28 + 7);
    EXPECT_EQ(cost(close(space->open(options), picks_of(space->decisions(), a))).params, 64 + 11 * 32 + 28 + 7);
  }
}

TEST(Recurrent, MistakesNameThePlaceTheValueAndTheRule) {
  const auto space = make_darts_rnn();
  const auto message = [&](const std::string& text) { return message_of([&] { space->parse(text); }); };
  EXPECT_EQ(message(R"({"recurrent": [["tanhh", 0]]})"), "genotype: recurrent[0] names the unknown function 'tanhh'; did you mean 'tanh'?");
  EXPECT_EQ(message(R"({"recurrent": [["tanh", 1]]})"), "genotype: recurrent[0] reads state 1; it may read 0 to 0");
  EXPECT_EQ(message(R"({"recurrent": [["tanh", 0]]})"), "genotype: 'recurrent' has 1 nodes; the space darts_rnn has 8");
  EXPECT_EQ(message(R"({"recurrent": [["tanh", 0]], "concat": [2]})"), "genotype: 'concat' holds 2; the cell's states are 0 to 1");
  EXPECT_EQ(message_of([&] {
              space->open({.input = {3, 32, 32}});
            }),
            "darts_rnn: the input is 3x32x32; a language model reads one number a step, as in 35");
}

TEST(AutoFormer, NetworksHaveThePublishedSizes) {
  const NetworkOptions imagenet{.input = {3, 224, 224}, .classes = 1000};
  const char* const tiny = R"({"E":192,"heads":[3,3,3,3,3,3,3,3,3,3,4,3,3],"ratio":[3.5,3.5,3,3.5,3,3,4,4,3.5,4,3.5,4,3.5]})";
  EXPECT_EQ(print(parse_vision_transformer(tiny)), tiny);
  EXPECT_EQ(cost(vision_transformer(parse_vision_transformer(tiny), imagenet)).params, 5867944);
  // Its ratios of 3 are beyond the space, whose networks it is still one of.
  const auto space = make_autoformer_tiny();
  EXPECT_EQ(message_of([&] { space->parse(tiny); }), "vision transformer: block2.ratio is 3, which is not in the space autoformer_tiny");
  EXPECT_EQ(cost(space->network(tiny, imagenet)).params, 5867944);
  const char* const small = R"({"E":384,"heads":[6,6,5,7,5,5,5,6,6,7,7,6,7],"ratio":[3,3.5,3,3.5,4,4,4,4,4,4,4,3.5,4]})";
  EXPECT_EQ(cost(make_autoformer_small()->close(make_autoformer_small()->parse(small), imagenet)).params, 22891432);
}

TEST(AutoFormer, ClosedSamplesAreTheNetworksThatTheyPrint) {
  const auto space = make_autoformer_tiny();
  const NetworkOptions options{.input = {3, 32, 32}, .classes = 10};
  Rng rng(4);
  for (int i = 0; i < 5; ++i) {
    const Architecture a = sample(space->decisions(), rng);
    EXPECT_EQ(canonical_hash(space->close(a, options)), canonical_hash(space->network(space->print(a), options)));
  }
  EXPECT_EQ(size(space->decisions()), std::to_string(3 * ((1LL << 24) + (1LL << 26) + (1LL << 28))));
}

TEST(LanguageModels, DropoutStandsBeforeAndBehindTheCellWhereItIsAskedFor) {
  for (const char* name : {"darts_rnn", "enas_rnn"}) {
    const auto space = find_space(name);
    Rng rng(4);
    const Architecture a = sample(space->decisions(), rng);
    NetworkOptions options{.input = {2}, .classes = 7, .settings = {{"width", "4"}}};
    const auto rates = [&](const Graph& graph) {
      std::vector<double> list;
      for (const Node& node : graph.nodes)
        if (node.op == "dropout") list.push_back(number(node, "rate"));
      return list;
    };
    const Graph without = space->close(a, options);
    EXPECT_TRUE(rates(without).empty());
    options.settings["dropout"] = "0.3";
    EXPECT_EQ(rates(space->close(a, options)), (std::vector<double>{0.3, 0.3}));
    EXPECT_EQ(rates(space->open(options)), (std::vector<double>{0.3, 0.3}));
    EXPECT_EQ(cost(space->close(a, options)).params, cost(without).params);
    options.settings["dropout"] = "1";
    EXPECT_EQ(message_of([&] { space->close(a, options); }), std::string("space '") + name + "': setting 'dropout' is '1'; it must be a number from 0 to below 1");
  }
}

TEST(AutoFormer, RefusesOtherImages) {
  EXPECT_NE(message_of([] { make_autoformer_tiny()->open({.input = {3, 30, 30}}); }).find("multiple of 16"), std::string::npos);
  EXPECT_EQ(message_of([] { parse_vision_transformer(R"({"E": 192, "heads": [3], "ratio": [3, 4]})"); }),
            "vision transformer: 'heads' has 1 blocks but 'ratio' has 2");
}

TEST(Hat, ClosedSamplesAreTheNetworksThatTheyPrint) {
  const auto space = make_hat();
  const NetworkOptions options{.input = {6}, .classes = 11};
  Rng rng(4);
  for (int i = 0; i < 5; ++i) {
    const Architecture a = sample(space->decisions(), rng);
    const Graph generic = close(space->open(options), picks_of(space->decisions(), a));
    EXPECT_EQ(generic.output().shape, (Shape{3, 11}));
    EXPECT_EQ(cost(generic).params, cost(space->close(a, options)).params);
    EXPECT_EQ(cost(generic).macs, cost(space->close(a, options)).macs);
    EXPECT_EQ(space->parse(space->print(a)), a);
  }
}

TEST(Hat, MistakesNameThePlaceTheValueAndTheRule) {
  const auto space = make_hat();
  const auto message = [&](const std::string& text) { return message_of([&] { space->parse(text); }); };
  EXPECT_EQ(message(R"({"E": 512, "D": 512, "enc_ffn": [1024, 1024], "dec_ffn": [1000]})"),
            "translation transformer: 'enc_ffn' has 2 layers; the space hat has 6");
  EXPECT_EQ(message(R"({"E": 512, "enc_ffn": [1024], "dec_ffn": [1]})"), "translation transformer: 'D' is missing");
  EXPECT_EQ(message(R"({"E": 512, "D": 512, "enc_ffn": [1024], "dec_ffn": [1], "dec_headz": [1]})"),
            "translation transformer: unknown key 'dec_headz'; did you mean 'dec_heads'?");
}

}  // namespace
}  // namespace netwright
