#pragma once
// The first axis of one-shot search: how each decision's weight vector is made from its parameters.
//
// A relaxation of your own derives from Relaxation, or from IndependentRelaxation (independent.hpp) where each decision stands for
// itself, and is handed to OneShot; the built-in ones are listed in relaxation.cpp, and named with their options in
// strategy/one_shot_parts.cpp.
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/nn/program.hpp"
#include "netwright/space/decision.hpp"
#include "netwright/strategy/one_shot_parts.hpp"

namespace netwright {

struct ParameterStart {
  double deviation = 1e-3;
  bool edges = false;         // vectors for selects too that would be summed (PC-DARTS' edge normalisation)
  bool search_only = true;    // false: candidates that are never picked are out from the start (FairDARTS, DrNAS: no "none")
};

// The choices that are taken out of a search: [decision][choice]; an empty inner list, or none: nothing is out.
using ChoicesOut = std::vector<std::vector<bool>>;

// The choices of a decision that one architecture may pick, ascending: not out, not search-only (Decision::may_pick), and switching no decision
// on that has none of these. Empty only for a decision that nothing left can switch on. Errors: Error where one that is always active has none.
std::vector<int> pickable(const DecisionTree& tree, const ChoicesOut& out, std::size_t decision);

// One vector a decision, in the tree's order; undefined for a select whose inputs are told apart by the decisions on them (DARTS'
// edges: they are summed, and ranked at derivation by their strongest candidate), and for one that always takes all its inputs.
// A choice that is out has weight exactly zero from then on: how progressive searches drop candidates and close decisions.
struct ArchitectureParameters {
  std::vector<at::Tensor> vectors;
  ChoicesOut out;

  // deviation * N(0, 1) from the seed: 1e-3 as DARTS starts.
  static ArchitectureParameters start(const DecisionTree& tree, const Seed& seed, NetworkPlace place = {}, const ParameterStart& how = {});
  std::vector<at::Tensor> defined() const;
  bool is_out(std::size_t decision, std::size_t choice) const { return decision < out.size() && choice < out[decision].size() && out[decision][choice]; }
  void take_out(const DecisionTree& tree, std::size_t decision, std::size_t choice);
  std::vector<std::int64_t> left(const Decision& decision, std::size_t index) const;   // choices that are not out
};

// Whether a k-of-n decision has nothing to decide: every input is picked (the first node of a DARTS cell, 2 of 2).
bool takes_all(const Decision& decision);

// Whether the inputs of a k-of-n decision are ranked by decisions that stand on each of them.
bool ranked_by_children(const DecisionTree& tree, int decision);

// What a draw depends on besides the parameters.
struct DrawCase {
  DrawCase(Rng& generator, double done = 0) : rng(generator), progress(done) {}
  Rng& rng;
  double progress;            // 0 in the first epoch, 1 in the last: what temperatures follow
};

class Relaxation {
 public:
  virtual ~Relaxation() = default;
  // The weights of one step, drawn once and shared by all places that name the decision. They carry gradients to the parameters.
  virtual Mixture draw(const ArchitectureParameters& parameters, const DrawCase& c) const = 0;
  // The same for a step of the architecture parameters, where that looks at more than a step of the weights.
  virtual Mixture draw_for_architecture(const ArchitectureParameters& parameters, const DrawCase& c) const { return draw(parameters, c); }
  // The mixtures whose gradients one step of the weights adds up.
  virtual std::vector<Mixture> paths(const ArchitectureParameters& parameters, const DrawCase& c) const { return {draw(parameters, c)}; }
  // Called after each architecture step with the parameters before it.
  virtual void settle(ArchitectureParameters&, const std::vector<at::Tensor>& /*before*/) const {}
  // Probabilities of each decision's choices without noise, for derivation and reports; empty where the vector is undefined.
  virtual std::vector<std::vector<double>> probabilities(const ArchitectureParameters& parameters) const = 0;
  // Whether the weights carry a gradient to the parameters; a gradient-based architecture update needs one.
  virtual bool differentiable() const { return true; }
};

// A distribution over architectures that learns by rewards: an LSTM controller, or the parameters themselves.
class Policy {
 public:
  virtual ~Policy() = default;
  struct Sample {
    Architecture architecture;
    at::Tensor log_probability;   // scalar, with a gradient to parameters()
    at::Tensor entropy;           // scalar
  };
  // What is out is never drawn: its logits are -inf before the softmax, so that probability and entropy are those of what is left.
  virtual Sample sample(Rng& rng, const ChoicesOut& out = {}) const = 0;
  virtual std::vector<NamedTensor> parameters() const = 0;
  // Of each decision's choices, zero of what is out; counted in 200 draws where there is no closed form.
  virtual std::vector<std::vector<double>> probabilities(const ChoicesOut& out = {}) const = 0;
};

// What a relaxation is made of; all of it outlives the relaxation.
struct RelaxationCase {
  const DecisionTree& tree;
  PartValues options = {};
  std::shared_ptr<const Policy> policy = {};   // for the relaxations that draw from one
};

struct RelaxationEntry {
  std::string name;
  std::unique_ptr<Relaxation> (*make)(const RelaxationCase& c);
  bool needs_policy = false;
};

const std::vector<RelaxationEntry>& relaxations();
// Errors: UsageError with the nearest name, for a relaxation or an option.
const RelaxationEntry& find_relaxation(std::string_view name);
std::unique_ptr<Relaxation> make_relaxation(std::string_view name, const RelaxationCase& c);
std::unique_ptr<Relaxation> make_relaxation(std::string_view name, const DecisionTree& tree,
                                            const std::map<std::string, std::string, std::less<>>& options = {});

}  // namespace netwright
