#pragma once
// The recurrent step of a controller, and one token drawn from logits.
#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "netwright/core/rng.hpp"

namespace netwright {

// [i f o g] = [x h] W;  c' = sigmoid(i) tanh(g) + sigmoid(f) c;  h' = sigmoid(o) tanh(c').  W {in + hidden, 4 hidden}, no bias; rows
// {1, .}. Source: the controllers of ENAS (Pham et al. 2018, arXiv 1802.03268, released code).
struct LstmState {
  at::Tensor hidden, cell;
  static LstmState zeros(std::int64_t units, const at::TensorOptions& options);
};
LstmState lstm_step(const at::Tensor& input, const LstmState& state, const at::Tensor& weight);

// constant * tanh(logits / temperature); zero leaves either out.
at::Tensor bounded(const at::Tensor& logits, double temperature, double tanh_constant);

// Chooses an index by one row of logits.
using PickToken = std::function<std::int64_t(const at::Tensor& logits)>;
PickToken greedy_pick();
PickToken sampled_pick(Rng& rng);   // the generator outlives the result

// The log-probability of a token, and the entropy of its distribution without gradient.
at::Tensor log_probability(const at::Tensor& logits, std::int64_t token);
at::Tensor entropy(const at::Tensor& logits);

}  // namespace netwright
