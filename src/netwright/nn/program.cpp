#include "netwright/nn/program.hpp"

#include <ATen/ATen.h>
#include <ATen/TracerMode.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "netwright/core/error.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

bool channels_last(const NetworkPlace& place) { return place.dtype == at::kFloat || place.device.is_cuda(); }

at::Tensor new_tensor(const Parameter& parameter, const NetworkPlace& place) {
  at::Tensor tensor = at::empty(parameter.shape, at::TensorOptions(place.dtype).device(place.device));
  if (parameter.shape.size() == 4 && channels_last(place)) tensor = tensor.contiguous(at::MemoryFormat::ChannelsLast);
  tensor.fill_(parameter.init == Init::ones ? 1.0 : 0.0);
  if (parameter.trainable) tensor.requires_grad_(true);
  return tensor;
}

// Kernels that read the same value with the same attributes give the same result.
std::string purity_key(const Node& node) {
  std::string key = node.op;
  for (const auto& [name, value] : node.attributes)
    if (const auto* number = std::get_if<std::int64_t>(&value)) key += "," + name + "=" + std::to_string(*number);
  return key;
}

at::Tensor run_shared(Frame& frame, const std::string& key, const at::Tensor& input, const std::function<at::Tensor()>& compute) {
  if (frame.shared == nullptr) return compute();
  auto& entry = (*frame.shared)[key][input.unsafeGetTensorImpl()];
  if (!entry.output.defined()) entry = {input, compute()};
  return entry.output;
}

// The node whose value a start takes over from the window before; empty: none.
std::string carried_by(const Node& node) {
  const auto found = node.attributes.find("carried");
  return found == node.attributes.end() ? "" : std::get<std::string>(found->second);
}

// Undefined where nothing is carried to there.
at::Tensor carried_state(const Frame& frame, const std::string& from, const at::Tensor& input) {
  if (frame.states == nullptr) return {};
  const auto found = frame.states->before.find(from);
  if (found == frame.states->before.end()) return {};
  if (found->second.size(0) != input.size(0))
    throw UsageError("the state of '" + from + "' has " + std::to_string(found->second.size(0)) + " rows and the batch " + std::to_string(input.size(0)));
  return found->second;
}

// A start that takes over a state, or else what the node is.
Step carrying(const Node& node, int at, Step plain) {
  const std::string from = carried_by(node);
  if (from.empty()) return plain;
  return [=, input = node.inputs.front()](Frame& frame) {
    const at::Tensor state = carried_state(frame, from, frame.settled(input));
    if (!state.defined()) return plain(frame);
    frame.values[static_cast<std::size_t>(at)] = state;
  };
}

std::vector<int> carried_nodes(const Graph& graph) {
  std::vector<int> list;
  for (const Node& node : graph.nodes) {
    const std::string from = carried_by(node);
    if (from.empty()) continue;
    const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) { return n.name == from; });
    if (found == graph.nodes.end() || found->shape != node.shape)
      throw UsageError("node '" + node.name + "' (" + node.op + "): no node of its shape is called '" + from + "', whose state it carries");
    list.push_back(static_cast<int>(found - graph.nodes.begin()));
  }
  return list;
}

// A bias shares the fan-in of the weight that stands before it; one whose weight is tied has its own length.
double fan_bound(const std::vector<NamedTensor>& tensors, std::size_t i) {
  const at::Tensor& tensor = tensors[i].tensor;
  const std::string own = tensors[i].name.substr(0, tensors[i].name.rfind('.'));
  const bool follows = tensor.dim() == 1 && i > 0 && tensors[i - 1].name.starts_with(own + ".");
  const at::Tensor& weight = follows ? tensors[i - 1].tensor : tensor;
  return 1.0 / std::sqrt(static_cast<double>(weight.dim() == 1 ? weight.numel() : weight.numel() / weight.size(0)));
}

}  // namespace

void Frame::make_room(std::size_t nodes) {
  values.resize(nodes);
  masks.resize(nodes);
  moments.resize(nodes);
  open.resize(nodes);
}

