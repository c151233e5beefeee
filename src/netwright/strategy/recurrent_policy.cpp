#include "netwright/strategy/recurrent_policy.hpp"

#include <Eigen/Dense>
#include <cmath>

namespace netwright {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using Weights = Eigen::Map<const Matrix>;
using Target = Eigen::Map<Matrix>;

Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }

Vector sigmoid(const Vector& x) { return (1 + (-x.array()).exp()).inverse().matrix(); }

// Softmax over the open ones; 0 for the others.
Vector shares_of(const Vector& logits, const std::vector<bool>& open) {
  double highest = -HUGE_VAL;
  for (std::size_t i = 0; i < open.size(); ++i)
    if (open[i]) highest = std::max(highest, logits[index(i)]);
  Vector shares = Vector::Zero(logits.size());
  for (std::size_t i = 0; i < open.size(); ++i)
    if (open[i]) shares[index(i)] = std::exp(logits[index(i)] - highest);
  return shares / shares.sum();
}

double entropy_of(const Vector& shares) {
  double sum = 0;
  for (const double share : shares) sum -= share > 0 ? share * std::log(share) : 0;
  return sum;
}

int draw(const Vector& shares, Rng& rng) {
  double rest = rng.uniform();
  int last = 0;
  for (int i = 0; i < static_cast<int>(shares.size()); ++i) {
    if (shares[i] <= 0) continue;
    if (rest < shares[i]) return i;
    rest -= shares[i];
    last = i;  // rounding may leave a little
  }
  return last;
}

std::vector<bool> pickable(const Decision& decision) {
  std::vector<bool> open;
  for (int choice = 0; choice < static_cast<int>(decision.choices.size()); ++choice) open.push_back(decision.may_pick(choice));
  return open;
}

std::size_t sizes_of(const Decision& decision) {
  return decision.kind == Kind::k_of_n ? static_cast<std::size_t>(decision.maximum - decision.minimum + 1) : 0;
}

}  // namespace

// The slopes of a layer over all steps, a row each: their product is the slope of its weights.
struct RecurrentPolicy::Slopes {
  Matrix gates, joined;
};

// What a layer did in one step.
struct RecurrentPolicy::Layer {
  Vector joined;            // [x h]
  Vector in, forget, out, candidate;
  Vector cell_before, cell, squashed;  // squashed: tanh of the cell
  Vector hidden;
};

// One token: which softmax, what it said, what was taken.
struct RecurrentPolicy::Step {
  Rows rows;
  std::vector<bool> open;
  std::size_t input = 0;    // where the numbers that were fed stand in the weights
  std::vector<Layer> layers;
  Vector slope;             // d bounded logit / d logit
  Vector shares;
  int taken = -1;
};

RecurrentPolicy::RecurrentPolicy(const DecisionTree& tree, const RecurrentOptions& options, const Seed& seed) : tree_(tree), options_(options) {
  length_ = options.layers * 8 * options.hidden * options.hidden + options.hidden;
  for (const Decision& decision : tree) {
    choices_.push_back(add_rows(decision.choices.size()));
    sizes_.push_back(add_rows(sizes_of(decision)));
  }
  Rng rng = seed.derive("weights").rng();
  weights_.resize(length_);
  for (double& weight : weights_) weight = options.spread * (2 * rng.uniform() - 1);
}

RecurrentPolicy::Rows RecurrentPolicy::add_rows(std::size_t count) {
  const Rows rows{.embedding = length_, .classifier = length_ + count * options_.hidden, .count = count};
  length_ += 2 * count * options_.hidden;
  return rows;
}

