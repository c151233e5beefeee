#include "netwright/proxy/curvature.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "netwright/kernels/gemm.hpp"
#include "netwright/kernels/norm.hpp"
#include "netwright/kernels/sums.hpp"
#include "netwright/nn/fused.hpp"
#include "netwright/nn/operations.hpp"
#include "netwright/proxy/blocks.hpp"

namespace netwright {
namespace {

using Inputs = std::span<const at::Tensor>;

// What a rule reads of one node: its inputs, four batches each, and its tensors.
struct Rule {
  const Node& node;
  Inputs x;
  std::vector<at::Tensor> tensors;
  at::Tensor direction;                    // V of the node's weight
};

enum Part { value, by_s, by_t, by_both };

at::Tensor part(const at::Tensor& x, int which) { return x.narrow(0, which * (x.size(0) / 4), x.size(0) / 4); }

void put_product(const at::Tensor& a, const at::Tensor& b, at::Tensor to) { at::mul_out(to, a, b); }

// Convolutions and linear layers.
at::Tensor weighted(const Rule& c) {
  Node plain = c.node;
  plain.attributes["bias"] = std::int64_t{0};
  const Kernel run = lowered_kernel(plain);
  const at::Tensor first = c.x[0].narrow(0, 0, c.x[0].size(0) / 2);
  at::Tensor y = run(std::array{c.x[0]}, std::array{c.tensors[0]}, {});
  const at::Tensor moved = run(std::array{first}, std::array{c.direction}, {});
  const std::int64_t batch = first.size(0) / 2;
  part(y, by_both).add_(part(y, by_t)).add_(moved.narrow(0, batch, batch));
  part(y, by_t).add_(moved.narrow(0, 0, batch));
  part(y, by_s).add_(part(y, value));
  if (c.tensors.size() > 1) {
    std::vector<std::int64_t> channels(static_cast<std::size_t>(y.dim()), 1);
    channels[y.dim() == 4 ? 1 : channels.size() - 1] = -1;
    part(y, value).add_(c.tensors[1].reshape(channels));
  }
  return y;
}

// What a norm makes of each part: y_p = sum_q factors[p][q] x_q + constant[p], double, one number a channel.
struct NormFactors {
  std::array<std::array<at::Tensor, 4>, 4> factors;
  std::array<at::Tensor, 4> constants;
};

// Of the parts' means and of the means of products c_p c_q, c = x - mean: of the value with each, and of `by_s` with `by_t`.
NormFactors norm_factors(const Rule& c, const std::array<at::Tensor, 4>& means, const std::array<at::Tensor, 4>& with_value, const at::Tensor& across) {
  const at::Tensor r = (with_value[value] + number(c.node, "epsilon")).rsqrt(), cubed = r * r * r;
  const at::Tensor &s = with_value[by_s], &t = with_value[by_t], both = across + with_value[by_both];
  const bool affine = c.tensors.size() == 4;
  const auto weighed = [&](const at::Tensor& f) { return affine ? f * c.tensors[0] : f; };
  const at::Tensor f = weighed(r), f_s = weighed(-cubed * s), f_t = weighed(-cubed * t), f_both = weighed(3 * cubed * r * r * s * t - cubed * both);
  NormFactors made;
  for (int p = 0; p < 4; ++p) made.factors[p][p] = f;
  made.factors[by_s][value] = f_s, made.factors[by_t][value] = f_t;
  made.factors[by_both][by_t] = f_s, made.factors[by_both][by_s] = f_t, made.factors[by_both][value] = f_both;
  for (int p = 0; p < 4; ++p) {
    made.constants[p] = p == value && affine ? c.tensors[1].to(at::kDouble) : at::zeros_like(f);
    for (int q = 0; q < 4; ++q)
      if (made.factors[p][q].defined()) made.constants[p] = made.constants[p] - made.factors[p][q] * means[q];
  }
  return made;
}

// By the kernels: each part is read four times and written once, and nothing between.
at::Tensor fused_norm(const Rule& c, const at::Tensor& x) {
  const std::int64_t channels = x.size(1), pixels = x.numel() / channels / 4;
  const auto size = static_cast<std::size_t>(padded_channels(static_cast<int>(channels)));
  const auto at = [&](const at::Tensor& of, int p) { return of.const_data_ptr<float>() + p * pixels * channels; };
  const auto padded = [&](const at::Tensor& numbers) {
    std::vector<float> list(size);
    const at::Tensor plain = numbers.to(at::kFloat).contiguous();
    std::copy_n(plain.const_data_ptr<float>(), channels, list.begin());
    return list;
  };
  const auto averaged = [&](const std::vector<double>& sums) { return at::tensor(at::ArrayRef<double>(sums.data(), static_cast<std::size_t>(channels))) / static_cast<double>(pixels); };
  std::array<at::Tensor, 4> means, with_value;
  std::array<std::vector<float>, 4> near;      // the means as the kernels read them
  for (int p = 0; p < 4; ++p) means[p] = at::tensor(batch_moments(part(x, p)).mean), near[p] = padded(means[p]);
  std::array<std::vector<double>, 5> products;
  products.fill(std::vector<double>(size));
  std::vector<double> sum(size);
  std::vector<Factor> factors;
  for (int p = 0; p < 4; ++p) factors.push_back({at(x, p), near[p].data(), products[p].data()});
  sum_products({at(x, value), channels}, factors, pixels, static_cast<int>(channels), sum.data());
  sum_products({at(x, by_s), channels}, {{at(x, by_t), near[by_t].data(), products[4].data()}}, pixels, static_cast<int>(channels), sum.data());
  for (int p = 0; p < 4; ++p) with_value[p] = averaged(products[p]);
  const NormFactors by = norm_factors(c, means, with_value, averaged(products[4]));
  at::Tensor y = at::empty_like(x);
  for (int p = 0; p < 4; ++p) {
    std::vector<const float*> values, lists;
    std::vector<std::vector<float>> kept;
    for (int q = 0; q < 4; ++q)
      if (by.factors[p][q].defined()) kept.push_back(padded(by.factors[p][q])), values.push_back(at(x, q));
    for (const auto& list : kept) lists.push_back(list.data());
    sum_values(values, lists, padded(by.constants[p]).data(), pixels, static_cast<int>(channels), part(y, p).mutable_data_ptr<float>(), channels);
  }
  return y;
}

at::Tensor batch_norm(const Rule& c) {
  const at::Tensor& x = c.x[0];
  if (x.dim() == 4 && x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous(at::MemoryFormat::ChannelsLast)) return fused_norm(c, x);
  std::vector<std::int64_t> over{0}, channels(static_cast<std::size_t>(x.dim()), 1);
  for (std::int64_t d = 2; d < x.dim(); ++d) over.push_back(d);
  channels[1] = -1;
  std::array<at::Tensor, 4> means, centred, with_value;
  for (int p = 0; p < 4; ++p) means[p] = part(x, p).mean(over).to(at::kDouble), centred[p] = at::sub(part(x, p), means[p].to(x.scalar_type()).reshape(channels));
  const auto product = [&](int a, int b) { return (centred[a] * centred[b]).mean(over).to(at::kDouble); };
  for (int p = 0; p < 4; ++p) with_value[p] = product(value, p);
  const NormFactors by = norm_factors(c, means, with_value, product(by_s, by_t));
  at::Tensor y = at::empty_like(x);
  for (int p = 0; p < 4; ++p) {
    at::Tensor to = part(y, p);
    to.copy_(by.constants[p].to(x.scalar_type()).reshape(channels).expand_as(to));
    for (int q = 0; q < 4; ++q)
      if (by.factors[p][q].defined()) to.addcmul_(part(x, q), by.factors[p][q].to(x.scalar_type()).reshape(channels));
  }
  return y;
}

// A linear function of each sample.
at::Tensor linear(const Rule& c) { return lowered_kernel(c.node)(c.x, {}, {}); }

at::Tensor multiplied(const Rule& c) {
  const at::Tensor &a = c.x[0], &b = c.x[1];
  std::array<at::Tensor, 4> parts{part(a, value) * part(b, value)};
  for (const Part p : {by_s, by_t, by_both}) parts[p] = part(a, p) * part(b, value) + part(a, value) * part(b, p);
  parts[by_both] = parts[by_both] + part(a, by_s) * part(b, by_t) + part(a, by_t) * part(b, by_s);
  return at::cat(at::TensorList(parts), 0);
}

at::Tensor rectified(const Rule& c) {
  const at::Tensor on = (part(c.x[0], value) > 0).to(c.x[0].scalar_type());
  at::Tensor y = at::empty_like(c.x[0]);
  for (int p = 0; p < 4; ++p) put_product(part(c.x[0], p), on, part(y, p));
  return y;
}

// A function of each element, its derivatives by autograd; `bends`: its pieces are linear, which autograd cannot always differentiate twice.
at::Tensor of_elements(const Rule& c, bool bends) {
  const at::AutoGradMode with_gradients(true);
  const at::Tensor x = part(c.x[0], value).detach().clone().set_requires_grad(true), y = make_kernel(c.node)(std::array{x}, {}, {});
  const at::Tensor first = torch::autograd::grad({y.sum()}, {x}, {}, !bends, !bends)[0];
  const at::Tensor second = bends ? at::Tensor() : torch::autograd::grad({first.sum()}, {x})[0];
  const at::NoGradGuard no_grad;
  std::array<at::Tensor, 4> parts{y.detach()};
  for (const Part p : {by_s, by_t, by_both}) parts[p] = first.detach() * part(c.x[0], p);
  if (second.defined()) parts[by_both] += second * part(c.x[0], by_s) * part(c.x[0], by_t);
  return at::cat(at::TensorList(parts), 0);
}

at::Tensor smooth(const Rule& c) { return of_elements(c, false); }
at::Tensor bent(const Rule& c) { return of_elements(c, true); }

// The pixels that were the largest are those that move.
at::Tensor max_pool(const Rule& c) {
  const at::Tensor x = part(c.x[0], value).contiguous();
  const std::int64_t fixed = integer(c.node, "padding"), dilation = integer(c.node, "dilation");
  std::array<std::int64_t, 2> kernel{}, stride{}, padding{};
  for (const std::size_t i : {0u, 1u}) {
    const auto along = [&](const char* name) {
      const std::int64_t width = i == 0 ? 0 : integer(c.node, std::string(name) + "_w");
      return width > 0 ? width : integer(c.node, name);
    };
    kernel[i] = along("kernel"), stride[i] = along("stride"), padding[i] = fixed >= 0 ? fixed : dilation * (kernel[i] - 1) / 2;
  }
  const auto [largest, places] = at::max_pool2d_with_indices(x, kernel, stride, padding, dilation);
  std::array<at::Tensor, 4> parts{largest};
  for (const Part p : {by_s, by_t, by_both}) parts[p] = part(c.x[0], p).flatten(2).gather(2, places.flatten(2)).reshape(largest.sizes());
  return at::cat(at::TensorList(parts), 0).contiguous(c.x[0].suggest_memory_format());
}

struct Entry {
  std::string_view op;
  at::Tensor (*rule)(const Rule&);
};

const Entry entries[] = {
    {"conv", weighted},     {"linear", weighted},    {"batch_norm", batch_norm}, {"relu", rectified},     {"relu6", bent},       {"hard_sigmoid", bent},
    {"hard_swish", smooth}, {"silu", smooth},        {"gelu", smooth},           {"sigmoid", smooth},     {"tanh", smooth},      {"max_pool", max_pool},
    {"avg_pool", linear},   {"global_pool", linear}, {"add", linear},            {"multiply", multiplied}, {"concat", linear},   {"zero", linear},
    {"identity", linear},   {"shift", linear},       {"pad", linear},            {"channel_shuffle", linear}, {"slice", linear}, {"scale", linear},
    {"resize", linear},     {"dropout", linear},     {"drop_path", linear},      {"flatten", linear},
};

// None for an operation of sequences, and where something is drawn.
const Entry* entry_of(const Node& node) {
  if (node.attributes.contains("rate") && number(node, "rate") != 0) return nullptr;
  for (const Entry& entry : entries)
    if (entry.op == node.op) return &entry;
  return nullptr;
}

// The first needed node that computes the same: ReLUs and poolings of one value are run once.
std::vector<std::size_t> first_alike(const Graph& graph, const std::vector<bool>& needed) {
  std::vector<std::size_t> found(graph.nodes.size());
  for (std::size_t i = 1; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const auto alike = [&](const Node& other) { return other.op == node.op && other.inputs == node.inputs && other.attributes == node.attributes; };
    found[i] = i;
    for (std::size_t k = 1; k < i && found[i] == i && is_pure(node.op); ++k)
      if (needed[k] && alike(graph.nodes[k])) found[i] = k;
  }
  return found;
}

// d2 of the mean cross-entropy, in double: over samples, (p - target) z_st + z_s (diag p - p p) z_t.
double loss_curvature(const at::Tensor& logits, const at::Tensor& targets) {
  const at::Tensor z = logits.to(at::kDouble), p = at::softmax(part(z, value), 1), one = at::one_hot(targets, z.size(1)).to(at::kDouble);
  const at::Tensor z_s = part(z, by_s), z_t = part(z, by_t);
  const at::Tensor along = ((p - one) * part(z, by_both)).sum(1), across = (p * z_s * z_t).sum(1) - (p * z_s).sum(1) * (p * z_t).sum(1);
  return (along + across).mean().item<double>();
}

using Tensors = std::unordered_map<std::string, std::vector<at::Tensor>>;

Tensors tensors_by_node(const Network& network) {
  Tensors found;
  for (const NamedTensor& named : network.tensors()) found[named.name.substr(0, named.name.rfind('.'))].push_back(named.tensor.detach());
  return found;
}

at::Tensor logits(Passes& passes, const std::vector<at::Tensor>& direction, const std::vector<bool>& needed) {
  const Graph& graph = passes.network().graph();
  const Tensors tensors = tensors_by_node(passes.network());
  const std::vector<std::size_t> alike = first_alike(graph, needed);
  const auto source = [&](int input) { return alike[static_cast<std::size_t>(input)]; };
  std::vector<at::Tensor> values(graph.nodes.size()), directions(graph.nodes.size());
  for (std::size_t i = 0; i < direction.size(); ++i) directions[passes.layers()[i].node] = direction[i];
  std::vector<std::size_t> last(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    for (const int input : graph.nodes[i].inputs) last[source(input)] = needed[i] ? i : last[source(input)];
  const at::Tensor x = prepared_input(graph, passes.given().inputs, passes.network().place()), still = at::zeros_like(x);
  values[0] = at::cat({x, still, still, still}, 0);
  for (std::size_t i = 1; i < graph.nodes.size(); ++i) {
    if (!needed[i] || alike[i] != i) continue;
    const Node& node = graph.nodes[i];
    std::vector<at::Tensor> inputs;
    for (const int input : node.inputs) inputs.push_back(values[source(input)]);
    const auto own = tensors.find(node.name);
    values[i] = entry_of(node)->rule({node, inputs, own == tensors.end() ? std::vector<at::Tensor>() : own->second, directions[i]});
    for (const int input : node.inputs)
      if (last[source(input)] == i) values[source(input)] = at::Tensor();
  }
  return values[source(graph.outputs.at(0))];
}

}  // namespace

std::optional<double> curvature_forward(Passes& passes, const std::vector<at::Tensor>& direction) {
  const at::NoGradGuard no_grad;
  const Graph& graph = passes.network().graph();
  const auto needed = needed_nodes(graph);
  for (std::size_t i = 1; i < graph.nodes.size(); ++i)
    if (needed[i] && entry_of(graph.nodes[i]) == nullptr) return std::nullopt;
  return loss_curvature(logits(passes, direction, needed), passes.given().targets);
}

double curvature_along_gradient(Passes& passes) {
  const auto gradients = passes.curved_gradients();
  std::vector<at::Tensor> weights;
  for (const WeightLayer& layer : passes.layers()) weights.push_back(layer.weight);
  at::Tensor product;
  for (const at::Tensor& gradient : gradients) {
    const at::Tensor term = (gradient.detach() * gradient).sum();
    product = product.defined() ? product + term : term;
  }
  if (!product.defined() || !product.requires_grad()) return 0;
  const auto curved = torch::autograd::grad({product}, weights, {}, true, false, /*allow_unused=*/true);
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (curved[i].defined()) sum += (weights[i].detach().to(at::kDouble) * curved[i].to(at::kDouble)).sum().item<double>();
  return sum;
}

}  // namespace netwright
