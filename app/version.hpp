#pragma once
// Which netwright this is.
#include <string>

namespace netwright {

std::string version_line();  // "netwright 0.1.0"

}  // namespace netwright
