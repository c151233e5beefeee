#include "netwright/supernet/narrow.hpp"

#include <ATen/ATen.h>
#include <ATen/TracerMode.h>

#include <algorithm>
#include <set>
#include <utility>

#include "netwright/graph/operation.hpp"
#include "netwright/kernels/convolve.hpp"
#include "netwright/nn/fused.hpp"

namespace netwright {
namespace {

const Node& node_at(const Graph& graph, int i) { return graph.nodes[static_cast<std::size_t>(i)]; }

const Open* open_width(const Node& node) {
  const auto found = node.attributes.find("channels");
  return found == node.attributes.end() ? nullptr : std::get_if<Open>(&found->second);
}

bool is_square(const Node& node) { return node.op != "conv" || (integer(node, "kernel_w") <= 0 && integer(node, "stride_w") <= 0); }

bool mixes_channels(const Node& node) { return node.op == "conv" && integer(node, "groups") == 1 && node.shape.size() == 3 && is_square(node); }

// Whether the node can run on first channels and hands them on.
bool runs_narrow(const Graph& graph, const Node& node) {
  const Shape& input = node_at(graph, node.inputs[0]).shape;
  if (is_structure(node) || node.shape.size() != 3 || !keeps_channels(node, input) || !is_square(node)) return false;
  const bool plain = node.op == "batch_norm" || (node.op == "conv" && open_width(node) == nullptr);
  return plain || (operation(node.op).parameters == nullptr && open_attributes(node).empty());
}

bool depthwise(const Node& node, const Shape& input) { return node.op == "conv" && (integer(node, "groups") == 0 || integer(node, "groups") == input[0]); }

bool has_pattern(const LoweringCase& c, std::string_view name) {
  return std::any_of(c.patterns.begin(), c.patterns.end(), [&](const Pattern& p) { return p.name == name; });
}

at::Tensor first(const at::Tensor& tensor, std::int64_t dimension, std::int64_t count) {
  return tensor.size(dimension) == count ? tensor : tensor.narrow(dimension, 0, count);
}

// The one node that reads this one; nothing where several do, or none.
std::optional<std::size_t> only_reader(const Graph& graph, std::size_t node) {
  std::vector<std::size_t> readers(static_cast<std::size_t>(std::count(graph.outputs.begin(), graph.outputs.end(), static_cast<int>(node))), graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    for (const int input : graph.nodes[i].inputs)
      if (input == static_cast<int>(node)) readers.push_back(i);
  return readers.size() == 1 && readers[0] < graph.nodes.size() ? std::optional(readers[0]) : std::nullopt;
}

// The convolution that a batch norm is left to, behind a ReLU or without: one that reads nothing else and may run narrow.
std::optional<std::size_t> left_to(const Graph& graph, std::size_t norm) {
  if (graph.nodes[norm].op != "batch_norm" || narrow_widths(graph)[norm].empty()) return std::nullopt;
  auto reader = only_reader(graph, norm);
  if (reader && graph.nodes[*reader].op == "relu") reader = only_reader(graph, *reader);
  if (!reader || graph.nodes[*reader].op != "conv" || graph.nodes[*reader].shape.size() != 3 || !is_square(graph.nodes[*reader])) return std::nullopt;
  const auto bias = graph.nodes[*reader].attributes.find("bias");
  return bias == graph.nodes[*reader].attributes.end() || integer(graph.nodes[*reader], "bias") == 0 ? reader : std::nullopt;
}

}  // namespace

bool is_structure(const Node& node) { return node.op == "choice" || node.op == "select" || node.op == "input"; }

Node largest(const Node& node) {
  Node fixed = node;
  for (const auto& [name, open] : open_attributes(node)) fixed.attributes[name] = *std::max_element(open.values.begin(), open.values.end());
  return fixed;
}

at::Tensor apply_mask(const at::Tensor& value, const at::Tensor& mask) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(value.dim()), 1);
  shape[1] = mask.numel();
  return value * mask.view(shape);
}

