#pragma once
// Whole files, read and written so that nothing is half there.
#include <filesystem>
#include <string>
#include <string_view>

namespace netwright {

// Errors: UsageError "cannot read FILE: reason".
std::string read_file(const std::filesystem::path& file);

// Writes beside the target, flushes, then renames over it: a reader sees the old or the new file, never a part.
// Errors: Error "cannot write FILE: reason" (a full disk included); the old file then stays.
void write_file(const std::filesystem::path& file, std::string_view content);

}  // namespace netwright
