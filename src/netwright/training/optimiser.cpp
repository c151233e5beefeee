#include "netwright/training/optimiser.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {

struct Optimiser::Active {
  std::vector<std::size_t> places;
  std::vector<at::Tensor> parameters, gradients, first, second;
};

const std::vector<std::string>& optimiser_names() {
  static const std::vector<std::string> names = {"sgd", "adam", "adamw"};
  return names;
}

Optimiser::Optimiser(std::vector<at::Tensor> parameters, const OptimiserOptions& options)
    : options_(options), parameters_(std::move(parameters)), steps_(parameters_.size(), 0) {
  const auto& names = optimiser_names();
  if (std::find(names.begin(), names.end(), options.name) == names.end())
    throw UsageError("optimiser: unknown optimiser '" + options.name + "'" + name_hint(options.name, names));
  for (const at::Tensor& parameter : parameters_) {
    first_.push_back(at::zeros_like(parameter.detach()));
    if (options.name != "sgd") second_.push_back(at::zeros_like(parameter.detach()));
  }
}

void Optimiser::clear_gradients() {
  for (at::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
}

Optimiser::Active Optimiser::active() {
  Active now;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].grad().defined()) continue;
    ++steps_[i];
    now.places.push_back(i);
    now.parameters.push_back(parameters_[i]);
    now.gradients.push_back(parameters_[i].grad());
    now.first.push_back(first_[i]);
    if (!second_.empty()) now.second.push_back(second_[i]);
  }
  return now;
}

void Optimiser::step() {
  const at::NoGradGuard no_grad;
  Active now = active();
  if (now.places.empty()) return;
  if (options_.name == "sgd") sgd(now);
  else adam(now);
}

void Optimiser::sgd(Active& now) {
  if (options_.weight_decay != 0) at::_foreach_add_(now.gradients, now.parameters, options_.weight_decay);
  if (options_.momentum != 0) {
    at::_foreach_mul_(now.first, options_.momentum);
    at::_foreach_add_(now.first, now.gradients, 1.0);
    if (!options_.nesterov) now.gradients = now.first;
    else at::_foreach_add_(now.gradients, now.first, options_.momentum);
  }
  at::_foreach_add_(now.parameters, now.gradients, -options_.learning_rate);
}

void Optimiser::adam(Active& now) {
  const double rate = options_.learning_rate;
  if (options_.weight_decay != 0) {
    if (options_.name == "adamw") at::_foreach_mul_(now.parameters, 1.0 - rate * options_.weight_decay);
    else at::_foreach_add_(now.gradients, now.parameters, options_.weight_decay);
  }
  at::_foreach_lerp_(now.first, now.gradients, 1.0 - options_.beta1);
  at::_foreach_mul_(now.second, options_.beta2);
  at::_foreach_addcmul_(now.second, now.gradients, now.gradients, 1.0 - options_.beta2);
  std::vector<at::Scalar> step_sizes;
  std::vector<at::Scalar> corrections;
  for (const std::size_t place : now.places) {
    const auto t = static_cast<double>(steps_[place]);
    step_sizes.emplace_back(-rate / (1.0 - std::pow(options_.beta1, t)));
    corrections.emplace_back(std::sqrt(1.0 - std::pow(options_.beta2, t)));
  }
  std::vector<at::Tensor> divisors = at::_foreach_sqrt(now.second);
  at::_foreach_div_(divisors, corrections);
  at::_foreach_add_(divisors, options_.epsilon);
  at::_foreach_addcdiv_(now.parameters, now.first, divisors, step_sizes);
}

std::vector<NamedTensor> Optimiser::state() const {
  std::vector<NamedTensor> all;
  const auto append = [&all](const std::string& name, const at::Tensor& tensor) { all.push_back({name, tensor, false, ""}); };
  for (std::size_t i = 0; i < first_.size(); ++i) append("first." + std::to_string(i), first_[i]);
  for (std::size_t i = 0; i < second_.size(); ++i) append("second." + std::to_string(i), second_[i]);
  at::Tensor steps = at::empty({static_cast<std::int64_t>(steps_.size())}, at::TensorOptions(at::kLong));
  std::copy(steps_.begin(), steps_.end(), steps.data_ptr<std::int64_t>());
  append("steps", steps);
  return all;
}

void Optimiser::load(const std::vector<NamedTensor>& state) {
  const at::NoGradGuard no_grad;
  for (const NamedTensor& own : this->state()) {
    const auto found = std::find_if(state.begin(), state.end(), [&](const NamedTensor& other) { return other.name == own.name; });
    if (found == state.end()) throw Error("optimiser state lacks '" + own.name + "'");
    if (found->tensor.sizes() != own.tensor.sizes()) throw Error("optimiser state '" + own.name + "' is of another shape");
    own.tensor.copy_(found->tensor);
    if (own.name == "steps") std::copy_n(own.tensor.data_ptr<std::int64_t>(), steps_.size(), steps_.begin());
  }
}

void clip_gradients(const std::vector<at::Tensor>& parameters, double most) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : parameters)
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  if (gradients.empty()) return;
  const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients, 2)));
  at::_foreach_mul_(gradients, at::clamp(norm.add(1e-6).reciprocal().mul(most), std::nullopt, 1.0));
}

std::vector<double> optimiser_trace(const OptimiserOptions& options, double start, const std::vector<double>& gradients) {
  at::Tensor x = at::full({}, start, at::TensorOptions(at::kDouble));
  Optimiser optimiser({x}, options);
  std::vector<double> values;
  for (const double gradient : gradients) {
    x.mutable_grad() = at::full({}, gradient, at::TensorOptions(at::kDouble));
    optimiser.step();
    values.push_back(x.item<double>());
  }
  return values;
}

}  // namespace netwright
