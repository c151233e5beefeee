#include "netwright/nn/tensors.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <map>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {

Weights to_weights(const std::vector<NamedTensor>& tensors) {
  Weights weights;
  for (const auto& named : tensors) {
    const at::Tensor plain = named.tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    const auto* data = plain.const_data_ptr<float>();
    weights.push_back({named.name, plain.sizes().vec(), std::vector<float>(data, data + plain.numel())});
  }
  return weights;
}

void load_weights(const std::vector<NamedTensor>& tensors, const Weights& weights) {
  std::map<std::string, const Weight*> by_name;
  std::vector<std::string> names;
  for (const auto& weight : weights) by_name[weight.name] = &weight, names.push_back(weight.name);
  const at::NoGradGuard no_grad;
  for (const auto& named : tensors) {
    const auto found = by_name.find(named.name);
    if (found == by_name.end()) throw UsageError("the weights have no tensor '" + named.name + "'" + name_hint(named.name, names));
    const Weight& weight = *found->second;
    if (weight.shape != named.tensor.sizes().vec())
      throw UsageError("tensor '" + named.name + "' has shape " + to_string(weight.shape) + " in the file but " + to_string(Shape(named.tensor.sizes().vec())) + " in the network");
    at::Tensor target = named.tensor;
    target.copy_(at::from_blob(const_cast<float*>(weight.values.data()), weight.shape, at::kFloat));
  }
}

}  // namespace netwright
