#include "version.hpp"

namespace netwright {

std::string version_line() { return "netwright " NETWRIGHT_VERSION; }

}  // namespace netwright
