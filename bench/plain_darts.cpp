#include "plain_darts.hpp"

namespace netwright::bench {
namespace {

using torch::nn::AvgPool2d;
using torch::nn::AvgPool2dOptions;
using torch::nn::BatchNorm2d;
using torch::nn::BatchNorm2dOptions;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::MaxPool2d;
using torch::nn::MaxPool2dOptions;
using torch::nn::ReLU;
using torch::nn::Sequential;
using Int = std::int64_t;

BatchNorm2d norm(Int channels) { return BatchNorm2d(BatchNorm2dOptions(channels).affine(false)); }

Conv2d depthwise(Int channels, Int kernel, Int stride, Int dilation) {
  const Int padding = dilation * (kernel - 1) / 2;
  return Conv2d(Conv2dOptions(channels, channels, kernel).stride(stride).padding(padding).dilation(dilation).groups(channels).bias(false));
}

Conv2d pointwise(Int in, Int out, Int stride = 1) { return Conv2d(Conv2dOptions(in, out, 1).stride(stride).bias(false)); }

struct Identity : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return x; }
};

struct Zero : torch::nn::Module {
  explicit Zero(Int by) : stride(by) {}
  at::Tensor forward(const at::Tensor& x) { return stride == 1 ? x * 0 : x.slice(2, 0, std::nullopt, stride).slice(3, 0, std::nullopt, stride) * 0; }
  Int stride;
};

struct FactorizedReduce : torch::nn::Module {
  FactorizedReduce(Int in, Int out)
      : first(register_module("conv_1", pointwise(in, out / 2, 2))),
        second(register_module("conv_2", pointwise(in, out / 2, 2))),
        bn(register_module("bn", norm(out))) {}
  at::Tensor forward(at::Tensor x) {
    x = torch::relu(x);
    return bn(torch::cat({first(x), second(x.slice(2, 1).slice(3, 1))}, 1));
  }
  Conv2d first, second;
  BatchNorm2d bn;
};

Sequential relu_conv_bn(Int in, Int out) { return Sequential(ReLU(), pointwise(in, out), norm(out)); }

Sequential separable(Int c, Int kernel, Int stride) {
  return Sequential(ReLU(), depthwise(c, kernel, stride, 1), pointwise(c, c), norm(c), ReLU(), depthwise(c, kernel, 1, 1), pointwise(c, c), norm(c));
}

Sequential dilated(Int c, Int kernel, Int stride) { return Sequential(ReLU(), depthwise(c, kernel, stride, 2), pointwise(c, c), norm(c)); }

std::vector<Sequential> candidates(Int c, Int stride) {
  const Sequential skip = stride == 1 ? Sequential(Identity()) : Sequential(FactorizedReduce(c, c));
  return {Sequential(Zero(stride)),
          Sequential(MaxPool2d(MaxPool2dOptions(3).stride(stride).padding(1)), norm(c)),
          Sequential(AvgPool2d(AvgPool2dOptions(3).stride(stride).padding(1).count_include_pad(false)), norm(c)),
          skip,
          separable(c, 3, stride),
          separable(c, 5, stride),
          dilated(c, 3, stride),
          dilated(c, 5, stride)};
}

}  // namespace

struct PlainDarts::Cell : torch::nn::Module {
  Cell(Int before_last, Int last, Int c, bool reduces, bool behind_reduction) : reduction(reduces) {
    preprocess.push_back(
        register_module("preprocess0", behind_reduction ? Sequential(FactorizedReduce(before_last, c)) : relu_conv_bn(before_last, c)));
    preprocess.push_back(register_module("preprocess1", relu_conv_bn(last, c)));
    for (int node = 0; node < 4; ++node)
      for (int edge = 0; edge < node + 2; ++edge) {
        edges.push_back(candidates(c, reduction && edge < 2 ? 2 : 1));
        for (auto& candidate : edges.back()) register_module("op" + std::to_string(modules(false).size()), candidate);
      }
  }

  at::Tensor forward(const at::Tensor& before_last, const at::Tensor& last, const at::Tensor& weights) {
    std::vector<at::Tensor> states{preprocess[0]->forward(before_last), preprocess[1]->forward(last)};
    std::size_t edge = 0;
    for (int node = 0; node < 4; ++node) {
      at::Tensor sum;
      for (std::size_t from = 0; from < static_cast<std::size_t>(node) + 2; ++from, ++edge) {
        const at::Tensor value = mixed(edge, states[from], weights[static_cast<Int>(edge)]);
        sum = sum.defined() ? sum + value : value;
      }
      states.push_back(sum);
    }
    return torch::cat({states[2], states[3], states[4], states[5]}, 1);
  }

  at::Tensor mixed(std::size_t edge, const at::Tensor& x, const at::Tensor& weights) {
    at::Tensor sum = weights[0] * edges[edge][0]->forward(x);
    for (std::size_t i = 1; i < edges[edge].size(); ++i) sum = sum + weights[static_cast<Int>(i)] * edges[edge][i]->forward(x);
    return sum;
  }

  bool reduction;
  std::vector<Sequential> preprocess;
  std::vector<std::vector<Sequential>> edges;
};

PlainDarts::PlainDarts(Int channels, Int cells, Int classes)
    : stem_(Conv2d(Conv2dOptions(3, 3 * channels, 3).padding(1).bias(false)), BatchNorm2d(3 * channels)) {
  register_module("stem", stem_);
  Int before_last = 3 * channels, last = 3 * channels, c = channels;
  bool behind_reduction = false;
  for (Int i = 0; i < cells; ++i) {
    const bool reduction = i == cells / 3 || i == 2 * cells / 3;
    if (reduction) c *= 2;
    cells_.push_back(register_module("cell" + std::to_string(i), std::make_shared<Cell>(before_last, last, c, reduction, behind_reduction)));
    before_last = last;
    last = 4 * c;
    behind_reduction = reduction;
  }
  classifier_ = register_module("classifier", torch::nn::Linear(last, classes));
}

at::Tensor PlainDarts::forward(const at::Tensor& input, const at::Tensor& normal, const at::Tensor& reduce) {
  at::Tensor before_last = stem_->forward(input), last = before_last;
  for (auto& cell : cells_) {
    const at::Tensor value = cell->forward(before_last, last, cell->reduction ? reduce : normal);
    before_last = last;
    last = value;
  }
  return classifier_(last.mean({2, 3}));
}

void PlainDarts::to_channels_last() {
  for (auto& parameter : parameters())
    if (parameter.dim() == 4) parameter.set_data(parameter.data().contiguous(at::MemoryFormat::ChannelsLast));
}

}  // namespace netwright::bench
