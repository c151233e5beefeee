#pragma once
// NSGA-II: a population spread along the front of several objectives.
//
//   asks 1..N: uniform samples
//   then:      two parents, each the better of two drawn ones; crossover with its chance, then one mutation
//   when N trials of a generation are told: of parents and children the N survivors, front by front, the last one by crowding
//
// better = lower rank (fewer fronts before it; constrained domination), then larger crowding distance.
// Options: population = 40 (N), crossover = 0.9, mutation = 1 (chance that a child has one decision changed).
// No architecture is asked twice: a child that was asked before is bred again, then replaced by a uniform sample.
// Cost of a generation: O(N log N) sorts and at worst O(N^2) comparisons a survival; an ask is O(decisions).
// Errors: UsageError for a bad option.
// Source: Deb, Pratap, Agarwal and Meyarivan 2002, IEEE TEC 6(2); for architectures NSGA-Net, Lu et al. 2019, arXiv 1810.03522.
// Departures: asks made before their generation is told breed from the parents that are known; failed trials count towards their
// generation and leave no trace; crossover and mutation are those of the decision tree.
#include "netwright/objective/fronts.hpp"
#include "netwright/strategy/strategy.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

// A survivor: which point, how many fronts stand before its own, and its crowding distance within its front.
struct Survivor {
  std::size_t index = 0;
  std::size_t rank = 0;
  double crowding = 0;
};

// The `count` best points (all, where there are fewer): whole fronts, and of the first that does not fit the least crowded ones.
// In the order of fronts. Cost: that of non_dominated_fronts().
std::vector<Survivor> nsga2_survivors(const std::vector<Point>& points, std::size_t count);
bool crowded_better(const Survivor& a, const Survivor& b);

class Nsga2 : public Strategy {
 public:
  struct Member {
    Architecture architecture;
    Point point;
    Survivor standing;
  };

  explicit Nsga2(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;
  const std::vector<Member>& population() const { return parents_; }  // the survivors of the latest whole generation

 private:
  const Member& tournament();
  Architecture child();
  void survive();

  const DecisionTree& tree_;
  Goal goal_;
  Rng rng_;
  std::size_t size_;
  double crossover_, mutation_;
  std::size_t asked_ = 0, told_ = 0;
  std::vector<Member> parents_, children_;
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_nsga2(const StrategyCase& strategy_case);

}  // namespace netwright
