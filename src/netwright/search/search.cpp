#include "netwright/search/search.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <thread>

#include "netwright/core/error.hpp"
#include "netwright/objective/test_part.hpp"
#include "netwright/search/coordinator.hpp"
#include "netwright/search/judgement.hpp"
#include "netwright/search/stopping.hpp"
#include "netwright/search/window.hpp"
#include "netwright/study/summary.hpp"

namespace netwright {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds commit_every(500);
constexpr std::chrono::milliseconds longest_pause(20);
constexpr int crashes_allowed = 2;        // attempts of one trial
constexpr int idle_deaths_allowed = 5;    // workers in a row that end without a trial in hand

void check(const SearchCase& search_case) {
  const auto refuse = [](const std::string& what, auto value, const std::string& rule) {
    throw UsageError(what + " = " + std::to_string(value) + ": " + rule);
  };
  if (search_case.trials < 1) refuse("trials", search_case.trials, "at least 1 is needed");
  if (search_case.window < 1) refuse("window", search_case.window, "at least 1 is needed");
  if (!(search_case.max_seconds > 0)) refuse("max_seconds", search_case.max_seconds, "must be above 0");
  if (search_case.max_failures < 0) refuse("max_failures", search_case.max_failures, "must not be below 0");
  if (search_case.launcher != nullptr && search_case.study.file() == ":memory:") throw UsageError("workers need a study in a file");
  refuse_test_part(search_case.goal);
}

class Search {
 public:
  explicit Search(const SearchCase& search_case)
      : case_(search_case), lock_(search_case.study.file()),
        window_(search_case, recorded(search_case)),
        stopping_(search_case.stop_rule, search_case.goal, search_case.window) {}

  SearchResult run() {
    case_.launcher != nullptr ? run_workers() : run_here();
    result_.ending = interrupted_ ? Ending::interrupted : window_.ending().value();
    return result_;
  }

 private:
  static std::vector<Trial> recorded(const SearchCase& search_case) {
    search_case.study.release(search_case.phase);
    return search_case.study.trials(search_case.phase);
  }

  bool asked_to_stop() {
    if (!interrupted_ && case_.stop) interrupted_ = case_.stop();
    return interrupted_;
  }

  // Cheap trials in this process skip the waiting state: they are written once, finished.
  bool written_once(const Proposal& proposal) const {
    return case_.launcher == nullptr && simulates_time(case_.evaluator) && !proposal.recorded;
  }

  void propose() {
    while (std::optional<Proposal> proposal = window_.next()) {
      if (finished(proposal->trial)) {
        count(proposal->trial);
        continue;
      }
      if (!proposal->recorded && !written_once(*proposal)) case_.study.append(proposal->trial);
      open_.push_back(std::move(*proposal));
    }
  }

  void count(const Trial& trial) {
    window_.finish(trial);
    if (case_.launcher == nullptr) stopping_.add(trial);  // here they finish in order
    ++result_.finished;
    if (trial.outcome.status == Status::failed) ++result_.failed;
  }

  void take(const Trial& trial) {
    count(trial);
    ++result_.fresh;
    idle_deaths_ = 0;
    failures_in_a_row_ = trial.outcome.status == Status::failed ? failures_in_a_row_ + 1 : 0;
    if (case_.on_trial) case_.on_trial(trial);
    if (case_.max_failures > 0 && failures_in_a_row_ >= case_.max_failures)
      throw Error("the last " + std::to_string(failures_in_a_row_) + " trials failed; trial " + std::to_string(trial.number) + ": " +
                  trial.outcome.reason);
  }

  void run_here() {
    for (propose(); !open_.empty() && !asked_to_stop(); propose()) {
      if (!batch_ && written_once(open_.front())) {
        batch_.emplace(case_.study);
        batch_start_ = Clock::now();
      }
      evaluate_front();
      if (batch_ && Clock::now() - batch_start_ > commit_every) commit();
    }
    commit();
  }

  void commit() {
    if (batch_) batch_->commit();
    batch_.reset();
  }