const at::Tensor& Frame::settled(int node) {
  const auto at = static_cast<std::size_t>(node);
  if (!open[at].terms.empty()) values[at] = closed(std::exchange(open[at], {}));
  return values[at];
}

std::size_t borrowed(const std::vector<NamedTensor>& tensors, const Node& node, const Parameter& parameter) {
  const std::string name = parameter.owner + "." + parameter.name;
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return t.name == name; });
  if (found == tensors.end()) throw UsageError("node '" + node.name + "' (" + node.op + "): no node before it is called '" + parameter.owner + "', to which it is tied");
  if (found->tensor.sizes() != at::IntArrayRef(parameter.shape))
    throw UsageError("node '" + node.name + "' (" + node.op + "): it is tied to '" + parameter.owner + "' but needs a " + parameter.name + " of " + to_string(parameter.shape));
  return static_cast<std::size_t>(found - tensors.begin());
}

std::vector<std::size_t> LoweringCase::register_parameters(const Node& of) const {
  std::vector<std::size_t> places;
  for (const auto& parameter : parameters(of, input_shapes(graph, of))) {
    if (!parameter.owner.empty()) {
      places.push_back(borrowed(tensors, of, parameter));
      continue;
    }
    places.push_back(tensors.size());
    tensors.push_back({scope + of.name + "." + parameter.name, new_tensor(parameter, place), parameter.trainable, of.op, parameter.init});
  }
  return places;
}

namespace {

// The closed node that alone reads this one, once; -1: there is none.
int only_reader(const Graph& graph, int node) {
  int reader = -1, times = static_cast<int>(std::count(graph.outputs.begin(), graph.outputs.end(), node));
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto reads = static_cast<int>(std::count(graph.nodes[n].inputs.begin(), graph.nodes[n].inputs.end(), node));
    times += reads;
    if (reads > 0) reader = static_cast<int>(n);
  }
  return times == 1 && reader >= 0 && !is_open(graph.nodes[static_cast<std::size_t>(reader)]) ? reader : -1;
}

}  // namespace

bool LoweringCase::left_to_a_sum() const {
  const auto fuses = [&](std::string_view name) { return std::any_of(patterns.begin(), patterns.end(), [&](const Pattern& p) { return p.name == name; }); };
  for (int reader = only_reader(graph, node); reader >= 0; reader = only_reader(graph, reader)) {
    const std::string& op = graph.nodes[static_cast<std::size_t>(reader)].op;
    if (op == "add") return fuses("sum");
    if (op == "concat" && graph.nodes[static_cast<std::size_t>(reader)].shape.size() == 3) return fuses("concat") && place.dtype == at::kFloat && place.device.is_cpu();
    if (op != "drop_path" || !fuses("drop_path")) return false;
  }
  return false;
}

OpenSum joined(std::span<const OpenSum> sums, std::span<const at::Tensor> values) {
  OpenSum all;
  std::vector<at::Tensor> weights;
  const bool weighted = std::any_of(sums.begin(), sums.end(), [](const OpenSum& sum) { return sum.weights.defined(); });
  const auto ones = [](std::size_t count) { return at::ones({static_cast<std::int64_t>(count)}); };
  for (const auto& sum : sums) {
    if (weighted && !sum.terms.empty()) weights.push_back(sum.weights.defined() ? sum.weights.to(at::kFloat) : ones(sum.terms.size()));
    all.terms.insert(all.terms.end(), sum.terms.begin(), sum.terms.end());
    if (sum.constant.defined()) all.constant = all.constant.defined() ? all.constant + sum.constant : sum.constant;
  }
  for (const auto& value : values) {
    if (!value.defined()) continue;
    all.terms.emplace_back(value);
    if (weighted) weights.push_back(ones(1));
  }
  if (weighted) all.weights = at::cat(weights);
  return all;
}

bool is_value(const OpenSum& sum) {
  return sum.terms.size() == 1 && !sum.weights.defined() && !sum.terms[0].norm && !sum.terms[0].as && sum.terms[0].images.empty();
}