void RecurrentPolicy::run_layers(Step& step, const Step* before) const {
  const Eigen::Index h = index(options_.hidden);
  Vector input = Eigen::Map<const Vector>(weights_.data() + step.input, h);
  for (std::size_t l = 0; l < options_.layers; ++l) {
    Layer layer;
    layer.joined = Vector::Zero(2 * h);
    layer.cell_before = Vector::Zero(h);
    layer.joined.head(h) = input;
    if (before) layer.joined.tail(h) = before->layers[l].hidden, layer.cell_before = before->layers[l].cell;
    const Vector gates = Weights(weights_.data() + l * 8 * options_.hidden * options_.hidden, 4 * h, 2 * h) * layer.joined;
    layer.in = sigmoid(gates.segment(0, h)), layer.forget = sigmoid(gates.segment(h, h)), layer.out = sigmoid(gates.segment(2 * h, h));
    layer.candidate = gates.segment(3 * h, h).array().tanh();
    layer.cell = layer.in.cwiseProduct(layer.candidate) + layer.forget.cwiseProduct(layer.cell_before);
    layer.squashed = layer.cell.array().tanh();
    layer.hidden = layer.out.cwiseProduct(layer.squashed);
    input = layer.hidden;
    step.layers.push_back(std::move(layer));
  }
}

RecurrentPolicy::Step& RecurrentPolicy::add_step(std::vector<Step>& steps, const Rows& rows, const std::vector<bool>& open) const {
  Step step{.rows = rows, .open = open, .input = options_.layers * 8 * options_.hidden * options_.hidden};
  const Step* before = steps.empty() ? nullptr : &steps.back();
  if (before) step.input = before->rows.embedding + static_cast<std::size_t>(before->taken) * options_.hidden;
  run_layers(step, before);
  Vector logits = Weights(weights_.data() + rows.classifier, index(rows.count), index(options_.hidden)) * step.layers.back().hidden;
  const double cool = options_.temperature > 0 ? 1 / options_.temperature : 1;
  logits *= cool;
  step.slope = Vector::Constant(logits.size(), cool);
  if (options_.tanh_constant > 0) {
    logits = logits.array().tanh();
    step.slope.array() *= options_.tanh_constant * (1 - logits.array().square());
    logits *= options_.tanh_constant;
  }
  step.shares = shares_of(logits, open);
  return steps.emplace_back(std::move(step));
}

Episode RecurrentPolicy::write(const Take& take, std::vector<Step>& steps) const {
  Episode episode;
  episode.architecture.picks.assign(tree_.size(), Architecture::inactive);
  const auto token = [&](const Rows& rows, const std::vector<bool>& open) {
    Step& step = add_step(steps, rows, open);
    return step.taken = take(step);
  };
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    if (!active(tree_, episode.architecture, static_cast<int>(i))) continue;
    Draw drawn{.decision = i};
    std::vector<bool> open = pickable(tree_[i]);
    if (tree_[i].kind != Kind::k_of_n) {
      drawn.picks.push_back(token(choices_[i], open));
      episode.architecture.picks[i] = drawn.picks.front();
    } else {
      drawn.picks.push_back(sizes_[i].count > 1 ? token(sizes_[i], std::vector<bool>(sizes_[i].count, true)) : 0);
      std::int64_t mask = 0;
      for (int left = tree_[i].minimum + drawn.picks.front(); left > 0; --left) {
        drawn.picks.push_back(token(choices_[i], open));
        open[static_cast<std::size_t>(drawn.picks.back())] = false;
        mask |= std::int64_t{1} << drawn.picks.back();
      }
      episode.architecture.picks[i] = mask;
    }
    episode.draws.push_back(std::move(drawn));
  }
  return episode;
}

RecurrentPolicy::Written RecurrentPolicy::sample(Rng& rng) const {
  std::vector<Step> steps;
  Episode episode = write([&](const Step& step) { return draw(step.shares, rng); }, steps);
  return {.episode = std::move(episode), .log_probability = log_probability_of(steps)};
}

double RecurrentPolicy::log_probability_of(const std::vector<Step>& steps) {
  double sum = 0;
  for (const Step& step : steps) sum += std::log(step.shares[step.taken]);
  return sum;
}

std::vector<RecurrentPolicy::Step> RecurrentPolicy::read(const Episode& episode) const {
  std::vector<int> tokens;
  for (const Draw& drawn : episode.draws) {
    const bool fixed = tree_[drawn.decision].kind == Kind::k_of_n && sizes_[drawn.decision].count == 1;  // the size took no step
    tokens.insert(tokens.end(), drawn.picks.begin() + (fixed ? 1 : 0), drawn.picks.end());
  }
  std::vector<Step> steps;
  std::size_t next = 0;
  write([&](const Step&) { return tokens[next++]; }, steps);
  return steps;
}

