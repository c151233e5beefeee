#pragma once
// Where a scheduler's new architectures come from. Inside the room only.
//
// A strategy is told each of its asks once, at the first budget where it was measured, under numbers 0, 1, ... of its own: it never
// notices that there are several budgets. Or (BOHB) there is one strategy a budget, told everything that was measured at that budget; the
// one of the largest budget with enough observations is asked, and some asks are random.
// A warm start is asked first, and told as its own asks are.
// Source: Falkner et al. 2018, arXiv 1807.01774, algorithm 2. Departure: the model is any strategy, not the two kernel densities alone.
#include <map>
#include <memory>
#include <optional>

#include "netwright/fidelity/scheduler.hpp"

namespace netwright {

class Proposer {
 public:
  virtual ~Proposer() = default;
  virtual std::optional<Architecture> ask() = 0;
  // `first`: the outcome of an architecture that ask() gave, at its first budget.
  virtual void tell(const Told& told, std::int64_t epochs, bool first) = 0;
};

// The case's strategy 0 behind its warm start.
std::unique_ptr<Strategy> search_strategy(const SchedulerCase& scheduler_case);
std::unique_ptr<Proposer> one_strategy(std::unique_ptr<Strategy> strategy);

struct BudgetModels {
  std::size_t enough = 2;     // observations from which on a budget's model is asked; so many are its random start too
  double random_share = 1.0 / 3;
};
std::unique_ptr<Proposer> one_strategy_a_budget(const SchedulerCase& scheduler_case, const BudgetModels& models);

}  // namespace netwright
