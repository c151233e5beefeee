#include "netwright/proxy/passes.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>
#include <unordered_map>

#include "netwright/proxy/blocks.hpp"

namespace netwright {
namespace {

std::vector<at::Tensor> gradients(const at::Tensor& of, const std::vector<at::Tensor>& with_respect_to, bool keep, bool differentiable = false) {
  auto list = torch::autograd::grad({of}, with_respect_to, {}, keep, differentiable, /*allow_unused=*/true);
  for (std::size_t i = 0; i < list.size(); ++i)
    if (!list[i].defined()) list[i] = at::zeros_like(with_respect_to[i]);
  return list;
}

std::vector<WeightLayer> weight_layers(const Network& network) {
  std::unordered_map<std::string, std::size_t> node_of;
  for (std::size_t i = 0; i < network.graph().nodes.size(); ++i) node_of[network.graph().nodes[i].name + ".weight"] = i;
  std::vector<WeightLayer> layers;
  for (const NamedTensor& named : network.tensors())
    if (named.op != "batch_norm" && named.name.ends_with(".weight")) layers.push_back({node_of.at(named.name), named.tensor});
  return layers;
}

bool is_rectifier(const Node& node) { return node.op == "relu" || node.op == "relu6"; }

std::vector<bool> looked_at(const Graph& graph, const std::vector<WeightLayer>& layers) {
  std::vector<bool> wanted(graph.nodes.size());
  wanted[static_cast<std::size_t>(graph.outputs.at(0))] = true;
  for (const WeightLayer& layer : layers) wanted[layer.node] = true;
  for (const std::size_t result : block_results(graph)) wanted[result] = true;
  for (const Node& node : graph.nodes)
    if (is_rectifier(node)) wanted[static_cast<std::size_t>(node.inputs.at(0))] = true;
  return wanted;
}

}  // namespace

Passes::Passes(const ProxyCase& proxy_case)
    : case_(proxy_case), training_(proxy_case.network->training()), layers_(weight_layers(*proxy_case.network)) {
  for (const NamedTensor& named : network().tensors())
    if (!named.trainable) statistics_.push_back(named.tensor.clone());
  network().train(true);
}

Passes::~Passes() {
  restore_statistics();
  network().train(training_);
}

void Passes::restore_statistics() {
  // Through an alias: a pass that is still to be differentiated has kept these tensors, and in train mode does not read them again.
  std::size_t next = 0;
  for (const NamedTensor& named : network().tensors())
    if (!named.trainable) named.tensor.variable_data().copy_(statistics_[next++]);
}

std::vector<at::Tensor> Passes::layer_weights() const {
  std::vector<at::Tensor> weights;
  for (const WeightLayer& layer : layers_) weights.push_back(layer.weight);
  return weights;
}

const std::vector<at::Tensor>& Passes::values() {
  if (values_.empty()) {
    leaf_ = case_.inputs.detach().clone().set_requires_grad(true);
    values_ = network().values(leaf_, looked_at(network().graph(), layers_));
  }
  return values_;
}

at::Tensor Passes::logits() { return values()[static_cast<std::size_t>(network().graph().outputs.at(0))]; }

const LossGradients& Passes::loss() {
  if (loss_) return *loss_;
  const at::Tensor loss = at::cross_entropy_loss(logits(), case_.targets);
  std::vector<at::Tensor> wanted = layer_weights();
  for (const WeightLayer& layer : layers_) wanted.push_back(values()[layer.node]);
  const auto found = gradients(loss, wanted, true);
  const auto middle = found.begin() + static_cast<std::ptrdiff_t>(layers_.size());
  loss_ = LossGradients{loss.item<double>(), {found.begin(), middle}, {middle, found.end()}};
  return *loss_;
}

const at::Tensor& Passes::jacobian() {
  if (jacobian_.defined()) return jacobian_;
  const at::Tensor sum = logits().sum();  // makes the leaf
  jacobian_ = gradients(sum, {leaf_}, true)[0].flatten(1).to(at::kDouble);
  return jacobian_;
}

const std::vector<at::Tensor>& Passes::patterns() {
  if (patterns_) return *patterns_;
  patterns_.emplace();
  for (const Node& node : network().graph().nodes)
    if (is_rectifier(node)) patterns_->push_back(values()[static_cast<std::size_t>(node.inputs.at(0))].detach() > 0);
  return *patterns_;
}

const at::Tensor& Passes::tangent_kernel() {
  if (tangent_kernel_.defined()) return tangent_kernel_;
  std::vector<at::Tensor> wanted;
  for (const NamedTensor& named : network().tensors())
    if (named.name.ends_with(".weight")) wanted.push_back(named.tensor);
  const std::int64_t batch = case_.inputs.size(0);
  std::vector<at::Tensor> rows;
  for (const at::Tensor& weight : wanted) rows.push_back(at::empty({batch, weight.numel()}, weight.options().dtype(at::kDouble).requires_grad(false)));
  // A forward pass of its own, whose groups of nodes run fused: their backward passes are what takes the time.
  const at::Tensor sums = network().forward(case_.inputs)[0].sum(1);
  for (std::int64_t n = 0; n < batch; ++n) {
    const auto sample = gradients(sums[n], wanted, true);
    for (std::size_t i = 0; i < wanted.size(); ++i) rows[i][n].copy_(sample[i].flatten());
  }
  tangent_kernel_ = at::zeros({batch, batch}, sums.options().dtype(at::kDouble));
  for (const at::Tensor& matrix : rows) tangent_kernel_ += at::mm(matrix, matrix.t());
  return tangent_kernel_;
}

std::vector<at::Tensor> Passes::curved_gradients() {
  const auto output = static_cast<std::size_t>(network().graph().outputs.at(0));
  return gradients(at::cross_entropy_loss(network().values(case_.inputs)[output], case_.targets), layer_weights(), true, true);
}

std::vector<at::Tensor> Passes::weight_gradients(const at::Tensor& inputs, const at::Tensor& targets) {
  return gradients(at::cross_entropy_loss(network().forward(inputs)[0], targets), layer_weights(), false);
}

}  // namespace netwright
