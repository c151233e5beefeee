// Open attributes. A kernel that decision d sets to one of k_1 < ... < k_n runs as the weights times one mask over the taps,
//   W_eff = W_max * sum_i w_i [tap inside the centre k_i x k_i],
// and a width as the value times one mask over the channels, m = sum_i w_i [channel < c_i]. Behind a batch norm the mask is applied
// again: normalising would undo it. Where one pick has all the weight, kernels are as small and widths as narrow as it (narrow.hpp).
#include <ATen/ATen.h>

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/graph/operation.hpp"
#include "netwright/supernet/elastic.hpp"
#include "netwright/supernet/mixed.hpp"
#include "netwright/supernet/narrow.hpp"

namespace netwright {
namespace {

const MixtureEntry& entry_of(const Frame& frame, const Open& open) {
  const auto found = frame.mixture == nullptr ? Mixture::const_iterator{} : frame.mixture->find(open.decision);
  if (frame.mixture == nullptr || found == frame.mixture->end() || !found->second.weights.defined())
    throw Error("decision '" + open.decision + "' has no weights in this pass");
  return found->second;
}

const at::Tensor& weights_of(const Frame& frame, const Open& open) { return entry_of(frame, open).weights; }

// The matrices that make smaller kernels out of larger ones, identities at the start: one a step between neighbouring sizes.
struct KernelSteps {
  std::vector<std::int64_t> sizes;          // descending
  std::vector<std::size_t> places;          // of the matrices among the tensors
};

KernelSteps register_steps(const LoweringCase& c, const Node& node, const Open& open) {
  KernelSteps steps{open.values, {}};
  std::sort(steps.sizes.rbegin(), steps.sizes.rend());
  for (std::size_t i = 1; i < steps.sizes.size(); ++i) {
    const std::string name = std::to_string(steps.sizes[i - 1]) + "to" + std::to_string(steps.sizes[i]);
    steps.places.push_back(c.tensors.size());
    const at::Tensor matrix = at::eye(steps.sizes[i] * steps.sizes[i], at::TensorOptions(c.place.dtype).device(c.place.device));
    c.tensors.push_back({c.scope + node.name + "." + name, matrix.clone().requires_grad_(true), true, kernel_step_op});
  }
  return steps;
}

at::Tensor small_kernel(const at::Tensor& weight, const KernelSteps& steps, const std::vector<NamedTensor>& tensors, std::int64_t size) {
  if (steps.places.empty()) return centre_crop(weight, size);
  std::vector<at::Tensor> matrices;
  for (const auto place : steps.places) matrices.push_back(tensors[place].tensor);
  return transformed_kernel(weight, steps.sizes, matrices, size);
}

// sum_i w_i * (kernel i, zeros around it), over the kernels of weight other than zero.
at::Tensor mixed_kernel(const at::Tensor& weight, const Open& open, const KernelSteps& steps, const std::vector<NamedTensor>& tensors, const MixtureEntry& entry) {
  at::Tensor sum;
  for (std::size_t i = 0; i < open.values.size(); ++i) {
    if (entry.values[i] == 0.0) continue;
    const std::int64_t edge = (weight.size(-1) - open.values[i]) / 2;
    const at::Tensor kernel = small_kernel(weight, steps, tensors, open.values[i]);
    const at::Tensor padded = at::constant_pad_nd(kernel, {edge, edge, edge, edge}, 0) * entry.weights[static_cast<std::int64_t>(i)];
    sum = sum.defined() ? sum + padded : padded;
  }
  return sum;
}

// One row a value: ones on the centre taps, or on the first channels.
at::Tensor tap_masks(const Open& open, std::int64_t largest, const NetworkPlace& place) {
  at::Tensor masks = at::zeros({static_cast<std::int64_t>(open.values.size()), largest, largest}, at::TensorOptions(place.dtype).device(place.device));
  for (std::size_t i = 0; i < open.values.size(); ++i) {
    const std::int64_t k = open.values[i], edge = (largest - k) / 2;
    if ((largest - k) % 2 != 0) throw Unsupported("kernel sizes of decision '" + open.decision + "' must be all odd or all even");
    masks[static_cast<std::int64_t>(i)].narrow(0, edge, k).narrow(1, edge, k).fill_(1);
  }
  return masks;
}

at::Tensor channel_masks(const Open& open, std::int64_t widest, const NetworkPlace& place) {
  at::Tensor masks = at::zeros({static_cast<std::int64_t>(open.values.size()), widest}, at::TensorOptions(place.dtype).device(place.device));
  for (std::size_t i = 0; i < open.values.size(); ++i) masks[static_cast<std::int64_t>(i)].narrow(0, 0, open.values[i]).fill_(1);
  return masks;
}

struct Elastic {
  std::optional<Open> kernel, width;
  at::Tensor taps, channels;
};

Elastic elastic_of(const LoweringCase& c) {
  Elastic elastic;
  for (const auto& [name, open] : open_attributes(c.at())) {
    if (name == "kernel") elastic.kernel = open, elastic.taps = tap_masks(open, integer(c.at(), "kernel"), c.place);
    else if (name == "channels" || name == "features") elastic.width = open, elastic.channels = channel_masks(open, integer(c.at(), name), c.place);
    else throw Unsupported("node '" + c.at().name + "': an open '" + name + "' has no supernet; open kernel, channels and features have");
  }
  return elastic;
}

at::Tensor mask_of_inputs(const Frame& frame, const std::vector<int>& inputs) {
  for (const int input : inputs)
    if (const at::Tensor& mask = frame.masks[static_cast<std::size_t>(input)]; mask.defined()) return mask;
  return {};
}

// Nodes behind an open width in this graph: each of them must carry the mask.
std::vector<bool> behind_open_width(const Graph& graph) {
  std::vector<bool> masked(graph.nodes.size(), false);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (const auto& [name, open] : open_attributes(node)) masked[i] = masked[i] || name == "channels" || name == "features";
    if (node.inputs.empty() || masked[i]) continue;
    for (const int input : node.inputs)
      if (masked[static_cast<std::size_t>(input)] && keeps_channels(node, graph.nodes[static_cast<std::size_t>(input)].shape)) masked[i] = true;
  }
  return masked;
}

// One open convolution or linear layer at run time.
class ElasticLayer {
 public:
  ElasticLayer(const LoweringCase& c, bool kernel_transform)
      : elastic_(elastic_of(c)), fixed_(largest(c.at())), places_(c.register_parameters(fixed_)),
        steps_(elastic_.kernel && kernel_transform ? register_steps(c, fixed_, *elastic_.kernel) : KernelSteps{}), kernel_(make_kernel(fixed_)), tensors_(&c.tensors),
        at_(static_cast<std::size_t>(c.node)), read_(static_cast<std::size_t>(fixed_.inputs[0])) {
    const auto follows = narrow_widths(c.graph);
    const bool hands_on = keeps_channels(fixed_, c.graph.nodes[read_].shape);
    narrow_ = !follows[at_].empty() || !follows[read_].empty(), narrow_width_ = !follows[at_].empty(), masked_ = hands_on && !elastic_.width;
    if (fixed_.op == "conv" && fixed_.shape.size() == 3 && integer(fixed_, "kernel_w") <= 0 && integer(fixed_, "stride_w") <= 0) run_.emplace(c);
  }

