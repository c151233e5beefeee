#pragma once
// The evaluation strategy: how a candidate gets its numbers.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "netwright/objective/objective.hpp"
#include "netwright/space/space.hpp"

namespace netwright {

// How much to spend. 0 epochs: the evaluator's own full measure. from_epochs: what the trial that is gone on with has done; the cost is
// that of the epochs between.
struct Fidelity {
  std::int64_t epochs = 0;
  std::int64_t from_epochs = 0;
};

// One architecture to be judged. Everything random in its evaluation comes from `seed`, which depends on the study's seed and the
// number of the trial, or of the first of those that it goes on with, alone.
struct Candidate {
  std::int64_t trial = 0;
  Architecture architecture;
  std::uint64_t seed = 0;
  std::int64_t continues = -1;  // the trial of the same architecture whose stored state goes on; -1: from scratch
};

struct Report {
  std::int64_t step = 0;  // epochs done
  Metrics metrics;
};

enum class Status { done, stopped, failed };

struct Outcome {
  Status status = Status::done;
  std::string reason;  // of a failure, one line: "diverged: loss is nan in epoch 2"
  Metrics metrics;
  std::vector<Report> reports;
  double seconds = 0;  // spent, or simulated where the evaluator reads a table
};

// Called with intermediate values; false = stop early (the outcome is then `stopped` and holds what there is).
using Progress = std::function<bool(const Report&)>;

struct EvaluatorInfo {
  std::string name;
  std::string title;
  std::vector<std::string> metrics;  // what it gives
  std::vector<std::string> traits;   // "deterministic", "simulated time", "needs data", "needs open graph"
};

// A failure of a candidate is an outcome; what evaluate() throws beside UsageError is recorded as a failed outcome too.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual const EvaluatorInfo& info() const = 0;
  virtual Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) = 0;
  // What the test part says of an architecture that a search ended with (test_accuracy), where the evaluator knows without training;
  // otherwise empty. Never asked for during a search.
  virtual Metrics test_metrics(const Candidate&) { return {}; }
};

}  // namespace netwright
