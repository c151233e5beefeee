#pragma once
// What is good: metrics, objectives, constraints.
#include <map>
#include <string>
#include <vector>

namespace netwright {

// Named numbers of a trial. Units stand in the names; accuracies are in [0, 1]: val_accuracy, val_loss, params, macs, latency_ms,
// peak_bytes, train_seconds. test_accuracy is never told to a strategy.
using Metrics = std::map<std::string, double, std::less<>>;

enum class Direction { maximise, minimise };

struct Objective {
  std::string metric = "val_accuracy";
  Direction direction = Direction::maximise;
};

struct Constraint {
  std::string metric;
  double at_most = 0;  // an upper bound; a lower bound is written with at_least
  bool at_least = false;
};

struct Goal {
  std::vector<Objective> objectives = {Objective{}};
  std::vector<Constraint> constraints = {};
};

// How far the constraints are missed: sum of relative excesses, 0 when all are met; a missing metric counts 1.
double violation(const Goal& goal, const Metrics& metrics);

// The first objective as a number to maximise; -infinity when the metric is missing or not finite.
double score(const Goal& goal, const Metrics& metrics);

// True when a is the better trial: fewer violations first, then the first objective. A trial without a finite value of the first
// objective (a failed one) is worse than every trial that has it.
bool better(const Goal& goal, const Metrics& a, const Metrics& b);

}  // namespace netwright
