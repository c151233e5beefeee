#pragma once
// Sizes of sub-trees, and from them the odds of each pick. Inside the room only.
//
// size(d) = sum over the legal picks p of d of the product of size(c) over the children c that p switches on. Where each child of a
// k_of_n hangs on one choice, choice i has the weight w_i = product of its children's sizes and the sum over subsets of k is the
// elementary symmetric polynomial e_k(w), found in O(n k) without walking the subsets.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/space/decision.hpp"
#include "netwright/space/picks.hpp"

namespace netwright {

// Whether each child hangs on exactly one choice.
bool separable(const DecisionTree& tree, int decision);

// The product of the sizes of the children that a pick switches on. T: long double or a big integer.
template <class T>
T size_below(const DecisionTree& tree, int decision, std::int64_t pick, const std::vector<T>& sizes) {
  T product = 1;
  for (const int child : tree.children(decision)) {
    const auto c = static_cast<std::size_t>(child);
    if (switches_on(tree[static_cast<std::size_t>(decision)], pick, *tree[c].condition)) product *= sizes[c];
  }
  return product;
}

// The weights of the choices that may be picked, of a separable k_of_n.
template <class T>
std::vector<T> choice_weights(const DecisionTree& tree, int decision, const std::vector<T>& sizes) {
  std::vector<T> weights;
  const Decision& d = tree[static_cast<std::size_t>(decision)];
  for (int i = 0; i < static_cast<int>(d.choices.size()); ++i)
    if (d.may_pick(i)) weights.push_back(size_below(tree, decision, std::int64_t{1} << i, sizes));
  return weights;
}

// suffix[j][k] = e_k(w_j, w_j+1, ...), k = 0..maximum.
template <class T>
std::vector<std::vector<T>> symmetric_suffixes(const std::vector<T>& weights, int maximum) {
  std::vector<std::vector<T>> suffix(weights.size() + 1, std::vector<T>(static_cast<std::size_t>(maximum) + 1, T(0)));
  suffix.back()[0] = 1;
  for (std::size_t j = weights.size(); j-- > 0;) {
    suffix[j] = suffix[j + 1];
    for (std::size_t k = 1; k < suffix[j].size(); ++k) suffix[j][k] += weights[j] * suffix[j + 1][k - 1];
  }
  return suffix;
}

template <class T>
T size_of(const DecisionTree& tree, int decision, const std::vector<T>& sizes) {
  const Decision& d = tree[static_cast<std::size_t>(decision)];
  T total = 0;
  if (d.kind == Kind::k_of_n && separable(tree, decision)) {
    const auto suffix = symmetric_suffixes(choice_weights(tree, decision, sizes), d.maximum);
    for (int k = d.minimum; k <= d.maximum; ++k) total += suffix[0][static_cast<std::size_t>(k)];
    return total;
  }
  each_pick(d, [&](std::int64_t pick) {
    total += size_below(tree, decision, pick, sizes);
    return true;
  });
  return total;
}

// Per decision, the number of architectures of its sub-tree where it is active.
template <class T>
std::vector<T> subtree_sizes(const DecisionTree& tree) {
  std::vector<T> sizes(tree.size());
  for (std::size_t i = tree.size(); i-- > 0;) sizes[i] = size_of(tree, static_cast<int>(i), sizes);
  return sizes;
}

// The odds of the picks of each decision, in proportion to the sizes below them. Computed once a tree.
struct Draws {
  struct Odds {
    std::vector<std::int64_t> picks;               // all of them where they are few,
    std::vector<double> cumulative;                // and the chance of this pick or one before it;
    std::vector<long double> weights;              // otherwise the weights of the choices that may be picked
    std::vector<std::vector<long double>> suffix;  // and their symmetric polynomials.
  };
  std::vector<Odds> odds;

  // Errors: UsageError as DecisionTree's.
  explicit Draws(const DecisionTree& tree);
  std::int64_t draw(const Decision& decision, std::size_t index, Rng& rng) const;
};

}  // namespace netwright
