#pragma once
// Grid search: every architecture once, in tree order (the last decision turns fastest), then nothing.
// Picks of a k_of_n go by their number of members, then by value.
//
// Cost: O(decisions) an ask and in memory. It has no options and does not look at what it is told.
#include "netwright/strategy/strategy.hpp"

namespace netwright {

class Grid : public Strategy {
 public:
  explicit Grid(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  const DecisionTree& tree_;
  std::optional<Architecture> next_;
};

// The architecture after this one in tree order; nothing after the last.
std::optional<Architecture> next_in_tree_order(const DecisionTree& tree, const Architecture& architecture);

std::unique_ptr<Strategy> make_grid(const StrategyCase& strategy_case);

}  // namespace netwright
