#pragma once
// The files of library/architectures, as they were when netwright was built.
#include <string_view>
#include <vector>

namespace netwright {

struct EmbeddedFile {
  std::string_view name;  // "library/architectures/darts.yaml"
  std::string_view text;
};
std::vector<EmbeddedFile> embedded_architectures();

}  // namespace netwright
