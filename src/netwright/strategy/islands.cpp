#include "netwright/strategy/islands.hpp"

#include "netwright/strategy/inner.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {
namespace {

constexpr int tries = 16;

}  // namespace

Islands::Islands(const StrategyCase& strategy_case)
    : goal_(strategy_case.goal), migration_(static_cast<std::size_t>(integer_option(strategy_case, "migration", 25, 1))) {
  const auto count = static_cast<std::uint64_t>(integer_option(strategy_case, "islands", 4, 1));
  for (std::uint64_t i = 0; i < count; ++i) {
    StrategyCase inner = inner_case(strategy_case, {"islands", "migration"});
    inner.seed = strategy_case.seed.derive("island", i);
    islands_.push_back({.strategy = make_inner(strategy_case, inner), .best = {}});
  }
}

std::optional<Architecture> Islands::ask() {
  // An island that is through leaves its turn to the others.
  for (std::size_t tried = 0; tried < islands_.size(); ++tried) {
    const std::size_t island = turn_++ % islands_.size();
    if (auto asked = ask_of(island)) {
      askers_[hash(*asked)].push_back(island);
      return asked;
    }
  }
  return std::nullopt;
}

std::optional<Architecture> Islands::ask_of(std::size_t island) {
  std::optional<Architecture> asked;
  for (int i = 0; i < tries; ++i) {
    asked = islands_[island].strategy->ask();
    if (!asked || !askers_.contains(hash(*asked))) break;
  }
  return asked;
}

void Islands::tell(const Told& told) {
  std::deque<std::size_t>& askers = askers_[hash(told.architecture)];
  const std::size_t number = askers.empty() ? 0 : askers.front();
  if (!askers.empty()) askers.pop_front();
  Island& island = islands_[number];
  island.strategy->tell(told);
  if (!told.failed && informative(standing(goal_, told.metrics)) && (!island.best || better(goal_, told.metrics, island.best->metrics)))
    island.best = told;
  if (++island.told % migration_ == 0 && island.best) islands_[(number + 1) % islands_.size()].strategy->tell(*island.best);
}

std::unique_ptr<Strategy> make_islands(const StrategyCase& strategy_case) { return std::make_unique<Islands>(strategy_case); }

}  // namespace netwright
