#include "netwright/trained/architecture_update.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/strategy/reward_baseline.hpp"

namespace netwright {
namespace {

using Tensors = std::vector<at::Tensor>;

// Gradients of one loss with respect to these tensors alone; undefined where it does not depend on one.
Tensors gradients_of(const at::Tensor& loss, const Tensors& of, bool twice = false) {
  return torch::autograd::grad({loss}, of, {}, twice ? std::optional<bool>(true) : std::nullopt, twice, /*allow_unused=*/true);
}

void leave(const Tensors& architecture, const Tensors& gradients) {
  for (std::size_t i = 0; i < gradients.size(); ++i) architecture[i].mutable_grad() = gradients[i];
}

Tensors copies(const Tensors& tensors) {
  Tensors list;
  for (const auto& tensor : tensors) list.push_back(tensor.detach().clone());
  return list;
}

void put(const Tensors& tensors, const Tensors& values) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].copy_(values[i]);
}

// tensors = start + factor * direction.
void put_along(const Tensors& tensors, const Tensors& start, const Tensors& direction, double factor) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].copy_(start[i]);
    if (direction[i].defined()) tensors[i].add_(direction[i], factor);
  }
}

double norm_of(const Tensors& tensors) {
  double sum = 0;
  for (const auto& tensor : tensors)
    if (tensor.defined()) sum += tensor.to(at::kDouble).square().sum().item<double>();
  return std::sqrt(sum);
}

class FirstOrder : public ArchitectureUpdate {
 public:
  at::Tensor gradients(const BilevelCase& bilevel) override {
    // Asking autograd for these gradients alone spares those of the weights.
    const at::Tensor loss = bilevel.architecture_loss();
    leave(bilevel.architecture, gradients_of(loss, bilevel.architecture));
    return loss.detach();
  }
};

class SingleLevel : public FirstOrder {
 public:
  bool single_level() const override { return true; }
};

class SecondOrder : public ArchitectureUpdate {
 public:
  explicit SecondOrder(const PartValues& options) : radius_(options.number("radius")), exact_(options.text("hessian") == "exact") {}

  at::Tensor gradients(const BilevelCase& b) override {
    const Tensors before = copies(b.weights);
    put(b.weights, weights_ahead(b));
    const at::Tensor loss = b.architecture_loss();
    Tensors all = b.architecture;
    all.insert(all.end(), b.weights.begin(), b.weights.end());
    Tensors ahead = gradients_of(loss, all);
    const auto cut = ahead.begin() + static_cast<std::ptrdiff_t>(b.architecture.size());
    const Tensors direction(cut, ahead.end());
    ahead.erase(cut, ahead.end());
    put(b.weights, before);
    const Tensors product = exact_ ? exact_product(b, direction) : difference(b, before, direction);
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < ahead.size(); ++i) {
      if (!product[i].defined()) continue;
      ahead[i] = ahead[i].defined() ? ahead[i] - b.rate * product[i] : -b.rate * product[i];
    }
    leave(b.architecture, ahead);
    return loss.detach();
  }

  bool differentiates_twice() const override { return exact_; }

 private:
  // d/da <d L_train / d w, v>, by a central difference along v.
  Tensors difference(const BilevelCase& b, const Tensors& before, const Tensors& direction) const {
    const double norm = norm_of(direction);
    if (norm == 0) return Tensors(b.architecture.size());
    const double step = radius_ / norm;
    put_along(b.weights, before, direction, step);
    const Tensors up = gradients_of(b.weight_loss(), b.architecture);
    put_along(b.weights, before, direction, -step);
    const Tensors down = gradients_of(b.weight_loss(), b.architecture);
    put(b.weights, before);
    Tensors product(up.size());
    for (std::size_t i = 0; i < up.size(); ++i)
      if (up[i].defined() && down[i].defined()) product[i] = (up[i] - down[i]) / (2 * step);
    return product;
  }

  static Tensors exact_product(const BilevelCase& b, const Tensors& direction) {
    const Tensors slopes = gradients_of(b.weight_loss(), b.weights, true);
    at::Tensor along;
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      if (!slopes[i].defined() || !direction[i].defined()) continue;
      const at::Tensor part = (slopes[i] * direction[i]).sum();
      along = along.defined() ? along + part : part;
    }
    return along.defined() ? gradients_of(along, b.architecture) : Tensors(b.architecture.size());
  }

  double radius_;
  bool exact_;
};

