#pragma once
// Open widths run as narrow as they are picked, where one pick has all the weight and carries no gradient (a sampled path).
//
// A value whose width is open then holds the first c channels alone, and what reads it takes the first c of its own weights: the path costs
// what its closed network costs, in time and memory. Elsewhere widths are masked (elastic.cpp). A width can be narrow where all that
// its channels reach are operations without weights, batch norms, depthwise convolutions and sums or products of values of the same decision,
// up to convolutions that mix channels; whether it is so is read off the graph, once.
#include <optional>
#include <vector>

#include "netwright/supernet/mixed.hpp"

namespace netwright {

// The decision that each node's channels follow where they may be narrow; empty elsewhere.
std::vector<std::string> narrow_widths(const Graph& graph);

// The pick that has all the weight; nothing where several have some, or where the weights learn by gradient.
std::optional<std::size_t> sampled_pick(const MixtureEntry& entry);

bool is_structure(const Node& node);         // choice, select or input
// The node with every open attribute at its largest.
Node largest(const Node& node);
// The value times a factor a channel.
at::Tensor apply_mask(const at::Tensor& value, const at::Tensor& mask);
// Whether a node hands its input's channels on, one to one.
bool keeps_channels(const Node& node, const Shape& input);

// How nodes run on first channels. Fused kernels take them where the lowering has their patterns. A batch norm that one ReLU reads, or one
// convolution, is left to the convolution behind it, and the ReLU too.
class NarrowRun {
 public:
  explicit NarrowRun(const LoweringCase& c);
  // What the node reads: with a norm left to it the norm's input, which convolution() takes.
  const at::Tensor& input(const Frame& frame) const;
  // The same with norm and ReLU done, for a kernel that knows nothing of them.
  at::Tensor settled_input(Frame& frame) const;
  // By weights {out, in, k, k} that may have fewer channels and a smaller centred window than the node; `bias` may be undefined.
  at::Tensor convolution(Frame& frame, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) const;
  // A batch norm by the first channels of its tensors; undefined where it is left to the convolution behind it.
  at::Tensor norm(Frame& frame, const at::Tensor& x, const std::vector<at::Tensor>& own) const;

 private:
  Node node_;                // open attributes at their largest
  Shape input_;
  std::size_t at_, read_;
  std::size_t norm_;         // of a convolution: the norm that may be left to it; itself: none
  bool convolves_, normalises_, counts_, read_once_, leaves_, rectifies_ = false;
};

// ReLUs between a norm that is left and the convolution that takes it.
Pattern left_relu_pattern();

// Nodes without open attributes that read a value which may be narrow.
Pattern narrow_pattern();

}  // namespace netwright
