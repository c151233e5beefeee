#pragma once
// Worker processes: where they start, how they end.
#include <memory>
#include <string>
#include <vector>

namespace netwright {

struct WorkerDeath {
  std::string worker;   // its name
  std::string reason;   // "signal 9", "exit code 1"
  int exit_code = -1;   // -1: ended by a signal
};

class Launcher {
 public:
  virtual ~Launcher() = default;
  virtual void start() = 0;                        // all workers. Errors: Error when one cannot be started
  virtual std::vector<WorkerDeath> deaths() = 0;   // since the last call
  virtual void restart() = 0;                      // one more worker, in the place of one that died
  virtual void stop() = 0;                         // ends all; returns when they are gone
};

// `count` processes of `argv` on this machine, each in a process group of its own, so that Ctrl-C reaches their coordinator alone and
// nothing that a worker started outlives it. The text {worker} in an argument becomes the worker's name, which is unique in the study.
// stop(): SIGTERM, then SIGKILL after grace_seconds. Standard input is empty; output goes where the coordinator's goes.
std::unique_ptr<Launcher> local_workers(int count, std::vector<std::string> argv, double grace_seconds = 5);

}  // namespace netwright
