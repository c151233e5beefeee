#include "netwright/nn/fused.hpp"

#include <ATen/TracerMode.h>

#include <algorithm>
#include <array>
#include <utility>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/kernels/convolve.hpp"
#include "netwright/kernels/pool.hpp"

namespace netwright {
namespace {

std::size_t index(int node) { return static_cast<std::size_t>(node); }

// How often each value is read; an output counts as one reader more.
int readers(const Graph& graph, int node) {
  int count = static_cast<int>(std::count(graph.outputs.begin(), graph.outputs.end(), node));
  for (const auto& other : graph.nodes) count += static_cast<int>(std::count(other.inputs.begin(), other.inputs.end(), node));
  return count;
}

bool read_by_a_norm(const Graph& graph, int node) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [&](const Node& n) { return n.op == "batch_norm" && n.inputs == std::vector<int>{node} && !is_open(n); });
}

bool square_and_even(const Node& node) {
  const auto kernel = integer(node, "kernel"), padding = integer(node, "padding"), stride = integer(node, "stride");
  const auto kernel_w = integer(node, "kernel_w"), stride_w = integer(node, "stride_w");
  const bool square = (kernel_w <= 0 || kernel_w == kernel) && (stride_w <= 0 || stride_w == stride);
  return square && stride <= 2 && (padding < 0 || padding == integer(node, "dilation") * (kernel - 1) / 2);
}

bool is_plain_convolution(const Node& n) { return n.op == "conv" && n.shape.size() == 3 && square_and_even(n) && integer(n, "bias") == 0; }

// Of 8 to 128 channels: fewer fill no vector, the weights of more do not stay in the cache from image to image.
bool is_dense(const Node& n, std::int64_t in_channels) {
  return is_plain_convolution(n) && integer(n, "kernel") == 3 && integer(n, "groups") == 1 && integer(n, "stride") == 1 && integer(n, "dilation") == 1 &&
         n.shape[0] <= 128 && in_channels >= 8 && in_channels <= 128;
}

bool is_depthwise(const Node& n, std::int64_t in_channels) {
  if (!is_plain_convolution(n) || n.shape[0] != in_channels) return false;
  const auto groups = integer(n, "groups"), kernel = integer(n, "kernel");
  return (groups == 0 || groups == n.shape[0]) && (kernel == 3 || kernel == 5 || kernel == 7) && integer(n, "dilation") <= 2;
}

bool mixes_pixels(const Node& n) { return is_plain_convolution(n) && integer(n, "kernel") == 1 && integer(n, "groups") == 1; }

// Alone up to 256 channels, beyond which a matrix product by itself is as good.
bool is_pointwise(const Node& n, std::int64_t in_channels) { return mixes_pixels(n) && n.shape[0] <= 640 && in_channels <= 640; }

// The nodes of one group, by what they do in it; -1: not there.
struct ChainNodes {
  int first = -1, norm = -1, relu = -1, depthwise = -1, pointwise = -1, dense = -1, last = -1;
  int count() const { return last - first + 1; }
};

class ChainMatch {
 public:
  explicit ChainMatch(const Graph& graph, int first) : graph_(graph), next_(first) { nodes_.first = first; }

  std::optional<ChainNodes> run() {
    take(nodes_.norm, [](const Node& n) { return n.op == "batch_norm"; });
    take(nodes_.relu, [](const Node& n) { return n.op == "relu"; });
    take(nodes_.dense, [&](const Node& n) { return is_dense(n, in_channels(n)); });
    if (nodes_.dense < 0) take(nodes_.depthwise, [&](const Node& n) { return is_depthwise(n, in_channels(n)); });
    // Behind a depthwise convolution a pointwise one may not stride.
    const auto behind = [](const Node& n) { return mixes_pixels(n) && integer(n, "stride") == 1; };
    if (nodes_.dense < 0) take(nodes_.pointwise, [&](const Node& n) { return nodes_.depthwise >= 0 ? behind(n) : is_pointwise(n, in_channels(n)); });
    nodes_.last = next_ - 1;
    if (nodes_.dense < 0 && nodes_.depthwise < 0 && nodes_.pointwise < 0) return std::nullopt;
    return nodes_;
  }

