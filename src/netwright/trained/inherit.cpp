#include "netwright/trained/inherit.hpp"

#include <algorithm>
#include <chrono>

#include "netwright/graph/cost.hpp"
#include "netwright/trained/one_shot.hpp"

namespace netwright {
namespace {

// The first so many images of a part; 0: all.
Part first(Part part, std::int64_t images) {
  if (images > 0 && images < part.size()) part.indices.resize(static_cast<std::size_t>(images));
  return part;
}

class Inherit : public Evaluator {
 public:
  explicit Inherit(const InheritCase& c)
      : case_(c),
        one_shot_(make_one_shot(*c.space, c.network, c.supernet, c.seed, c.place)),
        part_(first(c.split->validation, c.images)),
        statistics_(first(c.split->train, c.recalibrate)) {
    one_shot_.load(c.checkpoint);
    info_ = {.name = "inherit",
             .title = "accuracy with the weights of a trained supernet",
             .metrics = measured_metrics(*c.split, {"params", "macs"}),
             .traits = {"deterministic", "needs data", "needs open graph"}};
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity&, const Progress&) override {
    const auto start = std::chrono::steady_clock::now();
    const std::int64_t batch = case_.supernet.batch;
    const Evaluation inherited = case_.recalibrate > 0 ? one_shot_.evaluate_recalibrated(candidate.architecture, part_, batch, statistics_)
                                                       : one_shot_.evaluate(candidate.architecture, part_, batch);
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
  Part part_, statistics_;
  EvaluatorInfo info_;
};

}  // namespace

std::unique_ptr<Evaluator> make_inherit_evaluator(const InheritCase& c) { return std::make_unique<Inherit>(c); }

}  // namespace netwright
