#include <gtest/gtest.h>

#include <set>

#include "netwright/core/error.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

Graph small_open() {
  Builder b;
  Value x = b.input({3, 8, 8});
  x = conv_bn(b, x, 8, {.kernel = 3});
  x = b.choice("edge", x,
               {{"conv_3x3", [](Builder& in, Value v) { return relu_conv_bn(in, v, 8, {.kernel = 3}); }},
                {"conv_5x5", [](Builder& in, Value v) { return relu_conv_bn(in, v, 8, {.kernel = 5}); }},
                {"skip", [](Builder& in, Value v) { return in.add("identity", v); }}});
  return b.finish({classifier(b, x, 10)});
}

TEST(Builder, MadeUpNamesPassOverWrittenOnes) {
  Builder b;
  const Value x = b.input({4});
  for (const char* name : {"a", "a_2", "a", "a_2"}) b.add("relu", x, {}, name);
  const Graph graph = b.finish({b.add("relu", x, {}, "a_3")});
  std::set<std::string> names;
  for (const auto& node : graph.nodes) names.insert(node.name);
  EXPECT_EQ(names.size(), graph.nodes.size());
}

TEST(Graph, ClosingPicksOneCandidate) {
  const Graph open = small_open();
  EXPECT_TRUE(open.open());
  const Graph closed = close(open, [](const std::string&) { return std::vector<int>{1}; });
  EXPECT_FALSE(closed.open());
  // stem 3*8*9 + bn 16, candidate 8*8*25 + bn 16, classifier 8*10 + 10
  EXPECT_EQ(cost(closed).params, 216 + 16 + 1600 + 16 + 90);
  EXPECT_EQ(cost(open).params, 216 + 16 + 576 + 16 + 1600 + 16 + 90);
  EXPECT_EQ(cost(closed).macs, (216 + 1600) * 64 + 80);
  EXPECT_EQ(closed.labels.at("choice"), "conv_5x5");
}

TEST(Graph, ImpossibleShapesNameNodeAndBothShapes) {
  Builder b;
  const Value x = b.input({3, 8, 8});
  const Value y = b.add("conv", x, {{"channels", 4}});
  try {
    b.add("add", std::vector<Value>{x, y}, {}, "sum");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("'sum'"), std::string::npos) << text;
    EXPECT_NE(text.find("3x8x8"), std::string::npos) << text;
    EXPECT_NE(text.find("4x8x8"), std::string::npos) << text;
  }
  EXPECT_THROW(b.add("cnov", x), UsageError);
  EXPECT_THROW(b.add("conv", x, {{"kernel", 12}, {"padding", 0}}), UsageError);
}

TEST(Graph, SelectTakesKOfN) {
  Builder b;
  const Value x = b.input({4, 4, 4});
  const Value one = b.add("conv", x, {{"channels", 4}}, "one");
  const Value two = b.add("conv", one, {{"channels", 4}}, "two");
  const Graph open = b.finish({b.select("depth", {one, two}, {.names = {"1", "2"}})});
  const Graph shallow = close(open, [](const std::string&) { return std::vector<int>{0}; });
  const Graph deep = close(open, [](const std::string&) { return std::vector<int>{1}; });
  EXPECT_EQ(cost(shallow).params, 144);
  EXPECT_EQ(cost(deep).params, 288);
}

TEST(Graph, OpenAttributeCountsAtItsLargest) {
  Builder b;
  const Value x = b.input({4, 4, 4});
  const Graph open = b.finish({b.add("conv", x, {{"channels", 4}, {"kernel", Open{"k", {3, 5}}}})});
  EXPECT_EQ(cost(open).params, 400);
  EXPECT_EQ(cost(close(open, [](const std::string&) { return std::vector<int>{0}; })).params, 144);
}

