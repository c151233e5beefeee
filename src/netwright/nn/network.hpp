#pragma once
// A closed graph as a trainable torch network.
//
// Inputs {batch, ...shape of the graph's input}; one output tensor a graph output. Tensors are named as in a PyTorch state_dict:
// node name + "." + parameter name. Weights start as the operation table says
// (operation.hpp, Init).
// On the CPU four-dimensional values run channels-last.
// Cost of building: below 10 ms for 500 layers. Errors: UsageError when the graph is open or has more than one input.
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
  bool trainable = true;      // false: a buffer (running statistics)
  std::string op;             // of its node: "conv", "linear", "batch_norm"
  Init init = Init::fan;      // how it starts
};

struct NetworkPlace {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
};

// Which patterns lower groups of nodes: all but those named here (nn/fused.hpp lists them).
struct LoweringOptions {
  std::vector<std::string> without = {};
  bool checkpoint = false;         // values inside a cell are computed again in backward: less memory, one forward pass more (checkpoint.hpp)
  bool kernel_transform = false;   // smaller kernels through learned matrices (Once-for-All), in a supernet
};

// What recurrent networks keep between the windows of a text: by the name of the node that gave it, {batch, ...}. A pass reads `before` (what
// is missing starts at zero) and leaves `after`, cut off from the gradients of its window (truncated backpropagation through time).
struct CarriedStates {
  std::map<std::string, at::Tensor> before, after;
  void go_on() { before = std::exchange(after, {}); }   // to the next window: rows go on where they ended
  void clear() { before.clear(), after.clear(); }
};

class Network {
 public:
  explicit Network(const Graph& closed, NetworkPlace place = {}, const LoweringOptions& lowering = {});
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  // Draws all weights from the seed, in registration order.
  void initialise(const Seed& seed);

  // Without states every window starts at zero. Errors: UsageError when the input's shape, or that of a state, does not fit.
  std::vector<at::Tensor> forward(const at::Tensor& input, CarriedStates* states = nullptr);
  // For scores that look inside: the values of the nodes that are `wanted`, in graph order, one flag a node; the others may be undefined. Groups
  // of nodes with none of these inside run fused.
  std::vector<at::Tensor> values(const at::Tensor& input, const std::vector<bool>& wanted);
  std::vector<at::Tensor> values(const at::Tensor& input);   // of every node

  void train(bool on);                   // batch statistics, dropout and drop-path on or off; new networks train
  bool training() const;
  void set_drop_path(double rate);       // the rate of every drop_path node
  void bypass_batch_norm(bool on);       // batch norm as identity (synflow)

  const std::vector<NamedTensor>& tensors() const;   // parameters and buffers in registration order
  std::vector<at::Tensor> parameters() const;        // the trainable ones
  const Graph& graph() const;
  NetworkPlace place() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace netwright
