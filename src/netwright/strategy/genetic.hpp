#pragma once
// Genetic algorithm: generations bred by crossover and mutation, of which the best few live on.
//
//   asks 1..N: uniform samples; then each child has two parents, each the best of `tournament` drawn members
//   when N - elite children are told, they and the `elite` best of the old population are the new one
//
// Options: population = 20 (N), elite = 4, tournament = 3, crossover = 0.9, mutation = 0.5 (chance that one decision is changed).
// Better: that of objective/standing.hpp. No architecture is asked twice. Cost: an ask O(decisions), a generation O(N log N).
// Errors: UsageError for a bad option. Source: Holland 1975; with elites De Jong 1975. Crossover is that of the decision tree.
#include "netwright/objective/standing.hpp"
#include "netwright/strategy/strategy.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

class Genetic : public Strategy {
 public:
  explicit Genetic(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  struct Member {
    Architecture architecture;
    Standing standing;
  };
  const Member& tournament();
  Architecture child();
  void next_generation();

  const DecisionTree& tree_;
  Goal goal_;
  Rng rng_;
  std::size_t size_, elite_;
  std::int64_t drawn_;
  double crossover_, mutation_;
  std::size_t asked_ = 0, told_ = 0, waited_ = 0;  // tells since the last generation
  std::vector<Member> parents_, children_;
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_genetic(const StrategyCase& strategy_case);

}  // namespace netwright