  void operator()(Frame& frame) const {
    std::vector<at::Tensor> own;
    for (const auto place : places_) own.push_back((*tensors_)[place].tensor);
    const auto width = elastic_.width && narrow_width_ ? sampled_pick(entry_of(frame, *elastic_.width)) : std::nullopt;
    const auto size = elastic_.kernel ? sampled_pick(entry_of(frame, *elastic_.kernel)) : std::nullopt;
    if (width)
      for (auto& tensor : own) tensor = tensor.narrow(0, 0, elastic_.width->values[*width]);
    const bool runs_narrow = run_ && (narrow_ || size);
    const at::Tensor x = runs_narrow ? run_->input(frame) : run_ ? run_->settled_input(frame) : frame.values[read_];
    if (masked_ && x.size(1) < own[0].size(0)) own[0] = own[0].narrow(0, 0, x.size(1));
    if (elastic_.kernel) own[0] = size && run_ ? small_kernel(own[0], steps_, *tensors_, elastic_.kernel->values[*size]) : mixed_window(own[0], frame);
    at::Tensor value = runs_narrow ? run_->convolution(frame, x, own[0], own.size() > 1 ? own[1] : at::Tensor())
                                   : kernel_(std::vector<at::Tensor>{x}, own, frame.mode);
    if (elastic_.width && !width) frame.masks[at_] = at::matmul(weights_of(frame, *elastic_.width), elastic_.channels);
    else if (masked_) frame.masks[at_] = frame.masks[read_];
    if (elastic_.width && !width) value = apply_mask(value, frame.masks[at_]), frame.moments[at_] = {};  // those are of the value before
    frame.values[at_] = value;
  }

 private:
  at::Tensor mixed_window(const at::Tensor& weight, const Frame& frame) const {
    const Open& open = *elastic_.kernel;
    if (!steps_.places.empty()) return mixed_kernel(weight, open, steps_, *tensors_, entry_of(frame, open));
    return weight * at::tensordot(weights_of(frame, open), elastic_.taps, {0}, {0});
  }

  Elastic elastic_;
  Node fixed_;
  std::vector<std::size_t> places_;
  KernelSteps steps_;
  Kernel kernel_;
  std::vector<NamedTensor>* tensors_;
  std::size_t at_, read_;
  bool narrow_ = false, narrow_width_ = false, masked_ = false;
  std::optional<NarrowRun> run_;
};

}  // namespace

Pattern elastic_pattern(bool kernel_transform) {
  return {"elastic", [kernel_transform](const LoweringCase& c) -> std::optional<Lowered> {
            if (open_attributes(c.at()).empty()) return std::nullopt;
            return Lowered{ElasticLayer(c, kernel_transform)};
          }};
}

Pattern masked_pattern() {
  return {"masked", [](const LoweringCase& c) -> std::optional<Lowered> {
            const Node& node = c.at();
            if (node.inputs.empty() || is_open(node) || !behind_open_width(c.graph)[static_cast<std::size_t>(c.node)]) return std::nullopt;
            Step plain = single_node().match(c)->step;
            const bool reapply = !operation(node.op).keeps_zero && node.op != "conv";
            const bool biased = node.op == "conv" && integer(node, "bias") != 0;
            return Lowered{[plain = std::move(plain), inputs = node.inputs, at = static_cast<std::size_t>(c.node), reapply = reapply || biased](Frame& frame) {
              plain(frame);
              frame.masks[at] = mask_of_inputs(frame, inputs);
              if (reapply && frame.masks[at].defined()) frame.values[at] = apply_mask(frame.values[at], frame.masks[at]);
            }};
          }};
}

}  // namespace netwright