bool keeps_channels(const Node& node, const Shape& input) {
  if (node.op == "conv") return depthwise(node, input) && node.shape[0] == input[0];
  return node.op != "linear" && node.op != "flatten" && node.op != "channel_shuffle" && node.op != "concat" && node.op != "slice" && node.shape[0] == input[0];
}

std::optional<std::size_t> sampled_pick(const MixtureEntry& entry) {
  if (entry.weights.requires_grad()) return std::nullopt;
  const auto found = std::find(entry.values.begin(), entry.values.end(), 1.0);
  const auto others = std::count_if(entry.values.begin(), entry.values.end(), [](double v) { return v != 0.0; });
  if (found == entry.values.end() || others != 1) return std::nullopt;
  return static_cast<std::size_t>(found - entry.values.begin());
}

std::vector<std::string> narrow_widths(const Graph& graph) {
  std::vector<std::string> follows(graph.nodes.size());
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return open_width(n) != nullptr; })) return follows;
  std::set<std::string> not_narrow;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    std::set<std::string> read;
    for (const int input : node.inputs) read.insert(follows[static_cast<std::size_t>(input)]);
    const Open* open = open_width(node);
    const bool hands_on = open == nullptr && !node.inputs.empty() && runs_narrow(graph, node), ends = mixes_channels(node);
    if (open != nullptr && ends) follows[i] = open->decision;
    else if (open != nullptr) not_narrow.insert(open->decision);
    else if (hands_on && read.size() == 1) follows[i] = *read.begin();
    if (!ends && (!hands_on || read.size() != 1)) not_narrow.insert(read.begin(), read.end());
  }
  for (const int output : graph.outputs) not_narrow.insert(follows[static_cast<std::size_t>(output)]);
  for (auto& decision : follows)
    if (not_narrow.contains(decision)) decision.clear();
  return follows;
}

NarrowRun::NarrowRun(const LoweringCase& c)
    : node_(largest(c.at())), input_(node_at(c.graph, c.at().inputs[0]).shape), at_(static_cast<std::size_t>(c.node)),
      read_(static_cast<std::size_t>(c.at().inputs[0])), convolves_(has_pattern(c, "convolve")), normalises_(has_pattern(c, "normalise")) {
  counts_ = normalises_ && std::any_of(c.graph.nodes.begin(), c.graph.nodes.end(),
                                       [&](const Node& n) { return n.op == "batch_norm" && n.inputs == std::vector<int>{c.node}; });
  read_once_ = only_reader(c.graph, at_).has_value();
  leaves_ = normalises_ && convolves_ && left_to(c.graph, at_).has_value();
  norm_ = read_;
  if (c.graph.nodes[read_].op == "relu") norm_ = static_cast<std::size_t>(c.graph.nodes[read_].inputs[0]), rectifies_ = true;
  if (!convolves_ || !normalises_ || left_to(c.graph, norm_) != at_) norm_ = at_;
}

const at::Tensor& NarrowRun::input(const Frame& frame) const {
  return norm_ == at_ || frame.open[norm_].terms.empty() ? frame.values[read_] : frame.open[norm_].terms[0].value;
}

at::Tensor NarrowRun::settled_input(Frame& frame) const {
  if (norm_ == at_ || frame.open[norm_].terms.empty()) return frame.values[read_];
  const at::Tensor value = closed(std::exchange(frame.open[norm_], {}));
  return rectifies_ ? at::relu(value) : value;
}

