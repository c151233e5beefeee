// The registry of strategies, in reading order.
#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/strategy/evolution.hpp"
#include "netwright/strategy/grid.hpp"
#include "netwright/strategy/random_search.hpp"

namespace netwright {

const std::vector<StrategyEntry>& strategies() {
  static const std::vector<StrategyEntry> entries = {
      {.name = "random",
       .title = "Random search: uniform over the architectures",
       .paper = "Bergstra and Bengio 2012, JMLR 13",
       .traits = {"no model"},
       .options = {{"replacement", "false", "may ask the same architecture twice"}},
       .make = make_random_search},
      {.name = "evolution",
       .title = "Regularized (aging) evolution by mutation",
       .paper = "Real et al. 2019, arXiv 1802.01548",
       .traits = {"may repeat", "population"},
       .options = {{"population", "50", "members that live at once (P); as many asks are random first"},
                   {"sample", "10", "members drawn for a tournament (S)"},
                   {"removal", "oldest", "who leaves when a child enters: oldest | worst"},
                   {"identity", "0", "chance that a child is its parent, evaluated again"}},
       .make = make_evolution},
      {.name = "grid",
       .title = "Every architecture once, in tree order",
       .paper = "",
       .traits = {"exhaustive", "no model"},
       .options = {},
       .make = make_grid},
  };
  return entries;
}

std::unique_ptr<Strategy> make_strategy(std::string_view name, const StrategyCase& strategy_case) {
  std::vector<std::string> names;
  for (const StrategyEntry& entry : strategies()) names.push_back(entry.name);
  const auto entry = std::ranges::find(strategies(), name, &StrategyEntry::name);
  if (entry == strategies().end()) throw UsageError("unknown strategy '" + std::string(name) + "'" + name_hint(name, names));
  std::vector<std::string> known;
  for (const StrategyOption& option : entry->options) known.push_back(option.name);
  for (const auto& [option, value] : strategy_case.options) {
    if (std::ranges::find(known, option) != known.end()) continue;
    const std::string hint = known.empty() ? "; it has no options" : name_hint(option, known);
    throw UsageError("strategy " + entry->name + ": unknown option '" + option + "'" + hint);
  }
  return entry->make(strategy_case);
}

}  // namespace netwright
