#pragma once
// An open graph as one trainable network that shares weights between all architectures.
//
// Every choice has one run-time mechanism: a weight vector over its candidates (Mixture), made outside (relaxation.hpp). A candidate
// whose weight is exactly zero is not run. A select without a weight vector sums all its inputs (DARTS); with one it is weighted.
// Open attributes are elastic: a kernel is the weighted sum of centre crops of the largest, a width the weighted sum of channel
// masks over the widest; with a one-hot vector both equal the closed network with that number.
// Tensors are named node "." branch "." inner node "." parameter, in the order in which the graph is walked.
// Source: weight sharing as in DARTS (Liu et al. 2019, arXiv 1806.09055, eq. 2); masks as in FBNetV2 (Wan et al. 2020, arXiv
// 2004.05565); centre crops as in Once-for-All (arXiv 1908.09791), its transform matrices where LoweringOptions asks for them.
// Errors: Unsupported for an open stride, dilation, groups or padding, and for a concatenating select that is relaxed.
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "netwright/graph/graph.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/nn/program.hpp"
#include "netwright/space/decision.hpp"

namespace netwright {

// LoweringOptions::without may also name "weighted_sum", the one-pass sum over candidates, and "shared", ReLUs and poolings computed
// once for all that read one value.
class Supernet {
 public:
  explicit Supernet(const Graph& open, NetworkPlace place = {}, const LoweringOptions& lowering = {});
  // The weights and the mode of another one, shared, in the graph of another input size.
  // Errors: UsageError where the graph has other tensors.
  Supernet(const Graph& open, const Supernet& of);
  ~Supernet();
  Supernet(Supernet&&) noexcept;
  Supernet& operator=(Supernet&&) noexcept;

  void initialise(const Seed& seed);
  std::vector<at::Tensor> forward(const at::Tensor& input, const Mixture& mixture, CarriedStates* states = nullptr);

  void train(bool on);
  void set_noise(bool on);               // dropout and drop-path while training; off where shared weights are only measured
  void set_drop_path(double rate);
  void set_norm_momentum(double momentum);   // of all batch norms' running statistics; 0: their own
  void set_skip_dropout(double rate);    // behind candidates that hand their input on (P-DARTS, Chen et al. 2019, arXiv 1904.12760)
  const std::vector<NamedTensor>& tensors() const;
  std::vector<at::Tensor> parameters() const;
  const Graph& graph() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The mixture that runs exactly one architecture: ones where it picks, zeros elsewhere. Inactive decisions run their first pick
// with weight one, which nothing reads.
Mixture one_hot(const DecisionTree& tree, const Architecture& architecture, NetworkPlace place = {});

}  // namespace netwright
