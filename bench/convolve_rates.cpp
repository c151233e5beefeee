// The fused convolutions against the same functions out of torch's operations, forward and backward, in turns, one thread:
//   convolve_rates [rounds = 9] [part of the name of a shape]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <iostream>

#include "measure.hpp"
#include "netwright/kernels/convolve.hpp"

namespace netwright::bench {
namespace {

struct Shape {
  std::string name;
  std::int64_t batch, channels, side, kernel, stride, dilation, out;
  bool dense = false;
};

// Stages of the DARTS search network (16 to 64 channels), of its evaluation network (36) and of NAS-Bench-201 (dense). What a dense one counts are
// the definition's multiply-adds.
const std::vector<Shape> shapes = {
    {"depthwise 3x3, 16 channels", 16, 16, 32, 3, 1, 1, 0},       {"depthwise 5x5 dilation 2, 16 channels", 16, 16, 32, 5, 1, 2, 0},
    {"separable half 3x3, 16 channels", 16, 16, 32, 3, 1, 1, 16}, {"separable half 5x5, 16 channels", 16, 16, 32, 5, 1, 1, 16},
    {"dilated 5x5, 32 channels", 16, 32, 16, 5, 1, 2, 32},        {"separable half 3x3 stride 2, 64 channels", 16, 64, 16, 3, 2, 1, 64},
    {"separable half 3x3, 36 channels", 32, 36, 32, 3, 1, 1, 36}, {"pointwise 64 to 16", 16, 64, 32, 0, 1, 1, 16},
    {"pointwise 256 to 64", 16, 256, 8, 0, 1, 1, 64},             {"dense 3x3, 16 channels", 64, 16, 32, 3, 1, 1, 16, true},
    {"dense 3x3, 32 channels", 64, 32, 16, 3, 1, 1, 32, true},    {"dense 3x3, 64 channels", 64, 64, 8, 3, 1, 1, 64, true},
    {"dense 3x3, 3 to 16", 64, 3, 32, 3, 1, 1, 16, true},         {"dense 3x3, 128 channels", 64, 128, 8, 3, 1, 1, 128, true},
};

void measure(const Shape& s, int rounds) {
  const auto draw = [](at::IntArrayRef shape) {
    const at::Tensor t = at::randn(shape);
    return (shape.size() == 4 ? t.contiguous(at::MemoryFormat::ChannelsLast) : t).requires_grad_(true);
  };
  Convolve what{.rectify = true, .stride = s.stride, .dilation = s.dilation};
  const at::Tensor x = draw({s.batch, s.channels, s.side, s.side});
  std::vector<at::Tensor> leaves{x};
  if (s.dense) leaves.push_back(what.dense = draw({s.out, s.channels, 3, 3}));
  if (s.kernel > 0 && !s.dense) leaves.push_back(what.depthwise = draw({s.channels, 1, s.kernel, s.kernel}));
  if (s.out > 0 && !s.dense) leaves.push_back(what.pointwise = draw({s.out, s.channels, 1, 1}));
  const at::Tensor mix = at::randn_like(convolve(x, what).value);
  const auto step = [&](bool fused) {
    const at::Tensor y = fused ? convolve(x, what).value : convolve_plain(x, what);
    torch::autograd::grad({y}, leaves, {mix});
  };
  std::vector<double> fused, plain, ratios;
  step(true), step(false);
  for (int i = 0; i < rounds; ++i) {
    fused.push_back(seconds_of([&] { step(true); }));
    plain.push_back(seconds_of([&] { step(false); }));
    ratios.push_back(plain.back() / fused.back());
  }
  const std::int64_t side = (s.side - 1) / s.stride + 1, each = s.channels * (s.dense ? 9 * s.out : s.kernel * s.kernel + s.out);
  const double gflop = 6e-9 * static_cast<double>(s.batch * side * side * each);
  report("convolve_rates", {{"shape", s.name}, {"fused_seconds", spread(fused)}, {"plain_seconds", spread(plain)}, {"speedup", spread(ratios)},
                            {"fused_gflops", gflop / median(fused)}});
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  at::set_num_threads(1);
  const int rounds = count > 1 ? std::stoi(words[1]) : 9;
  const std::string only = count > 2 ? words[2] : "";
  for (const auto& shape : netwright::bench::shapes)
    if (shape.name.find(only) != std::string::npos) netwright::bench::measure(shape, rounds);
}
