#include "netwright/strategy/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"

namespace netwright {
namespace {

const std::string* given(const StrategyCase& strategy_case, std::string_view name) {
  const auto found = strategy_case.options.find(name);
  return found == strategy_case.options.end() ? nullptr : &found->second;
}

[[noreturn]] void refuse(std::string_view name, std::string_view value, const std::string& rule) {
  throw UsageError("strategy option " + std::string(name) + ": '" + std::string(value) + "' is not " + rule);
}

template <class Number>
bool read_number(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::int64_t integer_option(const StrategyCase& strategy_case, std::string_view name, std::int64_t fallback, std::int64_t minimum) {
  const std::string* text = given(strategy_case, name);
  if (!text) return fallback;
  std::int64_t value = 0;
  if (!read_number(*text, value) || value < minimum) refuse(name, *text, "a whole number of at least " + std::to_string(minimum));
  return value;
}

double share_option(const StrategyCase& strategy_case, std::string_view name, double fallback) {
  const std::string* text = given(strategy_case, name);
  if (!text) return fallback;
  double value = 0;
  if (!read_number(*text, value) || !(value >= 0 && value <= 1)) refuse(name, *text, "a number from 0 to 1");
  return value;
}

double number_option(const StrategyCase& strategy_case, std::string_view name, double fallback, double minimum, double maximum) {
  const std::string* text = given(strategy_case, name);
  if (!text) return fallback;
  double value = 0;
  if (read_number(*text, value) && value >= minimum && value <= maximum) return value;
  const std::string upper = std::isfinite(maximum) ? " to " + format_count(maximum) : " up";
  refuse(name, *text, "a number from " + format_count(minimum) + upper);
}

bool flag_option(const StrategyCase& strategy_case, std::string_view name, bool fallback) {
  const std::string* text = given(strategy_case, name);
  if (!text) return fallback;
  if (*text != "true" && *text != "false") refuse(name, *text, "true or false");
  return *text == "true";
}

std::string word_option(const StrategyCase& strategy_case, std::string_view name, const std::vector<std::string>& words) {
  const std::string* text = given(strategy_case, name);
  if (!text) return words.front();
  if (std::ranges::find(words, *text) == words.end()) refuse(name, *text, "one of " + join(words, ", ") + name_hint(*text, words));
  return *text;
}

}  // namespace netwright
