#pragma once
// The legal picks of one decision. Inside the room only.
#include <cstdint>
#include <functional>
#include <vector>

#include "netwright/space/decision.hpp"

namespace netwright {

// Whether a pick of the parent makes the child's condition hold; never for an inactive parent.
bool switches_on(const Decision& parent, std::int64_t pick, const Condition& condition);

// The lowest choice that may be picked; for a k_of_n the lowest `minimum` of them.
std::int64_t first_pick(const Decision& decision);

// The picks one step away: another choice, or (k_of_n) one member swapped, added or dropped.
std::vector<std::int64_t> moves(const Decision& decision, std::int64_t pick);
bool can_move(const Decision& decision);

// How many picks are legal. A double: 62 choices have more subsets than a counter should walk.
double count_picks(const Decision& decision);

// Every legal pick, in ascending order of size, then of value, until visit returns false; false when it was stopped.
bool each_pick(const Decision& decision, const std::function<bool(std::int64_t)>& visit);

}  // namespace netwright
