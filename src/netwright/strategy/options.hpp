#pragma once
// A strategy's options, read from their text. Errors: UsageError naming the option, the value and the rule.
#include <cstdint>
#include <string_view>

#include "netwright/strategy/strategy.hpp"

namespace netwright {

std::int64_t integer_option(const StrategyCase& strategy_case, std::string_view name, std::int64_t fallback, std::int64_t minimum);
double share_option(const StrategyCase& strategy_case, std::string_view name, double fallback);  // in [0, 1]
double number_option(const StrategyCase& strategy_case, std::string_view name, double fallback, double minimum, double maximum);
bool flag_option(const StrategyCase& strategy_case, std::string_view name, bool fallback);
std::string word_option(const StrategyCase& strategy_case, std::string_view name, const std::vector<std::string>& words);  // default: the first

}  // namespace netwright
