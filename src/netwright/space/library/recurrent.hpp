#pragma once
// Recurrent cells found by search, and the language models around them.
//
// State s_0 = h + sigmoid(c) * (tanh(u) - h) with (c, u) = the halves of W_0 [x, h]; node i reads one earlier state s:
//   s_i = s + sigmoid(c) * (f(u) - s), (c, u) = the halves of W_i s, f one of tanh, relu, sigmoid, identity.
// The new h is the mean of some states. A genotype names f and the state read, node by node, and the states that are averaged:
//   {"recurrent": [["sigmoid", 0], ["relu", 1], ...], "concat": [1, 2, ...]}          (without "concat": all nodes)
// The cell is written once a step, its weights tied to those of the first step, so the graph is an ordinary one.
// Sources: Liu, Simonyan, Yang 2019, arXiv 1806.09055 (DARTS); Pham et al. 2018, arXiv 1802.03268 (ENAS).
// h starts at zero in a pass by itself; where states are carried (CarriedStates of nn/network.hpp) the node "start" takes the last h of the
// window before.
// Departure: dropout draws a mask for each step, and none within the cell (the published models keep one mask for all steps of a window, and
// drop states too).
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/space/space.hpp"

namespace netwright {

struct RecurrentNode {
  std::string op;  // "tanh", "relu", "sigmoid" or "identity"
  int input = 0;   // the state that is read; 0 is s_0
  bool operator==(const RecurrentNode&) const = default;
};

struct RecurrentGenotype {
  std::vector<RecurrentNode> nodes;  // node i is state i + 1
  std::vector<int> concat;           // the states that are averaged
  bool operator==(const RecurrentGenotype&) const = default;
};

// Errors: UsageError naming the entry, its value and the rule or the nearest name.
RecurrentGenotype parse_recurrent_genotype(std::string_view json);
std::string print(const RecurrentGenotype& genotype);

// {steps, features} -> {steps, width}: the cell alone, in evaluation form. Weights: "step0.initial.weight" {2 width, features + width}
// and "step0.nodeI.weight" {2 width, width} from I = 1 on, no biases. The first half of their rows makes c, the second u.
Graph recurrent_cell(const RecurrentGenotype& genotype, std::int64_t steps, std::int64_t features, std::int64_t width);

// Token numbers {steps} -> logits {steps, classes}: embedding, cell, and a classifier whose weight is the embedding's. The setting
// `width` is that of embedding and states, `dropout` a rate on the embedded tokens and on what is classified. DARTS_V1, width 850, 10,000 classes: 22,960,000 parameters.
Graph recurrent_network(const RecurrentGenotype& genotype, const NetworkOptions& options);

// The space `darts_rnn`: decisions nodeI.input (one of the I states before it, from node 2 on) and nodeI.op, 8 nodes:
// 8! * 4^8 = 2,642,411,520 architectures. The search form has width 300 and a batch norm without scale behind each state.
// Departure: a relaxed search graph mixes the states that a node reads, and then what f makes of them; the official one runs every
// pair of both and mixes the results; `none` is f = 0. With one state and one f picked, the two are equal.
std::unique_ptr<Space> make_darts_rnn();

// The space `enas_rnn`: 12 nodes, of which the first takes x and h (its f in place of tanh in s_0), and the others read one before
// them: 11! * 4^12 architectures. The new h is the mean of the nodes that no other node reads; in the open graph, where they cannot be
// known, of all nodes. Weights belong to a pair of nodes, as in the paper. The paper counts 12! * 4^12.
std::unique_ptr<Space> make_enas_rnn();

}  // namespace netwright
