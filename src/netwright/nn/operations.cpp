#include "netwright/nn/operations.hpp"

#include <ATen/ATen.h>
#include <ATen/TracerMode.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

using Inputs = std::span<const at::Tensor>;

std::array<std::int64_t, 2> pair_of(const Node& node, const char* name) {
  const std::int64_t h = integer(node, name), w = integer(node, std::string(name) + "_w");
  return {h, w > 0 ? w : h};
}

struct Window {
  std::array<std::int64_t, 2> kernel, stride, padding, dilation;
  explicit Window(const Node& node) : kernel(pair_of(node, "kernel")), stride(pair_of(node, "stride")) {
    const std::int64_t fixed = integer(node, "padding"), d = integer(node, "dilation");
    dilation = {d, d};
    for (std::size_t i = 0; i < 2; ++i) padding[i] = fixed >= 0 ? fixed : d * (kernel[i] - 1) / 2;
  }
};

bool is_pointwise(at::IntArrayRef kernel, at::IntArrayRef padding, std::int64_t groups) {
  const auto all = [](at::IntArrayRef list, std::int64_t value) { return std::all_of(list.begin(), list.end(), [&](std::int64_t n) { return n == value; }); };
  return groups == 1 && all(kernel, 1) && all(padding, 0);
}

Kernel conv(const Node& node) {
  return [window = Window(node), groups = integer(node, "groups"), bias = integer(node, "bias") != 0](Inputs x, Inputs t, const RunMode&) {
    return convolution(x[0], t[0], bias ? t[1] : at::Tensor(), window.stride, window.padding, window.dilation, groups == 0 ? x[0].size(1) : groups);
  };
}

Kernel linear(const Node& node) {
  return [bias = integer(node, "bias") != 0](Inputs x, Inputs t, const RunMode&) { return at::linear(x[0], t[0], bias ? t[1] : at::Tensor()); };
}

Kernel batch_norm(const Node& node) {
  return [affine = integer(node, "affine") != 0, epsilon = number(node, "epsilon"), momentum = number(node, "momentum")](Inputs x, Inputs t,
                                                                                                                         const RunMode& mode) {
    if (mode.bypass_batch_norm) return x[0];
    const std::size_t first = affine ? 2 : 0;
    return at::batch_norm(x[0], affine ? t[0] : at::Tensor(), affine ? t[1] : at::Tensor(), t[first], t[first + 1], mode.training,
                          norm_momentum(mode, momentum), epsilon, true);
  };
}

Kernel max_pool(const Node& node) {
  return [window = Window(node)](Inputs x, Inputs, const RunMode&) {
    return at::max_pool2d(x[0], window.kernel, window.stride, window.padding, window.dilation, false);
  };
}

Kernel avg_pool(const Node& node) {
  return [window = Window(node)](Inputs x, Inputs, const RunMode&) {
    return at::avg_pool2d(x[0], window.kernel, window.stride, window.padding, false, false);
  };
}

// Shapes are made out of the value that is read, never out of its sizes as numbers: a traced network (torchscript.hpp) takes any batch.
Kernel zero(const Node& node) {
  return [stride = integer(node, "stride"), channels = integer(node, "channels")](Inputs x, Inputs, const RunMode&) -> at::Tensor {
    at::Tensor like = x[0].detach();
    for (std::int64_t d = 2; d < like.dim(); ++d) like = like.slice(d, std::nullopt, std::nullopt, stride);
    if (channels == 0 || channels == x[0].size(1)) return at::zeros_like(like);
    std::vector<std::int64_t> wider(static_cast<std::size_t>(like.dim()), -1);
    wider[1] = channels;
    return at::zeros_like(like.slice(1, 0, 1)).expand(wider).contiguous(x[0].suggest_memory_format());
  };
}

