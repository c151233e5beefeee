#include "netwright/learned/policy.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "netwright/learned/lstm.hpp"
#include "netwright/supernet/independent.hpp"

namespace netwright {
namespace {

constexpr int kProbabilityDraws = 200;

int tokens_of(const Decision& decision) { return decision.kind == Kind::k_of_n ? decision.maximum : 1; }

// -inf for choices that are taken already, out or never picked, 0 for the others.
at::Tensor mask_of(const std::vector<bool>& allowed, const at::Tensor& like) {
  std::vector<double> values;
  for (const bool open : allowed) values.push_back(open ? 0.0 : -std::numeric_limits<double>::infinity());
  return at::tensor(values, at::kDouble).to(like.device(), like.scalar_type());
}

// The sum of p log p where p may be zero.
at::Tensor entropy_of(const at::Tensor& logits) {
  const at::Tensor log_p = at::log_softmax(logits.detach(), 0), p = log_p.exp();
  return -at::where(p > 0, p * log_p, at::zeros_like(p)).sum();
}

// Draws one decision's pick token by token; logits(k) gives those of token k, told(t) what was drawn.
struct DecisionDraw {
  const Decision& decision;
  std::vector<bool> allowed;
  Policy::Sample& sample;
  Rng& rng;

  std::int64_t draw(const std::function<at::Tensor()>& logits, const std::function<void(std::int64_t)>& told) {
    std::int64_t mask = 0, last = 0;
    const PickToken pick = sampled_pick(rng);
    const int left = static_cast<int>(std::count(allowed.begin(), allowed.end(), true));
    for (int k = 0; k < std::min(tokens_of(decision), left); ++k) {
      const at::Tensor own = logits(), masked = own + mask_of(allowed, own);
      last = pick(masked);
      sample.log_probability = sample.log_probability + log_probability(masked, last);
      sample.entropy = sample.entropy + entropy_of(masked);
      allowed[static_cast<std::size_t>(last)] = false;
      mask |= std::int64_t{1} << last;
      told(last);
    }
    return decision.kind == Kind::k_of_n ? mask : last;
  }
};

std::vector<bool> allowed(const DecisionTree& tree, const ChoicesOut& out, std::size_t d) {
  std::vector<bool> list(tree[d].choices.size(), false);
  for (const int i : pickable(tree, out, d)) list[static_cast<std::size_t>(i)] = true;
  return list;
}

Policy::Sample empty_sample(const at::TensorOptions& options) { return {{}, at::zeros({}, options), at::zeros({}, options)}; }

bool is_active(const DecisionTree& tree, const Architecture& partial, std::size_t d) { return active(tree, partial, static_cast<int>(d)); }

std::vector<std::vector<double>> counted(const DecisionTree& tree, const Policy& policy, const ChoicesOut& out) {
  const at::NoGradGuard no_grad;
  std::vector<std::vector<double>> list;
  for (const auto& decision : tree) list.emplace_back(decision.choices.size(), 0.0);
  Rng rng(0);
  for (int i = 0; i < kProbabilityDraws; ++i) {
    const Architecture drawn = policy.sample(rng, out).architecture;
    for (std::size_t d = 0; d < tree.size(); ++d)
      if (drawn.picks[d] != Architecture::inactive)
        for (const int choice : picked(tree[d], drawn.picks[d])) list[d][static_cast<std::size_t>(choice)] += 1.0 / kProbabilityDraws;
  }
  return list;
}

class Controller : public Policy {
 public:
  Controller(const DecisionTree& tree, const ControllerOptions& options, const Seed& seed, NetworkPlace place) : tree_(tree), options_(options) {
    const std::int64_t h = options.hidden;
    add("lstm", {2 * h, 4 * h}, seed, place);
    add("first", {1, h}, seed, place);
    for (const auto& decision : tree) {
      const auto n = static_cast<std::int64_t>(decision.choices.size());
      add(decision.name + ".embedding", {n, h}, seed, place);
      add(decision.name + ".classifier", {h, n}, seed, place);
    }
  }

