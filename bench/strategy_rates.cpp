// What a strategy costs by itself: ask and tell without an evaluation.
//   strategy_rates
// One line each: microseconds a trial of random search and evolution on NAS-Bench-201, milliseconds a generation of NSGA-II with 1,000
// members and 3 objectives, milliseconds of one ask of Bayesian optimisation with 1,000 trials.
#include <iostream>

#include "measure.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/space/space.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright::bench {
namespace {

double noise(const Architecture& architecture, std::uint64_t salt) { return static_cast<double>(mix(hash(architecture), salt) % 99991) / 99991; }

Told answer(std::int64_t trial, const Architecture& architecture) {
  return {.trial = trial,
          .architecture = architecture,
          .metrics = {{"val_accuracy", noise(architecture, 1)}, {"params", noise(architecture, 2)}, {"latency_ms", noise(architecture, 3)}}};
}

void plain(const std::string& name) {
  const auto space = find_space("nasbench201");
  const auto strategy = make_strategy(name, {.tree = space->decisions(), .seed = Seed(1)});
  constexpr std::int64_t trials = 10000;
  double seconds = 0;
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    double start = now_seconds();
    const Architecture asked = strategy->ask().value();
    seconds += now_seconds() - start;
    const Told told = answer(trial, asked);
    start = now_seconds();
    strategy->tell(told);
    seconds += now_seconds() - start;
  }
  report("strategy_overhead", {{"strategy", name}, {"trials", trials}, {"microseconds_a_trial", seconds / trials * 1e6}});
}

void nsga2_generation() {
  const auto space = find_space("darts");
  const Goal goal{.objectives = {{"val_accuracy", Direction::maximise}, {"params", Direction::minimise}, {"latency_ms", Direction::minimise}}};
  const auto strategy = make_strategy("nsga2", {.tree = space->decisions(), .goal = goal, .seed = Seed(1), .options = {{"population", "1000"}}});
  constexpr std::int64_t members = 1000, generations = 20;
  double seconds = 0;
  for (std::int64_t trial = 0; trial < members * generations; ++trial) {
    double start = now_seconds();
    const Architecture asked = strategy->ask().value();
    if (trial >= members) seconds += now_seconds() - start;
    const Told told = answer(trial, asked);
    start = now_seconds();
    strategy->tell(told);
    if (trial >= members) seconds += now_seconds() - start;
  }
  report("nsga2_generation", {{"population", members}, {"objectives", 3}, {"milliseconds", seconds / (generations - 1) * 1e3}});
}

void gaussian_process_ask() {
  const auto space = find_space("nasbench201");
  const auto strategy = make_strategy("bayesian", {.tree = space->decisions(), .seed = Seed(1)});
  const auto random = make_strategy("random", {.tree = space->decisions(), .seed = Seed(2)});
  for (std::int64_t trial = 0; trial < 1000; ++trial) strategy->tell(answer(trial, random->ask().value()));
  // The first ask chooses the kernel too; the next ones do not.
  for (const std::string which : {"first", "next"}) {
    const double start = now_seconds();
    const Architecture asked = strategy->ask().value();
    report("gaussian_process_ask", {{"trials", 1000}, {"ask", which}, {"milliseconds", (now_seconds() - start) * 1e3}});
    strategy->tell(answer(1000, asked));
  }
}

void run() {
  plain("random");
  plain("evolution");
  nsga2_generation();
  gaussian_process_ask();
}

}  // namespace
}  // namespace netwright::bench

int main() {
  try {
    netwright::bench::run();
  } catch (const std::exception& error) {
    std::cerr << "strategy_rates: " << error.what() << '\n';
    return 1;
  }
}
