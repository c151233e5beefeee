#include "netwright/graph/drawing.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "netwright/core/error.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/composites.hpp"

namespace netwright {
namespace {

BranchSpec candidate(std::string name, Body body, bool search_only = false) { return {std::move(name), std::move(body), search_only}; }

Value cell(Builder& b, Value x, int number) {
  const auto scope = b.scope("cell" + std::to_string(number), "normal");
  std::vector<Value> states{x};
  for (int node = 0; node < 2; ++node) {
    std::vector<Value> edges;
    for (std::size_t from = 0; from < states.size(); ++from) {
      const std::string edge = "edge" + std::to_string(node) + std::to_string(from);
      const auto inner = b.scope(edge);
      edges.push_back(b.choice("normal." + edge, states[from],
                               {candidate("none", [](Builder& in, Value v) { return in.add("zero", v); }, true),
                                candidate("skip", [](Builder& in, Value v) { return in.add("identity", v); }),
                                candidate("sep_conv_3x3", [](Builder& in, Value v) { return sep_conv(in, v, 8, {}); }),
                                candidate("max_pool_3x3", [](Builder& in, Value v) { return in.add("max_pool", v); })}));
    }
    states.push_back(b.select("normal.node" + std::to_string(node), edges, {.maximum = static_cast<int>(edges.size()), .name = "node" + std::to_string(node)}));
  }
  return b.add("concat", std::vector<Value>{states[1], states[2]}, {}, "concat");
}

Graph example() {
  Builder b;
  Value x = b.input({3, 16, 16});
  {
    const auto scope = b.scope("stem");
    x = conv_bn(b, x, 8, {.kernel = 3});
  }
  x = cell(b, x, 0);
  x = b.add("conv", x, {{"kernel", Open{"kernel", {1, 3}}}, {"channels", 8}}, "bottleneck");
  x = cell(b, x, 1);
  return b.finish({classifier(b, x, 10)});
}

std::vector<int> third_or_all(const std::string& decision) { return decision == "normal.node1" ? std::vector<int>{0, 1} : decision.find("edge") != std::string::npos ? std::vector<int>{2} : std::vector<int>{0}; }

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Graphviz cannot rank a frame that a path leaves and enters again, nor two that lead to each other.
TEST(Drawing, FramesAreNotEnteredTwice) {
  Builder b;
  Value x = b.input({1, 4, 4});
  for (const char* name : {"twice.a", "between", "twice.b", "left.a", "right.a", "left.b", "right.b", "once.a", "once.b"}) x = b.add("relu", x, {}, name);
  const Graph graph = b.finish({x});
  const std::string dot = to_dot(graph, {.depth = 0});
  for (const char* framed : {"<twice>", "<right>"}) EXPECT_FALSE(says(dot, std::string("label=") + framed)) << framed << dot;
  EXPECT_TRUE(says(dot, "label=<once>")) << dot;
  EXPECT_TRUE(says(to_svg(graph, {.depth = 0}), "</svg>"));
}

TEST(Drawing, CollapsedScopesShowTheirLabels) {
  const Graph closed = close(example(), third_or_all);
  const std::string cells = to_dot(closed, {.depth = 1});
  EXPECT_TRUE(says(cells, "normal<BR/>")) << cells;
  EXPECT_FALSE(says(cells, "sep_conv_3x3")) << cells;
  EXPECT_FALSE(says(cells, "subgraph")) << cells;
  const std::string edges = to_dot(closed, {.depth = 2});
  EXPECT_TRUE(says(edges, "tooltip=\"cell0.edge00\"")) << edges;
  EXPECT_TRUE(says(edges, "label=<sep_conv_3x3<BR/>")) << edges;
  EXPECT_TRUE(says(edges, "subgraph")) << edges;
  EXPECT_FALSE(says(edges, "depthwise")) << edges;
  EXPECT_TRUE(says(to_dot(closed, {.depth = 0}), "depthwise"));
}

TEST(Drawing, AScopeIsDrawnAloneWithItsNeighbours) {
  const std::string dot = to_dot(close(example(), third_or_all), {.scope = "cell1", .depth = 1, .title = "cell <1>"});
  EXPECT_TRUE(says(dot, "cell1.edge00")) << dot;
  EXPECT_FALSE(says(dot, "cell0")) << dot;
  EXPECT_TRUE(says(dot, "tooltip=\"bottleneck\"")) << dot;
  EXPECT_TRUE(says(dot, "dashed")) << dot;
  EXPECT_TRUE(says(dot, "cell &lt;1&gt;")) << dot;
}

TEST(Drawing, OpenPlacesListTheirCandidates) {
  const std::string dot = to_dot(example(), {.depth = 0});
  for (const char* part : {"normal.edge00", "sep_conv_3x3", "<I>", "picks 1 to 2 of 2, sum", "1 | 3 (kernel)"}) EXPECT_TRUE(says(dot, part)) << part << "\n" << dot;
}

TEST(Drawing, SvgIsLaidOutFromSeveralThreads) {
  const Graph graph = example();
  std::vector<std::string> svgs(3);
  std::vector<std::thread> threads;
  for (auto& svg : svgs) threads.emplace_back([&] { svg = to_svg(graph, {.depth = 2}); });
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(says(svgs[0], "<svg")) << svgs[0];
  EXPECT_TRUE(says(svgs[0], "max_pool_3x3"));
  EXPECT_EQ(svgs[0], svgs[1]);
  EXPECT_EQ(svgs[0], svgs[2]);
}

TEST(Drawing, AnUnknownScopeNamesTheNearest) {
  try {
    to_dot(example(), {.scope = "cell2"});
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_TRUE(says(error.what(), "'cell0'")) << error.what();
  }
  EXPECT_THROW(to_dot(example(), {.depth = -1}), UsageError);
}

}  // namespace
}  // namespace netwright
