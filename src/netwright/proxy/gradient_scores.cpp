// Scores made of weights and their gradients.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "netwright/graph/cost.hpp"
#include "netwright/proxy/curvature.hpp"
#include "netwright/proxy/scores.hpp"

namespace netwright {
namespace {

double total(const at::Tensor& tensor) { return tensor.sum(at::kDouble).item<double>(); }
double euclidean(const at::Tensor& tensor) { return std::sqrt(total(tensor.to(at::kDouble).square())); }
at::Tensor wide(const at::Tensor& tensor) { return tensor.detach().to(at::kDouble); }

// A float64 copy of the network with the absolute values of its tensors.
Network absolute_copy(const Network& network) {
  const at::NoGradGuard no_grad;
  Network copy(network.graph(), {.dtype = at::kDouble, .device = network.place().device});
  for (std::size_t i = 0; i < copy.tensors().size(); ++i) at::Tensor(copy.tensors()[i].tensor).copy_(network.tensors()[i].tensor.abs());
  return copy;
}

double synaptic_flow(Passes& passes, bool batch_norm) {
  Network copy = absolute_copy(passes.network());
  copy.train(true);
  copy.bypass_batch_norm(!batch_norm);
  Shape shape = copy.graph().nodes.front().shape;
  shape.insert(shape.begin(), 1);
  const at::Tensor flow = copy.forward(at::ones(shape, at::TensorOptions(at::kDouble).device(copy.place().device)))[0].sum();
  std::vector<at::Tensor> weights;
  for (const NamedTensor& named : copy.tensors())
    if (named.op != "batch_norm" && named.name.ends_with(".weight")) weights.push_back(named.tensor);
  const auto gradients = torch::autograd::grad({flow}, weights, {}, false, false, /*allow_unused=*/true);
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (gradients[i].defined()) sum += total((weights[i].detach() * gradients[i]).abs());
  return sum;
}

}  // namespace

double parameter_count(Passes& passes) { return static_cast<double>(cost(passes.network().graph()).params); }
double mac_count(Passes& passes) { return static_cast<double>(cost(passes.network().graph()).macs); }

double grad_norm(Passes& passes) {
  double sum = 0;
  for (const at::Tensor& gradient : passes.loss().weights) sum += euclidean(gradient);
  return sum;
}

double snip(Passes& passes) {
  double sum = 0;
  for (std::size_t i = 0; i < passes.layers().size(); ++i) sum += total((wide(passes.layers()[i].weight) * wide(passes.loss().weights[i])).abs());
  return sum;
}

double plain(Passes& passes) {
  double sum = 0;
  for (std::size_t i = 0; i < passes.layers().size(); ++i) sum += total(wide(passes.layers()[i].weight) * wide(passes.loss().weights[i]));
  return sum;
}

double l2_norm(Passes& passes) {
  double sum = 0;
  for (const WeightLayer& layer : passes.layers()) sum += euclidean(layer.weight.detach());
  return sum;
}

double fisher(Passes& passes) {
  double sum = 0;
  for (std::size_t i = 0; i < passes.layers().size(); ++i) {
    const WeightLayer& layer = passes.layers()[i];
    at::Tensor flow = wide(passes.values()[layer.node]) * wide(passes.loss().outputs[i]);
    if (flow.dim() > 2) flow = flow.flatten(2).sum(2);
    const double weights_of_channel = static_cast<double>(layer.weight.numel() / layer.weight.size(0));
    sum += weights_of_channel * total(0.5 * flow.square().mean(0));
  }
  return sum;
}

double grasp(Passes& passes) {
  const auto curvature = curvature_forward(passes, passes.loss().weights);
  return -(curvature ? *curvature : curvature_along_gradient(passes));
}

double zico(Passes& passes) {
  const auto inputs = passes.given().inputs.chunk(2), targets = passes.given().targets.chunk(2);
  const auto first = passes.weight_gradients(inputs[0], targets[0]), second = passes.weight_gradients(inputs[1], targets[1]);
  double sum = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const at::Tensor both = at::stack({wide(first[i]), wide(second[i])});
    const at::Tensor deviation = both.std(0, /*unbiased=*/false), size = both.abs().mean(0);
    const at::Tensor varies = deviation > 0;
    const double ratio = total(at::where(varies, size / deviation, at::zeros_like(size)));
    // A layer whose gradients do not vary has no ratio; log 0 would drown all others.
    if (ratio > 0) sum += std::log(ratio);
  }
  return sum;
}

double synflow(Passes& passes) { return synaptic_flow(passes, false); }
double synflow_bn(Passes& passes) { return synaptic_flow(passes, true); }

}  // namespace netwright
