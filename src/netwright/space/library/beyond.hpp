#pragma once
// A space whose notation reaches beyond it, or whose closed networks are written otherwise than by closing its open graph.
// Inside library/ only.
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "netwright/space/space.hpp"

namespace netwright {

struct Beyond {
  // The network of a text that is no architecture of the space; none: the space reads the text itself.
  std::function<std::optional<Graph>(std::string_view, const NetworkOptions&)> network;
  // The closed network of an architecture; where it is not set, the open graph closed by the generic rule.
  std::function<Graph(const DecisionTree&, const Architecture&, const NetworkOptions&)> close;
};
std::unique_ptr<Space> extended(std::unique_ptr<Space> space, Beyond beyond);

}  // namespace netwright
