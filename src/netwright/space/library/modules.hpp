#pragma once
// Parts of hand-made and mobile networks whose nodes are called as somebody else's modules, so that his weights fit by name.
// Inside library/ only.
#include <string>

#include "netwright/graph/composites.hpp"

namespace netwright {

struct ConvNorm {
  std::string conv, norm;              // names of the two nodes
  Attribute channels = std::int64_t{0};
  std::int64_t kernel = 3, stride = 1;
  std::int64_t groups = 1;             // 0 = depthwise
  std::string activation = "relu";     // "" = none
  bool bias = false;                   // of the convolution
  double epsilon = 1e-5, momentum = 0.1;
};
// Convolution - batch norm - activation.
Value conv_norm(Builder& b, Value x, const ConvNorm& o);
Value norm_relu(Builder& b, Value x, const std::string& norm, const std::string& relu);

// torchvision's numbering of an inverted residual under `prefix`; parts that are absent leave no gap.
// Expand, depthwise and project are pairs n.0, n.1; squeeze-excite is n.fc1, n.fc2 (EfficientNet, MobileNetV3).
MbconvNames paired_names(const std::string& prefix, bool expands, bool squeezes);
// The last pair is n, n + 1 (MobileNetV2).
MbconvNames flat_ended_names(const std::string& prefix, bool expands);
// Convolution and batch norm at 0, 1, 3, 4, 6, 7 (MnasNet).
MbconvNames spaced_names(const std::string& prefix);

// Global average pooling - flatten - dropout - linear layer called `linear`.
Value named_classifier(Builder& b, Value x, std::int64_t classes, double dropout, const std::string& linear);

}  // namespace netwright