class Reinforce : public ArchitectureUpdate {
 public:
  explicit Reinforce(const PartValues& options)
      : samples_(static_cast<int>(options.number("samples"))), entropy_weight_(options.number("entropy_weight")), decay_(options.number("baseline_decay")) {}

  at::Tensor gradients(const BilevelCase& b) override {
    double rewards = 0;
    at::Tensor loss;
    RewardBaseline baseline(decay_, baseline_.item<double>());
    for (int i = 0; i < samples_; ++i) {
      const Policy::Sample sample = b.sample();
      const double reward = b.reward(sample.architecture);
      const double advantage = baseline.advantage(reward, sample.entropy.item<double>(), entropy_weight_);
      const at::Tensor term = -sample.log_probability * (advantage / samples_);
      loss = loss.defined() ? loss + term : term;
      rewards += reward / samples_;
    }
    baseline_.fill_(baseline.value());
    if (loss.requires_grad()) leave(b.architecture, gradients_of(loss, b.architecture));
    return at::scalar_tensor(1 - rewards, at::kDouble);
  }

  bool by_reward() const override { return true; }
  std::vector<NamedTensor> state() const override { return {{"baseline", baseline_, false, ""}}; }

 private:
  int samples_;
  double entropy_weight_, decay_;
  at::Tensor baseline_ = at::zeros({}, at::kDouble);
};

class Fixed : public ArchitectureUpdate {
 public:
  at::Tensor gradients(const BilevelCase& bilevel) override {
    const at::NoGradGuard no_grad;
    return bilevel.architecture_loss();
  }
  bool moves() const override { return false; }
};

template <class Update>
std::unique_ptr<ArchitectureUpdate> plain(const PartValues&) {
  return std::make_unique<Update>();
}

template <class Update>
std::unique_ptr<ArchitectureUpdate> with_options(const PartValues& options) {
  return std::make_unique<Update>(options);
}

}  // namespace

std::vector<at::Tensor> weights_ahead(const BilevelCase& b) {
  const Tensors slopes = gradients_of(b.weight_loss(), b.weights);
  const at::NoGradGuard no_grad;
  Tensors ahead;
  for (std::size_t i = 0; i < b.weights.size(); ++i) {
    at::Tensor weight = b.weights[i].detach().clone();
    // A weight that this batch's pass does not use is left alone, as the optimiser does.
    if (slopes[i].defined()) {
      at::Tensor slope = slopes[i] + b.weight_decay * weight;
      if (i < b.buffers.size() && b.buffers[i].defined()) slope = slope + b.momentum * b.buffers[i];
      weight = weight - b.rate * slope;
    }
    ahead.push_back(weight);
  }
  return ahead;
}

const std::vector<ArchitectureUpdateEntry>& architecture_updates() {
  static const std::vector<ArchitectureUpdateEntry> list = {
      {"first_order", plain<FirstOrder>},        {"second_order", with_options<SecondOrder>}, {"single_level", plain<SingleLevel>},
      {"reinforce", with_options<Reinforce>}, {"none", plain<Fixed>},
  };
  return list;
}

std::unique_ptr<ArchitectureUpdate> make_architecture_update(std::string_view name, const std::map<std::string, std::string, std::less<>>& options) {
  const PartValues values(find_part(architecture_update_parts(), "architecture update", name), options);
  for (const auto& entry : architecture_updates())
    if (entry.name == name) return entry.make(values);
  throw Error("architecture update '" + std::string(name) + "' has a name and no code");
}

}  // namespace netwright
