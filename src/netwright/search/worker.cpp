#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "netwright/core/error.hpp"
#include "netwright/search/coordinator.hpp"
#include "netwright/search/judgement.hpp"
#include "netwright/search/search.hpp"
#include "netwright/search/stopping.hpp"

namespace netwright {
namespace {

// Renews the lease of the trial under evaluation, from a thread and a database handle of its own.
class Heartbeat {
 public:
  Heartbeat(const WorkerCase& worker_case, std::string coordinator)
      : file_(worker_case.study.file()),
        lease_seconds_(worker_case.lease_seconds),
        coordinator_(std::move(coordinator)),
        thread_([this] { run(); }) {}

  ~Heartbeat() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  void watch(const Trial& trial) {
    const std::lock_guard lock(mutex_);
    trial_ = trial;
    lost_ = false;
  }
  void rest() {
    const std::lock_guard lock(mutex_);
    trial_.reset();
  }
  // The trial is no longer this worker's, or the coordinator is gone.
  bool lost() const { return lost_; }
  bool coordinator_lives() const { return coordinator_of(file_) == coordinator_; }

 private:
  void run() {
    const std::chrono::duration<double> period(std::min(lease_seconds_ / 3, 1.0));
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, period, [this] { return over_; }))
      if (trial_) beat();
  }

  void beat() {
    try {
      if (!study_) study_ = Study::open(file_);
      lost_ = !study_->renew(*trial_, lease_seconds_) || !coordinator_lives();
    } catch (const Error&) {   // the worker's own next write says what is wrong
      lost_ = true;
    }
  }

  std::filesystem::path file_;
  double lease_seconds_;
  std::string coordinator_;
  std::optional<Study> study_;
  std::optional<Trial> trial_;
  std::atomic<bool> lost_ = false;
  bool over_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;   // last: it uses the others
};

bool phase_is_over(const WorkerCase& worker_case) {
  for (const PhaseRecord& phase : worker_case.study.phases())
    if (phase.name == worker_case.phase) return phase.state == "done" || phase.state == "failed";
  return false;
}

// What the search had told when it asked for the trial has finished, and is in the study.
void learn(const WorkerCase& worker_case, const Trial& trial, Stopping& stopping) {
  if (stopping.known() >= stopping.needed(trial)) return;
  for (const Trial& finished : worker_case.study.finished_from(worker_case.phase, stopping.known())) stopping.add(finished);
}

// True when the outcome was stored.
bool evaluate_claimed(const WorkerCase& worker_case, const Trial& trial, Heartbeat& heartbeat, Stopping& stopping) {
  const Candidate candidate{.trial = trial.number,
                            .architecture = worker_case.space.parse(trial.architecture),
                            .seed = trial.seed,
                            .continues = trial.continues};
  bool given_up = false;
  learn(worker_case, trial, stopping);
  Stopping::Watch watch(stopping, trial);
  const auto progress = [&](const Report& report) {
    worker_case.study.report(trial, report);
    given_up = given_up || heartbeat.lost() || (worker_case.stop && worker_case.stop());
    return !given_up && !watch.ends_at(report);
  };
  heartbeat.watch(trial);
  const auto interrupted = [&] { return given_up || (worker_case.stop && worker_case.stop()); };
  const Outcome outcome = judge(worker_case.evaluator, candidate, trial.fidelity, worker_case.goal, progress, interrupted);
  heartbeat.rest();
  if (outcome.status == Status::stopped && interrupted()) {
    worker_case.study.release(trial);
    return false;
  }
  return worker_case.study.finish(trial, outcome);
}

}  // namespace

std::int64_t work(const WorkerCase& worker_case) {
  const std::string coordinator = coordinator_of(worker_case.study.file());
  if (coordinator.empty()) return 0;
  Heartbeat heartbeat(worker_case, coordinator);
  Stopping stopping(worker_case.stop_rule, worker_case.goal, worker_case.window);
  std::int64_t count = 0;
  auto pause = std::chrono::milliseconds(1);
  while (heartbeat.coordinator_lives() && !(worker_case.stop && worker_case.stop())) {
    const std::optional<Trial> trial = worker_case.study.claim(worker_case.phase, worker_case.name, worker_case.lease_seconds);
    if (trial) {
      count += evaluate_claimed(worker_case, *trial, heartbeat, stopping) ? 1 : 0;
      pause = std::chrono::milliseconds(1);
    } else {
      if (phase_is_over(worker_case)) break;
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, std::chrono::milliseconds(50));
    }
  }
  return count;
}

}  // namespace netwright
