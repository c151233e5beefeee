#include "fidelity_words.hpp"

#include "netwright/space/features.hpp"
#include "netwright/strategy/warm_start.hpp"
#include "warm_start_words.hpp"

namespace netwright {

std::unique_ptr<Strategy> strategy_of(const SearchOptions& options, const SpacePointer& space, const Goal& goal, Seed seed) {
  Settings own = options.strategy_options;
  std::vector<Architecture> first = warm_start(*space, own);
  auto strategy = make_strategy(options.strategy, {.tree = space->decisions(), .goal = goal, .seed = seed, .options = own, .features = feature_maps(space)});
  if (first.empty()) return strategy;
  return std::make_unique<WarmStart>(space->decisions(), std::move(first), std::move(strategy));
}

std::unique_ptr<Scheduler> scheduler_of(const SearchOptions& options, const SpacePointer& space, const Goal& goal, Seed seed) {
  if (options.fidelity == SearchOptions{}.fidelity && options.fidelity_options.empty()) return nullptr;
  const auto make = [options, space, goal, seed](std::int64_t number) {
    const Seed own = number == 0 ? seed.derive("strategy") : seed.derive("strategy", static_cast<std::uint64_t>(number));
    return strategy_of(options, space, goal, own);
  };
  return make_scheduler(options.fidelity,
                        {.tree = space->decisions(), .make_strategy = make, .goal = goal, .seed = seed.derive("fidelity"), .options = options.fidelity_options});
}

std::unique_ptr<StopRule> stop_rule_of(const SearchOptions& options) {
  return options.stop == SearchOptions{}.stop ? nullptr : make_stop_rule(options.stop, options.stop_options);
}

}  // namespace netwright
