#include "netwright/supernet/relaxation.hpp"

#include <ATen/ATen.h>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

std::vector<double> to_values(const at::Tensor& vector) {
  const at::Tensor plain = vector.detach().to(at::kCPU, at::kDouble).contiguous();
  return {plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel()};
}

class Softmax : public Relaxation {
 public:
  explicit Softmax(const DecisionTree& tree) : tree_(tree) {}

  Mixture draw(const ArchitectureParameters& parameters, Rng&) const override {
    Mixture mixture;
    for (std::size_t d = 0; d < tree_.size(); ++d) {
      if (!parameters.vectors[d].defined()) continue;
      const at::Tensor weights = at::softmax(parameters.vectors[d], 0);
      mixture.emplace(tree_[d].name, MixtureEntry{weights, to_values(weights)});
    }
    return mixture;
  }

  std::vector<std::vector<double>> probabilities(const ArchitectureParameters& parameters) const override {
    std::vector<std::vector<double>> list;
    for (const auto& vector : parameters.vectors) list.push_back(vector.defined() ? to_values(at::softmax(vector.detach(), 0)) : std::vector<double>{});
    return list;
  }

 private:
  const DecisionTree& tree_;
};

}  // namespace

bool takes_all(const Decision& decision) {
  return decision.kind == Kind::k_of_n && decision.minimum >= static_cast<int>(decision.choices.size());
}

bool ranked_by_children(const DecisionTree& tree, int decision) {
  const Decision& d = tree[static_cast<std::size_t>(decision)];
  if (d.kind != Kind::k_of_n) return false;
  std::vector<bool> has_child(d.choices.size(), false);
  for (const int child : tree.children(decision))
    for (const int choice : tree[static_cast<std::size_t>(child)].condition->choices) has_child[static_cast<std::size_t>(choice)] = true;
  for (const bool found : has_child)
    if (!found) return false;
  return true;
}

ArchitectureParameters ArchitectureParameters::start(const DecisionTree& tree, const Seed& seed, NetworkPlace place) {
  ArchitectureParameters parameters;
  for (std::size_t d = 0; d < tree.size(); ++d) {
    if (takes_all(tree[d]) || ranked_by_children(tree, static_cast<int>(d))) {
      parameters.vectors.emplace_back();
      continue;
    }
    Rng rng = seed.derive("architecture", d).rng();
    std::vector<double> values(tree[d].choices.size());
    for (auto& value : values) value = 1e-3 * rng.normal();
    parameters.vectors.push_back(at::tensor(values, at::kDouble).to(place.device, place.dtype).requires_grad_(true));
  }
  return parameters;
}

std::vector<at::Tensor> ArchitectureParameters::defined() const {
  std::vector<at::Tensor> list;
  for (const auto& vector : vectors)
    if (vector.defined()) list.push_back(vector);
  return list;
}

const std::vector<RelaxationEntry>& relaxations() {
  static const std::vector<RelaxationEntry> list = {
      {"softmax", "w = softmax(alpha), every candidate runs", "Liu et al. 2019, arXiv 1806.09055",
       [](const DecisionTree& tree) -> std::unique_ptr<Relaxation> { return std::make_unique<Softmax>(tree); }},
  };
  return list;
}

std::unique_ptr<Relaxation> make_relaxation(std::string_view name, const DecisionTree& tree) {
  std::vector<std::string> names;
  for (const auto& entry : relaxations()) {
    if (entry.name == name) return entry.make(tree);
    names.push_back(entry.name);
  }
  throw UsageError("unknown relaxation '" + std::string(name) + "'" + name_hint(name, names));
}

}  // namespace netwright
