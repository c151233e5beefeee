#include "netwright/kernels/norm.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "netwright/kernels/gemm.hpp"

namespace netwright {
namespace {

std::vector<double> doubles(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kFloat && tensor.is_contiguous()) return {tensor.const_data_ptr<float>(), tensor.const_data_ptr<float>() + tensor.numel()};
  const at::Tensor plain = tensor.detach().to(at::kDouble).contiguous();
  return {plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel()};
}

void move_running(const Norm& norm, const BatchMoments& moments) {
  const double unbiased = moments.count / std::max(1.0, moments.count - 1);
  const auto channels = static_cast<std::size_t>(norm.running_mean.numel());
  auto* mean = norm.running_mean.mutable_data_ptr<float>();
  auto* variance = norm.running_var.mutable_data_ptr<float>();
  for (std::size_t c = 0; c < channels; ++c) {
    mean[c] = static_cast<float>((1 - norm.momentum) * mean[c] + norm.momentum * moments.mean[c]);
    variance[c] = static_cast<float>((1 - norm.momentum) * variance[c] + norm.momentum * unbiased * moments.variance[c]);
  }
}

}  // namespace

std::vector<std::vector<float>> LeftGradient::a_of_images() const {
  std::vector<std::vector<float>> list;
  for (const float factor : images) {
    list.push_back(a);
    for (float& number : list.back()) number *= factor;
  }
  return list;
}

BatchMoments as_batch(const std::vector<Moments>& parts) {
  Moments all = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) all.add(parts[i]);
  for (auto& squares : all.squares) squares /= all.count;
  return {std::move(all.mean), std::move(all.squares), all.count};
}

BatchMoments batch_moments(const at::Tensor& value) {
  const auto channels = static_cast<int>(value.size(1));
  const std::int64_t pixels = value.size(2) * value.size(3);
  const Groups groups(value.size(0));
  std::vector<Moments> parts(static_cast<std::size_t>(groups.count), Moments(channels));
  const float* data = value.const_data_ptr<float>();
  over_groups(groups, [&](const auto& next) {
    for (std::int64_t g = next(); g >= 0; g = next())
      add_moments_packed(data + groups.begin(g) * pixels * channels, static_cast<int>((groups.end(g) - groups.begin(g)) * pixels), channels,
                         parts[static_cast<std::size_t>(g)]);
  });
  return as_batch(parts);
}

NormNumbers norm_numbers(const Norm& norm, const at::Tensor& value, const BatchMoments& given) {
  const bool counted = norm.batch_statistics && given.count > 0;
  const BatchMoments own = counted ? BatchMoments{} : norm.batch_statistics ? batch_moments(value) : BatchMoments{doubles(norm.running_mean), doubles(norm.running_var)};
  const auto& [mean, variance, count, left] = counted ? given : own;
  if (norm.batch_statistics) move_running(norm, counted ? given : own);
  const std::vector<double> weight = norm.weight.defined() ? doubles(norm.weight) : std::vector<double>(mean.size(), 1.0);
  const std::vector<double> bias = norm.bias.defined() ? doubles(norm.bias) : std::vector<double>(mean.size());
  const auto size = static_cast<std::size_t>(padded_channels(static_cast<int>(mean.size())));
  NormNumbers numbers{std::vector<float>(size), std::vector<float>(size), std::vector<float>(size), std::vector<double>(mean.size()), count};
  for (std::size_t c = 0; c < mean.size(); ++c) {
    numbers.inverse[c] = 1 / std::sqrt(variance[c] + norm.epsilon);
    numbers.scale[c] = static_cast<float>(weight[c] * numbers.inverse[c]);
    numbers.shift[c] = static_cast<float>(bias[c] - mean[c] * weight[c] * numbers.inverse[c]);
    numbers.mean[c] = static_cast<float>(mean[c]);
  }
  return numbers;
}

std::ptrdiff_t column_of(const at::Tensor& gradient) {
  const std::int64_t height = gradient.size(2), width = gradient.size(3), column = width > 1 ? gradient.stride(3) : height > 1 ? gradient.stride(2) : gradient.stride(0);
  const auto lies = [&](std::int64_t d, std::int64_t distance) { return gradient.size(d) == 1 || gradient.stride(d) == distance; };
  return column >= gradient.size(1) && lies(1, 1) && lies(2, width * column) && lies(0, height * width * column) ? column : 0;
}

at::Tensor readable(const at::Tensor& gradient) { return column_of(gradient) > 0 ? gradient : gradient.contiguous(at::MemoryFormat::ChannelsLast); }

NormBackward norm_backward(const NormNumbers& n, std::span<const double> sum, std::span<const double> product, std::size_t channels) {
  NormBackward back{n.scale, std::vector<float>(n.scale.size()), std::vector<float>(n.scale.size()), std::vector<float>(channels), std::vector<float>(channels)};
  for (std::size_t c = 0; c < channels; ++c) {
    const double inverse = n.inverse[c];
    if (n.count > 0) {
      back.b[c] = static_cast<float>(-static_cast<double>(n.scale[c]) * inverse * inverse * product[c] / n.count);
      back.constant[c] = static_cast<float>(-static_cast<double>(n.scale[c]) * sum[c] / n.count);
    }
    back.weight[c] = static_cast<float>(inverse * product[c]);
    back.bias[c] = static_cast<float>(sum[c]);
  }
  return back;
}

}  // namespace netwright
