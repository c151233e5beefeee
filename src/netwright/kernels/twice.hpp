#pragma once
// Gradients that can be differentiated again: where autograd asks for them (create_graph), a fused function answers with those of its
// plain twin, computed anew out of the same tensors. Slower than the fused gradients by the twin's forward; the same within rounding.
// Without this the second derivative through raw memory would be zero, and nothing would tell.
#include <torch/csrc/autograd/custom_function.h>

#include <functional>

namespace netwright {

using TensorList = torch::autograd::variable_list;
using Twin = std::function<TensorList(const TensorList&)>;

// Inside a backward: whether its results must carry a graph.
bool differentiates_again();

// `given` are the tensors that autograd saw, results = twin(given), `gradients` those of the results (undefined: none). Gives the gradient of
// each of `given` that is needed, and `options` undefined ones behind them, for the arguments of forward that are no tensors.
TensorList twin_gradients(torch::autograd::AutogradContext* context, const TensorList& given, const TensorList& gradients, const Twin& twin, std::size_t options);

}  // namespace netwright