at::Tensor closed(const OpenSum& sum) {
  const at::Tensor value = is_value(sum) ? sum.terms[0].value : normalised_sum(sum.weights, sum.terms);
  return sum.constant.defined() ? value + sum.constant : value;
}

namespace {

// Whether a select's input has no weight and gets no gradient by being run.
bool is_idle(const Mixture& mixture, const std::string& decision, std::size_t input) {
  const auto found = mixture.find(decision);
  if (found == mixture.end() || found->second.values.empty() || found->second.values[input] != 0.0) return false;
  return found->second.idle.empty() || found->second.idle[input] != Idle::probed;
}

}  // namespace

NodeStep node_step(const LoweringCase& c, int at, Kernel kernel) {
  const Node& node = c.graph.nodes[static_cast<std::size_t>(at)];
  if (node.op == "input") return {[](Frame&) {}, {}};
  std::vector<std::size_t> places = c.register_parameters(node);
  if (!kernel) kernel = make_kernel(node);
  const std::string key = is_pure(node.op) ? purity_key(node) : "";
  const Step step = [=, tensors = &c.tensors, inputs = node.inputs](Frame& frame) {
    std::vector<at::Tensor> read, own;
    for (const int input : inputs) read.push_back(frame.settled(input));
    for (const auto place : places) own.push_back((*tensors)[place].tensor);
    const auto compute = [&] { return kernel(read, own, frame.mode); };
    frame.values[static_cast<std::size_t>(at)] = key.empty() ? compute() : run_shared(frame, key, read[0], compute);
  };
  return {carrying(node, at, step), places};
}

Pattern single_node() {
  return {"single_node", [](const LoweringCase& c) -> std::optional<Lowered> { return Lowered{node_step(c, c.node).step}; }};
}

Program::Program(const Graph& graph, std::vector<NamedTensor>& tensors, const std::string& scope, const std::vector<Pattern>& patterns,
                 NetworkPlace place)
    : graph_(std::make_shared<const Graph>(graph)), asks_(graph.nodes.size()), tensors_(&tensors), carried_(carried_nodes(graph)) {
  for (int node = 0; node < static_cast<int>(graph_->nodes.size());) {
    const LoweringCase lowering{*graph_, node, tensors, scope, patterns, place};
    std::optional<Lowered> lowered;
    const std::size_t before = tensors.size();
    for (std::size_t i = 0; i < patterns.size() && !lowered; ++i) lowered = patterns[i].match(lowering);
    if (!lowered) throw UsageError("node '" + lowering.at().name + "' (" + lowering.at().op + ") is open: only a supernet can run it");
    node += lowered->nodes;
    steps_.push_back({std::move(lowered->step), static_cast<std::size_t>(node - 1), before, tensors.size()});
    for (auto& [input, asks] : lowered->asks) asks_[static_cast<std::size_t>(input)].push_back({std::move(asks), steps_.back().last});
  }
  plan_releases();
  selects_ = std::any_of(graph_->nodes.begin(), graph_->nodes.end(), [](const Node& n) { return n.op == "select"; });
}

// Values live from the step that makes them to the last one that reads them: without a gradient a pass takes the memory of what lives at once. The
// input stays, for steps that want its like.
void Program::plan_releases() {
  const std::size_t count = graph_->nodes.size();
  std::vector<std::size_t> step_of(count), last_step(count, steps_.size());
  for (std::size_t s = 0, node = 0; s < steps_.size(); ++s)
    for (; node <= steps_[s].last; ++node) step_of[node] = s;
  readers_.assign(count, 0);
  for (std::size_t n = 0; n < count; ++n)
    for (const int input : graph_->nodes[n].inputs) last_step[static_cast<std::size_t>(input)] = step_of[n], ++readers_[static_cast<std::size_t>(input)];
  for (const int output : graph_->outputs) last_step[static_cast<std::size_t>(output)] = steps_.size(), ++readers_[static_cast<std::size_t>(output)];
  for (const int node : carried_) last_step[static_cast<std::size_t>(node)] = steps_.size();
  for (std::size_t n = 1; n < count; ++n)
    if (last_step[n] < steps_.size()) steps_[last_step[n]].released.push_back(n);
}

