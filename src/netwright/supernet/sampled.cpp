// Relaxations that run one whole architecture: uniform, fair, sandwich, drawn from a policy. They carry no gradient.
#include <ATen/ATen.h>

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/supernet/builtin.hpp"
#include "netwright/supernet/supernet.hpp"

namespace netwright {
namespace {

// As many of the choices as the decision asks for, in the order in which they are given; none of them: no pick, for nothing switches it on.
std::int64_t pick_first(const Decision& decision, const std::vector<int>& order, int count) {
  if (order.empty()) return Architecture::inactive;
  if (decision.kind != Kind::k_of_n) return order.front();
  std::int64_t mask = 0;
  for (int i = 0; i < std::min(count, static_cast<int>(order.size())); ++i) mask |= std::int64_t{1} << order[static_cast<std::size_t>(i)];
  return mask;
}

int draw_count(const Decision& decision, Rng& rng) {
  return decision.minimum + static_cast<int>(rng.below(static_cast<std::uint64_t>(decision.maximum - decision.minimum) + 1));
}

std::vector<std::vector<double>> equal_probabilities(const DecisionTree& tree, const ArchitectureParameters& parameters) {
  std::vector<std::vector<double>> list;
  for (std::size_t d = 0; d < tree.size(); ++d) {
    list.emplace_back();
    if (!parameters.vectors[d].defined()) continue;
    list.back().assign(tree[d].choices.size(), 0.0);
    const auto choices = pickable(tree, parameters.out, d);
    for (const int i : choices) list.back()[static_cast<std::size_t>(i)] = 1.0 / static_cast<double>(choices.size());
  }
  return list;
}

class Sampled : public Relaxation {
 public:
  explicit Sampled(const DecisionTree& tree) : tree_(tree) {}
  bool differentiable() const override { return false; }
  std::vector<std::vector<double>> probabilities(const ArchitectureParameters& parameters) const override { return equal_probabilities(tree_, parameters); }
  Mixture draw(const ArchitectureParameters& parameters, const DrawCase& c) const override { return mixture(random(parameters, c.rng), parameters); }

 protected:
  Architecture random(const ArchitectureParameters& parameters, Rng& rng) const {
    Architecture architecture;
    for (std::size_t d = 0; d < tree_.size(); ++d) {
      auto order = pickable(tree_, parameters.out, d);
      rng.shuffle(order);
      architecture.picks.push_back(pick_first(tree_[d], order, draw_count(tree_[d], rng)));
    }
    return normalised(tree_, architecture);
  }

  Mixture mixture(const Architecture& architecture, const ArchitectureParameters& parameters) const {
    const auto any = parameters.defined();
    return one_hot(tree_, architecture, any.empty() ? NetworkPlace{} : NetworkPlace{any[0].scalar_type(), any[0].device()});
  }

  const DecisionTree& tree_;
};

// As many paths as the largest decision has choices: each decision runs through a random order of its choices, again from the start
// where it has fewer. Strictly fair where all decisions have equally many.
class Fair : public Sampled {
 public:
  using Sampled::Sampled;

  std::vector<Mixture> paths(const ArchitectureParameters& parameters, const DrawCase& c) const override {
    std::vector<std::vector<int>> orders;
    std::size_t count = 1;
    for (std::size_t d = 0; d < tree_.size(); ++d) {
      orders.push_back(pickable(tree_, parameters.out, d));
      c.rng.shuffle(orders.back());
      count = std::max(count, orders.back().size());
    }
    std::vector<Mixture> list;
    for (std::size_t path = 0; path < count; ++path) {
      Architecture architecture;
      for (std::size_t d = 0; d < tree_.size(); ++d) {
        architecture.picks.push_back(pick_first(tree_[d], orders[d], draw_count(tree_[d], c.rng)));
        if (!orders[d].empty()) std::rotate(orders[d].begin(), orders[d].begin() + 1, orders[d].end());
      }
      list.push_back(mixture(normalised(tree_, architecture), parameters));
    }
    return list;
  }
};

// The last choice of a decision counts as its largest, the first as its smallest: so are kernels, widths and depths written.
class Sandwich : public Sampled {
 public:
  explicit Sandwich(const RelaxationCase& c) : Sampled(c.tree), random_(static_cast<int>(c.options.number("random"))) {}

  std::vector<Mixture> paths(const ArchitectureParameters& parameters, const DrawCase& c) const override {
    std::vector<Mixture> list{extreme(parameters, true), extreme(parameters, false)};
    for (int i = 0; i < random_; ++i) list.push_back(draw(parameters, c));
    return list;
  }

 private:
  Mixture extreme(const ArchitectureParameters& parameters, bool largest) const {
    Architecture architecture;
    for (std::size_t d = 0; d < tree_.size(); ++d) {
      auto order = pickable(tree_, parameters.out, d);
      if (largest) std::reverse(order.begin(), order.end());
      architecture.picks.push_back(pick_first(tree_[d], order, largest ? tree_[d].maximum : tree_[d].minimum));
    }
    return mixture(normalised(tree_, architecture), parameters);
  }

  int random_;
};

class FromPolicy : public Sampled {
 public:
  explicit FromPolicy(const RelaxationCase& c) : Sampled(c.tree), policy_(c.policy) {
    if (!policy_) throw Error("a relaxation that draws from a policy was made without one");
  }
  Mixture draw(const ArchitectureParameters& parameters, const DrawCase& c) const override { return mixture(policy_->sample(c.rng, parameters.out).architecture, parameters); }
  std::vector<std::vector<double>> probabilities(const ArchitectureParameters& parameters) const override { return policy_->probabilities(parameters.out); }

 private:
  std::shared_ptr<const Policy> policy_;
};

}  // namespace

std::unique_ptr<Relaxation> make_uniform(const RelaxationCase& c) { return std::make_unique<Sampled>(c.tree); }
std::unique_ptr<Relaxation> make_fair(const RelaxationCase& c) { return std::make_unique<Fair>(c.tree); }
std::unique_ptr<Relaxation> make_sandwich(const RelaxationCase& c) { return std::make_unique<Sandwich>(c); }
std::unique_ptr<Relaxation> make_policy(const RelaxationCase& c) { return std::make_unique<FromPolicy>(c); }

}  // namespace netwright
