#pragma once
// The first axis of one-shot search: how each decision's weight vector is made from its parameters.
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/nn/program.hpp"
#include "netwright/space/decision.hpp"

namespace netwright {

// One vector a decision, in the tree's order; undefined for a select whose inputs are told apart by the decisions on them (DARTS'
// edges: they are summed, and ranked at derivation by their strongest candidate), and for one that always takes all its inputs.
struct ArchitectureParameters {
  std::vector<at::Tensor> vectors;

  // 1e-3 * N(0, 1) from the seed, as DARTS starts.
  static ArchitectureParameters start(const DecisionTree& tree, const Seed& seed, NetworkPlace place = {});
  std::vector<at::Tensor> defined() const;
};

// Whether a k-of-n decision has nothing to decide: every input is picked (the first node of a DARTS cell, 2 of 2).
bool takes_all(const Decision& decision);

// Whether the inputs of a k-of-n decision are ranked by decisions that stand on each of them.
bool ranked_by_children(const DecisionTree& tree, int decision);

class Relaxation {
 public:
  virtual ~Relaxation() = default;
  // The weights of one step, drawn once and shared by all places that name the decision. They carry gradients to the parameters.
  virtual Mixture draw(const ArchitectureParameters& parameters, Rng& rng) const = 0;
  // Probabilities of each decision's choices without noise, for derivation and reports; empty where the vector is undefined.
  virtual std::vector<std::vector<double>> probabilities(const ArchitectureParameters& parameters) const = 0;
};

struct RelaxationEntry {
  std::string name;
  std::string title;
  std::string paper;
  std::unique_ptr<Relaxation> (*make)(const DecisionTree& tree);
};

// softmax: w = softmax(alpha) (DARTS, Liu et al. 2019, arXiv 1806.09055, eq. 2).
const std::vector<RelaxationEntry>& relaxations();
// Errors: UsageError with the nearest name.
std::unique_ptr<Relaxation> make_relaxation(std::string_view name, const DecisionTree& tree);

}  // namespace netwright
