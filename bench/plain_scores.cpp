#include "plain_scores.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace netwright::bench {
namespace {

using Int = std::int64_t;
using torch::nn::BatchNorm2d;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;

std::vector<at::Tensor> weights_of(PlainNasbench201& network) {
  std::vector<at::Tensor> weights;
  for (const auto& parameter : network.parameters())
    if (parameter.dim() > 1) weights.push_back(parameter);
  return weights;
}

// Passes that each score makes anew.
Trace pass(PlainCase& c) { return c.network.forward(c.inputs); }

Trace trained_pass(PlainCase& c) {
  c.network.zero_grad();
  Trace trace = pass(c);
  for (auto& layer : trace.layers) layer.retain_grad();
  at::cross_entropy_loss(trace.logits, c.targets).backward();
  return trace;
}

at::Tensor jacobian(PlainCase& c) {
  c.network.zero_grad();
  const at::Tensor inputs = c.inputs.detach().clone().set_requires_grad(true);
  const at::Tensor logits = c.network.forward(inputs).logits;
  logits.backward(at::ones_like(logits));
  return inputs.grad().flatten(1).to(at::kDouble);
}

double sum_over(const std::vector<at::Tensor>& weights, at::Tensor (*term)(const at::Tensor& weight)) {
  double sum = 0;
  for (const auto& weight : weights) sum += term(weight.detach()).sum(at::kDouble).item<double>();
  return sum;
}

double over_gradients(PlainCase& c, at::Tensor (*term)(const at::Tensor& weight, const at::Tensor& gradient)) {
  trained_pass(c);
  double sum = 0;
  for (const auto& weight : weights_of(c.network)) sum += term(weight.detach(), weight.grad()).sum(at::kDouble).item<double>();
  return sum;
}

double parameters_of(PlainCase& c) {
  double count = 0;
  for (const auto& parameter : c.network.parameters()) count += static_cast<double>(parameter.numel());
  return count;
}

double macs_of(PlainCase& c) {
  const Trace trace = c.network.forward(c.inputs.slice(0, 0, 1));
  const auto weights = weights_of(c.network);
  double macs = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) macs += static_cast<double>(trace.layers[i].numel()) * static_cast<double>(weights[i].numel() / weights[i].size(0));
  return macs;
}

double grad_norm(PlainCase& c) {
  return over_gradients(c, [](const at::Tensor&, const at::Tensor& g) { return g.norm(); });
}
double snip(PlainCase& c) {
  return over_gradients(c, [](const at::Tensor& w, const at::Tensor& g) { return (w * g).abs(); });
}
double plain(PlainCase& c) {
  return over_gradients(c, [](const at::Tensor& w, const at::Tensor& g) { return w * g; });
}
double l2_norm(PlainCase& c) {
  return sum_over(weights_of(c.network), [](const at::Tensor& w) { return w.norm(); });
}

double fisher(PlainCase& c) {
  const Trace trace = trained_pass(c);
  const auto weights = weights_of(c.network);
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    at::Tensor flow = trace.layers[i].detach() * trace.layers[i].grad();
    if (flow.dim() > 2) flow = flow.flatten(2).sum(2);
    sum += static_cast<double>(weights[i].numel() / weights[i].size(0)) * (0.5 * flow.square().mean(0)).sum(at::kDouble).item<double>();
  }
  return sum;
}

double grasp(PlainCase& c) {
  const auto weights = weights_of(c.network);
  const auto first = torch::autograd::grad({at::cross_entropy_loss(pass(c).logits, c.targets)}, weights);
  const auto second = torch::autograd::grad({at::cross_entropy_loss(pass(c).logits, c.targets)}, weights, {}, true, true);
  at::Tensor product = at::zeros({});
  for (std::size_t i = 0; i < weights.size(); ++i) product = product + (first[i] * second[i]).sum();
  c.network.zero_grad();
  product.backward();
  double sum = 0;
  for (const auto& weight : weights) sum -= (weight.detach() * weight.grad()).sum(at::kDouble).item<double>();
  return sum;
}

