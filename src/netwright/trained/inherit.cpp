#include "netwright/trained/inherit.hpp"

#include <algorithm>
#include <chrono>

#include "netwright/graph/cost.hpp"
#include "netwright/trained/one_shot.hpp"

namespace netwright {
namespace {

class Inherit : public Evaluator {
 public:
  explicit Inherit(const InheritCase& c)
      : case_(c), one_shot_(c.space->decisions(), c.space->open(c.network), c.supernet, c.seed, c.place), part_(c.split->validation) {
    one_shot_.load(c.checkpoint);
    if (c.images > 0 && c.images < part_.size()) part_.indices.resize(static_cast<std::size_t>(c.images));
    info_ = {.name = "inherit",
             .title = "accuracy with the weights of a trained supernet",
             .metrics = measured_metrics(*c.split, {"params", "macs"}),
             .traits = {"deterministic", "needs data", "needs open graph"}};
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity&, const Progress&) override {
    const auto start = std::chrono::steady_clock::now();
    const Evaluation inherited = one_shot_.evaluate(candidate.architecture, part_, case_.supernet.batch);
    const Cost size = cost(case_.space->close(candidate.architecture, case_.closed));
    Outcome outcome;
    outcome.metrics = metrics_of("val", inherited, *case_.split);
    outcome.metrics["params"] = static_cast<double>(size.params);
    outcome.metrics["macs"] = static_cast<double>(size.macs);
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return outcome;
  }

 private:
  InheritCase case_;
  OneShot one_shot_;
  Part part_;
  EvaluatorInfo info_;
};

}  // namespace

std::unique_ptr<Evaluator> make_inherit_evaluator(const InheritCase& c) { return std::make_unique<Inherit>(c); }

}  // namespace netwright
