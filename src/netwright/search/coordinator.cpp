#include "netwright/search/coordinator.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

std::filesystem::path lock_file_of(const std::filesystem::path& study_file) { return study_file.string() + ".lock"; }

struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string content_of(int descriptor) {
  char text[64];
  const ssize_t length = ::pread(descriptor, text, sizeof text, 0);
  return trim(std::string(text, length > 0 ? static_cast<std::size_t>(length) : 0));
}

[[noreturn]] void refuse(const std::filesystem::path& lock_file, int descriptor, int problem) {
  const std::string holder = split(content_of(descriptor), ' ').front();
  ::close(descriptor);
  if (problem != EAGAIN && problem != EACCES) throw Error("cannot lock " + lock_file.string() + ": " + std::strerror(problem));
  throw Error("process " + holder + " is running this study already (" + lock_file.string() + "): wait for it, or stop it");
}

// The last holder removes the file, so a lock may be on a file that has no name any more: then the name is taken anew.
bool still_named(int descriptor, const std::filesystem::path& lock_file) {
  struct stat mine {};
  struct stat named {};
  return ::fstat(descriptor, &mine) == 0 && ::stat(lock_file.c_str(), &named) == 0 && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

int lock_named_file(const std::filesystem::path& lock_file) {
  for (;;) {
    const int descriptor = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) throw Error("cannot create " + lock_file.string() + ": " + std::strerror(errno));
    struct flock lock = whole_file(F_WRLCK);
    if (::fcntl(descriptor, F_OFD_SETLK, &lock) != 0) refuse(lock_file, descriptor, errno);
    if (still_named(descriptor, lock_file)) return descriptor;
    ::close(descriptor);
  }
}

}  // namespace

CoordinatorLock::CoordinatorLock(const std::filesystem::path& study_file) {
  if (study_file == ":memory:") return;
  lock_file_ = lock_file_of(study_file);
  descriptor_ = lock_named_file(lock_file_);
  const std::string name =
      std::to_string(::getpid()) + " " + std::to_string(std::chrono::system_clock::now().time_since_epoch().count()) + "\n";
  if (::ftruncate(descriptor_, 0) == 0 && ::pwrite(descriptor_, name.data(), name.size(), 0) == static_cast<ssize_t>(name.size())) return;
  const std::string reason = std::strerror(errno);
  ::close(descriptor_);
  throw Error("cannot write " + lock_file_.string() + ": " + reason);
}

CoordinatorLock::~CoordinatorLock() {
  if (descriptor_ < 0) return;
  ::unlink(lock_file_.c_str());   // before the lock is let go: afterwards the name may be somebody else's
  ::close(descriptor_);
}

std::string coordinator_of(const std::filesystem::path& study_file) {
  const int descriptor = ::open(lock_file_of(study_file).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return "";
  struct flock lock = whole_file(F_RDLCK);
  const bool held = ::fcntl(descriptor, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  const std::string name = held ? content_of(descriptor) : "";
  ::close(descriptor);
  return name;
}

}  // namespace netwright
