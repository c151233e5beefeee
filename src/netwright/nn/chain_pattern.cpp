// Convolutions with the norm and the ReLU before them.
#include <ATen/TracerMode.h>

#include <algorithm>
#include <utility>

#include "netwright/nn/fused.hpp"
#include "netwright/nn/matching.hpp"

namespace netwright {
namespace {

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
      if (auto what = asked(value, frame)) list.push_back({slot.get(), std::move(*what), true});
    });
  return lowered;
}

}  // namespace

Pattern chain_pattern() {
  return {"convolve", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.place.dtype != at::kFloat || !c.place.device.is_cpu() || c.at().inputs.size() != 1) return std::nullopt;
            const auto nodes = ChainMatch(c.graph, c.node).run();
            if (!nodes) return std::nullopt;
            return chain_step(c, *nodes);
          }};
}

}  // namespace netwright