Kernel shift(const Node& node) {
  return [offset = integer(node, "offset")](Inputs x, Inputs, const RunMode&) {
    const std::int64_t h = std::clamp(offset, -x[0].size(2), x[0].size(2)), w = std::clamp(offset, -x[0].size(3), x[0].size(3));
    return at::constant_pad_nd(x[0], {-w, w, -h, h}, 0);  // negative padding cuts off
  };
}

Kernel pad(const Node& node) {
  return [pixels = integer(node, "pixels")](Inputs x, Inputs, const RunMode&) { return at::constant_pad_nd(x[0], {pixels, 0, pixels, 0}, 0); };
}

Kernel channel_shuffle(const Node& node) {
  return [groups = integer(node, "groups")](Inputs x, Inputs, const RunMode&) {
    std::vector<std::int64_t> shape = x[0].sizes().vec();
    shape[0] = -1;
    std::vector<std::int64_t> split = shape;
    split[1] /= groups;
    split.insert(split.begin() + 1, groups);
    return x[0].reshape(split).transpose(1, 2).reshape(shape).contiguous(x[0].suggest_memory_format());
  };
}

Kernel slice(const Node& node) {
  return [offset = integer(node, "offset"), channels = integer(node, "channels")](Inputs x, Inputs, const RunMode&) {
    const std::int64_t taken = channels == 0 ? x[0].size(1) - offset : channels;
    return x[0].narrow(1, offset, taken).contiguous(x[0].suggest_memory_format());
  };
}

Kernel dropout(const Node& node) {
  return [rate = number(node, "rate")](Inputs x, Inputs, const RunMode& mode) { return at::dropout(x[0], rate, mode.training && mode.noise); };
}

Kernel drop_path(const Node& node) {
  return [drop = DropPath(node)](Inputs x, Inputs, const RunMode& mode) {
    const at::Tensor factors = drop.factors(x[0], mode);
    return factors.defined() ? x[0] * factors : x[0];
  };
}

Kernel add(const Node&) {
  return [](Inputs x, Inputs, const RunMode&) {
    at::Tensor sum = x[0];
    for (std::size_t i = 1; i < x.size(); ++i) sum = sum + x[i];
    return sum;
  };
}

Kernel multiply(const Node&) {
  return [](Inputs x, Inputs, const RunMode&) { return x[0] * x[1]; };
}

Kernel concat(const Node&) {
  return [](Inputs x, Inputs, const RunMode&) { return at::cat(at::TensorList(x.data(), x.size()), 1); };
}

Kernel scale(const Node& node) {
  return [factor = number(node, "factor")](Inputs x, Inputs, const RunMode&) { return x[0] * factor; };
}

Kernel resize(const Node& node) {
  return [size = std::array{integer(node, "height"), integer(node, "width")}, smooth = integer(node, "smooth") != 0](Inputs x, Inputs, const RunMode&) {
    return smooth ? at::upsample_bilinear2d(x[0], size, false) : at::upsample_nearest2d(x[0], size);
  };
}

// ---- sequences ----

at::Tensor to_tokens(const at::Tensor& x) { return x.dim() == 2 ? x.unsqueeze(1) : x.flatten(2).transpose(1, 2).contiguous(); }

Kernel layer_norm(const Node& node) {
  return [epsilon = number(node, "epsilon")](Inputs x, Inputs t, const RunMode&) { return at::layer_norm(x[0], t[0].sizes(), t[0], t[1], epsilon); };
}

Kernel embedding(const Node& node) {
  const double features = static_cast<double>(integer(node, "features"));
  return [factor = integer(node, "scaled") != 0 ? std::sqrt(features) : 1.0, last = integer(node, "entries") - 1](Inputs x, Inputs t, const RunMode&) {
    const at::Tensor rows = at::embedding(t[0], x[0].to(at::kLong).clamp(0, last));
    return factor == 1.0 ? rows : rows * factor;
  };
}

