#pragma once
// A program run beside this one: its lines as they come, a deadline, and an end that takes its whole process group with it.
// Inside the room only. Linux.
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace netwright {

struct ChildCase {
  std::string command;                                           // given to sh -c
  std::filesystem::path input;                                   // its standard input
  std::vector<std::pair<std::string, std::string>> environment;  // beside ours
  double timeout_seconds = 0;                                    // 0 = none
  double grace_seconds = 5;                                      // between SIGTERM and SIGKILL
};

enum class ChildEnd { exited, timed_out, stopped };

struct ChildResult {
  ChildEnd end = ChildEnd::exited;
  int exit_code = 0;  // of an exited one; -1 when a signal ended it
  int signal = 0;
  std::string last_error_line;  // the last line on standard error that is not blank
  double seconds = 0;
};

// Runs the command; each line of its standard output goes to `line`, which answers false to stop it (SIGTERM, later SIGKILL). What is
// left of the group when the command has ended is killed. Errors: Error when no process can be started (memory, descriptors).
ChildResult run_child(const ChildCase& child_case, const std::function<bool(std::string_view)>& line);

}  // namespace netwright
