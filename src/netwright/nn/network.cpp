#include "netwright/nn/network.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/nn/fused.hpp"

namespace netwright {

struct Network::Impl {
  Graph graph;
  NetworkPlace place;
  std::vector<NamedTensor> tensors;
  RunMode mode;
  std::unique_ptr<Program> program;

  std::vector<at::Tensor> run(const at::Tensor& input, Frame& frame) {
    Frame::SharedResults shared;
    frame.shared = &shared;
    frame.values = {prepared_input(graph, input, place)};
    auto outputs = program->run(frame);
    frame.shared = nullptr;
    return outputs;
  }
};

Network::Network(const Graph& closed, NetworkPlace place, const LoweringOptions& lowering) : impl_(std::make_unique<Impl>()) {
  if (closed.open()) throw UsageError("an open graph is no network: close it with an architecture first, or build a supernet");
  if (std::count_if(closed.nodes.begin(), closed.nodes.end(), [](const Node& n) { return n.op == "input"; }) != 1)
    throw UsageError("a network has exactly one input");
  impl_->graph = closed;
  impl_->place = place;
  std::vector<Pattern> patterns = fused_patterns(lowering.without);
  patterns.push_back(single_node());
  impl_->program = std::make_unique<Program>(closed, impl_->tensors, "", patterns, place);
  if (lowering.checkpoint) impl_->program->checkpoint_cells();
  initialise(Seed(0));
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

void Network::initialise(const Seed& seed) { netwright::initialise(impl_->tensors, seed); }

std::vector<at::Tensor> Network::forward(const at::Tensor& input, CarriedStates* states) {
  Frame frame{impl_->mode};
  frame.states = states;
  return impl_->run(input, frame);
}

std::vector<at::Tensor> Network::values(const at::Tensor& input) { return values(input, std::vector<bool>(impl_->graph.nodes.size(), true)); }

std::vector<at::Tensor> Network::values(const at::Tensor& input, const std::vector<bool>& wanted) {
  Frame frame{impl_->mode};
  frame.wanted = &wanted;
  impl_->run(input, frame);
  return frame.values;
}

void Network::train(bool on) { impl_->mode.training = on; }
bool Network::training() const { return impl_->mode.training; }
void Network::set_drop_path(double rate) { impl_->mode.drop_path = rate; }
void Network::bypass_batch_norm(bool on) { impl_->mode.bypass_batch_norm = on; }
const std::vector<NamedTensor>& Network::tensors() const { return impl_->tensors; }

std::vector<at::Tensor> Network::parameters() const {
  std::vector<at::Tensor> list;
  for (const auto& named : impl_->tensors)
    if (named.trainable) list.push_back(named.tensor);
  return list;
}

const Graph& Network::graph() const { return impl_->graph; }
NetworkPlace Network::place() const { return impl_->place; }

}  // namespace netwright
