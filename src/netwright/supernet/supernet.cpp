#include "netwright/supernet/supernet.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/nn/fused.hpp"
#include "netwright/supernet/mixed.hpp"

namespace netwright {
namespace {

// The patterns in the order in which they are asked. What stands in `without` is left out where plain torch can do the same.
std::vector<Pattern> patterns(const LoweringOptions& options) {
  const bool sum = std::find(options.without.begin(), options.without.end(), "weighted_sum") == options.without.end();
  std::vector<Pattern> list{choice_pattern(sum), select_pattern(sum), elastic_steps_pattern(), elastic_pattern(options.kernel_transform), masked_pattern()};
  for (auto& pattern : fused_patterns(options.without, {"weighted_sum", "shared"})) list.push_back(std::move(pattern));
  list.push_back(single_node());
  return list;
}

}  // namespace

struct Supernet::Impl {
  Graph graph;
  NetworkPlace place;
  RunMode mode;
  bool share = true;
  std::vector<NamedTensor> tensors;
  std::unique_ptr<Program> program;
};

Supernet::Supernet(const Graph& open, NetworkPlace place, const LoweringOptions& lowering) : impl_(std::make_unique<Impl>()) {
  impl_->graph = open;
  impl_->place = place;
  impl_->share = std::find(lowering.without.begin(), lowering.without.end(), "shared") == lowering.without.end();
  impl_->program = std::make_unique<Program>(open, impl_->tensors, "", patterns(lowering), place);
  initialise(Seed(0));
}

Supernet::~Supernet() = default;
Supernet::Supernet(Supernet&&) noexcept = default;
Supernet& Supernet::operator=(Supernet&&) noexcept = default;

void Supernet::initialise(const Seed& seed) {
  netwright::initialise(impl_->tensors, seed);
  const at::NoGradGuard no_grad;
  for (auto& named : impl_->tensors)
    if (named.op == kernel_step_op) named.tensor.copy_(at::eye(named.tensor.size(0), named.tensor.options().requires_grad(false)));
}

std::vector<at::Tensor> Supernet::forward(const at::Tensor& input, const Mixture& mixture) {
  std::unordered_map<std::string, std::unordered_map<const void*, Frame::Shared>> shared;
  Frame frame{impl_->mode, &mixture};
  if (impl_->share) frame.shared = &shared;
  frame.values = {prepared_input(impl_->graph, input, impl_->place)};
  return impl_->program->run(frame);
}

void Supernet::train(bool on) { impl_->mode.training = on; }
void Supernet::set_noise(bool on) { impl_->mode.noise = on; }
void Supernet::set_skip_dropout(double rate) { impl_->mode.skip_dropout = rate; }
void Supernet::set_norm_momentum(double momentum) { impl_->mode.norm_momentum = momentum; }
void Supernet::set_drop_path(double rate) { impl_->mode.drop_path = rate; }
const std::vector<NamedTensor>& Supernet::tensors() const { return impl_->tensors; }

std::vector<at::Tensor> Supernet::parameters() const {
  std::vector<at::Tensor> list;
  for (const auto& named : impl_->tensors)
    if (named.trainable) list.push_back(named.tensor);
  return list;
}

const Graph& Supernet::graph() const { return impl_->graph; }

Mixture one_hot(const DecisionTree& tree, const Architecture& architecture, NetworkPlace place) {
  Mixture mixture;
  for (std::size_t d = 0; d < tree.size(); ++d) {
    const Decision& decision = tree[d];
    MixtureEntry entry;
    entry.values.assign(decision.choices.size(), 0.0);
    const std::int64_t pick = architecture.picks.at(d);
    if (pick == Architecture::inactive) entry.values[0] = 1.0;
    else
      for (const int choice : picked(decision, pick)) entry.values[static_cast<std::size_t>(choice)] = 1.0;
    entry.weights = at::tensor(entry.values, at::kDouble).to(place.device, place.dtype);
    mixture.emplace(decision.name, std::move(entry));
  }
  return mixture;
}

}  // namespace netwright
