// Programs whose cells are computed again in backward.
#include <algorithm>
#include <string_view>
#include <utility>

#include "netwright/nn/checkpoint.hpp"
#include "netwright/nn/program.hpp"

namespace netwright {
namespace {

// The tied weights of a node, and of all in its branches.
void add_borrowed(const std::vector<NamedTensor>& tensors, const Graph& graph, const Node& node, std::vector<std::size_t>& list) {
  for (const auto& parameter : parameters(node, input_shapes(graph, node)))
    if (!parameter.owner.empty()) list.push_back(borrowed(tensors, node, parameter));
  for (const auto& branch : node.branches) {
    if (branch.body.empty()) continue;
    const Graph body = branch.graph();
    for (const auto& inner : body.nodes) add_borrowed(tensors, body, inner, list);
  }
}

std::string_view cell_name(const Node& node) { return std::string_view(node.name).substr(0, node.name.find('.')); }

}  // namespace

// Its values are those of a frame of its own, in both passes: what it shares or has run ahead has no graph in the first.
void Program::run_cell(const Cell& cell, const std::vector<bool>& needed, Frame& frame) const {
  Cell used = cell;
  std::erase_if(used.inputs, [&](std::size_t node) { return !needed[node]; });
  std::erase_if(used.outputs, [&](std::size_t node) { return !needed[node]; });
  if (used.outputs.empty()) return;
  if (std::any_of(used.inputs.begin(), used.inputs.end(), [&](std::size_t node) { return frame.masks[node].defined(); }) || used.inputs.empty())
    return run_steps(cell.first, cell.end, needed, frame);
  Part part;
  for (const auto node : used.inputs) part.inputs.push_back(frame.settled(static_cast<int>(node)));
  for (const auto tensor : cell.tensors) part.parameters.push_back((*tensors_)[tensor].tensor);
  part.run = [this, used, needed, shares = frame.shared != nullptr](const RunMode& mode, const Mixture* mixture, const std::vector<at::Tensor>& inputs) {
    Frame::SharedResults shared;
    Frame inner{mode, mixture};
    if (shares) inner.shared = &shared;
    inner.make_room(graph_->nodes.size());
    inner.values[0] = inputs[0];  // of its batch, where nothing else is
    for (std::size_t i = 0; i < inputs.size(); ++i) inner.values[used.inputs[i]] = inputs[i];
    std::vector<bool> own(needed.size());
    for (std::size_t s = used.first; s < used.end; ++s) own[steps_[s].last] = needed[steps_[s].last];
    run_steps(used.first, used.end, own, inner, used.inputs);
    std::vector<at::Tensor> outputs;
    for (const auto node : used.outputs) outputs.push_back(inner.settled(static_cast<int>(node)));
    return outputs;
  };
  const auto outputs = checkpointed(part, frame.mode, frame.mixture);
  for (std::size_t i = 0; i < outputs.size(); ++i) frame.values[used.outputs[i]] = outputs[i];
}

Program::Cell Program::cell_of(std::size_t first, std::size_t end) const {
  Cell cell{first, end, {}, {}, {}};
  const std::size_t first_node = first == 0 ? 0 : steps_[first - 1].last + 1, end_node = steps_[end - 1].last + 1;
  const auto inside = [&](std::size_t node) { return node >= first_node && node < end_node; };
  const auto add = [](std::vector<std::size_t>& list, std::size_t node) {
    if (std::find(list.begin(), list.end(), node) == list.end()) list.push_back(node);
  };
  for (std::size_t n = 0; n < graph_->nodes.size(); ++n)
    for (const int input : graph_->nodes[n].inputs) {
      const auto read = static_cast<std::size_t>(input);
      if (inside(n) && !inside(read)) add(cell.inputs, read);
      if (!inside(n) && inside(read)) add(cell.outputs, read);
    }
  for (const int output : graph_->outputs)
    if (inside(static_cast<std::size_t>(output))) add(cell.outputs, static_cast<std::size_t>(output));
  for (std::size_t s = first; s < end; ++s)
    for (std::size_t t = steps_[s].first_tensor; t < steps_[s].end_tensor; ++t) cell.tensors.push_back(t);
  for (std::size_t n = first_node; n < end_node; ++n) add_borrowed(*tensors_, *graph_, graph_->nodes[n], cell.tensors);
  return cell;
}

void Program::checkpoint_cells() {
  const auto name_of = [&](std::size_t step) { return cell_name(graph_->nodes[steps_[step].last]); };
  for (std::size_t first = 1, end = 1; first < steps_.size(); first = end) {
    for (end = first + 1; end < steps_.size() && name_of(end) == name_of(first);) ++end;
    if (end - first > 1) cells_.push_back(cell_of(first, end));
  }
}

}  // namespace netwright
