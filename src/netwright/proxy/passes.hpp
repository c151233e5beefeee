#pragma once
// The passes over a network that scores share: each is run when the first score asks for it, and once.
//
// All run in train mode (batch norm reads the batch). When the object ends, buffers and mode are what they were before; parameters are
// never written, and no gradient is left in them.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/nn/network.hpp"

namespace netwright {

// A network and the one batch that it is scored on.
struct ProxyCase {
  std::shared_ptr<Network> network;  // float64 or float32
  at::Tensor inputs;                 // {batch, ...input}; at least 2 samples
  at::Tensor noise;                  // as inputs; what the disturbed copy gets added, times 0.01 (zen)
  at::Tensor targets;                // {batch} of int64
  std::int64_t classes = 10;
  Seed seed = Seed(0);               // of what a score draws (trainability's signs)
};

// A convolution or linear layer, in registration order.
struct WeightLayer {
  std::size_t node;  // in the graph
  at::Tensor weight;
};

// Cross-entropy of the batch (mean), and its gradients, one a layer; zeros where the loss does not depend on the layer.
struct LossGradients {
  double loss = 0;
  std::vector<at::Tensor> weights;
  std::vector<at::Tensor> outputs;  // with respect to the values that the layers give
};

class Passes {
 public:
  explicit Passes(const ProxyCase& proxy_case);
  ~Passes();
  Passes(const Passes&) = delete;
  Passes& operator=(const Passes&) = delete;

  const ProxyCase& given() const { return case_; }
  Network& network() const { return *case_.network; }
  const std::vector<WeightLayer>& layers() const { return layers_; }

  // For the batch, in graph order: of what ReLUs read, layers give and blocks end with, and the logits.
  const std::vector<at::Tensor>& values();
  at::Tensor logits();                        // {batch, classes}
  const LossGradients& loss();
  const at::Tensor& jacobian();               // {batch, elements of an input} float64: d(sum of logits) / d(input)
  const std::vector<at::Tensor>& patterns();  // of the ReLUs (patterns.hpp)
  // {batch, batch} float64: inner products of the samples' gradients of their summed logits, over all tensors called "weight" (those of batch
  // norms too). Cost: `batch` backward passes, and batch x params numbers.
  const at::Tensor& tangent_kernel();

  // Gradients of the batch's loss, one a layer, that can be differentiated again.
  std::vector<at::Tensor> curved_gradients();
  // A pass of its own: gradients of the loss of some samples, one a layer.
  std::vector<at::Tensor> weight_gradients(const at::Tensor& inputs, const at::Tensor& targets);
  // Puts the running statistics back to where they were when this object began.
  void restore_statistics();

 private:
  std::vector<at::Tensor> layer_weights() const;

  ProxyCase case_;
  bool training_;
  std::vector<at::Tensor> statistics_;
  std::vector<WeightLayer> layers_;
  at::Tensor leaf_;
  std::vector<at::Tensor> values_;
  std::optional<LossGradients> loss_;
  at::Tensor jacobian_;
  std::optional<std::vector<at::Tensor>> patterns_;
  at::Tensor tangent_kernel_;
};

}  // namespace netwright
