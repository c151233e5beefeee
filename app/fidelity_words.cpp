#include "fidelity_words.hpp"

#include <algorithm>

#include "netwright/space/features.hpp"
#include "netwright/strategy/warm_start.hpp"
#include "warm_start_words.hpp"

namespace netwright {
namespace {

bool has_option(const std::string& strategy, const std::string& option) {
  const auto entry = std::ranges::find(strategies(), strategy, &StrategyEntry::name);
  return entry != strategies().end() && std::ranges::find(entry->options, option, &StrategyOption::name) != entry->options.end();
}

}  // namespace


std::unique_ptr<Strategy> strategy_of(const SearchOptions& options, const SpacePointer& space, const Goal& goal, Seed seed) {
  Settings own = options.strategy_options;
  std::vector<Architecture> first = warm_start(*space, own);
  auto strategy = make_strategy(options.strategy, {.tree = space->decisions(), .goal = goal, .seed = seed, .options = own, .features = feature_maps(space)});
  if (first.empty()) return strategy;
  return std::make_unique<WarmStart>(space->decisions(), std::move(first), std::move(strategy));
}

std::unique_ptr<Scheduler> scheduler_of(const SearchOptions& options, const SpacePointer& space, const Goal& goal, Seed seed) {
  if (options.fidelity == SearchOptions{}.fidelity && options.fidelity_options.empty()) return nullptr;
  Settings strategy_options = options.strategy_options;
  std::vector<Architecture> first = warm_start(*space, strategy_options);
  const auto make = [name = options.strategy, strategy_options, space, goal, seed](std::int64_t number, std::int64_t start) {
    const Seed own = number == 0 ? seed.derive("strategy") : seed.derive("strategy", static_cast<std::uint64_t>(number));
    Settings settings = strategy_options;
    if (start > 0 && has_option(name, "start")) settings.emplace("start", std::to_string(start));
    return make_strategy(name, {.tree = space->decisions(), .goal = goal, .seed = own, .options = settings, .features = feature_maps(space)});
  };
  return make_scheduler(options.fidelity, {.tree = space->decisions(),
                                           .make_strategy = make,
                                           .goal = goal,
                                           .seed = seed.derive("fidelity"),
                                           .options = options.fidelity_options,
                                           .first = std::move(first)});
}

std::unique_ptr<StopRule> stop_rule_of(const SearchOptions& options) {
  return options.stop == SearchOptions{}.stop ? nullptr : make_stop_rule(options.stop, options.stop_options);
}

}  // namespace netwright
