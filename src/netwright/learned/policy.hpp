#pragma once
// Policies: distributions over the architectures of any space that learn by rewards.
#include <memory>

#include "netwright/supernet/relaxation.hpp"

namespace netwright {

// An LSTM over the decisions of a tree, in its order: a step a token, one softmax a decision, each token's embedding fed to the next step.
// A k-of-n decision is as many tokens as it picks, each from what is left; where the number is free the most is picked. Decisions that
// the picks before switch off are not asked. Weights U(-0.1, 0.1) from the seed.
// Source: NASNet (Zoph et al. 2018, arXiv 1707.07012, appendix A.1: one layer of 100 units); ENAS' bounds on the logits.
// Departure: decisions that point to earlier nodes have a softmax of their own instead of attention, as trees do not tell them apart.
struct ControllerOptions {
  std::int64_t hidden = 64;
  double temperature = 5;
  double tanh_constant = 1.1;
};
std::shared_ptr<const Policy> make_controller(const DecisionTree& tree, const ControllerOptions& options, const Seed& seed, NetworkPlace place = {});

// The architecture parameters themselves: every decision drawn for itself from softmax(a) over what may be picked; k of n without
// replacement. Selects without a vector are drawn uniformly and carry no probability. What is out is told to the policy (Policy::sample), not read
// off the parameters.
// Source: the REINFORCE form of ProxylessNAS (Cai et al. 2019, arXiv 1812.00332, section 3.3.2). `parameters` are shared.
std::shared_ptr<const Policy> make_parameter_policy(const DecisionTree& tree, const ArchitectureParameters& parameters);

}  // namespace netwright
