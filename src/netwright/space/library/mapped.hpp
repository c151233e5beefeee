#pragma once
// An attribute through a function: a number, or every value of an open one, whose decision stays.
#include <functional>

#include "netwright/graph/graph.hpp"

namespace netwright {

inline Attribute mapped(const Attribute& attribute, const std::function<std::int64_t(std::int64_t)>& function) {
  const auto* open = std::get_if<Open>(&attribute);
  if (open == nullptr) return function(std::get<std::int64_t>(attribute));
  Open result = *open;
  for (std::int64_t& value : result.values) value = function(value);
  return result;
}

}  // namespace netwright
