#include "netwright/strategy/random_search.hpp"

#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {
RandomSearch::RandomSearch(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      rng_(strategy_case.seed.derive("random").rng()),
      replacement_(flag_option(strategy_case, "replacement", false)),
      unseen_(tree_) {}

std::optional<Architecture> RandomSearch::ask() { return replacement_ ? sample(tree_, rng_) : unseen_.sample(rng_); }

void RandomSearch::tell(const Told& told) { unseen_.mark(told.architecture); }  // new only where it was not asked: a warm start

std::unique_ptr<Strategy> make_random_search(const StrategyCase& strategy_case) { return std::make_unique<RandomSearch>(strategy_case); }

}  // namespace netwright
