#pragma once
// REINFORCE with a tabular policy: good outcomes make what led to them likelier.
//
//   tell: logits <- Adam step along (r + entropy weight * H - b) * d log p(architecture) / d logits, b by RewardBaseline
//   r: rewards.hpp, to the power `power`; b starts at the first reward
//
// Options: learning_rate = 0.05, baseline = 0.9 (decay), entropy = 0 (weight), power = 1 (the first controller took 3).
// May repeat: a policy that is sure asks the same.
// Cost: O(choices) an ask and a tell. Errors: UsageError for a bad option.
// Source: Williams 1992, Machine Learning 8; as a baseline of NAS: Dong and Yang 2020, arXiv 2001.00326; controllers: Zoph and Le 2017,
// arXiv 1611.01578. Departure: logits instead of a recurrent network; a k_of_n is drawn member by member (policy.hpp).
#include "netwright/strategy/adam.hpp"
#include "netwright/strategy/policy.hpp"
#include "netwright/strategy/reward_baseline.hpp"
#include "netwright/strategy/rewards.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {

class Reinforce : public Strategy {
 public:
  explicit Reinforce(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;
  const TabularPolicy& policy() const { return policy_; }

 private:
  const DecisionTree& tree_;
  Rng rng_;
  TabularPolicy policy_;
  Adam adam_;
  double decay_, entropy_;
  Rewards rewards_;
  std::optional<RewardBaseline> baseline_;
  OpenDraws<Episode> open_;
};

std::unique_ptr<Strategy> make_reinforce(const StrategyCase& strategy_case);

}  // namespace netwright
