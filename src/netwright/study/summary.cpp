#include "netwright/study/summary.hpp"

#include <cmath>

namespace netwright {
namespace {

bool has_value(const Trial& trial, const Goal& goal) {
  const bool measured = trial.state == TrialState::done || trial.state == TrialState::stopped;
  return measured && std::isfinite(score(goal, trial.outcome.metrics));
}

// What was trained longer beats what was trained shorter: their numbers do not compare.
bool beats(const Trial& challenger, const Trial* champion, const Goal& goal) {
  if (!has_value(challenger, goal)) return false;
  if (champion != nullptr && challenger.fidelity.epochs != champion->fidelity.epochs)
    return challenger.fidelity.epochs > champion->fidelity.epochs;
  return champion == nullptr || better(goal, challenger.outcome.metrics, champion->outcome.metrics);
}

}  // namespace

std::optional<Trial> best(const std::vector<Trial>& trials, const Goal& goal) {
  const Trial* champion = nullptr;
  for (const Trial& trial : trials)
    if (beats(trial, champion, goal)) champion = &trial;
  if (champion == nullptr) return std::nullopt;
  return *champion;
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
