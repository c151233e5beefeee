#pragma once
// Islands: several searches of one kind side by side, which send their best to the next one now and then.
//
// Asks go round robin; a trial is told to the island that asked for it. What an island asks for and another one has asked for already is not
// evaluated twice: it is told the outcome, at once where it is known, and asks again. After every `migration` tells of an island its best trial so far
// is told to the next island too, as if it had asked for it.
// Options: of = evolution (any strategy), islands = 4, migration = 25; all others are those of the inner strategy.
// Cost: that of the inner strategy, and O(1). Errors: UsageError for a bad option of either.
// Source: the island model of Cohoon et al. 1987 and Whitley et al. 1999.
// Departure: outcomes are shared, so no island's ask is lost. After 16 asks in a row for what others have, one is evaluated again.
#include <deque>
#include <unordered_map>

#include "netwright/objective/standing.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {

class Islands : public Strategy {
 public:
  explicit Islands(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  struct Island {
    std::unique_ptr<Strategy> strategy;
    std::optional<Told> best;
    std::size_t told = 0;
  };
  struct Open {
    std::deque<std::size_t> askers;    // one a trial, in the order of their asks
    std::vector<std::size_t> waiting;  // islands that asked for it too
  };
  std::optional<Architecture> ask_of(std::size_t island);
  void tell(std::size_t island, const Told& told);

  Goal goal_;
  std::size_t migration_;
  std::vector<Island> islands_;
  std::size_t turn_ = 0;
  std::unordered_map<std::uint64_t, Open> open_;   // by hash: asked for and not told yet
  std::unordered_map<std::uint64_t, Told> known_;  // by hash
};

std::unique_ptr<Strategy> make_islands(const StrategyCase& strategy_case);

}  // namespace netwright
