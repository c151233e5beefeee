#include "netwright/nn/matching.hpp"

#include <algorithm>
#include <utility>

#include "netwright/nn/fused.hpp"

namespace netwright {

int readers(const Graph& graph, int node) {
  int count = static_cast<int>(std::count(graph.outputs.begin(), graph.outputs.end(), node));
  for (const auto& other : graph.nodes) count += static_cast<int>(std::count(other.inputs.begin(), other.inputs.end(), node));
  return count;
}

bool read_by_a_norm(const Graph& graph, int node) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [&](const Node& n) { return n.op == "batch_norm" && n.inputs == std::vector<int>{node} && !is_open(n); });
}

namespace {

bool square_and_even(const Node& node) {
  const auto kernel = integer(node, "kernel"), padding = integer(node, "padding"), stride = integer(node, "stride");
  const auto kernel_w = integer(node, "kernel_w"), stride_w = integer(node, "stride_w");
  const bool square = (kernel_w <= 0 || kernel_w == kernel) && (stride_w <= 0 || stride_w == stride);
  return square && stride <= 2 && (padding < 0 || padding == integer(node, "dilation") * (kernel - 1) / 2);
}

}  // namespace

bool is_plain_convolution(const Node& n) { return n.op == "conv" && n.shape.size() == 3 && square_and_even(n) && integer(n, "bias") == 0; }

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

bool is_pointwise(const Node& n, std::int64_t in_channels) { return mixes_pixels(n) && n.shape[0] <= 640 && in_channels <= 640; }

bool is_small_pool(const Node& node) {
  return (node.op == "max_pool" || node.op == "avg_pool") && node.shape.size() == 3 && integer(node, "kernel") == 3 && integer(node, "dilation") == 1 && square_and_even(node);
}

bool is_image_on_cpu(const LoweringCase& c) { return c.place.dtype == at::kFloat && c.place.device.is_cpu() && !is_open(c.at()) && c.at().shape.size() == 3; }

std::optional<Convolved> taken(Frame& frame, const void* slot, const at::Tensor& value) {
  if (frame.ahead == nullptr) return std::nullopt;
  const auto found = frame.ahead->extract(slot);
  if (found.empty() || !found.mapped().input.is_same(value)) return std::nullopt;
  return std::move(found.mapped().made);
}

Norm norm_of(const Node& node, const std::vector<std::size_t>& places, const std::vector<NamedTensor>& tensors, const RunMode& mode) {
  std::vector<at::Tensor> own;
  for (const auto place : places) own.push_back(tensors[place].tensor);
  return netwright::norm_of(node, own, mode);
}

}  // namespace netwright
