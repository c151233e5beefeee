#pragma once
// W^T H V: the weights W of all layers, the Hessian H of the batch's loss L and a direction V of the weights.
//
// Forward, in hyper-dual numbers: it is d2/ds dt L((1 + s) W + t V) at s = t = 0. A value becomes x + s x_s + t x_t + s t x_st, where s^2 and t^2
// count as zero; the four are held as one tensor of four batches.
//   convolution, linear   y = W x + bias, y_s = W x_s + W x, y_t = W x_t + V x, y_st = W (x_st + x_t) + V x_s
//   batch norm            c = x - mean, r = 1 / sqrt(mean(c c) + epsilon), both as hyper-dual numbers; y = weight r c + bias
//   other functions f     y_s = f' x_s, y_t = f' x_t, y_st = f' x_st + f'' x_s x_t; linear ones read all four batches at once
// Cost: six forward convolutions a layer, and no value is kept. Differentiating the gradient takes eight or nine, and keeps them all.
// Source: Fike and Alonso 2011, AIAA 2011-886 (the numbers). Inside the room.
#include <optional>
#include <vector>

#include "netwright/proxy/passes.hpp"

namespace netwright {

// `direction` has one tensor a layer of passes.layers(). Nothing where an operation has no rule (those of sequences).
std::optional<double> curvature_forward(Passes& passes, const std::vector<at::Tensor>& direction);

// The same for any network, along V = the gradient itself, by differentiating the gradient on torch.
double curvature_along_gradient(Passes& passes);

}  // namespace netwright
