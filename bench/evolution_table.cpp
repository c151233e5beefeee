// Regularized evolution on the NAS-Bench-201 table: the whole process, from its start, reading the table included.
//   evolution_table [EVALUATIONS = 10000]
#include <algorithm>
#include <iostream>

#include "measure.hpp"
#include "netwright/evaluation/registry.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright::bench {
namespace {

void run(std::int64_t evaluations) {
  const std::shared_ptr<const Space> space = find_space("nasbench201");
  const auto evaluator = make_evaluator(torch_free_evaluators(), "tabular", {.space = space});
  const auto strategy = make_strategy("evolution", {.tree = space->decisions(), .seed = Seed(1)});
  const double start = now_seconds();
  double best = 0;
  for (std::int64_t trial = 0; trial < evaluations; ++trial) {
    const Architecture architecture = strategy->ask().value();
    const Outcome outcome = evaluator->evaluate({.trial = trial, .architecture = architecture}, {}, nullptr);
    best = std::max(best, outcome.metrics.at("val_accuracy"));
    strategy->tell({.trial = trial, .architecture = architecture, .metrics = outcome.metrics});
  }
  const double search_seconds = now_seconds() - start;
  report("evolution_table",
         {{"evaluations", evaluations}, {"process_seconds", process_seconds()}, {"search_seconds", search_seconds}, {"best_val_accuracy", best}});
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  try {
    netwright::bench::run(count > 1 ? std::stoll(words[1]) : 10000);
  } catch (const std::exception& error) {
    std::cerr << "evolution_table: " << error.what() << '\n';
    return 1;
  }
}
