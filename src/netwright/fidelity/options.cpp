#include "netwright/fidelity/options.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "netwright/core/error.hpp"

namespace netwright {

double number_option(const FidelityOptions& options, std::string_view name, double fallback, double minimum, double maximum) {
  const auto found = options.find(name);
  if (found == options.end() || found->second.empty()) return fallback;
  const std::string& text = found->second;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= minimum) || !(value <= maximum)) {
    char rule[96];
    const bool bounded = std::isfinite(maximum);
    std::snprintf(rule, sizeof rule, bounded ? "a number from %g to %g" : "a number of at least %g", minimum, maximum);
    throw UsageError("fidelity option " + std::string(name) + ": '" + text + "' is not " + rule);
  }
  return value;
}

BudgetRange budget_range(const SchedulerCase& scheduler_case) {
  constexpr double no_limit = std::numeric_limits<double>::infinity();
  const auto& options = scheduler_case.options;
  const BudgetRange range{.minimum = number_option(options, "minimum", 1, 1, no_limit),
                          .maximum = number_option(options, "maximum", 81, 1, no_limit),
                          .eta = number_option(options, "eta", 3, 1.01, no_limit)};
  rungs_above_first(range);  // refuses what cannot be
  return range;
}

}  // namespace netwright