// {steps, features}: sines of position / 10000^(i / (half - 1)) in the first half, cosines in the second.
at::Tensor sinusoids(const at::Tensor& like) {
  const std::int64_t steps = like.size(1), features = like.size(2), half = features / 2;
  const at::Tensor place = at::arange(half, at::kDouble) / static_cast<double>(std::max<std::int64_t>(half - 1, 1));
  const at::Tensor angles = at::arange(steps, at::kDouble).unsqueeze(1) * at::exp(place * -std::log(10000.0)).unsqueeze(0);
  std::vector<at::Tensor> parts{angles.sin(), angles.cos()};
  if (features % 2 != 0) parts.push_back(at::zeros({steps, 1}, at::kDouble));
  return at::cat(parts, 1).to(like.options());
}

Kernel positions(const Node& node) {
  if (integer(node, "learned") != 0) return [](Inputs x, Inputs t, const RunMode&) { return x[0] + t[0]; };
  return [](Inputs x, Inputs, const RunMode&) { return x[0] + sinusoids(x[0]); };
}

at::Tensor with_class_token(const at::Tensor& x, const at::Tensor& token) { return at::cat({at::zeros_like(x.slice(1, 0, 1)) + token, x}, 1); }

// {batch, steps, heads * width} -> {batch, heads, steps, width}; the batch size stays open for tracing.
at::Tensor by_head(const at::Tensor& x, std::int64_t heads) { return x.reshape({-1, x.size(1), heads, x.size(2) / heads}).transpose(1, 2); }

// {steps, steps, width}: one row of each table for every pair of steps. Row 0 of a table stands for the class token.
at::Tensor relative_offsets(const at::Tensor& rows, const at::Tensor& columns, std::int64_t steps, std::int64_t farthest) {
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(steps - 1))));
  const at::Tensor pixel = at::arange(steps - 1, at::TensorOptions(at::kLong).device(rows.device()));
  const auto index = [&](const at::Tensor& place) {
    const at::Tensor distance = (place.unsqueeze(0) - place.unsqueeze(1)).clamp(-farthest, farthest) + farthest + 1;
    return at::constant_pad_nd(distance, {1, 0, 1, 0}, 0);
  };
  return at::embedding(rows, index(pixel.div(side, "floor"))) + at::embedding(columns, index(pixel.remainder(side)));
}

at::Tensor relative_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, Inputs tables, std::int64_t farthest) {
  const std::int64_t steps = q.size(2);
  const double factor = 1 / std::sqrt(static_cast<double>(q.size(3)));
  const at::Tensor keys = relative_offsets(tables[0], tables[1], steps, farthest), values = relative_offsets(tables[2], tables[3], steps, farthest);
  const at::Tensor scores = at::matmul(q, k.transpose(2, 3)) + at::einsum("bhnd,nmd->bhnm", {q, keys});
  const at::Tensor weights = at::softmax(scores * factor, -1);
  return at::matmul(weights, v) + at::einsum("bhnm,nmd->bhnd", {weights, values});
}

Kernel attention(const Node& node) {
  return [width = integer(node, "head_width"), given = integer(node, "heads"), causal = integer(node, "causal") != 0,
          farthest = integer(node, "relative")](Inputs x, Inputs t, const RunMode&) {
    const std::int64_t heads = width > 0 ? x[0].size(2) / width : given;
    const at::Tensor q = by_head(x[0], heads), k = by_head(x[1], heads), v = by_head(x[2], heads);
    const at::Tensor y = farthest > 0 ? relative_attention(q, k, v, t, farthest) : at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
    return y.transpose(1, 2).flatten(2);
  };
}

template <class F>
Kernel unary(F function) {
  return [function](Inputs x, Inputs, const RunMode&) -> at::Tensor { return function(x[0]); };
}

struct Entry {
  std::string_view op;
  Kernel (*make)(const Node&);
  bool pure = false;
};

