#pragma once
// The moving average that is taken off rewards before they train a policy.
namespace netwright {

//   b <- decay * b + (1 - decay) * r;  advantage = r - b, with the b that has seen r
// Starts at `start`. Source: ENAS, Pham et al. 2018, arXiv 1802.03268, whose code updates before use.
class RewardBaseline {
 public:
  explicit RewardBaseline(double decay, double start = 0) : decay_(decay), value_(start) {}

  // The advantage of a reward; an entropy bonus is part of the reward: r = reward + weight * entropy.
  double advantage(double reward, double entropy = 0, double entropy_weight = 0) {
    const double total = reward + entropy_weight * entropy;
    value_ -= (1 - decay_) * (value_ - total);
    return total - value_;
  }
  double value() const { return value_; }

 private:
  double decay_, value_;
};

}  // namespace netwright
