#include "netwright/core/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "netwright/core/error.hpp"

namespace netwright {

std::string read_file(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) throw UsageError("cannot read " + file.string() + ": it is a folder");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw UsageError("cannot read " + file.string() + ": " + std::strerror(errno));
  std::ostringstream content;
  content << stream.rdbuf();
  if (stream.bad()) throw UsageError("cannot read " + file.string() + ": " + std::strerror(errno));
  return std::move(content).str();
}

void write_file(const std::filesystem::path& file, std::string_view content) {
  const std::filesystem::path part = file.string() + "." + std::to_string(getpid()) + ".part";
  const int descriptor = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const auto fail = [&](int code) {
    if (descriptor >= 0) close(descriptor);
    unlink(part.c_str());
    throw Error("cannot write " + file.string() + ": " + std::strerror(code));
  };
  if (descriptor < 0) fail(errno);
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(descriptor) != 0) fail(errno);
  close(descriptor);
  if (rename(part.c_str(), file.c_str()) != 0) {
    const int code = errno;
    unlink(part.c_str());
    throw Error("cannot write " + file.string() + ": " + std::strerror(code));
  }
}

}  // namespace netwright
