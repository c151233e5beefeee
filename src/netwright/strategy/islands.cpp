#include "netwright/strategy/islands.hpp"

#include <utility>

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
      open_[hash(*asked)].askers.push_back(island);
      return asked;
    }
  }
  return std::nullopt;
}

std::optional<Architecture> Islands::ask_of(std::size_t island) {
  std::optional<Architecture> asked;
  for (int i = 0; i < tries; ++i) {
    asked = islands_[island].strategy->ask();
    if (!asked) break;
    const std::uint64_t code = hash(*asked);
    const auto known = known_.find(code);
    const auto open = open_.find(code);
    if ((known == known_.end() && open == open_.end()) || i + 1 == tries) break;
    if (known != known_.end()) {
      tell(island, known->second);
    } else {
      open->second.waiting.push_back(island);
    }
  }
  return asked;
}

// Told without having been asked for (a warm start), it goes to the first island.
void Islands::tell(const Told& told) {
  const std::uint64_t code = hash(told.architecture);
  known_.insert_or_assign(code, told);
  const auto found = open_.find(code);
  if (found == open_.end()) return tell(0, told);
  std::vector<std::size_t> told_now = std::exchange(found->second.waiting, {});
  told_now.insert(told_now.begin(), found->second.askers.front());
  found->second.askers.pop_front();
  if (found->second.askers.empty()) open_.erase(found);
  for (const std::size_t island : told_now) tell(island, told);
}

void Islands::tell(std::size_t number, const Told& told) {
  Island& island = islands_[number];
  island.strategy->tell(told);
  if (!told.failed && informative(standing(goal_, told.metrics)) && (!island.best || better(goal_, told.metrics, island.best->metrics)))
    island.best = told;
  if (++island.told % migration_ == 0 && island.best) islands_[(number + 1) % islands_.size()].strategy->tell(*island.best);
}

std::unique_ptr<Strategy> make_islands(const StrategyCase& strategy_case) { return std::make_unique<Islands>(strategy_case); }

}  // namespace netwright