 private:
  template <class Is>
  void take(int& place, const Is& is) {
    if (index(next_) >= graph_.nodes.size()) return;
    const Node& node = graph_.nodes[index(next_)];
    const bool follows = next_ == nodes_.first || (node.inputs == std::vector<int>{next_ - 1} && readers(graph_, next_ - 1) == 1);
    if (!follows || is_open(node) || !is(node) || node.shape.size() != 3) return;
    place = next_++;
  }

  std::int64_t in_channels(const Node& node) const {
    const Shape& shape = graph_.nodes[index(node.inputs[0])].shape;
    return shape.empty() ? 0 : shape[0];
  }

  const Graph& graph_;
  int next_;
  ChainNodes nodes_;
};

// Where the group's tensors stand in the list; a norm has its affine ones in front of its statistics.
struct ChainPlaces {
  std::vector<std::size_t> norm, depthwise, pointwise, dense;
};

Norm norm_of(const Node& node, const std::vector<std::size_t>& places, const std::vector<NamedTensor>& tensors, const RunMode& mode) {
  std::vector<at::Tensor> own;
  for (const auto place : places) own.push_back(tensors[place].tensor);
  return netwright::norm_of(node, own, mode);
}

// What has been run ahead for the slot, of this value.
std::optional<Convolved> taken(Frame& frame, const void* slot, const at::Tensor& value) {
  if (frame.ahead == nullptr) return std::nullopt;
  const auto found = frame.ahead->extract(slot);
  if (found.empty() || !found.mapped().input.is_same(value)) return std::nullopt;
  return std::move(found.mapped().made);
}

Lowered chain_step(const LoweringCase& c, const ChainNodes& nodes) {
  std::vector<Step> plain;
  ChainPlaces places;
  for (int n = nodes.first; n <= nodes.last; ++n) {
    NodeStep step = node_step(c, n);
    plain.push_back(std::move(step.step));
    if (n == nodes.norm) places.norm = step.places;
    if (n == nodes.depthwise) places.depthwise = step.places;
    if (n == nodes.pointwise) places.pointwise = step.places;
    if (n == nodes.dense) places.dense = step.places;
  }
  const Node norm = nodes.norm >= 0 ? c.graph.nodes[index(nodes.norm)] : Node{};
  // Whose stride and dilation the unit has: a pointwise convolution behind a depthwise one has none of its own.
  const int window = nodes.dense >= 0 ? nodes.dense : nodes.depthwise;
  const Node& conv = c.graph.nodes[index(window >= 0 ? window : nodes.pointwise)];
  Convolve shape;
  shape.rectify = nodes.relu >= 0;
  shape.stride = integer(conv, "stride"), shape.dilation = integer(conv, "dilation");
  shape.wants_moments = read_by_a_norm(c.graph, nodes.last), shape.read_once = readers(c.graph, nodes.last) == 1;
  const auto input = index(c.graph.nodes[index(nodes.first)].inputs[0]), first = index(nodes.first), last = index(nodes.last);
  // What the frame asks of the kernel; none: node by node.
  const auto asked = [=, tensors = &c.tensors](const at::Tensor& value, const Frame& frame) -> std::optional<Convolve> {
    Convolve what = shape;
    if (!places.depthwise.empty()) what.depthwise = (*tensors)[places.depthwise[0]].tensor;
    if (!places.pointwise.empty()) what.pointwise = (*tensors)[places.pointwise[0]].tensor;
    if (!places.dense.empty()) what.dense = (*tensors)[places.dense[0]].tensor;
    const bool bypassed = !places.norm.empty() && frame.mode.bypass_batch_norm;
    bool looked_into = false;
    for (std::size_t n = first; n < last; ++n) looked_into = looked_into || frame.wants(n);
    if (looked_into || bypassed || at::tracer::impl::is_dispatch_enabled() || !convolve_fits(value, what)) return std::nullopt;
    what.wants_moments = shape.wants_moments && frame.mode.training && !frame.mode.bypass_batch_norm;
    what.read_once = shape.read_once && !frame.wants(last);
    return what;
  };
  const auto slot = std::make_shared<char>();
  const auto step = [=, tensors = &c.tensors](Frame& frame) {
    const at::Tensor& value = frame.values[input];
    Convolved made;
    if (auto ahead = taken(frame, slot.get(), value)) {
      made = std::move(*ahead);
    } else if (auto what = asked(value, frame)) {
      if (!places.norm.empty()) what->norm = norm_of(norm, places.norm, *tensors, frame.mode), what->input_moments = frame.moments[input];
      made = convolve(value, *what);
    } else {
      for (const auto& one : plain) one(frame);
      return;
    }
    frame.values[last] = made.value;
    frame.moments[last] = made.moments;
  };
  Lowered lowered{step, nodes.count()};
  if (nodes.norm < 0)
    lowered.asks.emplace_back(static_cast<int>(input), [=](const at::Tensor& value, const Frame& frame, std::vector<Ask>& list) {
      if (auto what = asked(value, frame)) list.push_back({slot.get(), std::move(*what)});
    });
  return lowered;
}

