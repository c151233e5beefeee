#pragma once
// Weights outside of any tensor library: name, shape, float32 values in row-major order.
#include <string>
#include <vector>

#include "netwright/graph/graph.hpp"

namespace netwright {

struct Weight {
  std::string name;           // node name + "." + parameter name: "stem.conv.weight"
  Shape shape;
  std::vector<float> values;
};

using Weights = std::vector<Weight>;

}  // namespace netwright
