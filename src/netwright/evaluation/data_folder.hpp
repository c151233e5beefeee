#pragma once
// Where the tables that come with netwright are.
#include <filesystem>

namespace netwright {

// The first that exists of: $NETWRIGHT_DATA/NAME, share/netwright/NAME beside the running program's bin folder, data/NAME of the
// source tree that this was built from. Errors: UsageError naming the file and the variable.
std::filesystem::path shipped_file(const std::filesystem::path& name);

}  // namespace netwright