// ReLU -> two pointwise convolutions that stride, of every second pixel from the first on and from the second on -> joined.
bool is_factorized_reduce(const Graph& graph, int relu) {
  if (index(relu) + 4 >= graph.nodes.size()) return false;
  const auto node = [&](int i) -> const Node& { return graph.nodes[index(relu + i)]; };
  const auto reads = [&](int i, std::vector<int> places) {
    for (int& place : places) place += relu;
    return node(i).inputs == places;
  };
  const auto strides = [&](int i) { return is_plain_convolution(node(i)) && integer(node(i), "kernel") == 1 && integer(node(i), "groups") == 1 && integer(node(i), "stride") == 2; };
  const bool shaped = node(0).op == "relu" && node(0).shape.size() == 3 && strides(1) && node(2).op == "shift" && strides(3) && node(4).op == "concat";
  for (int i = 0; i < 5; ++i)
    if (!shaped || is_open(node(i)) || (i < 4 && readers(graph, relu + i) != (i == 0 ? 2 : 1))) return false;
  return integer(node(2), "offset") == 1 && reads(1, {0}) && reads(2, {0}) && reads(3, {2}) && reads(4, {1, 3});
}

Lowered reduce_step(const LoweringCase& c) {
  std::vector<Step> plain;
  std::array<std::size_t, 2> places{};
  for (int n = c.node; n < c.node + 5; ++n) {
    NodeStep step = node_step(c, n);
    plain.push_back(std::move(step.step));
    if (n == c.node + 1 || n == c.node + 3) places[n == c.node + 3] = step.places[0];
  }
  const auto input = index(c.at().inputs[0]), first = index(c.node), last = first + 4;
  const bool counts = read_by_a_norm(c.graph, c.node + 4);
  const auto asked = [=, tensors = &c.tensors](const at::Tensor& value, const Frame& frame) -> std::vector<Convolve> {
    std::vector<Convolve> halves;
    for (std::size_t n = first; n < last; ++n)
      if (frame.wants(n)) return {};
    for (std::int64_t offset : {0, 1}) {
      halves.push_back({.rectify = true, .pointwise = (*tensors)[places[static_cast<std::size_t>(offset)]].tensor, .stride = 2, .offset = offset});
      halves.back().wants_moments = counts && frame.mode.training && !frame.mode.bypass_batch_norm;
      if (at::tracer::impl::is_dispatch_enabled() || !convolve_fits(value, halves.back())) return {};
    }
    return halves;
  };
  const auto slots = std::make_shared<std::array<char, 2>>();
  Lowered lowered{[=](Frame& frame) {
    const at::Tensor& value = frame.values[input];
    std::vector<Convolved> made;
    for (char& slot : *slots)
      if (auto ahead = taken(frame, &slot, value)) made.push_back(std::move(*ahead));
    if (const auto halves = asked(value, frame); made.size() < 2 && !halves.empty()) made = convolve_all(value, halves);
    if (made.size() < 2) {
      for (const auto& one : plain) one(frame);
      return;
    }
    frame.values[last] = at::cat({made[0].value, made[1].value}, 1);
    if (made[0].moments.table.defined()) frame.moments[last] = {at::cat({made[0].moments.table, made[1].moments.table}, 1), made[0].moments.count};
  }, 5};
  lowered.asks.emplace_back(c.at().inputs[0], [=](const at::Tensor& value, const Frame& frame, std::vector<Ask>& list) {
    const auto halves = asked(value, frame);
    for (std::size_t i = 0; i < halves.size(); ++i) list.push_back({&(*slots)[i], halves[i]});
  });
  return lowered;
}

