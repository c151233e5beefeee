#include "netwright/kernels/convolve.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "netwright/core/error.hpp"
#include "netwright/kernels/chain.hpp"
#include "netwright/kernels/gemm.hpp"
#include "netwright/kernels/sums.hpp"

namespace netwright {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const float* data_of(const at::Tensor& tensor) { return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr; }

ChainShape shape_of(const at::Tensor& x, const Convolve& w) {
  ChainShape shape{static_cast<int>(x.size(2)), static_cast<int>(x.size(3)), static_cast<int>(x.size(1)), w.rectify};
  if (w.depthwise.defined()) shape.kernel = static_cast<int>(w.depthwise.size(2));
  if (w.pointwise.defined()) shape.out_channels = static_cast<int>(w.pointwise.size(0));
  shape.stride = static_cast<int>(w.stride);
  shape.dilation = static_cast<int>(w.dilation);
  return shape;
}

constexpr int kTensors = 5;

// What backward needs of a call besides tensors.
struct Kept : torch::CustomClassHolder {
  ChainShape shape;
  NormNumbers numbers;
  bool has_norm = false;
  int places[kTensors] = {-1, -1, -1, -1, -1};   // of x, the norm's weight and bias, the two convolutions' weights among the tensors given
};

ChainWeights packed(const ChainShape& shape, const at::Tensor& depthwise, const at::Tensor& pointwise, bool backward) {
  const at::Tensor d = depthwise.defined() ? depthwise.contiguous() : depthwise, p = pointwise.defined() ? pointwise.contiguous() : pointwise;
  return pack(shape, data_of(d), data_of(p), backward);
}

Load load_of(const Kept& kept) {
  return {kept.has_norm ? kept.numbers.scale.data() : nullptr, kept.has_norm ? kept.numbers.shift.data() : nullptr, kept.shape.rectify};
}

at::Tensor run_forward(const at::Tensor& x, const Kept& kept, const ChainWeights& weights, BatchMoments* moments) {
  const ChainShape& s = kept.shape;
  at::Tensor y = at::empty({x.size(0), s.result_channels(), s.out_height(), s.out_width()}, x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const Groups groups(x.size(0));
  std::vector<Moments> parts(static_cast<std::size_t>(groups.count), Moments(s.result_channels()));
  const std::int64_t in = x[0].numel(), out = y[0].numel();
  const float* from = x.const_data_ptr<float>();
  auto* to = y.mutable_data_ptr<float>();
  at::parallel_for(0, groups.count, 1, [&](std::int64_t begin, std::int64_t end) {
    Chain chain(s, weights, load_of(kept));
    for (std::int64_t g = begin; g < end; ++g)
      for (std::int64_t i = groups.begin(g); i < groups.begin(g + 1); ++i)
        chain.forward(from + i * in, to + i * out, moments != nullptr ? &parts[static_cast<std::size_t>(g)] : nullptr);
  });
  if (moments != nullptr) *moments = as_table(parts);
  return y;
}

// The sums of one group of images.
struct Part {
  ChainGradients weights;
  std::vector<double> sum, product;
  explicit Part(const ChainShape& s)
      : weights(s), sum(static_cast<std::size_t>(padded_channels(s.channels))), product(static_cast<std::size_t>(padded_channels(s.channels))) {}
};

struct Wanted {
  bool input, norm, weights;
};

// Runs all images and adds the groups' sums in order.
Part run_backward(const at::Tensor& x, const at::Tensor& gradient, const Kept& kept, const ChainWeights& weights, const Wanted& wanted, at::Tensor& gx) {
  const Groups groups(x.size(0));
  std::vector<Part> parts(static_cast<std::size_t>(groups.count), Part(kept.shape));
  const std::int64_t in = x[0].numel(), out = gradient[0].numel();
  const float *values = x.const_data_ptr<float>(), *g = gradient.const_data_ptr<float>();
  float* to = gx.defined() ? gx.mutable_data_ptr<float>() : nullptr;
  at::parallel_for(0, groups.count, 1, [&](std::int64_t begin, std::int64_t end) {
    Chain chain(kept.shape, weights, load_of(kept));
    for (std::int64_t group = begin; group < end; ++group) {
      Part& part = parts[static_cast<std::size_t>(group)];
      const GradientSums sums{nullptr, kept.numbers.mean.data(), part.sum.data(), part.product.data()};
      for (std::int64_t i = groups.begin(group); i < groups.begin(group + 1); ++i)
        chain.backward(values + i * in, {g + i * out, to != nullptr ? to + i * in : nullptr, wanted.weights ? &part.weights : nullptr,
                                         wanted.norm ? &sums : nullptr});
    }
  });
  for (std::size_t i = 1; i < parts.size(); ++i) {
    parts[0].weights.add(parts[i].weights);
    for (std::size_t c = 0; c < parts[0].sum.size(); ++c) {
      parts[0].sum[c] += parts[i].sum[c];
      parts[0].product[c] += parts[i].product[c];
    }
  }
  return std::move(parts[0]);
}

void through_norm(at::Tensor& gx, const at::Tensor& x, const NormNumbers& numbers, const NormBackward& back) {
  const std::int64_t channels = x.size(1), pixels = x.numel() / channels;
  const float* values = x.const_data_ptr<float>();
  auto* g = gx.mutable_data_ptr<float>();
  at::parallel_for(0, pixels, 2048, [&](std::int64_t begin, std::int64_t end) {
    affine_gradient(g + begin * channels, values + begin * channels, {back.a.data(), back.b.data(), numbers.mean.data(), back.constant.data()}, end - begin,
                    static_cast<int>(channels), g + begin * channels);
  });
}

at::Tensor vector_of(const std::vector<float>& values, const at::Tensor& like) {
  return at::tensor(at::ArrayRef<float>(values.data(), static_cast<std::size_t>(like.numel())));
}

// Autograd takes defined tensors alone: `given` are those of the five that there are.
struct ConvolveFunction : torch::autograd::Function<ConvolveFunction> {
  static at::Tensor forward(AutogradContext* context, at::TensorList given, const Convolve& what, const c10::intrusive_ptr<Kept>& kept, BatchMoments* moments) {
    variable_list saved = given.vec();
    saved[0] = given[0].contiguous(at::MemoryFormat::ChannelsLast);
    kept->shape = shape_of(saved[0], what);
    kept->has_norm = what.norm.has_value();
    if (what.norm) kept->numbers = norm_numbers(*what.norm, saved[0], what.input_moments);
    const at::Tensor y = run_forward(saved[0], *kept, packed(kept->shape, what.depthwise, what.pointwise, false), what.wants_moments ? moments : nullptr);
    context->save_for_backward(saved);
    context->saved_data["kept"] = c10::IValue::make_capsule(kept);
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto kept = c10::static_intrusive_pointer_cast<Kept>(context->saved_data["kept"].toCapsule());
    const variable_list given = context->get_saved_variables();
    at::Tensor five[kTensors], made[kTensors];
    bool needs[kTensors] = {};
    for (int i = 0; i < kTensors; ++i)
      if (kept->places[i] >= 0) {
        five[i] = given[static_cast<std::size_t>(kept->places[i])];
        needs[i] = context->needs_input_grad(static_cast<std::size_t>(kept->places[i]));
      }
    differentiate(*kept, five, needs, gradients[0].contiguous(at::MemoryFormat::ChannelsLast), made);
    variable_list result(given.size() + 3);  // the options have no gradients
    for (int i = 0; i < kTensors; ++i)
      if (kept->places[i] >= 0) result[static_cast<std::size_t>(kept->places[i])] = made[i];
    return result;
  }

  static void differentiate(const Kept& kept, const at::Tensor* five, const bool* needs, const at::Tensor& gradient, at::Tensor* made) {
    const at::Tensor& x = five[0];
    const bool flows = needs[0] || needs[1] || needs[2], weights = needs[3] || needs[4];
    if (flows) made[0] = at::empty_like(x);
    const Part part = run_backward(x, gradient, kept, packed(kept.shape, five[3], five[4], true), {flows, flows && kept.has_norm, weights}, made[0]);
    if (flows && kept.has_norm) {
      const NormBackward back = norm_backward(kept.numbers, part.sum, part.product, static_cast<std::size_t>(x.size(1)));
      through_norm(made[0], x, kept.numbers, back);
      if (five[1].defined()) made[1] = vector_of(back.weight, five[1]);
      if (five[2].defined()) made[2] = vector_of(back.bias, five[2]);
    }
    if (!weights) return;
    for (const int i : {3, 4})
      if (five[i].defined()) made[i] = at::empty(five[i].sizes(), five[i].options().requires_grad(false));
    part.weights.unpack(kept.shape, five[3].defined() ? made[3].mutable_data_ptr<float>() : nullptr,
                        five[4].defined() ? made[4].mutable_data_ptr<float>() : nullptr);
  }
};

}  // namespace

bool convolve_fits(const at::Tensor& x, const Convolve& what) {
  const auto fits = [&](const at::Tensor& t) { return !t.defined() || (t.is_cpu() && t.scalar_type() == at::kFloat); };
  if (x.dim() != 4 || x.numel() == 0 || !x.is_cpu() || x.scalar_type() != at::kFloat || !fits(what.depthwise) || !fits(what.pointwise)) return false;
  if (!what.depthwise.defined()) return what.pointwise.defined() && what.stride <= 2;
  return what.depthwise.size(2) == what.depthwise.size(3) && what.depthwise.size(1) == 1 &&
         depthwise_fits(static_cast<int>(what.depthwise.size(2)), static_cast<int>(what.stride), static_cast<int>(what.dilation));
}

Convolved convolve(const at::Tensor& x, const Convolve& what) {
  if (!convolve_fits(x, what)) throw Error("no fused convolution for a value of shape " + c10::str(x.sizes()));
  const Norm norm = what.norm.value_or(Norm{});
  const at::Tensor five[kTensors] = {x, norm.weight, norm.bias, what.depthwise, what.pointwise};
  auto kept = c10::make_intrusive<Kept>();
  variable_list given;
  for (int i = 0; i < kTensors; ++i)
    if (five[i].defined()) {
      kept->places[i] = static_cast<int>(given.size());
      given.push_back(five[i]);
    }
  Convolved result;
  result.value = ConvolveFunction::apply(at::TensorList(given), what, kept, &result.moments);
  return result;
}

at::Tensor convolve_plain(const at::Tensor& x, const Convolve& what) {
  at::Tensor y = x;
  if (what.norm) {
    const Norm& n = *what.norm;
    y = at::batch_norm(y, n.weight, n.bias, n.running_mean, n.running_var, n.batch_statistics, n.momentum, n.epsilon, false);
  }
  if (what.rectify) y = at::relu(y);
  if (what.depthwise.defined()) {
    const std::int64_t padding = what.dilation * (what.depthwise.size(2) - 1) / 2;
    y = at::conv2d(y, what.depthwise, {}, what.stride, padding, what.dilation, y.size(1));
  }
  if (what.pointwise.defined()) y = at::conv2d(y, what.pointwise, {}, what.depthwise.defined() ? 1 : what.stride);
  return y;
}

}  // namespace netwright
