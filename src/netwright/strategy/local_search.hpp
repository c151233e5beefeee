#pragma once
// Local search with restarts: climb from the best of a few random architectures to one that no neighbour beats, then start again.
//
//   step = best:  all neighbours are evaluated, then the best of them is the next place (steepest ascent)
//   step = first: the first neighbour that is better is the next place (hill climbing); its neighbours come next
//
// Neighbours differ in the pick of exactly one decision, in shuffled order. A neighbour whose outcome is known is not asked again.
// Options: step = best | first, start = 10 (random architectures before each climb).
// Better: that of objective/standing.hpp. Cost: O(neighbours * decisions) a step, O(1) a look-up of what is known.
// Errors: UsageError for a bad option.
// Source: White, Nolen and Savani 2021, arXiv 2005.02960.
// Departure: while the last neighbours are still being evaluated, asks are random architectures; they are known to later climbs.
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "netwright/objective/standing.hpp"
#include "netwright/strategy/strategy.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

class LocalSearch : public Strategy {
 public:
  LocalSearch(const StrategyCase& strategy_case, bool first_improvement);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;
  std::size_t climbs() const { return climbs_; }  // finished at a local optimum

 private:
  struct Place {
    Architecture architecture;
    Standing standing;
  };
  std::optional<Architecture> ask_sample();
  void start_climb();
  void arrive(Place place);
  void weigh(const Place& neighbour);
  void settle();

  const DecisionTree& tree_;
  Goal goal_;
  Rng rng_;
  bool first_;
  std::size_t starts_;
  std::unordered_map<std::uint64_t, Standing> known_;  // by hash; failed ones are worse than all
  std::optional<Place> start_, here_, best_neighbour_; // best of the random ones, where we stand, best neighbour so far
  std::size_t samples_left_;                           // random ones still to be told before a climb
  std::size_t samples_to_ask_;
  std::deque<Architecture> to_ask_;                    // neighbours
  std::unordered_set<std::uint64_t> waiting_;          // neighbours that are not told yet
  std::size_t climbs_ = 0;
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_local_search(const StrategyCase& strategy_case);
std::unique_ptr<Strategy> make_hill_climbing(const StrategyCase& strategy_case);

}  // namespace netwright
