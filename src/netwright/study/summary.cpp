#include "netwright/study/summary.hpp"

#include <cmath>
#include <limits>

namespace netwright {
namespace {

bool has_value(const Trial& trial, const Goal& goal) {
  const bool measured = trial.state == TrialState::done || trial.state == TrialState::stopped;
  return measured && std::isfinite(score(goal, trial.outcome.metrics));
}

bool beats(const Trial& challenger, const Trial* champion, const Goal& goal) {
  return has_value(challenger, goal) && (champion == nullptr || ahead(challenger, *champion, goal));
}

template <class Where>
std::optional<Trial> best_where(const std::vector<Trial>& trials, const Goal& goal, const Where& where) {
  const Trial* champion = nullptr;
  for (const Trial& trial : trials)
    if (where(trial) && beats(trial, champion, goal)) champion = &trial;
  if (champion == nullptr) return std::nullopt;
  return *champion;
}

}  // namespace

std::int64_t reached_epochs(const Trial& trial) {
  if (trial.state == TrialState::stopped && !trial.outcome.reports.empty()) return trial.outcome.reports.back().step;
  return trial.fidelity.epochs > 0 ? trial.fidelity.epochs : std::numeric_limits<std::int64_t>::max();
}

bool ahead(const Trial& a, const Trial& b, const Goal& goal) {
  if (has_value(a, goal) != has_value(b, goal)) return has_value(a, goal);
  if (!has_value(a, goal)) return false;
  const std::int64_t of_a = reached_epochs(a), of_b = reached_epochs(b);
  return of_a != of_b ? of_a > of_b : better(goal, a.outcome.metrics, b.outcome.metrics);
}

std::optional<Trial> best(const std::vector<Trial>& trials, const Goal& goal) {
  return best_where(trials, goal, [](const Trial&) { return true; });
}

std::optional<Trial> best(const std::vector<Trial>& trials, const Goal& goal, std::string_view phase) {
  return best_where(trials, goal, [&](const Trial& trial) { return trial.phase == phase; });
}

std::vector<BestSoFar> best_so_far(const std::vector<Trial>& trials, const Goal& goal) {
  std::vector<BestSoFar> curve;
  const Trial* champion = nullptr;
  double total_seconds = 0;
  for (const Trial& trial : trials) {
    if (!finished(trial)) continue;
    total_seconds += trial.outcome.seconds;
    if (beats(trial, champion, goal)) champion = &trial;
    if (champion == nullptr) continue;
    const Metrics& metrics = champion->outcome.metrics;
    curve.push_back({.trial = trial.number,
                     .best_trial = champion->number,
                     .value = metrics.at(goal.objectives.front().metric),
                     .feasible = violation(goal, metrics) == 0,
                     .total_seconds = total_seconds});
  }
  return curve;
}

bool finished(const Trial& trial) { return trial.state != TrialState::waiting && trial.state != TrialState::running; }

}  // namespace netwright