TEST(Graph, HashIgnoresNamesAndOrder) {
  const auto build = [](bool swap) {
    Builder b;
    const Value x = b.input({4, 4, 4});
    const Value p = b.add("conv", x, {{"kernel", swap ? 3 : 1}}, swap ? "p" : "a");
    const Value q = b.add("conv", x, {{"kernel", swap ? 1 : 3}}, swap ? "q" : "b");
    return b.finish({b.add("add", std::vector<Value>{p, q})});
  };
  EXPECT_EQ(canonical_hash(build(true)), canonical_hash(build(false)));
  EXPECT_NE(canonical_hash(small_open()), canonical_hash(build(true)));
}

TEST(Graph, FactorizedReduceWorksOnOddSizes) {
  Builder b;
  const Value x = b.input({4, 7, 7});
  EXPECT_EQ(to_string(b.shape(factorized_reduce(b, x, 8, true))), "8x4x4");
  EXPECT_THROW(factorized_reduce(b, x, 7, true), UsageError);
}

TEST(Sequences, AttentionCountsItsProductsAndTables) {
  Builder b;
  const Value x = b.add("class_token", b.add("tokens", b.input({8, 3, 3})));
  EXPECT_EQ(b.shape(x), (Shape{10, 8}));
  const Graph plain = b.finish({b.add("attention", {x, x, x}, {{"heads", 2}})});
  EXPECT_EQ(cost(plain).macs, 2 * 10 * 10 * 8);
  EXPECT_EQ(cost(plain).params, 8);
  Builder c;
  const Value y = c.add("class_token", c.add("tokens", c.input({8, 3, 3})));
  const Graph relative = c.finish({c.add("attention", {y, y, y}, {{"head_width", 4}, {"relative", 5}})});
  EXPECT_EQ(cost(relative).params, 8 + 4 * 12 * 4);
  EXPECT_EQ(cost(relative).macs, 4 * 10 * 10 * 8);
}

TEST(Sequences, ImpossibleAttentionIsRefused) {
  Builder b;
  const Value x = b.input({7, 6}), narrow = b.input({7, 4}, "narrow"), image = b.input({6, 2, 2}, "image");
  EXPECT_THROW(b.add("attention", {x, x, x}, {{"heads", 4}}), UsageError);
  EXPECT_THROW(b.add("attention", {x, narrow, x}), UsageError);
  EXPECT_THROW(b.add("attention", {x, x, image}), UsageError);
  EXPECT_THROW(b.add("attention", {x, x, x}, {{"relative", 3}}), UsageError);  // 6 steps behind the token are no square
  EXPECT_EQ(b.shape(b.add("attention", {x, x, narrow}, {{"heads", 2}})), (Shape{7, 4}));
}

TEST(Sequences, TiedWeightsCountOnceAndHashByTheirOwner) {
  const auto build = [](const std::string& name, std::int64_t entries) {
    Builder b;
    const Value x = b.add("embedding", b.input({3}), {{"entries", entries}, {"features", 4}}, name);
    return b.finish({b.add("linear", x, {{"features", entries}, {"tied", name}})});
  };
  EXPECT_EQ(cost(build("rows", 5)).params, 5 * 4 + 5);
  EXPECT_EQ(cost(build("rows", 5)).macs, 3 * 4 * 5);
  EXPECT_EQ(canonical_hash(build("rows", 5)), canonical_hash(build("table", 5)));
  EXPECT_NE(canonical_hash(build("rows", 5)), canonical_hash(build("rows", 6)));
}

TEST(Sequences, WidthsInPercentFollowTheInput) {
  Builder b;
  const Value x = b.input({3, 21});
  EXPECT_EQ(b.shape(b.add("linear", x, {{"features", 0}, {"percent", 350}})), (Shape{3, 73}));
}

TEST(Composites, MakeDivisible) {
  EXPECT_EQ(make_divisible(32 * 1.1), 32);
  EXPECT_EQ(make_divisible(16 * 0.5), 8);
  EXPECT_EQ(make_divisible(10), 16);
}

}  // namespace
}  // namespace netwright