void Program::release(const Placed& step, Frame& frame) const {
  for (const std::size_t node : step.released) {
    if (frame.wants(node) || !frame.values[node].defined()) continue;
    if (frame.shared != nullptr)
      for (auto& [key, results] : *frame.shared) results.erase(frame.values[node].unsafeGetTensorImpl());
    frame.values[node] = at::Tensor();
  }
}

// What no output reads in this pass, because selects give it no weight, is not run: the layers behind the depth that is picked.
std::vector<bool> Program::needed(const Frame& frame) const {
  std::vector<bool> list(graph_->nodes.size(), !selects_ || frame.mixture == nullptr);
  for (const int output : graph_->outputs) list[static_cast<std::size_t>(output)] = true;
  for (const int node : carried_) list[static_cast<std::size_t>(node)] = true;
  for (std::size_t n = list.size(); n-- > 0;) {
    const Node& node = graph_->nodes[n];
    if (!list[n]) continue;
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (node.op != "select" || !is_idle(*frame.mixture, node.decision, i)) list[static_cast<std::size_t>(node.inputs[i])] = true;
  }
  return list;
}

namespace {

// Whether the values inside of cells can be left to backward: it comes, and reads nothing of them but through autograd.
bool leaves_values(const Frame& frame) {
  return frame.mode.training && at::GradMode::is_enabled() && frame.wanted == nullptr && !at::tracer::impl::is_dispatch_enabled();
}

}  // namespace

void Program::run_steps(std::size_t first, std::size_t end, const std::vector<bool>& needed, Frame& frame, const std::vector<std::size_t>& inputs) const {
  const bool alone = frame.ahead == nullptr;
  AheadResults results;
  if (alone) frame.ahead = &results;
  for (const auto node : inputs) run_ahead(node, needed, frame);
  for (std::size_t s = first; s < end; ++s) {
    if (!needed[steps_[s].last]) continue;
    steps_[s].step(frame);
    release(steps_[s], frame);
    // The input of a program within another one has been asked about from there; only the outermost has cells.
    if (alone || !cells_.empty() || steps_[s].last > 0) run_ahead(steps_[s].last, needed, frame);
  }
  if (alone) frame.ahead = nullptr;
}

std::vector<at::Tensor> Program::run(Frame& frame) const {
  frame.make_room(graph_->nodes.size());
  std::vector<bool> list = needed(frame);
  // States that are carried on are read and left by the frame, which a cell has none of.
  if (cells_.empty() || !leaves_values(frame) || (frame.states != nullptr && !carried_.empty())) {
    run_steps(0, steps_.size(), list, frame);
  } else {
    std::size_t next = 0;
    AheadResults results;
    frame.ahead = &results;
    std::vector<bool> outside = list;
    for (const Cell& cell : cells_)
      for (std::size_t s = cell.first; s < cell.end; ++s) outside[steps_[s].last] = false;
    for (const Cell& cell : cells_) {
      run_steps(std::exchange(next, cell.end), cell.first, outside, frame);
      run_cell(cell, list, frame);
    }
    run_steps(next, steps_.size(), outside, frame);
    frame.ahead = nullptr;
  }
  keep_states(frame);
  std::vector<at::Tensor> outputs;
  for (const int output : graph_->outputs) outputs.push_back(frame.values[static_cast<std::size_t>(output)]);
  return outputs;
}

void Program::keep_states(Frame& frame) const {
  if (frame.states == nullptr) return;
  for (const int node : carried_) frame.states->after[graph_->nodes[static_cast<std::size_t>(node)].name] = frame.settled(node).detach();
}

void Program::ask(const at::Tensor& input, const Frame& frame, std::vector<Ask>& list) const {
  for (const auto& [asks, asker] : asks_[0]) asks(input, frame, list);
}

std::vector<Ask> Program::asked(std::size_t node, const at::Tensor& value, const std::vector<bool>& needed, const Frame& frame) const {
  std::vector<Ask> list;
  for (const auto& [asks, asker] : asks_[node])
    if (needed[asker]) asks(value, frame, list);
  return list;
}