at::Tensor NarrowRun::convolution(Frame& frame, const at::Tensor& read, const at::Tensor& given, const at::Tensor& bias) const {
  at::Tensor x = read;
  const bool windows = keeps_channels(node_, input_);
  const at::Tensor weight = first(given, windows ? 0 : 1, x.size(1));
  const std::int64_t kernel = weight.size(-1), dilation = integer(node_, "dilation"), stride = integer(node_, "stride");
  const std::int64_t smaller = (integer(node_, "kernel") - kernel) / 2, same = dilation * (kernel - 1) / 2;
  const std::int64_t padding = integer(node_, "padding") < 0 ? same : integer(node_, "padding") - dilation * smaller;
  if (convolves_ && padding == same && !bias.defined() && !at::tracer::impl::is_dispatch_enabled()) {
    Convolve what{.stride = stride, .dilation = dilation, .wants_moments = counts_ && frame.mode.training && !frame.mode.bypass_batch_norm};
    if (windows) what.depthwise = weight;
    else if (kernel == 1) what.pointwise = weight;
    what.read_once = read_once_;
    if ((windows || kernel == 1) && convolve_fits(x, what)) {
      if (norm_ != at_ && !frame.open[norm_].terms.empty()) {
        const Term term = std::exchange(frame.open[norm_], {}).terms[0];
        what.norm = term.norm, what.input_moments = term.moments, what.rectify = rectifies_;
      }
      Convolved made = convolve(x, what);
      frame.moments[at_] = made.moments;
      return made.value;
    }
  }
  if (norm_ != at_) x = settled_input(frame);
  const at::Tensor shift = bias.defined() ? first(bias, 0, weight.size(0)) : at::Tensor();
  return netwright::convolution(x, weight, shift, {stride, stride}, {padding, padding}, {dilation, dilation}, windows ? x.size(1) : 1);
}

at::Tensor NarrowRun::norm(Frame& frame, const at::Tensor& x, const std::vector<at::Tensor>& own) const {
  if (frame.mode.bypass_batch_norm) return x;
  std::vector<at::Tensor> some;
  for (const at::Tensor& tensor : own) some.push_back(first(tensor, 0, x.size(1)));
  Norm norm = norm_of(node_, some, frame.mode);
  Term term(x);
  if (!normalises_ || at::tracer::impl::is_dispatch_enabled() || !normalised_sum_fits({}, {term}))
    return at::batch_norm(x, norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.batch_statistics, norm.momentum, norm.epsilon, true);
  term.norm = std::move(norm);
  term.moments = frame.moments[read_];
  if (leaves_ && !frame.masks[read_].defined()) {
    frame.open[at_].terms = {std::move(term)};
    return {};
  }
  return normalised_sum({}, {term});
}

Pattern narrow_pattern() {
  return {"narrow", [](const LoweringCase& c) -> std::optional<Lowered> {
            const Node& node = c.at();
            if (node.op != "conv" && node.op != "batch_norm") return std::nullopt;
            if (is_open(node) || node.inputs.empty() || narrow_widths(c.graph)[static_cast<std::size_t>(node.inputs[0])].empty()) return std::nullopt;
            const auto places = c.register_parameters(node);
            const bool mixes = mixes_channels(node), shifts = node.op == "batch_norm" || integer(node, "bias") != 0;
            return Lowered{[=, run = NarrowRun(c), tensors = &c.tensors, at = static_cast<std::size_t>(c.node)](Frame& frame) {
              const at::Tensor x = run.input(frame);
              std::vector<at::Tensor> own;
              for (const auto place : places) own.push_back((*tensors)[place].tensor);
              if (node.op == "batch_norm") frame.values[at] = run.norm(frame, x, own);
              else frame.values[at] = run.convolution(frame, x, own[0], own.size() > 1 ? own[1] : at::Tensor());
              const at::Tensor& mask = frame.masks[static_cast<std::size_t>(node.inputs[0])];
              if (mixes || !mask.defined()) return;
              frame.masks[at] = mask;
              if (shifts) frame.values[at] = apply_mask(frame.values[at], mask);
            }};
          }};
}

Pattern left_relu_pattern() {
  return {"left_relu", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.at().op != "relu") return std::nullopt;
            const auto norm = static_cast<std::size_t>(c.at().inputs[0]);
            if (!left_to(c.graph, norm)) return std::nullopt;
            const auto masked = masked_pattern().match(c);
            return Lowered{[norm, plain = masked ? masked->step : single_node().match(c)->step](Frame& frame) {
              if (frame.open[norm].terms.empty()) plain(frame);
            }};
          }};
}

}  // namespace netwright
