#pragma once
// The shapes that flow through two networks of one space, side by side.
#include <iosfwd>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "netwright/graph/graph.hpp"

namespace netwright {

// What leaves a scope ("stage1.block2", "cell3"), as 16x28x28; empty where the network has no such scope.
struct ShapeLine {
  std::string place, smallest, largest;
};

// In the order of the larger network; what the smaller one alone has comes behind. Scopes are of two name components where that makes at most
// 40 lines, otherwise of one.
std::vector<ShapeLine> shape_flow(const Graph& smallest, const Graph& largest);
nlohmann::ordered_json shape_flow_json(const std::vector<ShapeLine>& lines);
void print_shape_flow(const std::vector<ShapeLine>& lines, std::ostream& out);

}  // namespace netwright
