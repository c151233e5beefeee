#pragma once
// For tests: runs the built command as a user does.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace netwright {

struct Ran {
  int code = -1;
  std::string out;  // standard output, then standard error
};

// `words` is a shell's text; NETWRIGHT stands for the program; it runs in `folder`.
inline Ran run_command(const std::string& words, const std::filesystem::path& folder) {
  const std::string line = "exec 2>&1; cd '" + folder.string() + "' && NETWRIGHT='" NETWRIGHT_PROGRAM "'; " + words;
  FILE* pipe = popen(line.c_str(), "r");
  Ran ran;
  char buffer[4096];
  for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.out.append(buffer, n);
  const int status = pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return ran;
}

inline Ran netwright_command(const std::string& words, const std::filesystem::path& folder) { return run_command("\"$NETWRIGHT\" " + words, folder); }

inline std::filesystem::path fresh_folder(const std::string& base, const std::string& name) {
  const auto folder = std::filesystem::path(base) / ("netwright_" + std::to_string(getpid()) + "_" + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace netwright
