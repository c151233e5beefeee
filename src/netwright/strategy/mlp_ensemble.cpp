#include "netwright/strategy/mlp_ensemble.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/strategy/adam.hpp"

namespace netwright {
namespace {

using Matrix = Eigen::MatrixXf;  // one column a row of features

Matrix columns_of(const FeatureRows& x) {
  const Eigen::Map<const Eigen::MatrixXd> values(x.values.data(), static_cast<Eigen::Index>(x.width), static_cast<Eigen::Index>(x.rows()));
  return values.cast<float>();
}

struct Layer {
  Matrix weight;
  Eigen::VectorXf bias;
  Matrix weight_mean, weight_square;
  Eigen::VectorXf bias_mean, bias_square;
};

Layer drawn_layer(Eigen::Index outputs, Eigen::Index inputs, Rng& rng) {
  const double bound = std::sqrt(6.0 / static_cast<double>(inputs + outputs));
  Layer layer{.weight = Matrix(outputs, inputs), .bias = Eigen::VectorXf::Zero(outputs)};
  for (float& value : layer.weight.reshaped()) value = static_cast<float>((2 * rng.uniform() - 1) * bound);
  layer.weight_mean = layer.weight_square = Matrix::Zero(outputs, inputs);
  layer.bias_mean = layer.bias_square = Eigen::VectorXf::Zero(outputs);
  return layer;
}

// Adam (adam.hpp) on a whole matrix at once.
template <class Values>
void adam_step(Values& values, Values& mean, Values& square, const Values& gradient, const AdamOptions& options, int step) {
  const auto beta1 = static_cast<float>(options.beta1), beta2 = static_cast<float>(options.beta2);
  mean = beta1 * mean + (1 - beta1) * gradient;
  square = beta2 * square + (1 - beta2) * gradient.cwiseAbs2();
  const auto rate = static_cast<float>(options.learning_rate / (1 - std::pow(options.beta1, step)));
  const auto scale = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, step)));
  values.array() -= rate * mean.array() / (square.array().sqrt() * scale + static_cast<float>(options.epsilon));
}

}  // namespace

struct MlpEnsemble::Member {
  std::vector<Layer> layers;
  int steps = 0;

  Member(const MlpEnsembleOptions& options, std::size_t features, Rng& rng) {
    auto inputs = static_cast<Eigen::Index>(features);
    for (std::size_t i = 0; i < options.layers; ++i) {
      layers.push_back(drawn_layer(static_cast<Eigen::Index>(options.width), inputs, rng));
      inputs = static_cast<Eigen::Index>(options.width);
    }
    layers.push_back(drawn_layer(1, inputs, rng));
  }

  // values[i] is what layer i reads; the last one is the output.
  std::vector<Matrix> forward(const Matrix& x) const {
    std::vector<Matrix> values{x};
    for (std::size_t i = 0; i < layers.size(); ++i) {
      Matrix next = layers[i].weight * values.back();
      next.colwise() += layers[i].bias;
      if (i + 1 < layers.size()) next = next.cwiseMax(0.0F);
      values.push_back(std::move(next));
    }
    return values;
  }

  void learn(const Matrix& x, const Eigen::RowVectorXf& y, const AdamOptions& options) {
    const std::vector<Matrix> values = forward(x);
    ++steps;
    Matrix gradient = (values.back().row(0) - y).cwiseSign() / static_cast<float>(y.size());
    for (std::size_t i = layers.size(); i-- > 0;) {
      Layer& layer = layers[i];
      const Matrix of_weight = gradient * values[i].transpose();
      const Eigen::VectorXf of_bias = gradient.rowwise().sum();
      if (i > 0) {
        Matrix below = layer.weight.transpose() * gradient;
        gradient = (values[i].array() > 0).select(below, 0.0F);
      }
      adam_step(layer.weight, layer.weight_mean, layer.weight_square, of_weight, options, steps);
      adam_step(layer.bias, layer.bias_mean, layer.bias_square, of_bias, options, steps);
    }
  }
};

MlpEnsemble::MlpEnsemble(const MlpEnsembleOptions& options) : options_(options) {}
MlpEnsemble::~MlpEnsemble() = default;

void MlpEnsemble::fit(const FeatureRows& x, std::span<const double> y) {
  if (y.empty() || x.rows() != y.size())
    throw UsageError("regression: " + std::to_string(x.rows()) + " rows for " + std::to_string(y.size()) + " targets; they must be equal, and some");
  width_ = x.width;
  middle_ = mean(y);
  scale_ = y.size() > 1 && standard_deviation(y) > 0 ? standard_deviation(y) : 1;
  const Matrix features = columns_of(x);
  Eigen::RowVectorXf targets(static_cast<Eigen::Index>(y.size()));
  for (std::size_t i = 0; i < y.size(); ++i) targets[static_cast<Eigen::Index>(i)] = static_cast<float>((y[i] - middle_) / scale_);
  const AdamOptions adam{.learning_rate = options_.learning_rate, .beta1 = 0.9, .beta2 = 0.99};
  members_.clear();
  std::vector<Eigen::Index> order(y.size());
  for (std::size_t m = 0; m < options_.members; ++m) {
    Rng rng = options_.seed.derive("member", m).rng();
    members_.push_back(std::make_unique<Member>(options_, width_, rng));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    for (std::size_t epoch = 0; epoch < options_.epochs; ++epoch) {
      rng.shuffle(order);
      for (std::size_t first = 0; first < order.size(); first += options_.batch) {
        const std::size_t last = std::min(order.size(), first + options_.batch);
        const std::vector<Eigen::Index> batch(order.begin() + static_cast<std::ptrdiff_t>(first), order.begin() + static_cast<std::ptrdiff_t>(last));
        members_.back()->learn(features(Eigen::all, batch), targets(batch), adam);
      }
    }
  }
}

std::vector<std::vector<double>> MlpEnsemble::members(const FeatureRows& x) const {
  if (members_.empty()) throw UsageError("ensemble: asked before it was fitted");
  if (x.width != width_) throw UsageError("ensemble: rows of " + std::to_string(x.width) + " features, fitted on " + std::to_string(width_));
  const Matrix features = columns_of(x);
  std::vector<std::vector<double>> result;
  for (const auto& member : members_) {
    const Matrix output = member->forward(features).back();
    std::vector<double>& own = result.emplace_back();
    for (const float value : output.row(0)) own.push_back(middle_ + scale_ * static_cast<double>(value));
  }
  return result;
}

Prediction MlpEnsemble::predict(const FeatureRows& x) const {
  const std::vector<std::vector<double>> all = members(x);
  Prediction prediction;
  for (std::size_t row = 0; row < x.rows(); ++row) {
    std::vector<double> values;
    for (const auto& own : all) values.push_back(own[row]);
    prediction.mean.push_back(mean(values));
    prediction.deviation.push_back(values.size() > 1 ? standard_deviation(values) : 0);
  }
  return prediction;
}

}  // namespace netwright
