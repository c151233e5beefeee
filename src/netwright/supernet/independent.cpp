#include "netwright/supernet/independent.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace netwright {
namespace {

at::Tensor index_of(const std::vector<std::int64_t>& left, const at::Tensor& like) {
  return at::tensor(left, at::TensorOptions(at::kLong)).to(like.device());
}

// Puts the entry of the choices that are left into one of all choices, the others being zero.
MixtureEntry spread(const MixtureEntry& of_left, const std::vector<std::int64_t>& left, std::size_t count, const at::Tensor& like) {
  MixtureEntry entry{at::zeros({static_cast<std::int64_t>(count)}, like.options().requires_grad(false)), std::vector<double>(count, 0.0)};
  if (left.empty()) return entry;
  entry.weights = entry.weights.index_copy(0, index_of(left, like), of_left.weights);
  if (!of_left.idle.empty()) entry.idle.assign(count, Idle::skipped);
  for (std::size_t i = 0; i < left.size(); ++i) {
    entry.values[static_cast<std::size_t>(left[i])] = of_left.values[i];
    if (!of_left.idle.empty()) entry.idle[static_cast<std::size_t>(left[i])] = of_left.idle[i];
  }
  return entry;
}

}  // namespace

std::vector<double> to_values(const at::Tensor& vector) {
  const at::Tensor plain = vector.detach().to(at::kCPU, at::kDouble).contiguous();
  return {plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel()};
}

template <class Weigh>
Mixture IndependentRelaxation::drawn(const ArchitectureParameters& parameters, const Weigh& weigh) const {
  Mixture mixture;
  for (std::size_t d = 0; d < tree_.size(); ++d) {
    const at::Tensor& vector = parameters.vectors[d];
    if (!vector.defined()) continue;
    const std::size_t count = tree_[d].choices.size();
    const auto left = parameters.left(tree_[d], d);
    if (left.size() == count) mixture.emplace(tree_[d].name, weigh(vector, tree_[d]));
    else mixture.emplace(tree_[d].name, spread(left.empty() ? MixtureEntry{} : weigh(vector.index_select(0, index_of(left, vector)), tree_[d]), left, count, vector));
  }
  return mixture;
}

Mixture IndependentRelaxation::draw(const ArchitectureParameters& parameters, const DrawCase& c) const {
  return drawn(parameters, [&](const at::Tensor& logits, const Decision& decision) { return weigh(logits, decision, c); });
}

Mixture IndependentRelaxation::draw_for_architecture(const ArchitectureParameters& parameters, const DrawCase& c) const {
  return drawn(parameters, [&](const at::Tensor& logits, const Decision& decision) { return weigh_for_architecture(logits, decision, c); });
}

std::vector<std::vector<double>> IndependentRelaxation::probabilities(const ArchitectureParameters& parameters) const {
  std::vector<std::vector<double>> list;
  for (std::size_t d = 0; d < tree_.size(); ++d) {
    const at::Tensor& vector = parameters.vectors[d];
    std::vector<double> all;
    if (vector.defined()) {
      all.assign(tree_[d].choices.size(), 0.0);
      const auto left = parameters.left(tree_[d], d);
      if (!left.empty()) {
        const auto values = to_values(mean(vector.detach().index_select(0, index_of(left, vector))));
        for (std::size_t i = 0; i < left.size(); ++i) all[static_cast<std::size_t>(left[i])] = values[i];
      }
    }
    list.push_back(std::move(all));
  }
  return list;
}

at::Tensor IndependentRelaxation::mean(const at::Tensor& logits) const { return at::softmax(logits, 0); }

double Schedule::operator()(double progress) const {
  const double t = std::clamp(progress, 0.0, 1.0);
  if (kind == "linear") return first + (last - first) * t;
  if (kind == "exponential") return first * std::pow(last / first, t);
  return first;
}

Schedule Schedule::temperature(const PartValues& options) {
  return {options.number("temperature"), options.number("final_temperature"), options.text("schedule")};
}

std::size_t draw_index(const std::vector<double>& probabilities, Rng& rng) {
  double left = rng.uniform();
  for (std::size_t i = 0; i + 1 < probabilities.size(); ++i) {
    left -= probabilities[i];
    if (left < 0) return i;
  }
  return probabilities.size() - 1;
}

}  // namespace netwright
