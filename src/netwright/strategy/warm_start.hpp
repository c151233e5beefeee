#pragma once
// A warm start: architectures that are asked first, before a strategy's own.
//
// The strategy is told all of them, as trials that it did not ask for, and counts them towards its random start: a population of 50
// after 20 warm ones begins with 30 random ones. An architecture that stands twice in the list is asked once.
// Cost: O(1) an ask. Source: warm-up by zero-cost scores: Abdelfattah et al. 2021, arXiv 2101.08134, section 4.2.
#include "netwright/strategy/strategy.hpp"

namespace netwright {

class WarmStart : public Strategy {
 public:
  // In the order of asking; then the strategy is asked (none where it is null). Errors: UsageError for an architecture that is none of the tree.
  WarmStart(const DecisionTree& tree, std::vector<Architecture> first, std::unique_ptr<Strategy> strategy);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;
  bool through() const { return first_.empty(); }  // the strategy's own turn

 private:
  std::vector<Architecture> first_;  // the next one last
  std::unique_ptr<Strategy> strategy_;
};

}  // namespace netwright