double zico(PlainCase& c) {
  const auto inputs = c.inputs.chunk(2), targets = c.targets.chunk(2);
  std::vector<std::vector<at::Tensor>> found;
  for (std::size_t half = 0; half < 2; ++half) {
    c.network.zero_grad();
    at::cross_entropy_loss(c.network.forward(inputs[half]).logits, targets[half]).backward();
    found.emplace_back();
    for (const auto& weight : weights_of(c.network)) found.back().push_back(weight.grad().clone());
  }
  double sum = 0;
  for (std::size_t i = 0; i < found[0].size(); ++i) {
    const at::Tensor both = at::stack({found[0][i], found[1][i]}).to(at::kDouble), deviation = both.std(0, false), size = both.abs().mean(0);
    const double ratio = at::where(deviation > 0, size / deviation, at::zeros_like(size)).sum().item<double>();
    if (ratio > 0) sum += std::log(ratio);
  }
  return sum;
}

double flow(PlainCase& c, bool norms) {
  std::vector<at::Tensor> before;
  c.network.to(at::kDouble);
  {
    const at::NoGradGuard no_grad;
    for (auto& parameter : c.network.parameters()) before.push_back(parameter.clone()), parameter.abs_();
    for (auto& buffer : c.network.buffers()) before.push_back(buffer.clone()), buffer.abs_();
  }
  c.network.bypass_norms(!norms);
  c.network.zero_grad();
  c.network.forward(at::ones({1, c.inputs.size(1), c.inputs.size(2), c.inputs.size(3)}, at::kDouble)).logits.sum().backward();
  double sum = 0;
  for (const auto& weight : weights_of(c.network)) sum += (weight.detach() * weight.grad()).abs().sum().item<double>();
  c.network.bypass_norms(false);
  const at::NoGradGuard no_grad;
  std::size_t next = 0;
  for (auto& parameter : c.network.parameters()) parameter.copy_(before[next++]);
  for (auto& buffer : c.network.buffers()) buffer.copy_(before[next++]);
  c.network.zero_grad();
  c.network.to(at::kFloat);
  return sum;
}

double synflow(PlainCase& c) { return flow(c, false); }
double synflow_bn(PlainCase& c) { return flow(c, true); }

double naswot(PlainCase& c) {
  const at::NoGradGuard no_grad;
  at::Tensor kernel = at::zeros({c.inputs.size(0), c.inputs.size(0)});
  for (const auto& value : pass(c).activated) {
    const at::Tensor on = (value.flatten(1) > 0).to(at::kFloat), off = 1 - on;
    kernel = kernel + at::mm(on, on.t()) + at::mm(off, off.t());
  }
  return std::get<1>(at::slogdet(kernel.to(at::kDouble))).item<double>();
}

double linear_regions(PlainCase& c) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> flat;
  for (const auto& value : pass(c).activated) flat.push_back((value.flatten(1) > 0).to(at::kFloat));
  const at::Tensor on = at::cat(flat, 1), differ = at::mm(on, (1 - on).t()), apart = (differ + differ.t()) > 0;
  return (1.0 / apart.logical_not().to(at::kDouble).sum(1)).sum().item<double>();
}

double zen(PlainCase& c) {
  const at::NoGradGuard no_grad;
  const at::Tensor calm = pass(c).features, disturbed = c.network.forward(c.inputs + 0.01 * c.noise).features;
  double score = std::log((calm - disturbed).to(at::kDouble).abs().flatten(1).sum(1).mean().item<double>());
  for (const auto& buffer : c.network.named_buffers())
    if (buffer.key().ends_with("running_var")) score += 0.5 * std::log(buffer.value().mean(at::kDouble).item<double>());
  return score;
}

at::Tensor correlations(const at::Tensor& rows) { return rows.size(0) == 1 ? at::ones({1, 1}, rows.options()) : at::corrcoef(rows); }

double meco(PlainCase& c) {
  const at::NoGradGuard no_grad;
  double sum = 0;
  for (const auto& map : c.network.forward(c.inputs.slice(0, 0, 1)).maps) {
    const at::Tensor rows = map[0].flatten(1).to(at::kDouble);
    if (rows.size(1) > 1) sum += at::linalg_eigvalsh(at::nan_to_num(correlations(rows))).min().item<double>();
  }
  return sum;
}

