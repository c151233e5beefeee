#include "netwright/search/launcher.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <thread>

#include "netwright/core/error.hpp"

extern char** environ;

namespace netwright {
namespace {

std::string with_name(std::string argument, const std::string& name) {
  constexpr std::string_view place = "{worker}";
  for (std::size_t at = 0; (at = argument.find(place, at)) != std::string::npos; at += name.size()) argument.replace(at, place.size(), name);
  return argument;
}

// Own group, default signals, no input: a worker starts the same whatever its coordinator has changed for itself.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&signals, signal);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
};

pid_t spawn(const std::vector<std::string>& argv) {
  const SpawnSettings settings;
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int problem = posix_spawnp(&pid, arguments[0], &settings.actions, &settings.attributes, arguments.data(), environ);
  if (problem != 0) throw Error("cannot start a worker (" + argv[0] + "): " + std::strerror(problem));
  return pid;
}

WorkerDeath death_of(const std::string& worker, int status) {
  if (WIFSIGNALED(status)) return {.worker = worker, .reason = "signal " + std::to_string(WTERMSIG(status))};
  const int code = WEXITSTATUS(status);
  return {.worker = worker, .reason = "exit code " + std::to_string(code), .exit_code = code};
}

class LocalWorkers : public Launcher {
 public:
  LocalWorkers(int count, std::vector<std::string> argv, double grace_seconds)
      : count_(count), argv_(std::move(argv)), grace_(grace_seconds) {}
  ~LocalWorkers() override { stop(); }
  LocalWorkers(const LocalWorkers&) = delete;
  LocalWorkers& operator=(const LocalWorkers&) = delete;

  void start() override {
    while (static_cast<int>(running_.size()) < count_) restart();
  }

  void restart() override {
    const std::string name = std::to_string(::getpid()) + "-" + std::to_string(++started_);
    std::vector<std::string> argv;
    for (const std::string& argument : argv_) argv.push_back(with_name(argument, name));
    running_.emplace(spawn(argv), name);
  }

  std::vector<WorkerDeath> deaths() override {
    std::vector<WorkerDeath> deaths;
    for (auto worker = running_.begin(); worker != running_.end();) {
      int status = 0;
      if (::waitpid(worker->first, &status, WNOHANG) != worker->first) {
        ++worker;
        continue;
      }
      ::kill(-worker->first, SIGKILL);   // whatever it had started
      deaths.push_back(death_of(worker->second, status));
      worker = running_.erase(worker);
    }
    return deaths;
  }

  void stop() override {
    for (const auto& [pid, name] : running_) ::kill(-pid, SIGTERM);
    const auto end = std::chrono::steady_clock::now() + grace_;
    while (!running_.empty() && std::chrono::steady_clock::now() < end) {
      deaths();
      if (!running_.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    for (const auto& [pid, name] : running_) {
      ::kill(-pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    running_.clear();
  }

 private:
  int count_;
  std::vector<std::string> argv_;
  std::chrono::duration<double> grace_;
  std::map<pid_t, std::string> running_;
  int started_ = 0;
};

}  // namespace

std::unique_ptr<Launcher> local_workers(int count, std::vector<std::string> argv, double grace_seconds) {
  if (count < 1) throw UsageError("workers = " + std::to_string(count) + ": at least 1 is needed");
  if (argv.empty()) throw UsageError("a worker needs a command");
  return std::make_unique<LocalWorkers>(count, std::move(argv), grace_seconds);
}

}  // namespace netwright
