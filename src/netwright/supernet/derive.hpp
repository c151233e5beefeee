#pragma once
// From the weights of a trained supernet to one architecture.
#include <vector>

#include "netwright/space/decision.hpp"

namespace netwright {

// The strongest picks. One of n: the pickable choice of largest probability. k of n: the k strongest inputs, where the strength of
// an input is its own probability, or, where decisions stand on every input, the largest pickable probability of those. Ties go to
// the first. Where an input has both, its own probability times the other (PC-DARTS, arXiv 1907.05737). `probabilities[d]` may be empty only for a decision that is ranked by its children or takes all.
// Where the number of picks is free (minimum < maximum) inputs above the uniform share 1/n are taken, within the bounds.
// Where that breaks the tree's rule: of the architectures that keep it, with the same subsets, one whose product of probabilities is
// largest (Auto-DeepLab's path, arXiv 1901.02985, section 4.3, where the rule is a path and Viterbi's algorithm finds it); found best
// first over the decisions that the rule looks at. Errors: Error where a million steps find none.
// Source: DARTS (Liu et al. 2019, arXiv 1806.09055, section 2.4; released code): softmax over all candidates, "none" left out.
Architecture strongest(const DecisionTree& tree, const std::vector<std::vector<double>>& probabilities);

}  // namespace netwright
