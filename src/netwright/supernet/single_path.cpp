// Relaxations that run one candidate a decision: straight-through Gumbel, binary gates.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "netwright/supernet/builtin.hpp"

namespace netwright {
namespace {

// How many choices a hard draw of the decision keeps.
std::size_t kept(const Decision& decision, std::int64_t left) {
  const std::int64_t wanted = decision.kind == Kind::k_of_n ? decision.maximum : 1;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(wanted, 1, left));
}

class GumbelHard : public IndependentRelaxation {
 public:
  explicit GumbelHard(const RelaxationCase& c) : IndependentRelaxation(c.tree), temperature_(Schedule::temperature(c.options)) {}

 protected:
  MixtureEntry weigh(const at::Tensor& logits, const Decision& decision, const DrawCase& c) const override {
    const at::Tensor soft = gumbel_softmax(logits, gumbel_noise(logits, c.rng), temperature_(c.progress));
    return straight_through(soft, kept(decision, logits.numel()));
  }

 private:
  Schedule temperature_;
};

at::Tensor one_hot_at(const std::vector<std::size_t>& ones, const at::Tensor& like) {
  std::vector<double> values(static_cast<std::size_t>(like.numel()), 0.0);
  for (const std::size_t i : ones) values[i] = 1;
  return at::tensor(values, at::kDouble).to(like.device(), like.scalar_type());
}

// Two different indices, the second from what the first leaves; both with probability in proportion to p.
std::pair<std::size_t, std::size_t> draw_two(std::vector<double> p, Rng& rng) {
  const std::size_t first = draw_index(p, rng);
  const double rest = 1 - p[first];
  p[first] = 0;
  for (auto& value : p) value /= rest;
  std::size_t second = draw_index(p, rng);
  if (second == first) second = first == 0 ? p.size() - 1 : first - 1;   // rounding left nothing behind the last
  return {first, second};
}

class Gates : public IndependentRelaxation {
 public:
  explicit Gates(const RelaxationCase& c) : IndependentRelaxation(c.tree), two_(c.options.text("paths") == "two") {}

  void settle(ArchitectureParameters& parameters, const std::vector<at::Tensor>& before) const override {
    if (!two_) return;
    const at::NoGradGuard no_grad;
    for (std::size_t d = 0; d < parameters.vectors.size(); ++d)
      if (parameters.vectors[d].defined()) parameters.vectors[d].copy_(keep_other_probabilities(before[d], parameters.vectors[d]));
  }

 protected:
  // A step of the weights runs the drawn path alone.
  MixtureEntry weigh(const at::Tensor& logits, const Decision& decision, const DrawCase& c) const override {
    if (kept(decision, logits.numel()) > 1) return straight_through(gumbel_softmax(logits, gumbel_noise(logits, c.rng), 1), kept(decision, logits.numel()));
    const std::size_t active = draw_index(to_values(at::softmax(logits, 0)), c.rng);
    const at::Tensor weights = one_hot_at({active}, logits);
    return {weights, to_values(weights)};
  }

  MixtureEntry weigh_for_architecture(const at::Tensor& logits, const Decision& decision, const DrawCase& c) const override {
    if (kept(decision, logits.numel()) > 1) return weigh(logits, decision, c);
    const auto p = to_values(at::softmax(logits, 0));
    if (!two_ || logits.numel() < 2) return gates_over_all(logits, draw_index(p, c.rng));
    auto [first, second] = draw_two(p, c.rng);
    // Which of the two is active follows their share of the two.
    if (!c.rng.chance(p[first] / (p[first] + p[second]))) std::swap(first, second);
    return gates_over_two(logits, first, second);
  }

 private:
  bool two_;
};

}  // namespace

MixtureEntry straight_through(const at::Tensor& soft, std::size_t count) {
  const auto values = to_values(soft);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  order.resize(count);
  const at::Tensor hard = one_hot_at(order, soft);
  return {(hard - soft.detach()) + soft, to_values(hard), std::vector<Idle>(values.size(), Idle::gate)};
}

MixtureEntry gates_over_all(const at::Tensor& logits, std::size_t active) {
  const at::Tensor p = at::softmax(logits, 0), gate = one_hot_at({active}, logits);
  return {(p - p.detach()) + gate, to_values(gate), std::vector<Idle>(static_cast<std::size_t>(logits.numel()), Idle::probed)};
}

MixtureEntry gates_over_two(const at::Tensor& logits, std::size_t active, std::size_t inactive) {
  const at::Tensor index = at::tensor({static_cast<std::int64_t>(active), static_cast<std::int64_t>(inactive)}, at::kLong).to(logits.device());
  const at::Tensor p = at::softmax(logits.index_select(0, index), 0);
  const at::Tensor gate = one_hot_at({active}, logits);
  MixtureEntry entry{gate.index_add(0, index, p - p.detach()), to_values(gate), std::vector<Idle>(static_cast<std::size_t>(logits.numel()), Idle::skipped)};
  entry.idle[inactive] = Idle::probed;
  return entry;
}

at::Tensor keep_other_probabilities(const at::Tensor& before, const at::Tensor& after) {
  const at::Tensor moved = before.ne(after);
  if (!moved.any().item<bool>()) return after;
  const at::Tensor shift = after.masked_select(moved).logsumexp(0) - before.masked_select(moved).logsumexp(0);
  return at::where(moved, after - shift, after);
}

std::unique_ptr<Relaxation> make_gumbel_hard(const RelaxationCase& c) { return std::make_unique<GumbelHard>(c); }
std::unique_ptr<Relaxation> make_gates(const RelaxationCase& c) { return std::make_unique<Gates>(c); }

}  // namespace netwright