double RecurrentPolicy::log_probability(const Episode& episode) const { return log_probability_of(read(episode)); }

double RecurrentPolicy::entropy(const Episode& episode) const {
  double sum = 0;
  for (const Step& step : read(episode)) sum += entropy_of(step.shares);
  return sum;
}

// carried: d / d hidden, then d / d cell, of this layer; becomes those of the step before. The slope of the input is added to the hidden
// one of the layer below, which `carried` of that layer holds, or to the embedding.
void RecurrentPolicy::backward_layer(std::size_t l, const Step& step, std::vector<double>& carried, Slopes& slopes, std::ptrdiff_t row,
                                     std::span<double> gradient) const {
  const Eigen::Index h = index(options_.hidden);
  const std::size_t units = options_.hidden, weights = l * 8 * units * units;
  const Layer& layer = step.layers[l];
  Eigen::Map<Vector> hidden(carried.data() + 2 * l * units, h), cell(carried.data() + (2 * l + 1) * units, h);
  const Vector inner = cell.array() + hidden.array() * layer.out.array() * (1 - layer.squashed.array().square());
  Vector gates(4 * h);
  gates.segment(0, h) = inner.array() * layer.candidate.array() * layer.in.array() * (1 - layer.in.array());
  gates.segment(h, h) = inner.array() * layer.cell_before.array() * layer.forget.array() * (1 - layer.forget.array());
  gates.segment(2 * h, h) = hidden.array() * layer.squashed.array() * layer.out.array() * (1 - layer.out.array());
  gates.segment(3 * h, h) = inner.array() * layer.in.array() * (1 - layer.candidate.array().square());
  slopes.gates.row(row) = gates.transpose();
  slopes.joined.row(row) = layer.joined.transpose();
  const Vector joined = Weights(weights_.data() + weights, 4 * h, 2 * h).transpose() * gates;
  hidden = joined.tail(h);
  cell = inner.array() * layer.forget.array();
  double* const below = l > 0 ? carried.data() + 2 * (l - 1) * units : gradient.data() + step.input;
  Eigen::Map<Vector>(below, h) += joined.head(h);
}

void RecurrentPolicy::add_gradient(const Episode& episode, const Scale& scale_of, double entropy_scale, std::span<double> gradient) const {
  const std::vector<Step> steps = read(episode);
  const double scale = scale_of(log_probability_of(steps));
  if (scale == 0 && entropy_scale == 0) return;
  const Eigen::Index h = index(options_.hidden);
  std::vector<double> carried(2 * options_.layers * options_.hidden, 0);
  std::vector<Slopes> slopes(options_.layers, {Matrix(index(steps.size()), 4 * h), Matrix(index(steps.size()), 2 * h)});
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    Vector logits = -scale * step->shares;
    logits[step->taken] += scale;
    const double entropy = entropy_of(step->shares);
    for (Eigen::Index i = 0; i < logits.size(); ++i)
      if (const double share = step->shares[i]; share > 0) logits[i] -= entropy_scale * share * (std::log(share) + entropy);
    logits.array() *= step->slope.array();
    const std::size_t classifier = step->rows.classifier;
    Target(gradient.data() + classifier, index(step->rows.count), h).noalias() += logits * step->layers.back().hidden.transpose();
    Eigen::Map<Vector>(carried.data() + 2 * (options_.layers - 1) * options_.hidden, h) +=
        Weights(weights_.data() + classifier, index(step->rows.count), h).transpose() * logits;
    for (std::size_t l = options_.layers; l-- > 0;) backward_layer(l, *step, carried, slopes[l], steps.rend() - step - 1, gradient);
  }
  for (std::size_t l = 0; l < options_.layers; ++l)
    Target(gradient.data() + l * 8 * options_.hidden * options_.hidden, 4 * h, 2 * h).noalias() += slopes[l].gates.transpose() * slopes[l].joined;
}

}  // namespace netwright
