#pragma once
// A tabular policy over a decision tree: independent logits a decision, no network.
//
//   one_of, ordinal: choice i with probability softmax(logits)_i, among those that may be picked
//   k_of_n: first how many (softmax over the sizes allowed), then members one by one without replacement, each by the softmax over the
//   choices that are left
// Inactive decisions are skipped: they take no draw and no gradient.
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/space/decision.hpp"

namespace netwright {

// What was drawn for one decision, in order: for a k_of_n its size's index, then its members; else the choice.
struct Draw {
  std::size_t decision = 0;
  std::vector<int> picks;
};

struct Episode {
  Architecture architecture;
  std::vector<Draw> draws;
};

class TabularPolicy {
 public:
  explicit TabularPolicy(const DecisionTree& tree);  // all logits 0; the tree outlives it

  Episode sample(Rng& rng) const;
  double log_probability(const Episode& episode) const;
  // Adds scale * d log_probability / d logits to `gradient`, which is as long as logits().
  void add_gradient(const Episode& episode, double scale, std::vector<double>& gradient) const;
  // The sum over the episode's draws of their distributions' entropies, in nats.
  double entropy(const Episode& episode) const;

  std::vector<double>& logits() { return logits_; }
  const std::vector<double>& logits() const { return logits_; }

 private:
  struct Range {
    std::size_t choices = 0;  // where the logits of the choices begin
    std::size_t sizes = 0;    // and those of the sizes of a k_of_n
  };
  struct Step;
  std::vector<Step> steps(const Episode& episode) const;
  std::vector<double> distribution(const Step& step) const;
  int draw(const Step& step, Rng& rng) const;
  Step size_step(std::size_t decision) const;
  Step choice_step(std::size_t decision) const;

  const DecisionTree& tree_;
  std::vector<Range> ranges_;
  std::vector<double> logits_;
};

}  // namespace netwright
