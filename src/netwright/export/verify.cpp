#include "netwright/export/verify.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"

extern char** environ;

namespace netwright {
namespace {

namespace fs = std::filesystem;

// A folder of its own that goes away with the object.
struct Scratch {
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "netwright-verify-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Error("cannot make the folder " + pattern + ": " + std::strerror(errno));
    folder = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  fs::path folder;
};

std::string_view bytes(std::span<const float> values) { return {reinterpret_cast<const char*>(values.data()), values.size_bytes()}; }

std::string read_all(int descriptor) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

// What the program writes to its standard output; its standard error stays ours.
std::string output_of(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  if (pipe(ends) != 0) throw Error(std::string("cannot open a pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  const std::string text = failed == 0 ? read_all(ends[0]) : "";
  close(ends[0]);
  if (failed != 0) throw Error("cannot start " + words[0] + ": " + std::strerror(failed));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return text;
}

}  // namespace

std::optional<fs::path> find_python(const std::vector<fs::path>& folders) {
  if (const char* named = std::getenv("NETWRIGHT_PYTHON"); named != nullptr && *named != '\0') return fs::path(named);
  std::error_code error;
  for (const auto& folder : folders) {
    for (fs::path at = fs::absolute(folder, error).lexically_normal();; at = at.parent_path()) {
      const fs::path python = at / ".venv" / "bin" / "python";
      if (access(python.c_str(), X_OK) == 0) return python;
      if (!at.has_relative_path()) break;
    }
  }
  return std::nullopt;
}

OnnxVerdict verify_onnx(const fs::path& model, std::span<const float> input, std::span<const float> expected, const OnnxVerification& options) {
  const Scratch scratch;
  const fs::path input_file = scratch.folder / "input", expected_file = scratch.folder / "expected";
  write_file(input_file, bytes(input));
  write_file(expected_file, bytes(expected));
  const std::string text = output_of({options.python.string(), "-c", verify_onnx_script(), model.string(), input_file.string(), expected_file.string(), std::to_string(options.tolerance)});
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("ok")) throw Error("verifying " + model.string() + " with " + options.python.string() + " gave no verdict");
  OnnxVerdict verdict{.ok = json["ok"].get<bool>(), .reason = json.value("reason", "")};
  if (json.contains("max_abs_difference") && json["max_abs_difference"].is_number()) verdict.max_abs_difference = json["max_abs_difference"].get<double>();
  if (json.contains("shape")) verdict.shape = json["shape"].get<Shape>();
  return verdict;
}

}  // namespace netwright
