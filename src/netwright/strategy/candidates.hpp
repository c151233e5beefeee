#pragma once
// What models look at: an architecture as a row of numbers, and the architectures near the best. Inside the room only.
#include <span>
#include <vector>

#include "netwright/strategy/strategy.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

// The option `features` = auto | onehot | path | wl; auto: `preferred` where the space has it, else onehot.
// Errors: UsageError for features that the space does not have.
FeatureMap feature_option(const StrategyCase& strategy_case, const std::string& preferred);

// Up to `count` different architectures that were not asked: one or two mutations of the parents, a tenth of them uniform samples. Fewer
// where 4 * count draws do not find as many. Cost: O(count decisions).
std::vector<Architecture> near_the_best(const DecisionTree& tree, std::span<const Architecture* const> parents, std::size_t count, const Unseen& unseen,
                                        Rng& rng);

}  // namespace netwright