Pattern reduce_pattern() {
  return {"reduce", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.place.dtype != at::kFloat || !c.place.device.is_cpu() || !is_factorized_reduce(c.graph, c.node)) return std::nullopt;
            return reduce_step(c);
          }};
}

Pattern chain_pattern() {
  return {"convolve", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.place.dtype != at::kFloat || !c.place.device.is_cpu() || c.at().inputs.size() != 1) return std::nullopt;
            const auto nodes = ChainMatch(c.graph, c.node).run();
            if (!nodes) return std::nullopt;
            return chain_step(c, *nodes);
          }};
}

// A batch norm by itself: with the statistics that the convolution before it has counted, or left to the sum that reads it.
Lowered norm_step(const LoweringCase& c) {
  const NodeStep plain = node_step(c, c.node);
  const bool last = c.is_output(), summed = c.left_to_a_sum();
  const auto step = [=, node = c.at(), tensors = &c.tensors, input = index(c.at().inputs[0]), at = index(c.node)](Frame& frame) {
    Term term(frame.values[input]);
    if (frame.mode.bypass_batch_norm || at::tracer::impl::is_dispatch_enabled() || !normalised_sum_fits({}, {term}))
      return plain.step(frame);
    term.norm = norm_of(node, plain.places, *tensors, frame.mode);
    term.moments = frame.moments[input];
    if (summed && !frame.wants(at)) frame.open[at].terms = {term};
    else if (frame.deferred != nullptr && last) frame.deferred->terms = {term}, frame.values[at] = term.value;
    else frame.values[at] = normalised_sum({}, {term});
  };
  return {step};
}

Pattern norm_pattern() {
  return {"normalise", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.place.dtype != at::kFloat || !c.place.device.is_cpu() || c.at().op != "batch_norm" || is_open(c.at()) || c.at().shape.size() != 3)
              return std::nullopt;
            return norm_step(c);
          }};
}

// An add takes what its inputs left open: batch norms and mixed choices are normalised, weighed and added in one pass.
Pattern sum_pattern() {
  return {"sum", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.at().op != "add" || is_open(c.at())) return std::nullopt;
            const auto step = [plain = node_step(c, c.node), inputs = c.at().inputs, last = c.is_output(), summed = c.left_to_a_sum(), at = index(c.node)](Frame& frame) {
              std::vector<OpenSum> open;
              std::vector<at::Tensor> values;
              for (const int input : inputs) {
                OpenSum& left = frame.open[index(input)];
                if (left.terms.empty()) values.push_back(frame.values[index(input)]);
                else open.push_back(std::exchange(left, {}));
              }
              if (open.empty()) return plain.step(frame);
              OpenSum all = joined(open, values);
              if (!normalised_sum_fits(all.weights, all.terms)) {
                for (const auto& sum : open) values.push_back(closed(sum));
                frame.values[at] = values[0];
                for (std::size_t i = 1; i < values.size(); ++i) frame.values[at] = frame.values[at] + values[i];
              } else if (summed && !frame.wants(at)) frame.open[at] = std::move(all);
              else if (frame.deferred != nullptr && last) frame.values[at] = all.terms[0].value, *frame.deferred = std::move(all);
              else frame.values[at] = closed(all);
            };
            return Lowered{step};
          }};
}

