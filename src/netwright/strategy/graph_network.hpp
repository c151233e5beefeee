#pragma once
// A graph convolutional network that predicts a number from a network's graph.
//
//   X_0 = one column a node; per layer  X' = relu(W_in X A) / 2 + relu(W_out X B) / 2
//   (X A)_j = (X_j + sum of X_i over the edges i -> j) / (1 + their number); B the same against the edges
//   prediction = w . relu(W (mean of X over the nodes) + b) + c
//
// Mean squared error of standardised targets, Adam, batches in an order of the seed's own; weights uniform (Glorot). Graphs differ in size; all
// nodes have equally many features. A pure function of (options, graphs, targets).
// Cost of a fit: epochs * nodes * 12 layers width^2 operations; 100 graphs of 100 nodes at the defaults: about two
// seconds.
// Errors: UsageError for graphs of different widths, an edge to no node, other numbers of graphs and targets, or none; Error where it is asked
// before it is fitted.
// Source: Wen et al. 2020, arXiv 1912.00848 (Neural Predictor). Departures: 32 units for 144 and 32 for 128; decoupled weight decay; no dropout, no
// classifier before it.
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/strategy/adam.hpp"

namespace netwright {

struct GraphSample {
  std::size_t nodes = 0, width = 0;
  std::vector<double> features;              // node after node
  std::vector<std::pair<int, int>> edges;    // from, to
};

// Reads a row as space/features.hpp's graph_row() writes it. Errors: UsageError for a row that is none.
GraphSample read_graph_row(std::span<const double> row);

struct GraphNetworkOptions {
  std::size_t layers = 3;
  std::size_t width = 32;
  std::size_t top = 32;  // units of the layer behind the mean
  std::size_t epochs = 60;
  std::size_t batch = 10;
  AdamOptions adam = {.learning_rate = 5e-3};
  double weight_decay = 1e-3;  // of every parameter, a step: times (1 - learning rate * decay)
  Seed seed = Seed(0);
};

class GraphNetwork {
 public:
  explicit GraphNetwork(const GraphNetworkOptions& options);
  void fit(std::span<const GraphSample> graphs, std::span<const double> values);
  double predict(const GraphSample& graph) const;

  // For graphs of `features` each node: random parameters; then the loss of a batch of standardised targets, and its gradient.
  void start(std::size_t features);
  double loss(std::span<const GraphSample* const> graphs, std::span<const double> targets, std::vector<double>& gradient) const;
  std::vector<double>& parameters() { return parameters_; }

 private:
  struct Pass;
  Pass forward(std::span<const GraphSample* const> graphs) const;
  void train(std::span<const GraphSample> graphs, const std::vector<double>& targets);

  GraphNetworkOptions options_;
  std::size_t features_ = 0;
  double middle_ = 0, scale_ = 1;
  std::vector<double> parameters_;
};

}  // namespace netwright
