#pragma once
// A graph lowered to steps that run on torch.
//
// Lowering walks the nodes in order and asks a list of patterns, the first of which that matches takes the node (and, where it wants,
// the nodes behind it) as one step. The last pattern takes any closed node. The supernet room puts its patterns for choices, selects
// and open attributes in front, fused.hpp has those of the fused kernels. Each pattern is named, so that one can be left out.
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "netwright/graph/graph.hpp"
#include "netwright/kernels/convolve.hpp"
#include "netwright/kernels/normalised_sum.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/nn/operations.hpp"

namespace netwright {

// The weight vector of each decision during one forward pass: element i weighs candidate i. `values` are the same numbers outside
// of autograd; a candidate whose value is exactly zero is not run. A decision without an entry is summed with weight one (select).
// What a candidate of value zero may do yet, so that its weight gets a gradient:
//   gate    its weight is added, as the zero that it is: the gradient is the sum over dL/dy (GDAS' released code);
//   probed  it runs without a graph of its own and is weighed by zero: the gradient is <dL/dy, value> (ProxylessNAS).
enum class Idle { skipped, gate, probed };
struct MixtureEntry {
  at::Tensor weights;
  std::vector<double> values;
  std::vector<Idle> idle = {};   // empty: all are skipped
};
using Mixture = std::map<std::string, MixtureEntry, std::less<>>;

// A sum that is not added up yet, left to what reads it: sum_i weights[i] * norm_i(values[i]) + constant. Undefined weights: all are one;
// `constant` is a number, undefined where it is none. Only what normalised_sum takes is left open; without terms nothing is.
struct OpenSum {
  at::Tensor weights;
  std::vector<Term> terms = {};
  at::Tensor constant = {};
};
// Several, and values beside them, as one. Undefined values add nothing.
OpenSum joined(std::span<const OpenSum> sums, std::span<const at::Tensor> values);
// Whether there is nothing to add up but a value alone, and the constant.
bool is_value(const OpenSum& sum);
// Adds it up.
at::Tensor closed(const OpenSum& sum);

// Fused functions of one value that steps ahead are going to run, each for the slot of its step, without a norm: those that can are run as one
// (convolve_all), so that the value is loaded once, and its gradient is stored once. Where all that read a batch norm can, it is folded into their load.
struct Ask {
  const void* slot;
  Convolve what;
  bool takes_norm = false;   // its step takes Convolved::norm along
};
struct Ahead {
  at::Tensor input;
  Convolved made;
};
using AheadResults = std::unordered_map<const void*, Ahead>;

// What one forward pass carries from step to step. `values` belong to one graph; a branch gets a frame of its own.
struct Frame {
  const RunMode& mode;
  const Mixture* mixture = nullptr;
  std::vector<at::Tensor> values;
  // Per channel factors of values whose width is open; undefined elsewhere.
  std::vector<at::Tensor> masks;
  // Results of pure operations in this pass, by operation and the value that they read: shared across edges and cells.
  struct Shared {
    at::Tensor input, output;
  };
  using SharedResults = std::unordered_map<std::string, std::unordered_map<const void*, Shared>>;
  SharedResults* shared = nullptr;
  const std::vector<bool>* wanted = nullptr;   // nodes whose values somebody looks at behind the pass: none of them is run inside a group or left open
  std::vector<BatchMoments> moments = {};   // of values whose kernel counted them for the batch norm that reads them
  std::vector<OpenSum> open = {};           // of nodes whose one reader, an add or concat of this graph, adds them up; of batch norms of several until they are asked
  OpenSum* deferred = nullptr;              // where set, an output that can stay open stands here and is left to the reader
  AheadResults* ahead = nullptr;            // run before their steps; the outermost program's
  CarriedStates* states = nullptr;          // null: every start is zero

  void make_room(std::size_t nodes);
  // The value; a node that its one reader was to add up is added up here where another pattern took the reader.
  const at::Tensor& settled(int node);
  bool wants(std::size_t node) const { return wanted != nullptr && (*wanted)[node]; }
};

using Step = std::function<void(Frame&)>;
// Adds what a step is going to ask of the value of one of its inputs, in this frame.
using Asks = std::function<void(const at::Tensor& value, const Frame& frame, std::vector<Ask>& list)>;

class Program;

// What a pattern may look at and use while it lowers.
struct LoweringCase {
  const Graph& graph;
  int node;                                      // where the pattern is asked to match
  std::vector<NamedTensor>& tensors;             // parameters are appended in registration order
  std::string scope;                             // prefix of parameter names
  const std::vector<struct Pattern>& patterns;   // for branches
  NetworkPlace place;

