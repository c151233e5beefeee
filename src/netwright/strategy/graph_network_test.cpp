#include "netwright/strategy/graph_network.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"

namespace netwright {
namespace {

// A chain of random operations; its value is the share of those of kind 1 that stand behind kind 0.
struct Example {
  GraphSample graph;
  double value = 0;
};

Example example(Rng& rng) {
  Example made;
  made.graph.nodes = 5 + rng.below(4);
  made.graph.width = 3;
  std::vector<std::size_t> op;
  for (std::size_t i = 0; i < made.graph.nodes; ++i) {
    op.push_back(rng.below(3));
    for (std::size_t k = 0; k < 3; ++k) made.graph.features.push_back(k == op[i] ? 1 : 0);
    if (i == 0) continue;
    made.graph.edges.emplace_back(static_cast<int>(i) - 1, static_cast<int>(i));
    if (op[i - 1] == 0 && op[i] == 1) made.value += 1;  // 1 behind 0
  }
  made.value /= static_cast<double>(made.graph.nodes);
  return made;
}

TEST(GraphNetwork, GradientEqualsFiniteDifferences) {
  Rng rng = Seed(1).rng();
  const Example a = example(rng), b = example(rng);
  const std::vector<const GraphSample*> graphs{&a.graph, &b.graph};
  const std::vector<double> targets{0.7, -1.2};
  GraphNetwork network({.layers = 2, .width = 4, .top = 5});
  network.start(3);
  std::vector<double> gradient, ignored;
  network.loss(graphs, targets, gradient);
  ASSERT_EQ(gradient.size(), network.parameters().size());
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    constexpr double step = 1e-6;
    const double before = network.parameters()[i];
    network.parameters()[i] = before + step;
    const double above = network.loss(graphs, targets, ignored);
    network.parameters()[i] = before - step;
    const double below = network.loss(graphs, targets, ignored);
    network.parameters()[i] = before;
    EXPECT_NEAR(gradient[i], (above - below) / (2 * step), 1e-6) << i;
  }
}

// What a bag of operations cannot say: which stands behind which.
TEST(GraphNetwork, LearnsWhatStandsBehindWhat) {
  Rng rng = Seed(2).rng();
  std::vector<GraphSample> graphs;
  std::vector<double> values;
  for (int i = 0; i < 150; ++i) {
    const Example made = example(rng);
    graphs.push_back(made.graph), values.push_back(made.value);
  }
  GraphNetwork network({.width = 16, .top = 16, .epochs = 80}), same({.width = 16, .top = 16, .epochs = 80});
  network.fit(graphs, values), same.fit(graphs, values);
  std::vector<double> predicted, truth;
  for (int i = 0; i < 100; ++i) {
    const Example made = example(rng);
    predicted.push_back(network.predict(made.graph)), truth.push_back(made.value);
    EXPECT_EQ(predicted.back(), same.predict(made.graph));
  }
  EXPECT_GT(kendall_tau(predicted, truth), 0.7);
}

// The order of the nodes is no property of a graph.
TEST(GraphNetwork, DoesNotSeeTheOrderOfTheNodes) {
  GraphNetwork network({.epochs = 2});
  GraphSample one{.nodes = 3, .width = 2, .features = {1, 0, 0, 1, 1, 1}, .edges = {{0, 1}, {1, 2}}};
  GraphSample other{.nodes = 3, .width = 2, .features = {1, 1, 1, 0, 0, 1}, .edges = {{2, 0}, {1, 2}}};
  network.fit(std::vector{one, {.nodes = 1, .width = 2, .features = {0, 0}}}, std::vector<double>{1, 2});
  EXPECT_NEAR(network.predict(one), network.predict(other), 1e-12);
  other.edges = {{0, 2}, {1, 2}};
  EXPECT_GT(std::abs(network.predict(one) - network.predict(other)), 1e-6);
}

TEST(GraphNetwork, RowsAreReadAndWrongOnesRefused) {
  const GraphSample graph = read_graph_row(std::vector<double>{2, 3, 1, 0, 0, 0, 1, 0, 1, 2, 0, 0, 0, 0});
  EXPECT_EQ(graph.nodes, 2u);
  EXPECT_EQ(graph.features, (std::vector<double>{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(graph.edges, (std::vector<std::pair<int, int>>{{0, 1}}));
  EXPECT_THROW(read_graph_row(std::vector<double>{0, 1}), UsageError);
  EXPECT_THROW(read_graph_row(std::vector<double>{2, 3, 1}), UsageError);
  EXPECT_THROW(read_graph_row(std::vector<double>{1, 1, 1, 1, 2}), UsageError);
  GraphNetwork network({});
  EXPECT_THROW(network.predict(graph), Error);
  EXPECT_THROW(network.fit(std::vector{graph}, std::vector<double>{}), UsageError);
}

}  // namespace
}  // namespace netwright
