#pragma once
// TPE over the decision tree: what good trials pick, against what the others pick.
//
//   good: the best `good` share of the told trials (at least 2), bad: the rest
//   p(choice | decision) = (count + prior / choices) / (active trials + prior), for each of the two, over the trials where the
//   decision is active; a k_of_n: how many members, and each member's share
//   `candidates` are drawn from good, down the tree; the one with the highest product of good / bad ratios is asked
//
// Options: start = 20, good = 0.2, candidates = 24, prior = 1. Several objectives: utilities of history.hpp. No architecture is asked
// twice. Cost of an ask: O(trials * decisions + candidates * choices). Errors: UsageError for a bad option.
// Source: Bergstra, Bardenet, Bengio and Kegl 2011, NeurIPS 24. Departure: a k_of_n's members are judged one by one.
#include "netwright/strategy/history.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

class TreeParzen : public Strategy {
 public:
  explicit TreeParzen(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  // Of one decision: a weight a choice, and one a number of members for a k_of_n.
  struct Counts {
    std::vector<double> choices, sizes;
    double total = 0;
  };
  struct Model {
    std::vector<Counts> good, bad;
  };
  std::vector<Counts> counts(const std::vector<std::size_t>& trials) const;
  Model model();
  Architecture draw(const std::vector<Counts>& counts);
  double log_ratio(const Model& model, const Architecture& architecture) const;
  std::int64_t draw_subset(const Decision& decision, const Counts& counts);
  std::size_t draw_index(const std::vector<double>& weights);

  const DecisionTree& tree_;
  Rng rng_;
  std::size_t start_, candidates_;
  double good_, prior_;
  std::size_t asked_ = 0;
  History history_;
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_tpe(const StrategyCase& strategy_case);

}  // namespace netwright
