#pragma once
// Relaxations that treat each decision for itself: what they share, and what the built-in ones are made with.
#include "netwright/supernet/relaxation.hpp"

namespace netwright {

class IndependentRelaxation : public Relaxation {
 public:
  explicit IndependentRelaxation(const DecisionTree& tree) : tree_(tree) {}
  Mixture draw(const ArchitectureParameters& parameters, const DrawCase& c) const override;
  Mixture draw_for_architecture(const ArchitectureParameters& parameters, const DrawCase& c) const override;
  std::vector<std::vector<double>> probabilities(const ArchitectureParameters& parameters) const override;

 protected:
  // From the parameters of the choices that are left to their weights, values and idleness, in the same order.
  virtual MixtureEntry weigh(const at::Tensor& logits, const Decision& decision, const DrawCase& c) const = 0;
  virtual MixtureEntry weigh_for_architecture(const at::Tensor& logits, const Decision& decision, const DrawCase& c) const { return weigh(logits, decision, c); }
  // Of the choices that are left, without noise. Default: softmax.
  virtual at::Tensor mean(const at::Tensor& logits) const;
  const DecisionTree& tree_;

 private:
  template <class Weigh>
  Mixture drawn(const ArchitectureParameters& parameters, const Weigh& weigh) const;
};

std::vector<double> to_values(const at::Tensor& vector);

// A number that goes from `first` to `last` over a training: linear, exponential (a constant factor an epoch) or constant.
struct Schedule {
  double first = 1, last = 1;
  std::string kind = "constant";
  double operator()(double progress) const;
  static Schedule temperature(const PartValues& options);
};

// -log(-log(u)) for uniform u in (0, 1), one a choice.
at::Tensor gumbel_noise(const at::Tensor& like, Rng& rng);
// softmax((log softmax(logits) + noise) / temperature).
at::Tensor gumbel_softmax(const at::Tensor& logits, const at::Tensor& noise, double temperature);
// One-hot at the `count` largest of `soft` in value, soft in gradient; idle choices are gates.
MixtureEntry straight_through(const at::Tensor& soft, std::size_t count = 1);

// x ~ Dirichlet(concentration) by normalised gamma draws (Marsaglia and Tsang), with the pathwise gradient (Figurnov et al. 2018,
// arXiv 1805.08498) in the last dimension.
at::Tensor dirichlet_sample(const at::Tensor& concentration, Rng& rng);
at::Tensor dirichlet_gradient(const at::Tensor& x, const at::Tensor& concentration, const at::Tensor& gradient);

// Binary gates (Cai et al. 2019): one-hot at `active` in value; the gradient of the logits is sum_j dL/dg_j p_j (delta_ij - p_i).
// all: p = softmax of all logits, every other candidate is probed. two: p = softmax of the two candidates, the other one is probed.
MixtureEntry gates_over_all(const at::Tensor& logits, std::size_t active);
MixtureEntry gates_over_two(const at::Tensor& logits, std::size_t active, std::size_t inactive);
// After a step on some of the logits: shifts those that moved by -log(sum exp(new) / sum exp(old)), so that the probabilities of the
// others stay as they were.
at::Tensor keep_other_probabilities(const at::Tensor& before, const at::Tensor& after);

// An index drawn with these probabilities; the last one where rounding leaves nothing.
std::size_t draw_index(const std::vector<double>& probabilities, Rng& rng);

}  // namespace netwright
