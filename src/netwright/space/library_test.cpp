// The spaces of the library against published numbers (tests/oracles.json).
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/library/darts.hpp"
#include "netwright/space/library/resnet.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/message_of_test.hpp"

namespace netwright {
namespace {

using Json = nlohmann::json;

const Json& oracles() {
  static const Json file = Json::parse(std::ifstream(NETWRIGHT_SOURCE_DIR "/tests/oracles.json"));
  return file;
}

const Json& oracle(const std::string& id) {
  for (const auto& entry : oracles().at("cases"))
    if (entry.at("id") == id) return entry;
  throw Error("no oracle " + id);
}

std::vector<Json> cases_starting(const std::string& prefix) {
  std::vector<Json> list;
  for (const auto& entry : oracles().at("cases"))
    if (entry.at("id").get<std::string>().starts_with(prefix)) list.push_back(entry);
  return list;
}

const Space& darts() {
  static const auto space = make_darts();
  return *space;
}

Genotype published(const std::string& name) { return parse_genotype(oracles().at("genotypes").at(name).dump()); }

NetworkOptions options_of(const Json& input) {
  const bool imagenet = input.value("network", "NetworkCIFAR") == "NetworkImageNet";
  NetworkOptions options{.input = imagenet ? Shape{3, 224, 224} : Shape{3, 32, 32}, .classes = input.at("classes").get<std::int64_t>()};
  options.settings = {{"network", imagenet ? "imagenet" : "cifar"},
                      {"channels", std::to_string(input.at("C").get<int>())},
                      {"cells", std::to_string(input.at("layers").get<int>())},
                      {"auxiliary", "true"}};
  return options;
}

void expect_cost(const Graph& graph, const Json& expected, const std::string& id) {
  const Cost whole = cost(graph);
  EXPECT_EQ(whole.params, expected.at("params_with_aux").get<std::int64_t>()) << id;
  EXPECT_EQ(whole.params - whole.params_auxiliary, expected.at("params_no_aux").get<std::int64_t>()) << id;
  for (const char* macs : {"macs_32x32", "macs_224x224"})
    if (expected.contains(macs)) EXPECT_EQ(whole.macs, expected.at(macs).get<std::int64_t>()) << id;
}

TEST(Darts, EvaluationNetworksHaveThePublishedSizes) {
  const auto cases = cases_starting("P-eval-");
  EXPECT_GE(cases.size(), 20u);
  for (const auto& entry : cases) {
    const Genotype genotype = published(entry.at("input").at("genotype"));
    expect_cost(genotype_network(genotype, options_of(entry.at("input"))), entry.at("expect"), entry.at("id"));
  }
}

TEST(Darts, AuxiliaryHeadIsOffByDefault) {
  const Graph graph = genotype_network(published("DARTS_V2"), {});
  EXPECT_EQ(graph.outputs.size(), 1u);
  EXPECT_EQ(cost(graph).params, 3349342);
  EXPECT_EQ(cost(graph).params_auxiliary, 0);
}

TEST(Darts, SparseGenotypesHaveThePublishedSizes) {
  const auto cases = cases_starting("P-fairdarts-");
  EXPECT_EQ(cases.size(), 3u);
  for (const auto& entry : cases) {
    const Json& input = entry.at("input");
    const Json written = {{"normal", input.at("normal")}, {"reduce", input.at("reduce")}, {"concat", input.at("concat")}};
    const Genotype genotype = parse_genotype(written.dump());
    EXPECT_EQ(parse_genotype(print(genotype)), genotype) << entry.at("id");
    expect_cost(genotype_network(genotype, options_of(input)), entry.at("expect"), entry.at("id"));
  }
}

// Of FairDARTS-c, whose last node reads one that nothing is added to: 400M and 2.59M as its authors print them.
TEST(Darts, AnEdgeFromANodeWithoutInputsIsLeftOut) {
  const Genotype genotype = parse_genotype(R"({"concat": [2, 3, 4, 5],
      "normal": [["max_pool_3x3", 2, 0], ["sep_conv_5x5", 2, 1], ["dil_conv_3x3", 4, 0], ["dil_conv_5x5", 4, 2], ["skip_connect", 5, 3],
                 ["sep_conv_3x3", 5, 0]],
      "reduce": [["dil_conv_3x3", 2, 1], ["dil_conv_5x5", 2, 0], ["dil_conv_3x3", 3, 0], ["sep_conv_3x3", 3, 1], ["sep_conv_5x5", 4, 0],
                 ["sep_conv_5x5", 4, 3], ["sep_conv_5x5", 5, 0], ["skip_connect", 5, 1]]})");
  const Cost counted = cost(genotype_network(genotype, {.input = {3, 32, 32}, .classes = 10}));
  EXPECT_EQ(counted.params, 2598814);
  EXPECT_EQ(counted.macs, 399987936);
}

// Against the released evaluation network in PyTorch.
TEST(Darts, NetworksOfGenotypesMayBeNarrowOddAndShallow) {
  const Genotype other = published("PDARTS");
  NetworkOptions options{.input = {3, 32, 32}, .classes = 10, .settings = {{"channels", "17"}, {"cells", "8"}}};
  EXPECT_EQ(cost(genotype_network(published("DARTS_V1"), options)).params, 260926);
  options.settings = {{"channels", "8"}, {"cells", "2"}};
  EXPECT_EQ(cost(genotype_network(other, options)).macs, 4056320);
  EXPECT_NE(message_of([&] { darts().open(options); }).find("is below 3"), std::string::npos);
  EXPECT_NE(message_of([&] { darts().close(architecture_of(darts().decisions(), other), options); }).find("is below 3"), std::string::npos);
}

// Against the released search network in PyTorch, with these numbers in its constructor.
TEST(Darts, SearchNetworksMayHaveOtherCells) {
  const NetworkOptions options{.input = {3, 32, 32}, .classes = 10, .settings = {{"channels", "16"}, {"cells", "8"}}};
  EXPECT_EQ(cost(darts_search_network({}, options)).params, 1930618);
  EXPECT_EQ(cost(darts_search_network({.nodes = 3, .joined = 3}, options)).macs, 196585344);
  EXPECT_EQ(cost(darts_search_network({.joined = 2}, options)).params, 1882746);
  EXPECT_EQ(cost(darts_search_network({.stem_factor = 1}, options)).params, 1928154);
  EXPECT_EQ(message_of([&] { darts_search_network({.joined = 5}, options); }), "darts: joined=5 is not 1 to the number of nodes, 4");
}

// The text of a relative beyond the space is no architecture, but means a network.
TEST(Darts, GenotypesBeyondTheSpaceMeanNetworksToo) {
  const Json& known = oracle("P-eval-AmoebaNet-cifar");
  const std::string text = oracles().at("genotypes").at("AmoebaNet").dump();
  EXPECT_THROW(darts().parse(text), UsageError);
  expect_cost(darts().network(text, options_of(known.at("input"))), known.at("expect"), "AmoebaNet");
}

TEST(Darts, SearchNetworkIsThePublishedOne) {
  const Json& expected = oracle("P-supernet-darts").at("expect");
  const Graph open = darts().open({.search = true});
  EXPECT_EQ(cost(open).params, expected.at("params").get<std::int64_t>());
  EXPECT_EQ(cost(open).macs, expected.at("macs_32x32").get<std::int64_t>());
}

TEST(Darts, SmallSearchNetworkHasItsLayersInThePublishedNumber) {
  const Json& expected = oracle("D-supernet-darts").at("expect");
  NetworkOptions options{.input = {3, 16, 16}, .search = true};
  options.settings = {{"channels", "4"}, {"cells", "3"}};
  const Cost small = cost(darts().open(options));
  EXPECT_EQ(small.layers, expected.at("conv_linear_layers").get<std::int64_t>());
  EXPECT_EQ(small.params, expected.at("params").get<std::int64_t>());
}

TEST(Darts, SizeIsThePublishedCardinality) {
  EXPECT_EQ(size(darts().decisions()), std::to_string(oracle("C-darts").at("expect").at("joint").get<std::int64_t>()));
}

TEST(Darts, EachCellHasFourSelectsAndFourteenEdges) {
  EXPECT_EQ(darts().decisions().size(), 2u * (4 + 14));
  const Decision& edge = darts().decisions()[static_cast<std::size_t>(darts().decisions().find("reduce.node3.edge4"))];
  EXPECT_EQ(edge.choices, (std::vector<std::string>{"none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
                                                    "dil_conv_3x3", "dil_conv_5x5"}));
  EXPECT_EQ(edge.pickable(), 7);
  EXPECT_FALSE(edge.may_pick(0));
}

TEST(Darts, PrintsAndReadsGenotypesInAnyOrder) {
  Rng rng(3);
  for (int i = 0; i < 50; ++i) {
    const Architecture a = sample(darts().decisions(), rng);
    EXPECT_EQ(darts().parse(darts().print(a)), a);
    EXPECT_EQ(darts().parse(print(darts().decisions(), a)), a);
    Genotype turned = genotype_of(darts().decisions(), a);
    std::swap(turned.normal[4], turned.normal[5]);
    EXPECT_EQ(architecture_of(darts().decisions(), turned), a);
  }
}

TEST(Darts, ClosingAnArchitectureGivesItsGenotypesNetwork) {
  const Genotype v2 = published("DARTS_V2");
  const Architecture a = architecture_of(darts().decisions(), v2);
  NetworkOptions options;
  options.settings = {{"channels", "8"}, {"cells", "5"}};
  const Cost closed = cost(darts().close(a, options)), written = cost(genotype_network(v2, options));
  EXPECT_EQ(closed.params, written.params);
  EXPECT_EQ(closed.macs, written.macs);
  // The open graph in its evaluation form, closed by the generic rule, is the same network.
  const Graph generic = close(darts().open(options), picks_of(darts().decisions(), a));
  EXPECT_EQ(canonical_hash(generic), canonical_hash(darts().close(a, options)));
}

TEST(Darts, DerivedCellsAreArchitectures) {
  Json expected = oracle("D-genotype-darts").at("expect");
  expected["concat"] = {2, 3, 4, 5};
  const Genotype derived = parse_genotype(expected.dump());
  const Architecture a = architecture_of(darts().decisions(), derived);
  const auto as_set = [](const std::vector<GenotypeEdge>& edges) {
    std::set<std::tuple<int, std::string, int>> set;
    for (const auto& edge : edges) set.emplace(edge.node, edge.op, edge.input);
    return set;
  };
  EXPECT_EQ(as_set(genotype_of(darts().decisions(), a).normal), as_set(derived.normal));
  EXPECT_EQ(as_set(genotype_of(darts().decisions(), a).reduce), as_set(derived.reduce));
}

TEST(Darts, NeighboursCloseToNetworks) {
  Rng rng(5);
  NetworkOptions options{.input = {1, 28, 28}};
  options.settings = {{"channels", "4"}, {"cells", "3"}};
  for (int i = 0; i < 20; ++i) {
    const Graph graph = darts().close(mutate(darts().decisions(), sample(darts().decisions(), rng), rng), options);
    EXPECT_FALSE(graph.open());
    EXPECT_EQ(graph.output().shape, (Shape{10}));
  }
}

TEST(Darts, MistakesNameThePlaceTheValueAndTheRule) {
  const auto v2 = oracles().at("genotypes").at("DARTS_V2");
  const auto changed = [&](const std::string& pointer, const Json& value) {
    Json copy = v2;
    copy[Json::json_pointer(pointer)] = value;
    return message_of([&] { darts().parse(copy.dump()); });
  };
  EXPECT_EQ(changed("/normal/2/0", "sep_conv_3x"), "genotype: normal[2] names the unknown operation 'sep_conv_3x'; did you mean 'sep_conv_3x3'?");
  EXPECT_EQ(changed("/reduce/0/1", 2), "genotype: reduce[0] reads state 2; node 2 may read 0 to 1");
  EXPECT_EQ(changed("/normal/1/1", 0), "genotype: normal node 2 reads state 0 twice; in the space darts its inputs differ");
  EXPECT_EQ(changed("/normal/1", 7), "genotype: normal[1] is 7; it must be [\"operation\", input] or [\"operation\", node, input]");
  EXPECT_EQ(changed("/normal_concat", {2, 3}), "genotype: 'normal_concat' is not [2,3,4,5], as in the space darts");
  EXPECT_EQ(changed("/normal_concat", {2, 9}), "genotype: 'normal_concat' holds 9; the cell's states are 0 to 5");
  EXPECT_EQ(changed("/norml", 1), "genotype: unknown key 'norml'; did you mean 'normal'?");
  EXPECT_EQ(changed("/reduce/0/0", "sep_conv_7x7"), "genotype: reduce node 2 uses sep_conv_7x7, which is not in the space darts");
  NetworkOptions odd;
  odd.settings = {{"network", "imagenet"}, {"channels", "15"}};
  EXPECT_EQ(message_of([&] { darts().open(odd); }), "darts: channels=15 is not an even number of at least 2");
  odd.settings = {{"network", "imagnet"}};
  EXPECT_EQ(message_of([&] { darts().open(odd); }), "darts: network=imagnet is neither cifar nor imagenet; did you mean 'imagenet'?");
}

TEST(Resnet, TwentyLayersHaveTheKnownSize) {
  const auto space = make_resnet();
  EXPECT_EQ(space->decisions().size(), 2u);
  EXPECT_EQ(size(space->decisions()), "90");
  const Architecture a = space->parse("width=16,depth=3");
  EXPECT_EQ(space->parse(space->print(a)), a);
  // 269,722 with zero-padded shortcuts (He et al. 2016, table 6: 0.27M); the two 1x1 shortcuts with batch norm add 2,752.
  EXPECT_EQ(cost(space->close(a, {})).params, 272474);
  EXPECT_EQ(cost(space->close(a, {})).layers, 20 + 2);
}

TEST(Resnet, EveryArchitectureClosesAndGrows) {
  const auto space = make_resnet();
  std::int64_t smallest = std::numeric_limits<std::int64_t>::max(), largest = 0;
  enumerate(space->decisions(), [&](const Architecture& a) {
    const auto params = cost(space->close(a, {.input = {1, 28, 28}})).params;
    smallest = std::min(smallest, params), largest = std::max(largest, params);
    return true;
  });
  EXPECT_LT(smallest, 10000);
  EXPECT_GT(largest, 10000000);
}

}  // namespace
}  // namespace netwright