double jacob_cov(PlainCase& c) {
  const at::Tensor values = at::linalg_eigvalsh(correlations(jacobian(c))) + 1e-5;
  return -(values.log() + values.reciprocal()).sum().item<double>();
}

double epe_nas(PlainCase& c) {
  const at::Tensor rows = jacobian(c);
  double sum = 0;
  for (Int label = 0; label < 10; ++label) {
    const at::Tensor own = rows.index({c.targets == label});
    if (own.size(0) > 0) sum += std::abs((correlations(own).abs() + 1e-5).log().sum().item<double>());
  }
  return sum;
}

double ntk_cond(PlainCase& c) {
  const at::Tensor logits = pass(c).logits;
  std::vector<at::Tensor> rows;
  for (Int n = 0; n < logits.size(0); ++n) {
    c.network.zero_grad();
    logits[n].backward(at::ones_like(logits[n]), true);
    std::vector<at::Tensor> own;
    for (const auto& parameter : c.network.named_parameters())
      if (parameter.key().ends_with("weight")) own.push_back(parameter.value().grad().flatten());
    rows.push_back(at::cat(own));
  }
  const at::Tensor all = at::stack(rows).to(at::kDouble), values = at::linalg_eigvalsh(at::mm(all, all.t()));
  return values.max().item<double>() / values.min().item<double>();
}

std::vector<double> entropies(const Trace& trace) {
  std::vector<double> found;
  for (const auto& block : trace.blocks) {
    const at::Tensor rows = block.detach().permute({0, 2, 3, 1}).reshape({-1, block.size(1)}).to(at::kDouble), centred = rows - rows.mean(0, true);
    const at::Tensor variances = at::linalg_eigvalsh(at::mm(centred.t(), centred) / rows.size(0)), shares = (variances / variances.sum()).clamp_min(0);
    found.push_back(-(shares * (shares + 1e-8).log()).sum().item<double>());
  }
  return found;
}

double expressivity(PlainCase& c) {
  double sum = 0;
  for (const double entropy : entropies(pass(c))) sum += entropy;
  return sum;
}

double progressivity(PlainCase& c) {
  const auto found = entropies(pass(c));
  double least = found[1] - found[0];
  for (std::size_t i = 2; i < found.size(); ++i) least = std::min(least, found[i] - found[i - 1]);
  return least;
}

double trainability(PlainCase& c) {
  const Trace trace = pass(c);
  double sum = 0;
  for (std::size_t i = 1; i < trace.blocks.size(); ++i) {
    const at::Tensor& after = trace.blocks[i];
    const at::Tensor out = at::randint(0, 2, after.sizes(), after.options()) * 2 - 1;
    at::Tensor in = torch::autograd::grad({after}, {trace.blocks[i - 1]}, {out}, true)[0];
    if (in.size(2) != out.size(2)) in = at::pixel_unshuffle(in, in.size(2) / out.size(2));
    const auto rows = [](const at::Tensor& maps) { return maps.permute({0, 2, 3, 1}).reshape({-1, maps.size(1)}); };
    const double most = at::linalg_svdvals(at::mm(rows(in).t(), rows(out)) / (out.size(0) * out.size(2) * out.size(3))).max().item<double>();
    sum += -most - 1 / (most + 1e-6) + 2;
  }
  return sum / static_cast<double>(trace.blocks.size() - 1);
}

}  // namespace

PlainNasbench201::PlainNasbench201(const std::array<std::string, 6>& cell, Int channels, Int cells, Int classes)
    : cell_(cell), cells_(cells), channels_(channels) {
  add(3, channels, 3, 1, true);
  for (int stage = 0; stage < 3; ++stage) {
    const Int c = channels << stage;
    if (stage > 0) {
      add(c / 2, c, 3, 2, true);
      add(c, c, 3, 1, true);
      add(c / 2, c, 1, 1, false);
    }
    for (Int i = 0; i < cells; ++i)
      for (const auto& op : cell)
        if (op.starts_with("nor_conv")) add(c, c, op == "nor_conv_3x3" ? 3 : 1, 1, true);
  }
  last_norm_ = register_module("last", BatchNorm2d(channels * 4));
  classifier_ = register_module("classifier", torch::nn::Linear(channels * 4, classes));
}