  const Node& at() const { return graph.nodes[static_cast<std::size_t>(node)]; }
  // Whether what the node gives may stay open: its one reader is an add or a concat that adds all up, or a drop_path before one.
  bool left_to_a_sum() const;
  bool is_output() const { return graph.outputs == std::vector<int>{node}; }
  // Registers the node's parameters; gives their places in `tensors`. A tied one has its owner's place.
  std::vector<std::size_t> register_parameters(const Node& of) const;
};

// Where the tensor stands that a parameter is tied to. Errors: UsageError where it is not there, or of another shape.
std::size_t borrowed(const std::vector<NamedTensor>& tensors, const Node& node, const Parameter& parameter);

struct Lowered {
  Step step;
  int nodes = 1;                                 // how many nodes, from `node` on, the step computes
  std::vector<std::pair<int, Asks>> asks = {};   // by the node that is read
};

struct Pattern {
  std::string name;
  std::function<std::optional<Lowered>(const LoweringCase&)> match;
};

// One closed node on torch, and where its tensors stand.
struct NodeStep {
  Step step;
  std::vector<std::size_t> places;
};
// Registers the tensors of that node. Pure nodes are shared within a pass. `kernel` runs it; without one, torch's.
NodeStep node_step(const LoweringCase& c, int node, Kernel kernel = {});

// Any closed node, one step each.
Pattern single_node();

class Program {
 public:
  // `tensors` must outlive the program and keep its order.
  Program(const Graph& graph, std::vector<NamedTensor>& tensors, const std::string& scope, const std::vector<Pattern>& patterns, NetworkPlace place);
  // Runs all steps; frame.values[0] (the input node) is set by the caller. Result: values of the outputs.
  std::vector<at::Tensor> run(Frame& frame) const;
  // From now on the values inside of each cell, the nodes whose names begin alike ("cell3."), are computed again in backward. For the outermost
  // program of a network, which must outlive the graphs of its passes.
  void checkpoint_cells();
  // What its steps are going to ask of its input.
  void ask(const at::Tensor& input, const Frame& frame, std::vector<Ask>& list) const;
  const Graph& graph() const { return *graph_; }

 private:
  std::shared_ptr<const Graph> graph_;
  struct Placed {
    Step step;
    std::size_t last;                            // of its nodes: the one whose value others read
    std::size_t first_tensor, end_tensor;        // those that it registered
    std::vector<std::size_t> released = {};      // nodes whose values nobody reads behind it
  };
  // Neighbouring steps of one cell, the nodes outside that they read, and those of them that others read.
  struct Cell {
    std::size_t first, end;
    std::vector<std::size_t> inputs, outputs;
    std::vector<std::size_t> tensors;
  };
  struct Asker {
    Asks asks;
    std::size_t last;                            // of the nodes of the step that asks
  };
  void plan_releases();
  void release(const Placed& step, Frame& frame) const;
  std::vector<bool> needed(const Frame& frame) const;
  Cell cell_of(std::size_t first, std::size_t end) const;
  void run_cell(const Cell& cell, const std::vector<bool>& needed, Frame& frame) const;
  // `inputs` have their values already and are read by these steps.
  void run_steps(std::size_t first, std::size_t end, const std::vector<bool>& needed, Frame& frame, const std::vector<std::size_t>& inputs = {}) const;
  void run_ahead(std::size_t node, const std::vector<bool>& needed, Frame& frame) const;
  bool fold_norm(std::size_t node, const std::vector<bool>& needed, Frame& frame) const;
  std::vector<Ask> asked(std::size_t node, const at::Tensor& value, const std::vector<bool>& needed, const Frame& frame) const;
  void keep_states(Frame& frame) const;
  std::vector<Placed> steps_;
  std::vector<std::vector<Asker>> asks_;         // of each node's value
  std::vector<std::size_t> readers_;             // how often each node is read; an output counts as one more
  std::vector<Cell> cells_;
  std::vector<NamedTensor>* tensors_;
  std::vector<int> carried_;                     // nodes whose values the next window starts with
  bool selects_ = false;
};

// As each tensor's `init` asks (graph/operation.hpp); drawn per tensor from seed.derive("weight", i).
void initialise(std::vector<NamedTensor>& tensors, const Seed& seed);

// Checks the input against the graph's; gives it the program's dtype, device and memory format.
at::Tensor prepared_input(const Graph& graph, const at::Tensor& input, NetworkPlace place);

}  // namespace netwright
