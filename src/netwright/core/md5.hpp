#pragma once
// MD5, for names that others have given by it (NAS-Bench-101's cells, checksums of data sets). Not for secrets.
#include <string>
#include <string_view>

namespace netwright {

// Thirty-two lower-case hexadecimal digits. Cost: about 3 ns a byte, at least 64 bytes. Source: RFC 1321.
std::string md5(std::string_view text);

}  // namespace netwright
