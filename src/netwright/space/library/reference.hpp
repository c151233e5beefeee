#pragma once
// Hand-made networks of the field, to the parameter. Their nodes are called as torchvision's modules, so that every weight
// (node name "." parameter) has the name that torchvision gives it: "layer1.0.conv1.weight", "fc.bias".
// Source: the papers named in each entry; layer numbers and widths as torchvision has them.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "netwright/space/space.hpp"

namespace netwright {

struct ReferenceNetwork {
  std::string name;    // torchvision's
  std::string paper;
  std::function<Graph(const NetworkOptions&)> build;   // options.settings are not read
};

// ResNet, ResNeXt, wide ResNet, DenseNet and VGG; then MobileNetV2 and V3, MnasNet and ShuffleNetV2.
std::vector<ReferenceNetwork> residual_references();
std::vector<ReferenceNetwork> mobile_references();
const std::vector<ReferenceNetwork>& reference_networks();

// One decision, `network`. Input 3x224x224, 1000 classes. It has no open graph: its networks share no weights.
std::unique_ptr<Space> make_reference();

}  // namespace netwright