const Entry entries[] = {
    {"conv", conv},
    {"linear", linear},
    {"batch_norm", batch_norm},
    {"relu", [](const Node&) { return unary([](const at::Tensor& x) { return at::relu(x); }); }, true},
    {"relu6", [](const Node&) { return unary([](const at::Tensor& x) { return at::hardtanh(x, 0, 6); }); }, true},
    {"silu", [](const Node&) { return unary([](const at::Tensor& x) { return at::silu(x); }); }, true},
    {"hard_swish", [](const Node&) { return unary([](const at::Tensor& x) { return at::hardswish(x); }); }, true},
    {"hard_sigmoid", [](const Node&) { return unary([](const at::Tensor& x) { return at::hardsigmoid(x); }); }, true},
    {"gelu", [](const Node&) { return unary([](const at::Tensor& x) { return at::gelu(x); }); }, true},
    {"sigmoid", [](const Node&) { return unary([](const at::Tensor& x) { return at::sigmoid(x); }); }, true},
    {"tanh", [](const Node&) { return unary([](const at::Tensor& x) { return at::tanh(x); }); }, true},
    {"max_pool", max_pool, true},
    {"avg_pool", avg_pool, true},
    {"global_pool", [](const Node&) { return unary([](const at::Tensor& x) {
                                        return x.dim() == 3 ? at::mean(x, {1}) : at::mean(x, {2, 3}, true);
                                      }); }, true},
    {"add", add},
    {"multiply", multiply},
    {"concat", concat},
    {"zero", zero},
    {"identity", [](const Node&) { return unary([](const at::Tensor& x) { return x; }); }},
    {"shift", shift, true},
    {"pad", pad, true},
    {"channel_shuffle", channel_shuffle},
    {"slice", slice},
    {"scale", scale},
    {"resize", resize},
    {"tokens", [](const Node&) { return unary(to_tokens); }},
    {"layer_norm", layer_norm},
    {"embedding", embedding},
    {"positions", positions},
    {"class_token", [](const Node&) -> Kernel { return [](Inputs x, Inputs t, const RunMode&) { return with_class_token(x[0], t[0]); }; }},
    {"attention", attention},
    {"dropout", dropout},
    {"drop_path", drop_path},
    {"flatten", [](const Node&) { return unary([](const at::Tensor& x) { return x.flatten(1); }); }},
};

const Entry& entry(std::string_view op) {
  for (const auto& candidate : entries)
    if (candidate.op == op) return candidate;
  throw Error("operation '" + std::string(op) + "' has no kernel");
}

}  // namespace

at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                       std::int64_t groups) {
  const bool pointwise = is_pointwise(weight.sizes().slice(2), padding, groups) && x.is_cpu();
  if (pointwise && !at::tracer::impl::is_dispatch_enabled() && x.size(2) == 1 && x.size(3) == 1) return at::linear(x.flatten(1), weight.flatten(1), bias).unsqueeze(2).unsqueeze(3);
  const bool strides = std::any_of(stride.begin(), stride.end(), [](std::int64_t n) { return n > 1; });
  if (pointwise && strides && x.size(1) < 8) {
    const at::Tensor taken = x.slice(2, 0, std::nullopt, stride.front()).slice(3, 0, std::nullopt, stride.back());
    return at::conv2d(taken.contiguous(x.suggest_memory_format()), weight, bias);
  }
  return at::conv2d(x, weight, bias, stride, padding, dilation, groups);
}

DropPath::DropPath(const Node& node) : rate(number(node, "rate")), depth(number(node, "depth")) {}

at::Tensor DropPath::factors(const at::Tensor& value, const RunMode& mode) const {
  const double share = mode.drop_path >= 0 ? mode.drop_path * depth : rate;
  if (!mode.training || !mode.noise || share <= 0) return {};
  std::vector<std::int64_t> one(static_cast<std::size_t>(value.dim()), 1);
  one[0] = value.size(0);
  return at::empty(one, value.options()).bernoulli_(1 - share) / (1 - share);
}

Kernel make_kernel(const Node& node) { return entry(node.op).make(node); }

bool is_pure(std::string_view op) { return entry(op).pure; }

}  // namespace netwright
