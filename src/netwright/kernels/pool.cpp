#include "netwright/kernels/pool.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/kernels/twice.hpp"
#include "netwright/kernels/window.hpp"

namespace netwright {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

PoolShape shape_of(at::IntArrayRef sizes, bool largest, std::int64_t stride) {
  return {static_cast<int>(sizes[2]), static_cast<int>(sizes[3]), static_cast<int>(sizes[1]), static_cast<int>(stride), largest};
}

struct PoolFunction : torch::autograd::Function<PoolFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given, bool largest, std::int64_t stride) {
    const at::Tensor x = given.contiguous(at::MemoryFormat::ChannelsLast);
    const PoolShape shape = shape_of(x.sizes(), largest, stride);
    at::Tensor y = at::empty({x.size(0), x.size(1), shape.out_height(), shape.out_width()}, x.options().memory_format(at::MemoryFormat::ChannelsLast));
    const std::int64_t in = x.numel() / x.size(0), out = y.numel() / x.size(0);
    const float* from = x.const_data_ptr<float>();
    auto* to = y.mutable_data_ptr<float>();
    at::parallel_for(0, x.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) pool_image(shape, from + i * in, to + i * out);
    });
    if (largest) context->save_for_backward({x});
    context->saved_data["sizes"] = x.sizes().vec();
    context->saved_data["largest"] = largest;
    context->saved_data["stride"] = stride;
    return y;
  }

  // What a mean gives back does not depend on its input: any of that shape serves.
  static variable_list differentiable(AutogradContext* context, const variable_list& gradients) {
    const variable_list kept = context->get_saved_variables();
    const Pool what{context->saved_data["largest"].toBool(), context->saved_data["stride"].toInt()};
    const at::Tensor x = what.largest ? kept[0] : at::zeros(context->saved_data["sizes"].toIntVector(), gradients[0].options()).requires_grad_(true);
    return twin_gradients(context, {x}, gradients, [&](const variable_list& of) { return variable_list{pool_plain(of[0], what)}; }, 2);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    if (differentiates_again()) return differentiable(context, gradients);
    const auto sizes = context->saved_data["sizes"].toIntVector();
    const PoolShape shape = shape_of(sizes, context->saved_data["largest"].toBool(), context->saved_data["stride"].toInt());
    const variable_list kept = context->get_saved_variables();
    const at::Tensor g = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor gx = at::empty(sizes, g.options().memory_format(at::MemoryFormat::ChannelsLast));
    const std::int64_t in = gx.numel() / sizes[0], out = g.numel() / sizes[0];
    const float* x = kept.empty() ? nullptr : kept[0].const_data_ptr<float>();
    const float* from = g.const_data_ptr<float>();
    auto* to = gx.mutable_data_ptr<float>();
    at::parallel_for(0, sizes[0], 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        std::fill_n(to + i * in, in, 0.0f);
        pool_image_gradient(shape, x == nullptr ? x : x + i * in, from + i * out, to + i * in);
      }
    });
    return {gx, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool pool_fits(const at::Tensor& x, const Pool& what) {
  return x.dim() == 4 && x.numel() > 0 && x.is_cpu() && x.scalar_type() == at::kFloat && (what.stride == 1 || what.stride == 2);
}

at::Tensor pool(const at::Tensor& x, const Pool& what) {
  if (!pool_fits(x, what)) throw Error("no fused pooling for a value of shape " + c10::str(x.sizes()));
  return PoolFunction::apply(x, what.largest, what.stride);
}

at::Tensor pool_plain(const at::Tensor& x, const Pool& what) {
  if (what.largest) return at::max_pool2d(x, 3, what.stride, 1);
  return at::avg_pool2d(x, 3, what.stride, 1, false, false);
}

}  // namespace netwright
