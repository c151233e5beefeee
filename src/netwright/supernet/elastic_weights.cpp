#include "netwright/supernet/elastic.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

// The places of one width in a graph: the tensors whose outputs, and those whose inputs, are its channels. What reads their means alone
// (the squeeze of a gate) is ordered with them, but does not say how important they are.
struct Carriers {
  std::vector<at::Tensor> outputs, inputs, means;
  std::set<int> makers;                     // nodes that make the channels: the width's own, and gates that it is multiplied with
  std::set<int> products;                   // such multiplications
  bool sortable = true;
};

using Tensors = std::map<std::string, at::Tensor>;

at::Tensor tensor_of(const Tensors& tensors, const Node& node, const char* name) {
  const auto found = tensors.find(node.name + "." + name);
  return found == tensors.end() ? at::Tensor() : found->second;
}

void add_outputs(Carriers& carriers, const Tensors& tensors, const Node& node) {
  for (const char* name : {"weight", "bias", "running_mean", "running_var"})
    if (const at::Tensor tensor = tensor_of(tensors, node, name); tensor.defined()) carriers.outputs.push_back(tensor);
}

bool depthwise(const Node& node, const Shape& input) { return node.op == "conv" && (integer(node, "groups") == 0 || integer(node, "groups") == input[0]); }

// Whether the node maps each channel to one of the same number whatever it is called.
bool hands_on(const Node& node, const Shape& input) {
  if (node.op == "conv") return depthwise(node, input) && node.shape[0] == input[0];
  const bool moves = node.op == "linear" || node.op == "flatten" || node.op == "channel_shuffle" || node.op == "concat" || node.op == "slice" || node.op == "zero";
  return !moves && !is_open(node) && node.inputs.size() == 1;
}

// Adds what makes a gate's channels, back from its value; the width cannot be sorted where that is no convolution.
void add_gate(Carriers& carriers, const Graph& graph, const Tensors& tensors, int value) {
  const Node& node = graph.nodes[static_cast<std::size_t>(value)];
  const bool makes = node.op == "conv" && integer(node, "groups") == 1;
  carriers.sortable = carriers.sortable && (makes || (!node.inputs.empty() && hands_on(node, graph.nodes[static_cast<std::size_t>(node.inputs[0])].shape)));
  if (!carriers.sortable) return;
  add_outputs(carriers, tensors, node);
  if (makes) carriers.makers.insert(value);
  else add_gate(carriers, graph, tensors, node.inputs[0]);
}

// Follows a value's channels to all that read them; `whole`: pixel by pixel, not as means.
void follow(Carriers& carriers, const Graph& graph, const Tensors& tensors, int value, bool whole) {
  const Shape& shape = graph.nodes[static_cast<std::size_t>(value)].shape;
  for (const int output : graph.outputs) carriers.sortable = carriers.sortable && output != value;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& reader = graph.nodes[i];
    if (std::find(reader.inputs.begin(), reader.inputs.end(), value) == reader.inputs.end()) continue;
    if (hands_on(reader, shape)) {
      add_outputs(carriers, tensors, reader);
      follow(carriers, graph, tensors, static_cast<int>(i), whole && reader.op != "global_pool");
    } else if (reader.op == "conv" && integer(reader, "groups") == 1) {
      (whole ? carriers.inputs : carriers.means).push_back(tensor_of(tensors, reader, "weight"));
    } else if (reader.op == "multiply" && reader.inputs.size() == 2 && reader.inputs[0] != reader.inputs[1]) {
      if (!carriers.products.insert(static_cast<int>(i)).second) continue;
      add_gate(carriers, graph, tensors, reader.inputs[reader.inputs[0] == value ? 1 : 0]);
      follow(carriers, graph, tensors, static_cast<int>(i), whole);
    } else {
      carriers.sortable = false;
    }
  }
}

void permute(const Carriers& carriers, const at::Tensor& order) {
  for (at::Tensor tensor : carriers.outputs) tensor.copy_(tensor.index_select(0, order));
  for (const auto* list : {&carriers.inputs, &carriers.means})
    for (at::Tensor tensor : *list) tensor.copy_(tensor.index_select(1, order));
}

int sort_graph(const Graph& graph, const std::string& scope, const std::vector<NamedTensor>& all) {
  Tensors tensors;
  for (const auto& named : all)
    if (named.name.starts_with(scope)) tensors[named.name.substr(scope.size())] = named.tensor;
  std::set<int> done;
  int sorted = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (const auto& branch : node.branches)
      if (!branch.body.empty()) sorted += sort_graph(branch.graph(), scope + node.name + "." + branch.name + ".", all);
    const auto open = open_attributes(node);
    if (std::none_of(open.begin(), open.end(), [](const auto& a) { return a.first == "channels"; }) || node.op != "conv") continue;
    if (done.contains(static_cast<int>(i))) continue;
    Carriers carriers;
    add_outputs(carriers, tensors, node);
    follow(carriers, graph, tensors, static_cast<int>(i), true);
    done.insert(carriers.makers.begin(), carriers.makers.end());
    if (!carriers.sortable || carriers.inputs.empty()) continue;
    at::Tensor importance = channel_importance(carriers.inputs[0]);
    for (std::size_t k = 1; k < carriers.inputs.size(); ++k) importance = importance + channel_importance(carriers.inputs[k]);
    permute(carriers, importance_order(importance));
    ++sorted;
  }
  return sorted;
}

}  // namespace

at::Tensor centre_crop(const at::Tensor& weight, std::int64_t size) {
  const std::int64_t edge = (weight.size(-1) - size) / 2;
  return weight.narrow(-2, edge, size).narrow(-1, edge, size);
}

at::Tensor transformed_kernel(const at::Tensor& weight, const std::vector<std::int64_t>& sizes, const std::vector<at::Tensor>& matrices, std::int64_t size) {
  at::Tensor now = weight;
  for (std::size_t i = 0;; ++i) {
    if (sizes.at(i) == size) return now;
    if (i + 1 >= sizes.size()) throw UsageError("a kernel of " + std::to_string(size) + " is not among those of this layer");
    const at::Tensor crop = centre_crop(now, sizes[i + 1]);
    now = at::matmul(crop.reshape({-1, sizes[i + 1] * sizes[i + 1]}), matrices.at(i).t()).reshape(crop.sizes());
  }
}

at::Tensor channel_importance(const at::Tensor& weight) { return weight.detach().abs().transpose(0, 1).flatten(1).sum(1); }

at::Tensor importance_order(const at::Tensor& importance) { return std::get<1>(at::sort(importance, /*stable=*/true, /*dim=*/0, /*descending=*/true)); }

int sort_channels(const Graph& open, const std::vector<NamedTensor>& tensors) {
  const at::NoGradGuard no_grad;
  return sort_graph(open, "", tensors);
}

at::Tensor soft_cross_entropy(const at::Tensor& student, const at::Tensor& teacher, double temperature) {
  return -(at::softmax(teacher / temperature, 1) * at::log_softmax(student / temperature, 1)).sum(1).mean();
}

}  // namespace netwright
