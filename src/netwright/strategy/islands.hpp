#pragma once
// Islands: several searches of one kind side by side, which send their best to the next one now and then.
//
// Asks go round robin; a trial is told to the island that asked for it. After every `migration` tells of an island its best trial so far
// is told to the next island too, as if it had asked for it.
// Options: of = evolution (any strategy), islands = 4, migration = 25; all others are those of the inner strategy.
// Cost: that of the inner strategy, and O(1). Errors: UsageError for a bad option of either.
// Source: the island model of Cohoon et al. 1987 and Whitley et al. 1999.
// Departure: two islands may ask for the same architecture; the second one's ask is made again, up to 16 times.
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
  std::optional<Architecture> ask_of(std::size_t island);

  Goal goal_;
  std::size_t migration_;
  std::vector<Island> islands_;
  std::size_t turn_ = 0;
  std::unordered_map<std::uint64_t, std::deque<std::size_t>> askers_;  // by hash, in the order of their asks
};

std::unique_ptr<Strategy> make_islands(const StrategyCase& strategy_case);

}  // namespace netwright