// Whether all that read a batch norm can be one function of what it reads. Who takes the norm along asks once.
bool Program::fold_norm(std::size_t node, const std::vector<bool>& needed, Frame& frame) const {
  const Term term = frame.open[node].terms[0];
  std::vector<Ask> list = asked(node, term.value, needed, frame);
  const auto first = std::find_if(list.begin(), list.end(), [](const Ask& ask) { return convolves(ask.what); });
  if (first == list.end() || list.size() != readers_[node]) return false;
  if (!std::all_of(list.begin(), list.end(), [&](const Ask& ask) { return ask.takes_norm && convolve_together(first->what, ask.what); })) return false;
  std::vector<Convolve> together;
  for (auto& ask : list) {
    ask.what.norm = term.norm, ask.what.input_moments = term.moments;
    together.push_back(ask.what);
  }
  std::vector<Convolved> made = convolve_all(term.value, together);
  for (std::size_t i = 0; i < made.size(); ++i) (*frame.ahead)[list[i].slot] = {term.value, std::move(made[i])};
  frame.values[node] = term.value;
  return true;
}

void Program::run_ahead(std::size_t node, const std::vector<bool>& needed, Frame& frame) const {
  if (readers_[node] > 1 && !frame.open[node].terms.empty()) {
    if (fold_norm(node, needed, frame)) return void(frame.open[node] = {});
    frame.settled(static_cast<int>(node));
  }
  const at::Tensor& value = frame.values[node];
  if (asks_[node].empty() || !value.defined()) return;
  std::vector<Ask> list = asked(node, value, needed, frame);
  while (list.size() > 1) {
    // Only a convolution may keep others away: one of them comes first.
    std::iter_swap(list.begin(), std::min(std::find_if(list.begin(), list.end(), [](const Ask& ask) { return convolves(ask.what); }), list.end() - 1));
    const Convolve first = list[0].what;
    const auto others = std::stable_partition(list.begin() + 1, list.end(), [&](const Ask& ask) { return convolve_together(first, ask.what); });
    std::vector<Convolve> together;
    for (auto ask = list.begin(); ask != others; ++ask) together.push_back(ask->what);
    if (together.size() > 1) {
      std::vector<Convolved> made = convolve_all(value, together);
      for (std::size_t i = 0; i < made.size(); ++i) (*frame.ahead)[list[i].slot] = {value, std::move(made[i])};
    }
    list.erase(list.begin(), others);
  }
}

void initialise(std::vector<NamedTensor>& tensors, const Seed& seed) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    at::Tensor& tensor = tensors[i].tensor;
    if (tensors[i].init == Init::ones || tensors[i].init == Init::zeros) {
      tensor.fill_(tensors[i].init == Init::ones ? 1.0 : 0.0);
      continue;
    }
    const bool table = tensors[i].init == Init::table;
    const double bound = table ? 0.02 : fan_bound(tensors, i);
    Rng rng = seed.derive("weight", i).rng();
    at::Tensor values = at::empty(tensor.sizes(), at::kDouble);
    auto* data = values.mutable_data_ptr<double>();
    for (std::int64_t k = 0; k < values.numel(); ++k) data[k] = (table ? rng.normal() : 2 * rng.uniform() - 1) * bound;
    tensor.copy_(values);
  }
}

at::Tensor prepared_input(const Graph& graph, const at::Tensor& input, NetworkPlace place) {
  const Shape& expected = graph.nodes.front().shape;
  const auto given = input.sizes().vec();
  if (given.empty() || Shape(given.begin() + 1, given.end()) != expected || given[0] < 1)
    throw UsageError("the network reads batches of " + to_string(expected) + "; it was given a tensor of " + to_string(Shape(given)));
  // Only where it must move: a traced network names no device.
  const bool at_home = input.device() == place.device && input.scalar_type() == place.dtype;
  at::Tensor x = at_home ? input : input.to(place.device, place.dtype);
  return x.dim() == 4 && channels_last(place) ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

}  // namespace netwright
