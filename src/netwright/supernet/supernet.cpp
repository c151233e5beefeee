#include "netwright/supernet/supernet.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/nn/fused.hpp"
#include "netwright/supernet/mixed.hpp"
#include "netwright/supernet/narrow.hpp"

namespace netwright {
namespace {

// The patterns in the order in which they are asked. What stands in `without` is left out where plain torch can do the same.
std::vector<Pattern> patterns(const LoweringOptions& options) {
  const bool sum = std::find(options.without.begin(), options.without.end(), "weighted_sum") == options.without.end();
  std::vector<Pattern> list{choice_pattern(sum), select_pattern(sum), elastic_steps_pattern(), elastic_pattern(options.kernel_transform), left_relu_pattern(),
                            narrow_pattern(), masked_pattern()};
  for (auto& pattern : fused_patterns(options.without, {"weighted_sum", "shared"})) list.push_back(std::move(pattern));
  list.push_back(single_node());
  return list;
}

}  // namespace

struct Supernet::Impl {
  Graph graph;
  NetworkPlace place;
  LoweringOptions lowering;
  std::shared_ptr<RunMode> mode = std::make_shared<RunMode>();
  bool share = true;
  std::vector<NamedTensor> tensors;
  std::unique_ptr<Program> program;

  Impl(const Graph& open, NetworkPlace where, const LoweringOptions& how) : graph(open), place(where), lowering(how) {
    share = std::find(how.without.begin(), how.without.end(), "shared") == how.without.end();
    program = std::make_unique<Program>(open, tensors, "", patterns(how), where);
    if (how.checkpoint) program->checkpoint_cells();
  }
};

Supernet::Supernet(const Graph& open, NetworkPlace place, const LoweringOptions& lowering) : impl_(std::make_unique<Impl>(open, place, lowering)) {
  initialise(Seed(0));
}

Supernet::Supernet(const Graph& open, const Supernet& of) : impl_(std::make_unique<Impl>(open, of.impl_->place, of.impl_->lowering)) {
  auto& own = impl_->tensors;
  const auto& shared = of.impl_->tensors;
  const auto alike = [](const NamedTensor& a, const NamedTensor& b) { return a.name == b.name && a.tensor.sizes() == b.tensor.sizes(); };
  if (!std::equal(own.begin(), own.end(), shared.begin(), shared.end(), alike))
    throw UsageError("the network has other weights at inputs of " + to_string(open.nodes.front().shape) + " than at " + to_string(of.graph().nodes.front().shape));
  own = shared;
  impl_->mode = of.impl_->mode;
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

std::vector<at::Tensor> Supernet::forward(const at::Tensor& input, const Mixture& mixture, CarriedStates* states) {
  Frame::SharedResults shared;
  Frame frame{*impl_->mode, &mixture};
  if (impl_->share) frame.shared = &shared;
  frame.states = states;
  frame.values = {prepared_input(impl_->graph, input, impl_->place)};
  return impl_->program->run(frame);
}

void Supernet::train(bool on) { impl_->mode->training = on; }
void Supernet::set_noise(bool on) { impl_->mode->noise = on; }
void Supernet::set_skip_dropout(double rate) { impl_->mode->skip_dropout = rate; }
void Supernet::set_norm_momentum(double momentum) { impl_->mode->norm_momentum = momentum; }
void Supernet::set_drop_path(double rate) { impl_->mode->drop_path = rate; }
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
