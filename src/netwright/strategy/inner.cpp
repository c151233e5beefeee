#include "netwright/strategy/inner.hpp"

#include <algorithm>

#include "netwright/core/error.hpp"

namespace netwright {

StrategyCase inner_case(const StrategyCase& outer, std::initializer_list<const char*> own_options) {
  StrategyCase inner = outer;
  inner.options.erase("of");
  for (const char* option : own_options) inner.options.erase(option);
  return inner;
}

std::unique_ptr<Strategy> make_inner(const StrategyCase& outer, const StrategyCase& inner) {
  const auto given = outer.options.find("of");
  const std::string name = given == outer.options.end() ? "evolution" : given->second;
  const auto entry = std::ranges::find(strategies(), name, &StrategyEntry::name);
  if (entry != strategies().end() && entry->forwards) throw UsageError("strategy option of: '" + name + "' stands around another strategy itself");
  return make_strategy(name, inner);
}

}  // namespace netwright
