#include "netwright/nn/fused.hpp"

#include <ATen/TracerMode.h>

#include <algorithm>
#include <utility>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/nn/matching.hpp"

namespace netwright {
namespace {

// Whether all that read a batch norm, which are several, are such as may fold it into their load: Program asks them.
bool may_load(const Graph& graph, int norm) {
  const auto loads = [](const Node& n) { return !is_open(n) && (n.op == "relu" || n.op == "conv" || n.op == "identity"); };
  const auto reads = [&](const Node& n) { return std::count(n.inputs.begin(), n.inputs.end(), norm) > 0; };
  return readers(graph, norm) > 1 && std::all_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) { return loads(n) || !reads(n); });
}

// A batch norm by itself: with the statistics that the convolution before it has counted, left to the sum that reads it, or to the several that
// may fold it into their load.
Lowered norm_step(const LoweringCase& c) {
  const NodeStep plain = node_step(c, c.node);
  const bool last = c.is_output(), left_open = c.left_to_a_sum() || may_load(c.graph, c.node);
  const auto step = [=, node = c.at(), tensors = &c.tensors, input = index(c.at().inputs[0]), at = index(c.node)](Frame& frame) {
    Term term(frame.values[input]);
    if (frame.mode.bypass_batch_norm || at::tracer::impl::is_dispatch_enabled() || !normalised_sum_fits({}, {term}))
      return plain.step(frame);
    term.norm = norm_of(node, plain.places, *tensors, frame.mode);
    term.moments = frame.moments[input];
    if (left_open && !frame.wants(at)) frame.open[at].terms = {term};
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

void multiply_images(Term& term, const at::Tensor& factors) {
  const auto count = static_cast<std::size_t>(factors.numel());
  const float* data = factors.const_data_ptr<float>();
  term.images.resize(count, 1.0f);
  for (std::size_t i = 0; i < count; ++i) term.images[i] *= data[i];
}

// A drop_path before a sum: its factors become those of the terms, which stay open.
Pattern drop_path_pattern() {
  return {"drop_path", [](const LoweringCase& c) -> std::optional<Lowered> {
            if (!is_image_on_cpu(c) || c.at().op != "drop_path" || !c.left_to_a_sum()) return std::nullopt;
            const auto step = [plain = node_step(c, c.node).step, drop = DropPath(c.at()), input = index(c.at().inputs[0]), at = index(c.node)](Frame& frame) {
              const OpenSum& left = frame.open[input];
              OpenSum sum = left.terms.empty() ? OpenSum{.terms = {Term(frame.values[input])}} : left;
              if (left.terms.empty()) sum.terms[0].moments = frame.moments[input];
              if (frame.wants(at) || at::tracer::impl::is_dispatch_enabled() || sum.constant.defined() || !normalised_sum_fits(sum.weights, sum.terms)) return plain(frame);
              frame.open[input] = {};
              if (const at::Tensor factors = drop.factors(sum.terms[0].value, frame.mode); factors.defined())
                for (auto& term : sum.terms) multiply_images(term, factors);
              frame.open[at] = std::move(sum);
            };
            return Lowered{step};
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

}  // namespace

Norm norm_of(const Node& node, std::span<const at::Tensor> own, const RunMode& mode) {
  Norm norm{.batch_statistics = mode.training, .momentum = norm_momentum(mode, number(node, "momentum")), .epsilon = number(node, "epsilon")};
  const std::size_t first = own.size() - 2;
  if (first == 2) norm.weight = own[0], norm.bias = own[1];
  norm.running_mean = own[first];
  norm.running_var = own[first + 1];
  return norm;
}

const std::vector<FusedPattern>& fused_patterns() {
  static const std::vector<FusedPattern> table = {
      {"reduce", "relu, [conv 1x1 with stride 2], [shift, conv 1x1 with stride 2], concat: factorized reduce", "convolve.hpp", reduce_pattern},
      {"convolve", "[batch_norm] [relu] [conv depthwise] [conv 1x1], or [batch_norm] [relu] [conv 3x3]", "convolve.hpp", chain_pattern},
      {"pool", "max_pool or avg_pool 3x3, with the convolutions of its value", "pool.hpp", pool_pattern},
      {"concat", "concat, with the convolutions of its values, and the sums and batch norms that it alone reads", "convolve.hpp, normalised_sum.hpp", concat_pattern},
      {"identity", "what hands a value on, with the convolutions of that value", "convolve.hpp", identity_pattern},
      {"normalise", "batch_norm, folded into the sum that reads it", "normalised_sum.hpp", norm_pattern},
      {"drop_path", "drop_path, folded into the sum that reads it", "normalised_sum.hpp", drop_path_pattern},
      {"sum", "add, with the batch norms, dropped paths and mixed choices that it alone reads", "normalised_sum.hpp", sum_pattern},
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
