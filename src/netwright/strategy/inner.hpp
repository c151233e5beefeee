#pragma once
// Strategies around another one, named by their option `of`; options that they do not know are the inner one's. Inside the room only.
#include <initializer_list>

#include "netwright/strategy/strategy.hpp"

namespace netwright {

// The case without `of` and the outer strategy's own options.
StrategyCase inner_case(const StrategyCase& outer, std::initializer_list<const char*> own_options);

// The strategy that the outer case's option `of` names ("evolution" where it is not given).
// Errors: UsageError for an unknown name or option, or a strategy that stands around itself.
std::unique_ptr<Strategy> make_inner(const StrategyCase& outer, const StrategyCase& inner);

}  // namespace netwright
