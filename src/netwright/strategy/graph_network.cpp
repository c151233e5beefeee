#include "netwright/strategy/graph_network.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"

namespace netwright {
namespace {

using Matrix = Eigen::MatrixXd;
using Index = Eigen::Index;

// Weights as views of one list of numbers, so that Adam and a gradient check see them all: for each layer W_in and W_out, then W, b, w, c.
template <class Number>
class Views {
 public:
  using View = Eigen::Map<std::conditional_t<std::is_const_v<Number>, const Matrix, Matrix>>;

  Views(Number* numbers, const GraphNetworkOptions& options, std::size_t features) : at_(numbers) {
    const auto width = static_cast<Index>(options.width), top = static_cast<Index>(options.top);
    auto inputs = static_cast<Index>(features);
    for (std::size_t i = 0; i < options.layers; ++i, inputs = width) {
      in.push_back(next(width, inputs));
      out.push_back(next(width, inputs));
    }
    for (const auto& [rows, columns] : {std::pair(top, inputs), std::pair(top, Index{1}), std::pair(Index{1}, top), std::pair(Index{1}, Index{1})})
      rest.push_back(next(rows, columns));
  }

  std::vector<View> in, out, rest;
  std::size_t count(const Number* numbers) const { return static_cast<std::size_t>(at_ - numbers); }

 private:
  View next(Index rows, Index columns) {
    View view(at_, rows, columns);
    at_ += rows * columns;
    return view;
  }
  Number* at_;
};

// Several graphs as one: their nodes side by side.
struct Stacked {
  Matrix features;
  std::vector<std::pair<Index, Index>> edges;
  std::vector<Index> first;  // node of each graph, and the end
  Eigen::RowVectorXd in_share, out_share;

