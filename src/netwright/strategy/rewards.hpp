#pragma once
// What policies learn from: the reward of a told trial, and which draw it was. Inside the room only.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "netwright/objective/standing.hpp"
#include "netwright/space/decision.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {

// The first objective, larger is better, to the power `power` (0 and below stay as they are). A trial that misses constraints, or failed,
// has the reward of the worst one so far (0 where there is none).
class Rewards {
 public:
  Rewards(const Goal& goal, double power) : goal_(goal), power_(power) {}

  double of(const Told& told) {
    const Standing reached = standing(goal_, told.metrics);
    if (told.failed || !informative(reached) || reached.violation > 0) return worst_.value_or(0);
    const double value = reached.score > 0 ? std::pow(reached.score, power_) : reached.score;
    worst_ = std::min(worst_.value_or(value), value);
    return value;
  }

 private:
  Goal goal_;
  double power_;
  std::optional<double> worst_;
};

// Draws that were asked and are not told yet; equal architectures come back in the order of their asks.
template <class Drawn>
class OpenDraws {
 public:
  void add(const Architecture& architecture, Drawn drawn) { open_[hash(architecture)].push_back(std::move(drawn)); }

  // Nothing where the architecture was told without having been asked.
  std::optional<Drawn> take(const Architecture& architecture) {
    const auto found = open_.find(hash(architecture));
    if (found == open_.end()) return std::nullopt;
    Drawn drawn = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty()) open_.erase(found);
    return drawn;
  }

 private:
  std::unordered_map<std::uint64_t, std::deque<Drawn>> open_;  // by hash
};

}  // namespace netwright
