#pragma once
// A scheduler's or stop rule's options, read from their text. Inside the room only.
// Errors: UsageError naming the option, the value and the rule.
#include <map>
#include <string>
#include <string_view>

#include "netwright/fidelity/brackets.hpp"
#include "netwright/fidelity/scheduler.hpp"

namespace netwright {

using FidelityOptions = std::map<std::string, std::string, std::less<>>;

double number_option(const FidelityOptions& options, std::string_view name, double fallback, double minimum, double maximum);

// minimum, maximum, eta: 1, 81, 3 where they are not given.
BudgetRange budget_range(const SchedulerCase& scheduler_case);

}  // namespace netwright
