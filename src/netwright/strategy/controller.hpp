#pragma once
// Searches by a recurrent controller (recurrent_policy.hpp) that learns from the rewards of what it wrote: three published settings.
//
//   every `batch` tells, with g = d / d weights and b by RewardBaseline:
//   reinforce_lstm:  Adam along the mean of (r - b) g log p
//   ppo:             `passes` times Adam along the mean of g [clipped_surrogate(p / p at the ask, r - b) + entropy weight * H]
//   enas_controller: as reinforce_lstm, with r + entropy weight * H in the place of r, bounded logits, and b starting at 0
// r: rewards.hpp. May repeat: a controller that is sure asks the same. Told without having been asked teaches nothing.
// Cost: an ask is a draw (recurrent_policy.hpp); a tell 1 to `passes` gradients, every `batch` tells.
// Errors: UsageError for a bad option.
// Sources: reinforce_lstm: Zoph and Le 2017, arXiv 1611.01578 (2 layers of 35, U(-0.08, 0.08), Adam 6e-4, reward cubed, 8 children a
// replica); ppo: Zoph et al. 2018, arXiv 1707.07012, appendix A (1 layer of 100, U(-0.1, 0.1), 3.5e-4, baseline 0.95, entropy 1e-5),
// Schulman et al. 2017, arXiv 1707.06347; enas_controller: Pham et al. 2018, arXiv 1802.03268, released code, micro (1 layer of 64,
// 3.5e-3, tanh 1.1, temperature 5, entropy 1e-4, baseline 0.99, batch 10).
// Departures: one controller in the place of 100 replicas; the baseline starts at the first reward (but in enas_controller); PPO's batch
// and passes are not published: 20 and 4; ENAS' first trials are trained from shared weights, here as the evaluator says.
#include "netwright/strategy/adam.hpp"
#include "netwright/strategy/recurrent_policy.hpp"
#include "netwright/strategy/reward_baseline.hpp"
#include "netwright/strategy/rewards.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {

struct ControllerForm {
  RecurrentOptions network;
  double learning_rate = 6e-4;
  double baseline = 0.95;                 // decay
  std::optional<double> baseline_start;   // none: the first reward
  double entropy = 0;                     // weight
  bool entropy_in_reward = false;         // else it has a gradient of its own
  double power = 1;                       // of the reward
  std::int64_t batch = 8;                 // tells an update
  std::int64_t passes = 1;                // updates a batch
  double clip = 0;                        // PPO's range; 0 = REINFORCE
};

class ControllerSearch : public Strategy {
 public:
  ControllerSearch(const StrategyCase& strategy_case, const ControllerForm& form);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;
  const RecurrentPolicy& policy() const { return policy_; }

 private:
  struct Lesson {
    RecurrentPolicy::Written drawn;  // with its log-probability at the ask
    double advantage = 0;
  };
  void learn();
  double slope(const Lesson& lesson, double log_probability) const;

  const DecisionTree& tree_;
  ControllerForm form_;
  Rng rng_;
  RecurrentPolicy policy_;
  Adam adam_;
  Rewards rewards_;
  std::optional<RewardBaseline> baseline_;
  OpenDraws<RecurrentPolicy::Written> open_;
  std::vector<Lesson> batch_;
};

std::unique_ptr<Strategy> make_reinforce_lstm(const StrategyCase& strategy_case);
std::unique_ptr<Strategy> make_ppo(const StrategyCase& strategy_case);
std::unique_ptr<Strategy> make_enas_controller(const StrategyCase& strategy_case);

}  // namespace netwright
