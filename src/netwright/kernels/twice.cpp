#include "netwright/kernels/twice.hpp"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

namespace netwright {

bool differentiates_again() { return at::GradMode::is_enabled(); }

TensorList twin_gradients(torch::autograd::AutogradContext* context, const TensorList& given, const TensorList& gradients, const Twin& twin, std::size_t options) {
  TensorList own, of, by, wanted, made(given.size() + options);
  std::vector<std::size_t> places;
  // One of `given` may be made from another: through names of their own each has its own gradient alone.
  for (const auto& tensor : given) own.push_back(tensor.view_as(tensor));
  const TensorList results = twin(own);
  for (std::size_t i = 0; i < results.size(); ++i)
    if (gradients[i].defined() && results[i].requires_grad()) of.push_back(results[i]), by.push_back(gradients[i]);
  for (std::size_t i = 0; i < given.size(); ++i)
    if (context->needs_input_grad(i)) wanted.push_back(own[i]), places.push_back(i);
  if (of.empty() || wanted.empty()) return made;
  const TensorList found = torch::autograd::grad(of, wanted, by, /*retain_graph=*/true, /*create_graph=*/true, /*allow_unused=*/true);
  for (std::size_t k = 0; k < places.size(); ++k) made[places[k]] = found[k];
  return made;
}

}  // namespace netwright
