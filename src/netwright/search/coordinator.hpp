#pragma once
// Who runs a study: at most one process at a time, and its workers can see whether it still lives.
#include <filesystem>
#include <string>

namespace netwright {

// Holds FILE.lock while it lives. The lock ends with the process, however that ends; a child does not inherit it through exec.
// For ":memory:" it does nothing. Errors: Error naming the process that holds the lock.
class CoordinatorLock {
 public:
  explicit CoordinatorLock(const std::filesystem::path& study_file);
  ~CoordinatorLock();
  CoordinatorLock(const CoordinatorLock&) = delete;
  CoordinatorLock& operator=(const CoordinatorLock&) = delete;

 private:
  std::filesystem::path lock_file_;
  int descriptor_ = -1;
};

// Names the living coordinator of a study, differently for each one that ever ran; empty when there is none. Cost: about 5 us.
std::string coordinator_of(const std::filesystem::path& study_file);

}  // namespace netwright
