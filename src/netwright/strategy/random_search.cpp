#include "netwright/strategy/random_search.hpp"

#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {
namespace {

constexpr double listable_size = 1 << 20;
constexpr int tries_before_listing = 64;
constexpr int tries_at_most = 10000;  // in a space too large to list, where so many repeats mean that little is left

}  // namespace

RandomSearch::RandomSearch(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      rng_(strategy_case.seed.derive("random").rng()),
      replacement_(flag_option(strategy_case, "replacement", false)),
      listable_(approximate_size(tree_) <= listable_size) {}

std::optional<Architecture> RandomSearch::ask() {
  if (replacement_) return sample(tree_, rng_);
  if (rest_) return ask_rest();
  for (int i = 0; i < (listable_ ? tries_before_listing : tries_at_most); ++i) {
    Architecture drawn = sample(tree_, rng_);
    if (asked_.insert(hash(drawn)).second) return drawn;
  }
  if (!listable_) return std::nullopt;
  list_rest();
  return ask_rest();
}

std::optional<Architecture> RandomSearch::ask_rest() {
  if (rest_->empty()) return std::nullopt;
  Architecture next = std::move(rest_->back());
  rest_->pop_back();
  return next;
}

void RandomSearch::list_rest() {
  rest_.emplace();
  enumerate(tree_, [&](const Architecture& architecture) {
    if (!asked_.contains(hash(architecture))) rest_->push_back(architecture);
    return true;
  });
  rng_.shuffle(*rest_);
}

void RandomSearch::tell(const Told&) {}  // what a random search asks does not depend on what it is told

std::unique_ptr<Strategy> make_random_search(const StrategyCase& strategy_case) { return std::make_unique<RandomSearch>(strategy_case); }

}  // namespace netwright
