#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "netwright/kernels/twice.hpp"
#include "netwright/supernet/mixed.hpp"

namespace netwright {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kGrain = 16384;

// Values may come in any memory format; the sum walks them flat, so they are brought to the first one's strides.
std::vector<at::Tensor> aligned(at::TensorList values) {
  std::vector<at::Tensor> list;
  const auto format = values[0].suggest_memory_format();
  for (const auto& value : values) list.push_back(value.contiguous(format));
  return list;
}

template <class T>
std::vector<const T*> pointers(const std::vector<at::Tensor>& values) {
  std::vector<const T*> data;
  for (const auto& value : values) data.push_back(value.const_data_ptr<T>());
  return data;
}

template <class T>
void sum_into(at::Tensor& sum, const std::vector<at::Tensor>& values, const std::vector<double>& weights) {
  const auto data = pointers<T>(values);
  T* out = sum.mutable_data_ptr<T>();
  at::parallel_for(0, sum.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(weights[0]) * data[0][i];
    for (std::size_t v = 1; v < data.size(); ++v) {
      const T weight = static_cast<T>(weights[v]);
      const T* in = data[v];
      for (std::int64_t i = begin; i < end; ++i) out[i] += weight * in[i];
    }
  });
}

// One pass over the gradient and one value: weight * gradient into `out` (where it is wanted) and <gradient, value>. Dot products run in
// chunks of fixed size that are added in order: the result does not depend on the number of threads.
template <class T>
double backward_pass(const at::Tensor& gradient, const at::Tensor& value, double weight, at::Tensor* out) {
  const T* g = gradient.const_data_ptr<T>();
  const T* v = value.const_data_ptr<T>();
  T* scaled = out != nullptr ? out->mutable_data_ptr<T>() : nullptr;
  const T factor = static_cast<T>(weight);
  const std::int64_t count = gradient.numel(), chunks = (count + kGrain - 1) / kGrain;
  std::vector<double> partial(static_cast<std::size_t>(chunks));
  at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      const std::int64_t first = c * kGrain, last = std::min(count, first + kGrain);
      T lanes[16] = {};
      std::int64_t i = first;
      for (; i + 16 <= last; i += 16)
        for (int k = 0; k < 16; ++k) lanes[k] += g[i + k] * v[i + k];
      double total = 0;
      for (; i < last; ++i) total += static_cast<double>(g[i]) * static_cast<double>(v[i]);
      for (const T lane : lanes) total += static_cast<double>(lane);
      partial[static_cast<std::size_t>(c)] = total;
      // The chunk's gradient is in the cache still.
      if (scaled != nullptr)
        for (i = first; i < last; ++i) scaled[i] = factor * g[i];
    }
  });
  double total = 0;
  for (const double p : partial) total += p;
  return total;
}

struct WeightedSum : torch::autograd::Function<WeightedSum> {
  // One list, so that autograd sees every tensor in it: the weights, then the values.
  static at::Tensor forward(AutogradContext* context, at::TensorList weights_and_values) {
    const at::Tensor weights = weights_and_values[0];
    const std::vector<at::Tensor> values = aligned(weights_and_values.slice(1));
    const at::Tensor plain = weights.to(at::kDouble).contiguous();
    const std::vector<double> w(plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel());
    at::Tensor sum = at::empty_like(values[0]);
    if (sum.scalar_type() == at::kFloat) sum_into<float>(sum, values, w);
    else sum_into<double>(sum, values, w);
    variable_list saved{weights};
    saved.insert(saved.end(), values.begin(), values.end());
    context->save_for_backward(saved);
    return sum;
  }

  static variable_list plain(const variable_list& given) { return {weighted_sum(given[0], {given.begin() + 1, given.end()}, false)}; }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    if (differentiates_again()) return twin_gradients(context, saved, gradients, plain, 0);
    const at::Tensor gradient = gradients[0].contiguous(saved[1].suggest_memory_format());
    variable_list result(saved.size());
    const at::Tensor weights = saved[0].to(at::kDouble).contiguous();
    at::Tensor weight_gradient = at::empty({saved[0].numel()}, at::kDouble);
    for (std::size_t i = 1; i < saved.size(); ++i) {
      const double weight = weights.const_data_ptr<double>()[i - 1];
      at::Tensor* out = nullptr;
      if (context->needs_input_grad(i)) out = &(result[i] = at::empty_like(saved[i]));
      if (!context->needs_input_grad(0)) {
        if (out != nullptr) at::mul_out(*out, gradient, at::scalar_tensor(weight, gradient.options()));
        continue;
      }
      const bool single = gradient.scalar_type() == at::kFloat;
      weight_gradient.mutable_data_ptr<double>()[i - 1] =
          single ? backward_pass<float>(gradient, saved[i], weight, out) : backward_pass<double>(gradient, saved[i], weight, out);
    }
    if (context->needs_input_grad(0)) result[0] = weight_gradient.to(saved[0].scalar_type());
    return result;
  }
};

}  // namespace

at::Tensor weighted_sum(const at::Tensor& weights, const std::vector<at::Tensor>& values, bool fused) {
  const bool on_cpu = values[0].is_cpu() && (values[0].scalar_type() == at::kFloat || values[0].scalar_type() == at::kDouble);
  if (fused && on_cpu) {
    variable_list all{weights};
    all.insert(all.end(), values.begin(), values.end());
    return WeightedSum::apply(at::TensorList(all));
  }
  at::Tensor sum = weights[0] * values[0];
  for (std::size_t i = 1; i < values.size(); ++i) sum = sum + weights[static_cast<std::int64_t>(i)] * values[i];
  return sum;
}

}  // namespace netwright
