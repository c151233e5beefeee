#include "netwright/trained/latency.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>

namespace netwright {
namespace {

constexpr std::int64_t warm_up_runs = 2;

at::Tensor input_of(const Graph& closed, const NetworkPlace& place, std::int64_t batch) {
  std::vector<std::int64_t> shape{batch};
  shape.insert(shape.end(), closed.nodes.front().shape.begin(), closed.nodes.front().shape.end());
  const auto options = at::TensorOptions(place.dtype).device(place.device);
  const bool pixels = shape.size() == 4;
  return pixels ? at::linspace(-1, 1, at::zeros(shape).numel(), options).reshape(shape) : at::zeros(shape, options);
}

double pass_ms(Network& network, const at::Tensor& input) {
  const auto start = std::chrono::steady_clock::now();
  const at::Tensor result = network.forward(input)[0];
  if (!result.is_cpu()) result.sum().item<double>();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double latency_ms(const Graph& closed, const NetworkPlace& place, const TimingOptions& options) {
  const at::NoGradGuard no_grad;
  Network network(closed, place);
  network.initialise(Seed(0));
  network.train(false);
  const at::Tensor input = input_of(closed, place, options.batch);
  std::vector<double> times;
  for (std::int64_t run = -warm_up_runs; run < options.runs; ++run)
    if (const double time = pass_ms(network, input); run >= 0) times.push_back(time);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

}  // namespace netwright