  // X A, and its transposed on gradients.
  Matrix mixed(const Matrix& x, bool with_edges) const {
    Matrix sum = x;
    for (const auto& [from, to] : edges) with_edges ? sum.col(to) += x.col(from) : sum.col(from) += x.col(to);
    const Eigen::RowVectorXd& share = with_edges ? in_share : out_share;
    return (sum.array().rowwise() * share.array()).matrix();
  }
  Matrix unmixed(const Matrix& gradient, bool with_edges) const {
    const Eigen::RowVectorXd& share = with_edges ? in_share : out_share;
    const Matrix scaled = (gradient.array().rowwise() * share.array()).matrix();
    Matrix sum = scaled;
    for (const auto& [from, to] : edges) with_edges ? sum.col(from) += scaled.col(to) : sum.col(to) += scaled.col(from);
    return sum;
  }
};

Stacked stacked(std::span<const GraphSample* const> graphs, std::size_t width) {
  Stacked all{.first = {0}};
  for (const GraphSample* graph : graphs) {
    if (graph->width != width || graph->nodes == 0 || graph->features.size() != graph->nodes * width)
      throw UsageError("graph network: graphs of " + std::to_string(graph->width) + " features a node, and of " + std::to_string(width));
    for (const auto& [from, to] : graph->edges) {
      if (std::min(from, to) < 0 || static_cast<std::size_t>(std::max(from, to)) >= graph->nodes) throw UsageError("graph network: an edge to no node");
      all.edges.emplace_back(all.first.back() + from, all.first.back() + to);
    }
    all.first.push_back(all.first.back() + static_cast<Index>(graph->nodes));
  }
  all.features.resize(static_cast<Index>(width), all.first.back());
  for (std::size_t i = 0; i < graphs.size(); ++i)
    all.features.middleCols(all.first[i], all.first[i + 1] - all.first[i]) =
        Eigen::Map<const Matrix>(graphs[i]->features.data(), static_cast<Index>(width), static_cast<Index>(graphs[i]->nodes));
  all.in_share = all.out_share = Eigen::RowVectorXd::Ones(all.first.back());
  for (const auto& [from, to] : all.edges) ++all.in_share[to], ++all.out_share[from];
  all.in_share = all.in_share.cwiseInverse(), all.out_share = all.out_share.cwiseInverse();
  return all;
}

std::size_t parameter_count(const GraphNetworkOptions& options, std::size_t features) {
  double* const nowhere = nullptr;
  return Views<double>(nowhere, options, features).count(nowhere);
}

}  // namespace

// What a layer read and gave, for its gradient.
struct GraphNetwork::Pass {
  Stacked graphs;
  std::vector<Matrix> mixed_in, mixed_out, relu_in, relu_out;
  Matrix pooled, top;          // a column a graph
  Eigen::RowVectorXd output;
};

GraphSample read_graph_row(std::span<const double> row) {
  const auto refuse = [] { throw UsageError("predictor gcn: the row is no graph; it reads features graph, alone"); };
  if (row.size() < 2 || !(row[0] >= 1) || !(row[1] >= 1) || row[0] > 1e6 || row[1] > 1e6) refuse();
  GraphSample graph{.nodes = static_cast<std::size_t>(row[0]), .width = static_cast<std::size_t>(row[1])};
  const std::size_t end = 2 + graph.nodes * graph.width;
  if (row.size() < end || static_cast<double>(graph.nodes) != row[0] || static_cast<double>(graph.width) != row[1]) refuse();
  graph.features.assign(row.begin() + 2, row.begin() + static_cast<std::ptrdiff_t>(end));
  // Edges are written from 1 on, so that rows may be filled up with zeros.
  for (std::size_t i = end; i + 1 < row.size() && row[i] > 0; i += 2) {
    if (!(row[i + 1] >= 1) || std::max(row[i], row[i + 1]) > row[0]) refuse();
    graph.edges.emplace_back(static_cast<int>(row[i]) - 1, static_cast<int>(row[i + 1]) - 1);
  }
  return graph;
}

GraphNetwork::GraphNetwork(const GraphNetworkOptions& options) : options_(options) {}

void GraphNetwork::start(std::size_t features) {
  features_ = features;
  parameters_.assign(parameter_count(options_, features), 0);
  Rng rng = options_.seed.derive("weights").rng();
  Views<double> weights(parameters_.data(), options_, features);
  const auto draw = [&](Views<double>::View& view) {
    const double bound = std::sqrt(6.0 / static_cast<double>(view.rows() + view.cols()));
    for (double& value : view.reshaped()) value = (2 * rng.uniform() - 1) * bound;
  };
  for (std::size_t i = 0; i < options_.layers; ++i) draw(weights.in[i]), draw(weights.out[i]);
  draw(weights.rest[0]), draw(weights.rest[2]);
}

GraphNetwork::Pass GraphNetwork::forward(std::span<const GraphSample* const> graphs) const {
  const Views<const double> weights(parameters_.data(), options_, features_);
  Pass pass{.graphs = stacked(graphs, features_)};
  Matrix x = pass.graphs.features;
  for (std::size_t i = 0; i < options_.layers; ++i) {
    pass.mixed_in.push_back(pass.graphs.mixed(x, true)), pass.mixed_out.push_back(pass.graphs.mixed(x, false));
    pass.relu_in.push_back((weights.in[i] * pass.mixed_in.back()).cwiseMax(0.0)), pass.relu_out.push_back((weights.out[i] * pass.mixed_out.back()).cwiseMax(0.0));
    x = (pass.relu_in.back() + pass.relu_out.back()) / 2;
  }
  pass.pooled.resize(x.rows(), static_cast<Index>(graphs.size()));
  for (Index g = 0; g < pass.pooled.cols(); ++g) {
    const auto at = static_cast<std::size_t>(g);
    pass.pooled.col(g) = x.middleCols(pass.graphs.first[at], pass.graphs.first[at + 1] - pass.graphs.first[at]).rowwise().mean();
  }
  pass.top = ((weights.rest[0] * pass.pooled).colwise() + weights.rest[1].col(0)).cwiseMax(0.0);
  pass.output = (weights.rest[2] * pass.top).array() + weights.rest[3](0, 0);
  return pass;
}

double GraphNetwork::loss(std::span<const GraphSample* const> graphs, std::span<const double> targets, std::vector<double>& gradient) const {
  const Pass pass = forward(graphs);
  const Views<const double> weights(parameters_.data(), options_, features_);
  gradient.assign(parameters_.size(), 0);
  Views<double> slopes(gradient.data(), options_, features_);
  const Eigen::RowVectorXd error = pass.output - Eigen::Map<const Eigen::RowVectorXd>(targets.data(), static_cast<Index>(targets.size()));
  const Eigen::RowVectorXd of_output = 2 * error / static_cast<double>(targets.size());
  slopes.rest[3](0, 0) = of_output.sum();
  slopes.rest[2] = of_output * pass.top.transpose();
  const Matrix of_top = (pass.top.array() > 0).select(weights.rest[2].transpose() * of_output, 0.0);
  slopes.rest[1] = of_top.rowwise().sum();
  slopes.rest[0] = of_top * pass.pooled.transpose();
  const Matrix of_pooled = weights.rest[0].transpose() * of_top;
  Matrix of_x(of_pooled.rows(), pass.graphs.first.back());
  for (std::size_t g = 0; g + 1 < pass.graphs.first.size(); ++g) {
    const Index nodes = pass.graphs.first[g + 1] - pass.graphs.first[g];
    of_x.middleCols(pass.graphs.first[g], nodes).colwise() = of_pooled.col(static_cast<Index>(g)) / static_cast<double>(nodes);
  }
  for (std::size_t i = options_.layers; i-- > 0;) {
    const Matrix of_in = (pass.relu_in[i].array() > 0).select(of_x / 2, 0.0), of_out = (pass.relu_out[i].array() > 0).select(of_x / 2, 0.0);
    slopes.in[i] = of_in * pass.mixed_in[i].transpose();
    slopes.out[i] = of_out * pass.mixed_out[i].transpose();
    if (i > 0) of_x = pass.graphs.unmixed(weights.in[i].transpose() * of_in, true) + pass.graphs.unmixed(weights.out[i].transpose() * of_out, false);
  }
  return error.squaredNorm() / static_cast<double>(targets.size());
}

void GraphNetwork::fit(std::span<const GraphSample> graphs, std::span<const double> values) {
  if (graphs.empty() || graphs.size() != values.size()) throw UsageError("graph network: as many targets as graphs are needed, and some");
  middle_ = mean(values);
  scale_ = values.size() > 1 && standard_deviation(values) > 0 ? standard_deviation(values) : 1;
  std::vector<double> targets;
  for (const double value : values) targets.push_back((value - middle_) / scale_);
  start(graphs[0].width);
  train(graphs, targets);
}

void GraphNetwork::train(std::span<const GraphSample> graphs, const std::vector<double>& targets) {
  Adam adam(parameters_.size(), options_.adam);
  Rng rng = options_.seed.derive("order").rng();
  std::vector<std::size_t> order(graphs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> gradient;
  for (std::size_t epoch = 0; epoch < options_.epochs; ++epoch) {
    rng.shuffle(order);
    for (std::size_t first = 0; first < order.size(); first += options_.batch) {
      std::vector<const GraphSample*> batch;
      std::vector<double> own;
      for (std::size_t i = first; i < std::min(order.size(), first + options_.batch); ++i) batch.push_back(&graphs[order[i]]), own.push_back(targets[order[i]]);
      loss(batch, own, gradient);
      for (double& parameter : parameters_) parameter *= 1 - options_.adam.learning_rate * options_.weight_decay;
      adam.step(parameters_, gradient);
    }
  }
}

double GraphNetwork::predict(const GraphSample& graph) const {
  if (parameters_.empty()) throw Error("graph network: asked before it was fitted");
  const GraphSample* const one = &graph;
  return middle_ + scale_ * forward({&one, 1}).output[0];
}

}  // namespace netwright
