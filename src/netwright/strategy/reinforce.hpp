#pragma once
// REINFORCE with a tabular policy: good outcomes make what led to them likelier.
//
//   tell: logits <- Adam step along (r + entropy weight * H - b) * d log p(architecture) / d logits, b by RewardBaseline
//   r: the first objective, larger is better, to the power `power` (0 and below stay as they are); b starts at the first reward
//
// Options: learning_rate = 0.05, baseline = 0.9 (decay), entropy = 0 (weight), power = 1 (the first controller took 3).
// A trial that misses constraints, or failed, has the reward of the worst one so far. May repeat: a policy that is sure asks the same.
// Cost: O(choices) an ask and a tell. Errors: UsageError for a bad option.
// Source: Williams 1992, Machine Learning 8; as a baseline of NAS: Dong and Yang 2020, arXiv 2001.00326; controllers: Zoph and Le 2017,
// arXiv 1611.01578. Departure: logits instead of a recurrent network; a k_of_n is drawn member by member (policy.hpp).
#include <deque>
#include <unordered_map>

#include "netwright/strategy/adam.hpp"
#include "netwright/strategy/policy.hpp"
#include "netwright/strategy/reward_baseline.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {

class Reinforce : public Strategy {
 public:
  explicit Reinforce(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;
  const TabularPolicy& policy() const { return policy_; }

 private:
  double reward(const Told& told);

  const DecisionTree& tree_;
  Goal goal_;
  Rng rng_;
  TabularPolicy policy_;
  Adam adam_;
  double decay_, entropy_, power_;
  std::optional<RewardBaseline> baseline_;
  std::optional<double> worst_;
  std::unordered_map<std::uint64_t, std::deque<Episode>> open_;  // asked and not told, by hash
};

std::unique_ptr<Strategy> make_reinforce(const StrategyCase& strategy_case);

}  // namespace netwright
