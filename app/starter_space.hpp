#pragma once
// The space file that `init` writes: spaces/small.yaml of the source tree, built into the program.
#include <string_view>

namespace netwright {

std::string_view starter_space();

}  // namespace netwright
