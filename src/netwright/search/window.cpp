#include "netwright/search/window.hpp"

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/objective/test_part.hpp"
#include "netwright/search/judgement.hpp"
#include "netwright/study/summary.hpp"

namespace netwright {
namespace {

// How long anything was being evaluated: the length of the union of the trials' times.
double busy_seconds(const std::vector<Trial>& trials) {
  std::vector<std::pair<double, double>> spans;
  for (const Trial& trial : trials)
    if (finished(trial)) spans.emplace_back(trial.finished_at - trial.outcome.seconds, trial.finished_at);
  std::sort(spans.begin(), spans.end());
  double busy = 0;
  double end = -std::numeric_limits<double>::infinity();
  for (const auto& [from, to] : spans) {
    busy += std::max(0.0, to - std::max(from, end));
    end = std::max(end, to);
  }
  return busy;
}

[[noreturn]] void refuse(const Trial& trial, const std::string& recorded, const std::string& asked) {
  throw Error("the study was made by another version or configuration: trial " + std::to_string(trial.number) + " of phase " + trial.phase +
              " is " + recorded + " in the study, but the search asks for " + asked);
}

}  // namespace

Window::Window(const SearchCase& search_case, std::vector<Trial> recorded)
    : case_(search_case),
      every_ask_once_(search_case.scheduler != nullptr ? nullptr : full_fidelity(search_case.strategy, search_case.fidelity.epochs)),
      scheduler_(search_case.scheduler != nullptr ? *search_case.scheduler : *every_ask_once_),
      recorded_(std::move(recorded)),
      simulated_(simulates_time(search_case.evaluator)),
      earlier_seconds_(busy_seconds(recorded_)) {
  for (std::size_t i = 0; i < recorded_.size(); ++i)
    if (recorded_[i].number != static_cast<std::int64_t>(i))
      throw Error("trial " + std::to_string(i) + " of phase " + case_.phase + " is missing in " + case_.study.file().string());
}

std::optional<Proposal> Window::next() {
  if (ending_ || !tell_until(waits_ ? asked_ : asked_ - case_.window + 1)) return std::nullopt;
  const bool replay = asked_ < static_cast<std::int64_t>(recorded_.size());
  if (!replay && (ending_ = limit())) return std::nullopt;
  Turn turn = scheduler_.ask();
  if (turn.next == Next::wait && told_ == asked_) throw Error("the fidelity schedule waits for a trial that was never asked for");
  if (turn.next == Next::wait) {
    waits_ = true;
    return next();
  }
  waits_ = false;
  if (turn.next == Next::exhausted && !replay) {
    ending_ = Ending::exhausted;
    return std::nullopt;
  }
  if (turn.next == Next::exhausted) refuse(recorded_[static_cast<std::size_t>(asked_)], recorded_[static_cast<std::size_t>(asked_)].architecture, "no more");
  Proposal proposal = replay ? replayed(turn.job) : fresh(std::move(turn.job));
  untold_.push_back(proposal.architecture);
  seeds_.push_back(proposal.trial.seed);
  ++asked_;
  return proposal;
}

void Window::finish(const Trial& trial) { finished_.emplace(trial.number, trial.outcome); }

// False when a trial before `count` has not finished yet.
bool Window::tell_until(std::int64_t count) {
  while (told_ < count) {
    const auto found = finished_.find(told_);
    if (found == finished_.end()) return false;
    const Outcome& outcome = found->second;
    scheduler_.tell({.trial = told_,
                         .architecture = std::move(untold_.front()),
                         .metrics = without_test_part(outcome.metrics),
                         .failed = outcome.status == Status::failed});
    told_seconds_ += outcome.seconds;
    untold_.pop_front();
    finished_.erase(found);
    ++told_;
  }
  return true;
}

std::optional<Ending> Window::limit() const {
  if (asked_ >= case_.trials) return Ending::trials;
  if (spent_seconds() >= case_.max_seconds) return Ending::time;
  return std::nullopt;
}

double Window::spent_seconds() const {
  if (simulated_) return told_seconds_;
  return earlier_seconds_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

Proposal Window::replayed(const Job& asked) const {
  const Trial& trial = recorded_[static_cast<std::size_t>(asked_)];
  const Proposal now = fresh(asked);
  if (now.trial.architecture != trial.architecture) refuse(trial, trial.architecture, now.trial.architecture);
  if (now.trial.seed != trial.seed) refuse(trial, "seed " + std::to_string(trial.seed), "seed " + std::to_string(now.trial.seed));
  if (now.trial.fidelity.epochs != trial.fidelity.epochs)
    refuse(trial, std::to_string(trial.fidelity.epochs) + " epochs", std::to_string(now.trial.fidelity.epochs) + " epochs");
  if (now.trial.continues != trial.continues)
    refuse(trial, "going on from trial " + std::to_string(trial.continues), "trial " + std::to_string(now.trial.continues));
  return {.trial = trial, .architecture = asked.architecture, .recorded = true};
}

Proposal Window::fresh(Job asked) const {
  Trial trial{.number = asked_, .phase = case_.phase, .space = case_.space.info().name, .architecture = case_.space.print(asked.architecture)};
  trial.seed = asked.continues >= 0 ? seeds_.at(static_cast<std::size_t>(asked.continues))
                                    : case_.seed.derive("trial", static_cast<std::uint64_t>(asked_)).value();
  trial.fidelity = {.epochs = asked.epochs, .from_epochs = asked.from_epochs};
  trial.continues = asked.continues;
  return {.trial = std::move(trial), .architecture = std::move(asked.architecture)};
}

}  // namespace netwright