  Sample sample(Rng& rng, const ChoicesOut& out) const override {
    const at::TensorOptions options = weight(1).options().requires_grad(false);
    Sample sample = empty_sample(options);
    LstmState state = LstmState::zeros(options_.hidden, options);
    at::Tensor input = weight(1);
    sample.architecture.picks.assign(tree_.size(), Architecture::inactive);
    for (std::size_t d = 0; d < tree_.size(); ++d) {
      if (!is_active(tree_, sample.architecture, d)) continue;
      const auto logits = [&] {
        state = lstm_step(input, state, weight(0));
        return bounded(at::matmul(state.hidden, weight(3 + 2 * d)).flatten(), options_.temperature, options_.tanh_constant);
      };
      DecisionDraw draw{tree_[d], allowed(tree_, out, d), sample, rng};
      sample.architecture.picks[d] = draw.draw(logits, [&](std::int64_t token) { input = weight(2 + 2 * d).narrow(0, token, 1); });
    }
    return sample;
  }

  std::vector<NamedTensor> parameters() const override { return weights_; }
  std::vector<std::vector<double>> probabilities(const ChoicesOut& out) const override { return counted(tree_, *this, out); }

 private:
  void add(const std::string& name, std::vector<std::int64_t> sizes, const Seed& seed, NetworkPlace place) {
    Rng rng = seed.derive("controller", weights_.size()).rng();
    at::Tensor values = at::empty(sizes, at::kDouble);
    for (std::int64_t i = 0; i < values.numel(); ++i) values.mutable_data_ptr<double>()[i] = 0.2 * rng.uniform() - 0.1;
    weights_.push_back({"controller." + name, values.to(place.device, place.dtype).requires_grad_(true), true, "controller"});
  }
  const at::Tensor& weight(std::size_t i) const { return weights_[i].tensor; }

  const DecisionTree& tree_;
  ControllerOptions options_;
  std::vector<NamedTensor> weights_;
};

class ParameterPolicy : public Policy {
 public:
  ParameterPolicy(const DecisionTree& tree, std::vector<at::Tensor> vectors) : tree_(tree), vectors_(std::move(vectors)) {}

  Sample sample(Rng& rng, const ChoicesOut& out) const override {
    const auto any = std::find_if(vectors_.begin(), vectors_.end(), [](const at::Tensor& vector) { return vector.defined(); });
    const at::TensorOptions options = any == vectors_.end() ? at::TensorOptions(at::kFloat) : any->options().requires_grad(false);
    Sample sample = empty_sample(options);
    sample.architecture.picks.assign(tree_.size(), Architecture::inactive);
    for (std::size_t d = 0; d < tree_.size(); ++d) {
      if (!is_active(tree_, sample.architecture, d)) continue;
      const at::Tensor& vector = vectors_[d];
      const at::Tensor even = vector.defined() ? vector : at::zeros({static_cast<std::int64_t>(tree_[d].choices.size())}, options);
      Sample ignored = empty_sample(options);
      DecisionDraw draw{tree_[d], allowed(tree_, out, d), vector.defined() ? sample : ignored, rng};
      sample.architecture.picks[d] = draw.draw([&] { return even; }, [](std::int64_t) {});
    }
    return sample;
  }

  std::vector<NamedTensor> parameters() const override {
    std::vector<NamedTensor> list;
    for (std::size_t d = 0; d < tree_.size(); ++d)
      if (vectors_[d].defined()) list.push_back({tree_[d].name, vectors_[d], true, "architecture"});
    return list;
  }

  std::vector<std::vector<double>> probabilities(const ChoicesOut& out) const override {
    std::vector<std::vector<double>> list(tree_.size());
    for (std::size_t d = 0; d < tree_.size(); ++d) {
      if (!vectors_[d].defined()) continue;
      const auto open = allowed(tree_, out, d);
      const bool any = std::find(open.begin(), open.end(), true) != open.end();
      list[d] = any ? to_values(at::softmax(vectors_[d].detach() + mask_of(open, vectors_[d]), 0)) : std::vector<double>(open.size(), 0.0);
    }
    return list;
  }

 private:
  const DecisionTree& tree_;
  std::vector<at::Tensor> vectors_;
};

}  // namespace

std::shared_ptr<const Policy> make_controller(const DecisionTree& tree, const ControllerOptions& options, const Seed& seed, NetworkPlace place) {
  return std::make_shared<Controller>(tree, options, seed, place);
}

std::shared_ptr<const Policy> make_parameter_policy(const DecisionTree& tree, const ArchitectureParameters& parameters) {
  return std::make_shared<ParameterPolicy>(tree, parameters.vectors);
}

}  // namespace netwright
