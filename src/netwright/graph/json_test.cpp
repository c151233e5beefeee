#include "netwright/graph/json.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/composites.hpp"

namespace netwright {
namespace {

Value random_block(Builder& b, Value x, Rng& rng, int depth);

Body random_body(std::uint64_t seed, int depth) {
  return [seed, depth](Builder& b, Value x) {
    Rng rng(seed);
    return random_block(b, x, rng, depth);
  };
}

// Keeps channels and size, so that every candidate fits every place.
Value random_block(Builder& b, Value x, Rng& rng, int depth) {
  const auto kind = rng.below(depth > 0 ? 6 : 4);
  if (kind == 0) return relu_conv_bn(b, x, 4, {.kernel = 3});
  if (kind == 1) return b.add("dropout", x, {{"rate", rng.uniform() * 0.9}});
  if (kind == 2) return b.add("add", std::vector<Value>{x, b.add("tanh", x)});
  if (kind == 3) {
    Open open{"kernel \"" + std::to_string(rng.below(3)), {1, 3, 5}};
    if (rng.chance(0.5)) open.names = {"small", "middle", "large"};
    return b.add("conv", x, {{"kernel", open}, {"channels", 4}});
  }
  if (kind == 4) return b.choice("choice" + std::to_string(rng.below(9)), x, {{"a", random_body(rng.next(), depth - 1)}, {"b", random_body(rng.next(), depth - 1), true}});
  const Value y = random_block(b, x, rng, depth - 1);
  return b.select("select" + std::to_string(rng.below(9)), {x, y}, {.maximum = 2, .branches = {{"skip", {}}, {"c", random_body(rng.next(), depth - 1)}}});
}

Graph random_graph(std::uint64_t seed) {
  Rng rng(seed);
  Builder b;
  Value x = b.input({4, 5, 5});
  for (int i = 0; i < 4; ++i) {
    const auto scope = b.scope("cell" + std::to_string(i), rng.chance(0.5) ? "normal <&\"" : "");
    x = random_block(b, x, rng, 2);
  }
  return b.finish({x, b.add("flatten", x)});
}

void expect_equal(const Graph& a, const Graph& b) {
  RC_ASSERT(a.nodes.size() == b.nodes.size());
  RC_ASSERT(a.outputs == b.outputs);
  RC_ASSERT(a.labels == b.labels);
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    const Node &left = a.nodes[i], &right = b.nodes[i];
    RC_ASSERT(left.name == right.name && left.op == right.op && left.inputs == right.inputs && left.shape == right.shape);
    RC_ASSERT(left.attributes == right.attributes && left.decision == right.decision && left.branches.size() == right.branches.size());
    for (std::size_t k = 0; k < left.branches.size(); ++k) {
      RC_ASSERT(left.branches[k].name == right.branches[k].name && left.branches[k].search_only == right.branches[k].search_only);
      RC_ASSERT(left.branches[k].body.size() == right.branches[k].body.size());
      if (!left.branches[k].body.empty()) expect_equal(left.branches[k].graph(), right.branches[k].graph());
    }
  }
}

TEST(GraphJson, RoundTripKeepsEverything) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    const Graph graph = random_graph(seed);
    const Graph again = graph_from_json(to_json(graph));
    expect_equal(graph, again);
    RC_ASSERT(canonical_hash(graph) == canonical_hash(again));
    const Graph closed = close(graph, [](const std::string&) { return std::vector<int>{0}; });
    expect_equal(closed, graph_from_json(to_json(closed)));
  }));
}

std::string error_of(const std::string& text) {
  try {
    graph_from_json(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

std::string with_nodes(const std::string& nodes, const std::string& outputs = "\"x\"") {
  return R"({"netwright_graph": 1, "nodes": [{"name": "x", "op": "input", "shape": [4, 5, 5]})" + nodes + R"(], "outputs": [)" + outputs + "]}";
}

struct BadCase {
  std::string text;
  std::vector<std::string> says;
};

TEST(GraphJson, BadTextNamesThePlace) {
  const BadCase cases[] = {
      {"{\n  \"netwright_graph\": 1,\n  ]", {"3:3"}},
      {"", {"1:1"}},
      {"[]", {"top level", "object"}},
      {"{}", {"netwright_graph"}},
      {R"({"netwright_graph": 9, "nodes": [], "outputs": []})", {"9", "version 1"}},
      {R"({"netwright_graph": 1, "nodes": [], "outputs": []})", {"no output"}},
      {R"({"netwright_graph": 1, "nods": [], "outputs": []})", {"'nods'", "'nodes'"}},
      {with_nodes(R"(, {"name": "y", "op": "cnov", "inputs": ["x"]})"), {"'y'", "'cnov'", "'conv'"}},
      {with_nodes(R"(, {"name": "y", "op": "conv", "inputs": ["z"]})"), {"'y'", "'inputs'", "'z'", "'x'"}},
      {with_nodes(R"(, {"name": "y", "op": "conv", "input": ["x"]})"), {"'y'", "'input'", "'inputs'"}},
      {with_nodes(R"(, {"name": "y", "op": "conv", "inputs": ["x"], "attributes": {"kernal": 3}})"), {"'y'", "'kernal'", "'kernel'"}},
      {with_nodes(R"(, {"name": "y", "op": "conv", "inputs": ["x"], "attributes": {"kernel": [3]}})"), {"'y'", "'kernel'", "[3]"}},
      {with_nodes(R"(, {"name": "y", "op": "conv", "inputs": ["x"], "attributes": {"kernel": 9, "padding": 0}})"), {"'y'", "4x5x5"}},
      {with_nodes(R"(, {"name": "x", "op": "relu", "inputs": ["x"]})"), {"'x'", "two nodes"}},
      {with_nodes("", R"("y")"), {"'outputs'", "'y'"}},
      {with_nodes(R"(, {"name": "y", "op": "choice", "inputs": ["x"], "decision": "d"})"), {"'y'", "no candidates"}},
      {with_nodes(R"(, {"name": "y", "op": "select", "inputs": ["x"], "decision": "d", "attributes": {"combine": "some"}})"), {"'y'", "'some'", "'sum'"}},
      {with_nodes(R"(, {"name": "y", "op": "choice", "inputs": ["x"], "decision": "d", "branches": [{"name": "b", "graph": {"nodes": [], "outputs": []}}]})"),
       {"'y'", "'b'", "one input"}},
      {R"({"netwright_graph": 1, "nodes": [{"name": "x", "op": "input", "shape": [4, -5]}], "outputs": ["x"]})", {"'x'", "'shape'", "-5"}},
  };
  for (const auto& bad : cases) {
    const std::string error = error_of(bad.text);
    for (const auto& word : bad.says) EXPECT_NE(error.find(word), std::string::npos) << "'" << error << "' lacks " << word << " for " << bad.text;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(GraphJson, AWholeNumberFitsARealAttribute) {
  const Graph graph = graph_from_json(with_nodes(R"(, {"name": "y", "op": "dropout", "inputs": ["x"], "attributes": {"rate": 0}})", R"("y")"));
  EXPECT_EQ(number(graph.nodes[1], "rate"), 0.0);
}

}  // namespace
}  // namespace netwright
