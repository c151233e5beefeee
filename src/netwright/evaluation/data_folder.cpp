#include "netwright/evaluation/data_folder.hpp"

#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include "netwright/core/error.hpp"

namespace netwright {

std::filesystem::path shipped_file(const std::filesystem::path& name) {
  std::vector<std::filesystem::path> folders;
  if (const char* given = std::getenv("NETWRIGHT_DATA")) folders.emplace_back(given);
  std::error_code ignored;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  folders.push_back(program.parent_path().parent_path() / "share" / "netwright");
  folders.emplace_back(NETWRIGHT_SOURCE_DATA_DIR);
  for (const auto& folder : folders) {
    if (std::filesystem::exists(folder / name, ignored)) return folder / name;
  }
  throw UsageError("cannot find " + name.string() + ", which comes with netwright; set NETWRIGHT_DATA to the folder that holds it");
}

}  // namespace netwright