  void evaluate_front() {
    const bool once = written_once(open_.front());
    Trial trial = once ? open_.front().trial : claim_front();
    const Candidate candidate{
        .trial = trial.number, .architecture = open_.front().architecture, .seed = trial.seed, .continues = trial.continues};
    Stopping::Watch watch(stopping_, trial);
    const auto progress = [&](const Report& report) {
      if (!once) case_.study.report(trial, report);
      if (case_.on_report) case_.on_report(trial, report);
      return !watch.ends_at(report) && !asked_to_stop();
    };
    trial.outcome = judge(case_.evaluator, candidate, trial.fidelity, case_.goal, progress, [&] { return asked_to_stop(); });
    if (trial.outcome.status == Status::stopped && asked_to_stop()) {   // only half measured: a resume evaluates it again
      if (!once) case_.study.release(trial);
      return;
    }
    trial.state = state_of(trial.outcome.status);
    if (once) {
      case_.study.append_finished(trial);
    } else if (!case_.study.finish(trial, trial.outcome)) {
      throw Error("trial " + std::to_string(trial.number) + " was taken by another process");
    }
    open_.pop_front();
    take(trial);
  }

  // The lease has no end: the coordinator's lock says who may evaluate, and the next coordinator releases what this one leaves.
  Trial claim_front() {
    std::optional<Trial> trial = case_.study.claim(case_.phase, "coordinator", std::numeric_limits<double>::infinity());
    if (!trial || trial->number != open_.front().trial.number)
      throw Error("trial " + std::to_string(open_.front().trial.number) + " was taken by another process");
    return std::move(*trial);
  }

  void run_workers() {
    const Workers workers(*this);
    auto pause = std::chrono::milliseconds(1);
    for (propose(); !open_.empty() && !asked_to_stop(); propose()) {
      const bool moved = collect();
      for (const WorkerDeath& death : case_.launcher->deaths()) bury(death);
      pause = moved ? std::chrono::milliseconds(1) : std::min(2 * pause, longest_pause);
      if (!moved) std::this_thread::sleep_for(pause);
    }
    if (!interrupted_) return;
    case_.launcher->stop();
    collect();
  }

  // Workers run while it lives; what they leave behind goes back to waiting.
  class Workers {
   public:
    explicit Workers(Search& search) : search_(search) {
      search_.propose();
      if (!search_.open_.empty()) search_.case_.launcher->start();
    }
    ~Workers() {
      search_.case_.launcher->stop();
      try {
        search_.case_.study.release(search_.case_.phase);
      } catch (const Error&) {   // the next run releases them too
      }
    }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

   private:
    Search& search_;
  };

  // Takes what has finished without a gap, in order of number, as a single process would.
  bool collect() {
    bool moved = false;
    if (open_.empty()) return moved;
    for (const Trial& trial : case_.study.finished_from(case_.phase, open_.front().trial.number)) {
      if (open_.empty() || trial.number != open_.front().trial.number) continue;   // replayed already
      open_.pop_front();
      take(trial);
      moved = true;
    }
    return moved;
  }

  void bury(const WorkerDeath& death) {
    if (death.exit_code == 2) throw Error("worker " + death.worker + " refused its work (exit code 2): see its message above");
    if (!return_trial_of(death) && ++idle_deaths_ >= idle_deaths_allowed)
      throw Error(std::to_string(idle_deaths_) + " workers in a row ended without a trial in hand; the last one with " + death.reason);
    case_.launcher->restart();
  }

  // The trial that the dead worker was evaluating is tried again, or fails. False when there is none.
  bool return_trial_of(const WorkerDeath& death) {
    for (const Proposal& proposal : open_) {
      const std::optional<Trial> trial = case_.study.trial(case_.phase, proposal.trial.number);
      if (!trial || trial->state != TrialState::running || trial->worker != death.worker) continue;
      const int crashes = ++crashes_[trial->number];
      if (crashes < crashes_allowed) {
        case_.study.release(*trial);
      } else {
        const std::string reason = "crashed: " + death.reason + " in " + std::to_string(crashes) + " attempts";
        case_.study.finish(*trial, {.status = Status::failed, .reason = reason});
      }
      return true;
    }
    return false;
  }

  const SearchCase& case_;
  CoordinatorLock lock_;
  Window window_;
  Stopping stopping_;
  std::deque<Proposal> open_;   // asked, not finished, in order of number
  SearchResult result_;
  std::optional<Study::Batch> batch_;
  Clock::time_point batch_start_;
  bool interrupted_ = false;
  std::int64_t failures_in_a_row_ = 0;
  std::map<std::int64_t, int> crashes_;
  int idle_deaths_ = 0;
};

}  // namespace

SearchResult run_search(const SearchCase& search_case) {
  check(search_case);
  return Search(search_case).run();
}

}  // namespace netwright