void PlainNasbench201::add(Int in, Int out, Int kernel, Int stride, bool with_norm) {
  const std::string number = std::to_string(convolutions_.size());
  convolutions_.push_back(register_module("conv" + number, Conv2d(Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false))));
  norms_.push_back(with_norm ? register_module("bn" + number, BatchNorm2d(out)) : BatchNorm2d(nullptr));
}

at::Tensor PlainNasbench201::kept(const at::Tensor& map) {
  trace_.maps.push_back(map);
  return map;
}

at::Tensor PlainNasbench201::convolution(const Conv2d& layer, const at::Tensor& x) {
  trace_.layers.push_back(Conv2d(layer)->forward(x));
  return kept(trace_.layers.back());
}

at::Tensor PlainNasbench201::norm(const BatchNorm2d& layer, const at::Tensor& x) { return bypass_ ? x : kept(BatchNorm2d(layer)->forward(x)); }

at::Tensor PlainNasbench201::relu(const at::Tensor& x) {
  trace_.activated.push_back(x);
  return kept(at::relu(x));
}

at::Tensor PlainNasbench201::edge(int index, std::size_t& layer, const at::Tensor& x) {
  const std::string& op = cell_[static_cast<std::size_t>(index)];
  if (op == "none") return x * 0;
  if (op == "skip_connect") return kept(x);
  if (op == "avg_pool_3x3") return kept(at::avg_pool2d(x, 3, 1, 1, false, false));
  const std::size_t i = layer++;
  return norm(norms_[i], convolution(convolutions_[i], relu(x)));
}

at::Tensor PlainNasbench201::cell(std::size_t& layer, const at::Tensor& x) {
  std::vector<at::Tensor> nodes{x};
  int index = 0;
  for (int to = 1; to <= 3; ++to) {
    at::Tensor sum;
    for (int from = 0; from < to; ++from) {
      const at::Tensor value = edge(index++, layer, nodes[static_cast<std::size_t>(from)]);
      sum = sum.defined() ? sum + value : value;
    }
    nodes.push_back(sum);
  }
  return nodes.back();
}

at::Tensor PlainNasbench201::reduction(std::size_t& layer, const at::Tensor& x) {
  at::Tensor deep = x;
  for (int i = 0; i < 2; ++i, ++layer) deep = norm(norms_[layer], convolution(convolutions_[layer], relu(deep)));
  const at::Tensor shallow = convolution(convolutions_[layer++], kept(at::avg_pool2d(x, 2, 2)));
  return shallow + deep;
}

Trace PlainNasbench201::forward(const at::Tensor& input) {
  trace_ = {};
  std::size_t layer = 1;
  at::Tensor x = norm(norms_[0], convolution(convolutions_[0], input));
  trace_.blocks.push_back(x);
  for (int stage = 0; stage < 3; ++stage) {
    if (stage > 0) trace_.blocks.push_back(x = reduction(layer, x));
    for (Int i = 0; i < cells_; ++i) trace_.blocks.push_back(x = cell(layer, x));
  }
  trace_.features = relu(norm(last_norm_, x));
  trace_.logits = classifier_(trace_.features.mean({2, 3}));
  trace_.layers.push_back(trace_.logits);
  return std::exchange(trace_, {});
}

const std::vector<PlainScore>& plain_scores() {
  static const std::vector<PlainScore> list{
      {"params", parameters_of}, {"macs", macs_of},         {"grad_norm", grad_norm}, {"synflow", synflow},
      {"naswot", naswot},        {"jacob_cov", jacob_cov},  {"snip", snip},           {"grasp", grasp},
      {"fisher", fisher},        {"plain", plain},          {"l2_norm", l2_norm},     {"synflow_bn", synflow_bn},
      {"epe_nas", epe_nas},      {"linear_regions", linear_regions}, {"ntk_cond", ntk_cond}, {"zico", zico},
      {"zen", zen},              {"expressivity", expressivity}, {"progressivity", progressivity}, {"trainability", trainability},
      {"meco", meco}};
  return list;
}

}  // namespace netwright::bench
