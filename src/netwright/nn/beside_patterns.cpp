// What reads a value beside its convolutions: poolings, parts of concatenations, what hands it on, and both halves of a factorized reduce.
#include <ATen/ATen.h>
#include <ATen/TracerMode.h>

#include <algorithm>
#include <array>
#include <utility>

#include "netwright/kernels/pool.hpp"
#include "netwright/nn/fused.hpp"
#include "netwright/nn/matching.hpp"

namespace netwright {
namespace {

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

// Of two values whose channels lie one behind the other.
BatchMoments beside(BatchMoments first, const BatchMoments& second) {
  first.mean.insert(first.mean.end(), second.mean.begin(), second.mean.end());
  first.variance.insert(first.variance.end(), second.variance.begin(), second.variance.end());
  first.left.reset();   // each half has a maker of its own
  return first;
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
    if (made[0].moments.count > 0) frame.moments[last] = beside(made[0].moments, made[1].moments);
  }, 5};
  lowered.asks.emplace_back(c.at().inputs[0], [=](const at::Tensor& value, const Frame& frame, std::vector<Ask>& list) {
    const auto halves = asked(value, frame);
    for (std::size_t i = 0; i < halves.size(); ++i) list.push_back({&(*slots)[i], halves[i]});
  });
  return lowered;
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
    term.as = ahead->norm;
    if (summed && !frame.wants(at)) frame.open[at].terms = {term};
    else if (frame.deferred != nullptr && last) frame.deferred->terms = {term}, frame.values[at] = term.value;
    else frame.values[at] = term.value;
  };
  Lowered lowered{step};
  const bool takes_norm = what.same && c.left_to_a_sum();
  lowered.asks.emplace_back(input, [=, at = index(c.node)](const at::Tensor& value, const Frame& frame, std::vector<Ask>& list) {
    if (!at::tracer::impl::is_dispatch_enabled() && convolve_fits(value, what)) list.push_back({slot.get(), asked(frame), takes_norm && !frame.wants(at)});
  });
  return lowered;
}

}  // namespace

Pattern reduce_pattern() {
  return {"reduce", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.place.dtype != at::kFloat || !c.place.device.is_cpu() || !is_factorized_reduce(c.graph, c.node)) return std::nullopt;
            return reduce_step(c);
          }};
}

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

namespace {

// The parts of a concatenation, of which those that are open are added up in their place.
at::Tensor joined_parts(const std::vector<OpenSum>& parts, const Kernel& plain, const Frame& frame) {
  const auto fits = [](const OpenSum& part) { return !part.constant.defined() && normalised_sum_fits(part.weights, part.terms); };
  if (!std::all_of(parts.begin(), parts.end(), is_value) && std::all_of(parts.begin(), parts.end(), fits) && !at::tracer::impl::is_dispatch_enabled()) {
    std::vector<SumOfTerms> list;
    for (const auto& part : parts) list.push_back({part.weights, part.terms});
    return joined_sums(list);
  }
  std::vector<at::Tensor> values;
  for (const auto& part : parts) values.push_back(closed(part));
  return plain(values, {}, frame.mode);
}

}  // namespace

// What joins values along their channels: each of its gradients is a slice, added where those of the value's convolutions are.
Pattern concat_pattern() {
  return {"concat", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (!is_image_on_cpu(c) || c.at().op != "concat") return std::nullopt;
            const auto slots = std::make_shared<std::vector<char>>(c.at().inputs.size());
            Lowered lowered{[slots, plain = make_kernel(c.at()), inputs = c.at().inputs, at = index(c.node)](Frame& frame) {
              std::vector<OpenSum> parts;
              for (std::size_t i = 0; i < inputs.size(); ++i) {
                parts.push_back(std::exchange(frame.open[index(inputs[i])], {}));
                if (!parts.back().terms.empty()) continue;
                const at::Tensor& value = frame.values[index(inputs[i])];
                const auto ahead = taken(frame, &(*slots)[i], value);
                parts.back().terms = {Term(ahead ? ahead->value : value)};
              }
              frame.values[at] = joined_parts(parts, plain, frame);
            }};
            for (std::size_t i = 0; i < c.at().inputs.size(); ++i)
              lowered.asks.emplace_back(c.at().inputs[i], [slots, i](const at::Tensor& value, const Frame&, std::vector<Ask>& list) {
                const Convolve what{.same = true};
                if (!at::tracer::impl::is_dispatch_enabled() && convolve_fits(value, what)) list.push_back({&(*slots)[i], what});
              });
            return lowered;
          }};
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

}  // namespace netwright