bool is_small_pool(const Node& node) {
  return (node.op == "max_pool" || node.op == "avg_pool") && node.shape.size() == 3 && integer(node, "kernel") == 3 && integer(node, "dilation") == 1 && square_and_even(node);
}

Pool pool_of(const Node& node) { return {.largest = node.op == "max_pool", .stride = integer(node, "stride")}; }

Kernel pool_kernel(const Node& node) {
  return [what = pool_of(node), plain = make_kernel(node)](std::span<const at::Tensor> x, std::span<const at::Tensor> t, const RunMode& mode) {
    return at::tracer::impl::is_dispatch_enabled() || !pool_fits(x[0], what) ? plain(x, t, mode) : pool(x[0], what);
  };
}

// One node that reads a value beside convolutions: run ahead with them where they are, else by `plain`. Left open to a sum, which leaves its
// gradient to the function that made it.
Lowered beside_step(const LoweringCase& c, Convolve what, Step plain) {
  what.wants_moments = read_by_a_norm(c.graph, c.node), what.read_once = readers(c.graph, c.node) == 1;
  const auto asked = [what, at = index(c.node)](const Frame& frame) {
    Convolve asks = what;
    asks.wants_moments = what.wants_moments && frame.mode.training && !frame.mode.bypass_batch_norm;
    asks.read_once = what.read_once && !frame.wants(at);
    return asks;
  };
  const auto slot = std::make_shared<char>();
  const int input = c.at().inputs[0];
  const auto step = [=, input = index(input), at = index(c.node), last = c.is_output(), summed = c.left_to_a_sum()](Frame& frame) {
    const auto ahead = taken(frame, slot.get(), frame.values[input]);
    if (!ahead) return plain(frame);
    Term term(ahead->value);
    frame.moments[at] = term.moments = ahead->moments;
    if (summed && !frame.wants(at)) frame.open[at].terms = {term};
    else if (frame.deferred != nullptr && last) frame.deferred->terms = {term}, frame.values[at] = term.value;
    else frame.values[at] = term.value;
  };
  Lowered lowered{step};
  lowered.asks.emplace_back(input, [=](const at::Tensor& value, const Frame& frame, std::vector<Ask>& list) {
    if (!at::tracer::impl::is_dispatch_enabled() && convolve_fits(value, what)) list.push_back({slot.get(), asked(frame)});
  });
  return lowered;
}

bool is_image_on_cpu(const LoweringCase& c) { return c.place.dtype == at::kFloat && c.place.device.is_cpu() && !is_open(c.at()) && c.at().shape.size() == 3; }

// A pooling, computed once for all that read one value.
Pattern pool_pattern() {
  return {"pool", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (!is_image_on_cpu(c) || !is_small_pool(c.at())) return std::nullopt;
            return beside_step(c, {.pool = pool_of(c.at())}, node_step(c, c.node, pool_kernel(c.at())).step);
          }};
}

// What hands a value on.
Pattern identity_pattern() {
  return {"identity", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (!is_image_on_cpu(c) || c.at().op != "identity") return std::nullopt;
            return beside_step(c, {.same = true}, node_step(c, c.node).step);
          }};
}

