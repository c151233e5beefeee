#include "netwright/strategy/candidates.hpp"

#include <unordered_set>

#include "netwright/core/error.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {

FeatureMap feature_option(const StrategyCase& strategy_case, const std::string& preferred) {
  std::string name = word_option(strategy_case, "features", {"auto", "onehot", "path", "wl"});
  if (name == "auto") name = strategy_case.features.contains(preferred) ? preferred : "onehot";
  if (name == "onehot") return [&tree = strategy_case.tree](const Architecture& architecture) { return encode(tree, architecture); };
  const auto found = strategy_case.features.find(name);
  if (found == strategy_case.features.end()) throw UsageError("strategy option features: this space has no '" + name + "' features");
  return found->second;
}

std::vector<Architecture> near_the_best(const DecisionTree& tree, std::span<const Architecture* const> parents, std::size_t count, const Unseen& unseen,
                                        Rng& rng) {
  std::vector<Architecture> result;
  std::unordered_set<std::uint64_t> here;
  for (std::size_t tried = 0; tried < 4 * count && result.size() < count; ++tried) {
    Architecture candidate;
    if (rng.chance(0.1)) {
      candidate = sample(tree, rng);
    } else {
      candidate = mutate(tree, *parents[rng.below(parents.size())], rng);
      if (rng.chance(0.5)) candidate = mutate(tree, candidate, rng);
    }
    if (!unseen.seen(candidate) && here.insert(hash(candidate)).second) result.push_back(std::move(candidate));
  }
  return result;
}

}  // namespace netwright
