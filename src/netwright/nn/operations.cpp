#include "netwright/nn/operations.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

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

// oneDNN's weight gradient of a strided 1x1 convolution on fewer than 8 channels never ends on AVX2 machines (torch 2.15). Taking
// every stride-th pixel first is the same function.
bool never_ends(const Window& window, const at::Tensor& x, std::int64_t groups) {
  const bool pointwise = window.kernel[0] == 1 && window.kernel[1] == 1 && window.padding[0] == 0 && window.padding[1] == 0;
  return pointwise && (window.stride[0] > 1 || window.stride[1] > 1) && groups == 1 && x.size(1) < 8 && x.is_cpu();
}

Kernel conv(const Node& node) {
  return [window = Window(node), groups = integer(node, "groups"), bias = integer(node, "bias") != 0](Inputs x, Inputs t, const RunMode&) {
    if (never_ends(window, x[0], groups)) {
      const at::Tensor taken = x[0].slice(2, 0, std::nullopt, window.stride[0]).slice(3, 0, std::nullopt, window.stride[1]);
      return at::conv2d(taken.contiguous(x[0].suggest_memory_format()), t[0], bias ? t[1] : at::Tensor());
    }
    return at::conv2d(x[0], t[0], bias ? t[1] : at::Tensor(), window.stride, window.padding, window.dilation, groups == 0 ? x[0].size(1) : groups);
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
    return at::batch_norm(x[0], affine ? t[0] : at::Tensor(), affine ? t[1] : at::Tensor(), t[first], t[first + 1], mode.training, momentum, epsilon,
                          true);
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

Kernel dropout(const Node& node) {
  return [rate = number(node, "rate")](Inputs x, Inputs, const RunMode& mode) { return at::dropout(x[0], rate, mode.training && mode.noise); };
}

Kernel drop_path(const Node& node) {
  return [own = number(node, "rate")](Inputs x, Inputs, const RunMode& mode) {
    const double rate = mode.drop_path >= 0 ? mode.drop_path : own;
    if (!mode.training || !mode.noise || rate <= 0) return x[0];
    std::vector<std::int64_t> one(static_cast<std::size_t>(x[0].dim()), 1);
    one[0] = x[0].size(0);
    const at::Tensor keep = at::empty(one, x[0].options()).bernoulli_(1 - rate);
    return x[0] * (keep / (1 - rate));
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
                                        return at::mean(x, {2, 3}, true);
                                      }); }, true},
    {"add", add},
    {"multiply", multiply},
    {"concat", concat},
    {"zero", zero},
    {"identity", [](const Node&) { return unary([](const at::Tensor& x) { return x; }); }},
    {"shift", shift, true},
    {"channel_shuffle", channel_shuffle},
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

Kernel make_kernel(const Node& node) { return entry(node.op).make(node); }

bool is_pure(std::string_view op) { return entry(op).pure; }

}  // namespace netwright
