#pragma once
// The controllers of ENAS: an LSTM that writes a cell (micro) or a chain of layers with skips (macro), token by token.
//
// Anchors h_j of earlier states are pointed at by attention: logit_j = v^T tanh(W1 h_j + W2 h).
//   micro, a node: index, index, operation, operation, then a step whose state is the node's anchor. A chosen index feeds the anchor of
//     the state that it points to, a chosen operation its embedding. The anchors of the two inputs feed zeros.
//   macro, a layer: operation, then a step whose state is the layer's anchor and asks for each earlier layer "skip or not", two logits
//     (-q, q); what is fed next is the sum of the chosen anchors over 1 + their number.
// Source: Pham et al. 2018, arXiv 1802.03268, and the released code, which is followed where they differ: logits of operations are
// bounded by tanh_constant / operation_reduction; a bias that is not learned is added in the normal cell alone; macro's entropy is
// that of the drawn token, -p log p, not of the distribution.
#include <ATen/core/Tensor.h>

#include <vector>

#include "netwright/learned/lstm.hpp"

namespace netwright {

// H units, n operations. Rows are vectors: x W.
struct EnasWeights {
  at::Tensor lstm;              // {2H, 4H}
  at::Tensor first;             // {1, H}, what is fed first
  at::Tensor embedding;         // {n, H}
  at::Tensor classifier;        // {H, n}
  at::Tensor attention_anchor;  // {H, H}
  at::Tensor attention_query;   // {H, H}
  at::Tensor attention;         // {H, 1}
  at::Tensor bias = {};         // {n}, of the classifier; undefined: none
};

struct EnasForm {
  double temperature = 0;           // divides logits; 0 = none
  double tanh_constant = 0;         // bounds logits; 0 = none
  double operation_reduction = 1;   // micro: divides the constant for operations
};

struct EnasDecoded {
  std::vector<std::int64_t> tokens;   // micro: index, operation, index, operation a node; macro: operation, then skips, a layer
  at::Tensor log_probability;
  at::Tensor entropy;
  std::vector<at::Tensor> logits;     // in the order in which they were asked for
  LstmState state;                    // where the next cell's decoding goes on
  at::Tensor skip_penalty = {};       // macro: mean over layers of sum sigmoid(logit) log(sigmoid(logit) / target)
  std::int64_t skips = 0;             // macro
};

// `fixed_bias`: added to the logits of operations, not learned; undefined: none. `start`: undefined tensors for zeros.
EnasDecoded decode_enas_cell(const EnasWeights& weights, const EnasForm& form, int nodes, const at::Tensor& fixed_bias, const LstmState& start, const PickToken& pick);

// skip_target: the prior probability of a skip, 0.4 in the paper.
EnasDecoded decode_enas_layers(const EnasWeights& weights, const EnasForm& form, int layers, double skip_target, const PickToken& pick);

// (+0.25 for the first two operations, which are convolutions, -0.25 for the others), and the learned bias' start (10, 10, 0, ...).
at::Tensor enas_fixed_bias(std::int64_t operations, const at::TensorOptions& options);
at::Tensor enas_start_bias(std::int64_t operations, const at::TensorOptions& options);

}  // namespace netwright
