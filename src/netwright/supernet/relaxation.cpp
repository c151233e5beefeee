#include "netwright/supernet/relaxation.hpp"

#include <ATen/ATen.h>

#include "netwright/core/error.hpp"
#include "netwright/supernet/builtin.hpp"

namespace netwright {

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

std::vector<int> pickable(const DecisionTree& tree, const ChoicesOut& out, std::size_t decision) {
  std::vector<bool> shut(tree[decision].choices.size(), false);
  if (decision < out.size() && !out[decision].empty()) shut = out[decision];
  if (!out.empty())
    for (const int child : tree.children(static_cast<int>(decision)))
      if (pickable(tree, out, static_cast<std::size_t>(child)).empty())
        for (const int choice : tree[static_cast<std::size_t>(child)].condition->choices) shut[static_cast<std::size_t>(choice)] = true;
  std::vector<int> list;
  for (int i = 0; i < static_cast<int>(shut.size()); ++i)
    if (tree[decision].may_pick(i) && !shut[static_cast<std::size_t>(i)]) list.push_back(i);
  if (list.empty() && !tree[decision].condition) throw Error("decision '" + tree[decision].name + "' has no choice left");
  return list;
}

ArchitectureParameters ArchitectureParameters::start(const DecisionTree& tree, const Seed& seed, NetworkPlace place, const ParameterStart& how) {
  ArchitectureParameters parameters;
  for (std::size_t d = 0; d < tree.size(); ++d) {
    const bool summed = takes_all(tree[d]) || ranked_by_children(tree, static_cast<int>(d));
    if (summed && !how.edges) {
      parameters.vectors.emplace_back();
      continue;
    }
    Rng rng = seed.derive("architecture", d).rng();
    std::vector<double> values(tree[d].choices.size());
    for (auto& value : values) value = how.deviation * rng.normal();
    parameters.vectors.push_back(at::tensor(values, at::kDouble).to(place.device, place.dtype).requires_grad_(true));
  }
  if (how.search_only) return parameters;
  for (std::size_t d = 0; d < tree.size(); ++d)
    for (std::size_t i = 0; i < tree[d].choices.size(); ++i)
      if (!tree[d].may_pick(static_cast<int>(i))) parameters.take_out(tree, d, i);
  return parameters;
}

std::vector<at::Tensor> ArchitectureParameters::defined() const {
  std::vector<at::Tensor> list;
  for (const auto& vector : vectors)
    if (vector.defined()) list.push_back(vector);
  return list;
}

void ArchitectureParameters::take_out(const DecisionTree& tree, std::size_t decision, std::size_t choice) {
  out.resize(tree.size());
  out[decision].resize(tree[decision].choices.size(), false);
  out[decision].at(choice) = true;
}

std::vector<std::int64_t> ArchitectureParameters::left(const Decision& decision, std::size_t index) const {
  std::vector<std::int64_t> list;
  for (std::size_t i = 0; i < decision.choices.size(); ++i)
    if (!is_out(index, i)) list.push_back(static_cast<std::int64_t>(i));
  return list;
}

const std::vector<RelaxationEntry>& relaxations() {
  static const std::vector<RelaxationEntry> list = {
      {"softmax", make_softmax},         {"sigmoid", make_sigmoid},     {"gumbel", make_gumbel}, {"concrete", make_gumbel},
      {"gumbel_hard", make_gumbel_hard}, {"dirichlet", make_dirichlet}, {"gates", make_gates},   {"uniform", make_uniform},
      {"fair", make_fair},               {"sandwich", make_sandwich},   {"policy", make_policy, true},
  };
  return list;
}

const RelaxationEntry& find_relaxation(std::string_view name) {
  for (const auto& entry : relaxations())
    if (entry.name == name) return entry;
  find_part(relaxation_parts(), "relaxation", name);
  throw Error("relaxation '" + std::string(name) + "' has a name and no code");
}

std::unique_ptr<Relaxation> make_relaxation(std::string_view name, const RelaxationCase& c) { return find_relaxation(name).make(c); }

std::unique_ptr<Relaxation> make_relaxation(std::string_view name, const DecisionTree& tree, const std::map<std::string, std::string, std::less<>>& options) {
  return make_relaxation(name, {.tree = tree, .options = PartValues(find_part(relaxation_parts(), "relaxation", name), options)});
}

}  // namespace netwright
