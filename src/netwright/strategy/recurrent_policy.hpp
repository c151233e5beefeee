#pragma once
// A recurrent policy over any decision tree: an LSTM that writes an architecture token by token, in the tree's order.
//
//   [i f o g] = W [x h];  c' = sigmoid(i) tanh(g) + sigmoid(f) c;  h' = sigmoid(o) tanh(c')      a layer; no bias
//   logits = C h_top, bounded to constant * tanh(logits / temperature); token ~ softmax over what may be picked
//   x of the next step = the token's embedding; of the first step a learned vector
// one_of, ordinal: one token. k_of_n: how many (where the number is free), then the members without replacement. Every decision has
// a softmax and embeddings of its own. Inactive decisions take no step, no draw and no gradient.
// Cost of a draw: tokens * layers * 8 hidden^2 multiplications; of a gradient about three times that.
// Source: Zoph and Le 2017, arXiv 1611.01578, section 3; bounds: Bello et al. 2017, arXiv 1611.09940, as in ENAS, arXiv 1802.03268.
// Departure: choices that point to earlier nodes have a softmax instead of attention, as trees do not tell them apart.
#include <functional>
#include <span>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/strategy/policy.hpp"

namespace netwright {

struct RecurrentOptions {
  std::size_t layers = 1;
  std::size_t hidden = 100;
  double temperature = 0;    // divides logits; 0 = none
  double tanh_constant = 0;  // bounds logits; 0 = none
  double spread = 0.1;       // weights start uniform in [-spread, spread]
};

class RecurrentPolicy {
 public:
  RecurrentPolicy(const DecisionTree& tree, const RecurrentOptions& options, const Seed& seed);  // the tree outlives it

  struct Written {
    Episode episode;
    double log_probability = 0;
  };
  Written sample(Rng& rng) const;
  double log_probability(const Episode& episode) const;
  // The sum over the episode's tokens of their distributions' entropies, in nats.
  double entropy(const Episode& episode) const;
  // Adds d (scale * log_probability + entropy_scale * entropy) / d weights to `gradient`, which is as long as weights(); the scale may
  // depend on the log-probability.
  using Scale = std::function<double(double log_probability)>;
  void add_gradient(const Episode& episode, const Scale& scale, double entropy_scale, std::span<double> gradient) const;

  std::vector<double>& weights() { return weights_; }
  const std::vector<double>& weights() const { return weights_; }

 private:
  struct Rows {  // of one softmax: `count` tokens, `hidden` numbers each
    std::size_t embedding = 0, classifier = 0, count = 0;
  };
  struct Layer;
  struct Slopes;
  struct Step;
  using Take = std::function<int(const Step&)>;

  Rows add_rows(std::size_t count);
  Episode write(const Take& take, std::vector<Step>& steps) const;
  static double log_probability_of(const std::vector<Step>& steps);
  std::vector<Step> read(const Episode& episode) const;
  Step& add_step(std::vector<Step>& steps, const Rows& rows, const std::vector<bool>& open) const;
  void run_layers(Step& step, const Step* before) const;
  void backward_layer(std::size_t layer, const Step& step, std::vector<double>& carried, Slopes& slopes, std::ptrdiff_t row,
                      std::span<double> gradient) const;

  const DecisionTree& tree_;
  RecurrentOptions options_;
  std::vector<Rows> choices_, sizes_;  // one a decision
  std::size_t length_ = 0;
  std::vector<double> weights_;        // layers, the first input, then rows
};

}  // namespace netwright
