#include "fidelity_words.hpp"

namespace netwright {

std::unique_ptr<Strategy> strategy_of(const SearchOptions& options, const DecisionTree& tree, const Goal& goal, Seed seed) {
  return make_strategy(options.strategy, {.tree = tree, .goal = goal, .seed = seed, .options = options.strategy_options});
}

std::unique_ptr<Scheduler> scheduler_of(const SearchOptions& options, const DecisionTree& tree, const Goal& goal, Seed seed) {
  if (options.fidelity == SearchOptions{}.fidelity && options.fidelity_options.empty()) return nullptr;
  const auto make = [options, &tree, goal, seed](std::int64_t number) {
    const Seed own = number == 0 ? seed.derive("strategy") : seed.derive("strategy", static_cast<std::uint64_t>(number));
    return strategy_of(options, tree, goal, own);
  };
  return make_scheduler(options.fidelity,
                        {.tree = tree, .make_strategy = make, .goal = goal, .seed = seed.derive("fidelity"), .options = options.fidelity_options});
}

std::unique_ptr<StopRule> stop_rule_of(const SearchOptions& options) {
  return options.stop == SearchOptions{}.stop ? nullptr : make_stop_rule(options.stop, options.stop_options);
}

}  // namespace netwright
