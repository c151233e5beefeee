#pragma once
// Random search: architectures drawn uniformly, the baseline that every other strategy has to beat.
//
// Without replacement (the default) no architecture is asked twice, and ask() gives nothing once the space is through.
// Options: replacement = true | false.
// Cost of an ask: one sample, and one look-up in the set of what was asked. When a small space (up to 2^20) is almost through,
// what is left is listed once, in O(size).
// Errors: UsageError for a bad option.
// Source: Bergstra and Bengio 2012, JMLR 13; as a NAS baseline Li and Talwalkar 2019, arXiv 1902.07638.
// Departure: the sources draw with replacement; so does `replacement = true`.
#include "netwright/strategy/strategy.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

class RandomSearch : public Strategy {
 public:
  explicit RandomSearch(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  const DecisionTree& tree_;
  Rng rng_;
  bool replacement_;
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_random_search(const StrategyCase& strategy_case);

}  // namespace netwright
