#pragma once
// For tests: what a mistake says.
#include <functional>
#include <string>

#include "netwright/core/error.hpp"

namespace netwright {

inline std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace netwright
