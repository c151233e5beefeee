// Relaxations that run every candidate: softmax, sigmoid, Gumbel-softmax, Dirichlet.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "netwright/supernet/builtin.hpp"

namespace netwright {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

MixtureEntry entry_of(const at::Tensor& weights) { return {weights, to_values(weights)}; }

class Softmax : public IndependentRelaxation {
 public:
  explicit Softmax(const RelaxationCase& c) : IndependentRelaxation(c.tree), temperature_(Schedule::temperature(c.options)) {}

 protected:
  MixtureEntry weigh(const at::Tensor& logits, const Decision&, const DrawCase& c) const override {
    const double temperature = temperature_(c.progress);
    return entry_of(at::softmax(temperature == 1 ? logits : logits / temperature, 0));
  }

 private:
  Schedule temperature_;
};

class Sigmoid : public IndependentRelaxation {
 public:
  explicit Sigmoid(const RelaxationCase& c) : IndependentRelaxation(c.tree) {}

 protected:
  MixtureEntry weigh(const at::Tensor& logits, const Decision&, const DrawCase&) const override { return entry_of(at::sigmoid(logits)); }
  at::Tensor mean(const at::Tensor& logits) const override { return at::sigmoid(logits); }
};

class Gumbel : public IndependentRelaxation {
 public:
  explicit Gumbel(const RelaxationCase& c) : IndependentRelaxation(c.tree), temperature_(Schedule::temperature(c.options)) {}

 protected:
  MixtureEntry weigh(const at::Tensor& logits, const Decision&, const DrawCase& c) const override {
    return entry_of(gumbel_softmax(logits, gumbel_noise(logits, c.rng), temperature_(c.progress)));
  }

 private:
  Schedule temperature_;
};

// A gamma draw of shape a: Marsaglia and Tsang 2000; below 1 by the boost of their section 6.
double gamma_draw(double shape, Rng& rng) {
  if (shape < 1) return gamma_draw(shape + 1, rng) * std::pow(1 - rng.uniform(), 1 / shape);
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = rng.normal(), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

struct DirichletSample : torch::autograd::Function<DirichletSample> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& concentration, const at::Tensor& sample) {
    context->save_for_backward({sample, concentration});
    return sample.clone();
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    return {dirichlet_gradient(saved[0], saved[1], gradients[0]), at::Tensor()};
  }
};

class Dirichlet : public IndependentRelaxation {
 public:
  explicit Dirichlet(const RelaxationCase& c) : IndependentRelaxation(c.tree) {}

 protected:
  MixtureEntry weigh(const at::Tensor& logits, const Decision&, const DrawCase& c) const override { return entry_of(dirichlet_sample(at::elu(logits) + 1, c.rng)); }
  at::Tensor mean(const at::Tensor& logits) const override {
    const at::Tensor concentration = at::elu(logits) + 1;
    return concentration / concentration.sum();
  }
};

}  // namespace

at::Tensor gumbel_noise(const at::Tensor& like, Rng& rng) {
  std::vector<double> noise(static_cast<std::size_t>(like.numel()));
  // 1 - u is never zero; u = 0 would give an infinite draw.
  for (auto& value : noise) {
    double u = rng.uniform();
    while (u == 0) u = rng.uniform();
    value = -std::log(-std::log(u));
  }
  return at::tensor(noise, at::kDouble).reshape(like.sizes()).to(like.device(), like.scalar_type());
}

at::Tensor gumbel_softmax(const at::Tensor& logits, const at::Tensor& noise, double temperature) {
  return at::softmax((at::log_softmax(logits, -1) + noise) / temperature, -1);
}

at::Tensor dirichlet_sample(const at::Tensor& concentration, Rng& rng) {
  std::vector<double> draws = to_values(concentration);
  double total = 0;
  // A gamma draw of a tiny shape may underflow: the sample stays inside the simplex.
  for (auto& value : draws) total += value = std::max(gamma_draw(value, rng), 1e-30);
  for (auto& value : draws) value /= total;
  const at::Tensor sample = at::tensor(draws, at::kDouble).to(concentration.device(), concentration.scalar_type());
  return DirichletSample::apply(concentration, sample);
}

at::Tensor dirichlet_gradient(const at::Tensor& x, const at::Tensor& concentration, const at::Tensor& gradient) {
  const at::Tensor total = concentration.sum(-1, true).expand_as(concentration).contiguous();
  const at::Tensor along = at::_dirichlet_grad(x.contiguous(), concentration.contiguous(), total);
  return along * (gradient - (x * gradient).sum(-1, true));
}

std::unique_ptr<Relaxation> make_softmax(const RelaxationCase& c) { return std::make_unique<Softmax>(c); }
std::unique_ptr<Relaxation> make_sigmoid(const RelaxationCase& c) { return std::make_unique<Sigmoid>(c); }
std::unique_ptr<Relaxation> make_gumbel(const RelaxationCase& c) { return std::make_unique<Gumbel>(c); }
std::unique_ptr<Relaxation> make_dirichlet(const RelaxationCase& c) { return std::make_unique<Dirichlet>(c); }

}  // namespace netwright