// What joins values along their channels: each of its gradients is a slice, added where those of the value's convolutions are.
Pattern concat_pattern() {
  return {"concat", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (!is_image_on_cpu(c) || c.at().op != "concat") return std::nullopt;
            const auto slots = std::make_shared<std::vector<char>>(c.at().inputs.size());
            Lowered lowered{[slots, plain = make_kernel(c.at()), inputs = c.at().inputs, at = index(c.node)](Frame& frame) {
              std::vector<at::Tensor> values;
              for (std::size_t i = 0; i < inputs.size(); ++i) {
                const at::Tensor& value = frame.values[index(inputs[i])];
                const auto ahead = taken(frame, &(*slots)[i], value);
                values.push_back(ahead ? ahead->value : value);
              }
              frame.values[at] = plain(values, {}, frame.mode);
            }};
            for (std::size_t i = 0; i < c.at().inputs.size(); ++i)
              lowered.asks.emplace_back(c.at().inputs[i], [slots, i](const at::Tensor& value, const Frame&, std::vector<Ask>& list) {
                const Convolve what{.same = true};
                if (!at::tracer::impl::is_dispatch_enabled() && convolve_fits(value, what)) list.push_back({&(*slots)[i], what});
              });
            return lowered;
          }};
}

}  // namespace

Norm norm_of(const Node& node, std::span<const at::Tensor> own, const RunMode& mode) {
  Norm norm{.batch_statistics = mode.training, .momentum = norm_momentum(mode, number(node, "momentum")), .epsilon = number(node, "epsilon")};
  const std::size_t first = own.size() - 2;
  if (first == 2) norm.weight = own[0], norm.bias = own[1];
  norm.running_mean = own[first];
  norm.running_var = own[first + 1];
  return norm;
}

Kernel lowered_kernel(const Node& node) {
  if (is_small_pool(node)) return pool_kernel(node);
  if (node.op != "conv") return make_kernel(node);
  return [node, plain = make_kernel(node)](std::span<const at::Tensor> x, std::span<const at::Tensor> t, const RunMode& mode) {
    Convolve what{.stride = integer(node, "stride"), .dilation = integer(node, "dilation")};
    const std::int64_t channels = x[0].size(1);
    if (is_dense(node, channels)) what.dense = t[0];
    else if (is_depthwise(node, channels)) what.depthwise = t[0];
    else if (is_pointwise(node, channels)) what.pointwise = t[0];
    else return plain(x, t, mode);
    return convolve_fits(x[0], what) ? convolve(x[0], what).value : plain(x, t, mode);
  };
}

const std::vector<FusedPattern>& fused_patterns() {
  static const std::vector<FusedPattern> table = {
      {"reduce", "relu, [conv 1x1 with stride 2], [shift, conv 1x1 with stride 2], concat: factorized reduce", "convolve.hpp", reduce_pattern},
      {"convolve", "[batch_norm] [relu] [conv depthwise] [conv 1x1], or [batch_norm] [relu] [conv 3x3]", "convolve.hpp", chain_pattern},
      {"pool", "max_pool or avg_pool 3x3, with the convolutions of its value", "pool.hpp", pool_pattern},
      {"concat", "concat, with the convolutions of its values", "convolve.hpp", concat_pattern},
      {"identity", "what hands a value on, with the convolutions of that value", "convolve.hpp", identity_pattern},
      {"normalise", "batch_norm, folded into the sum that reads it", "normalised_sum.hpp", norm_pattern},
      {"sum", "add, with the batch norms and mixed choices that it alone reads", "normalised_sum.hpp", sum_pattern},
  };
  return table;
}

std::vector<Pattern> fused_patterns(const std::vector<std::string>& without, const std::vector<std::string>& others) {
  std::vector<std::string> names = others;
  for (const auto& entry : fused_patterns()) names.push_back(entry.name);
  for (const auto& name : without)
    if (std::find(names.begin(), names.end(), name) == names.end()) throw UsageError("unknown lowering pattern '" + name + "'" + name_hint(name, names));
  std::vector<Pattern> patterns;
  for (const auto& entry : fused_patterns())
    if (std::find(without.begin(), without.end(), entry.name) == without.end()) patterns.push_back(entry.make());
  return patterns;
}

}  // namespace netwright
