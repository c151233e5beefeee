#include "netwright/fidelity/brackets.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

constexpr double kSlack = 1e-9;  // logarithms and powers of whole numbers miss them by a few last bits

double floor_of(double value) { return std::floor(value + kSlack * std::max(1.0, std::abs(value))); }
double ceil_of(double value) { return std::ceil(value - kSlack * std::max(1.0, std::abs(value))); }

Bracket bracket_of(std::int64_t s, double count, const BudgetRange& range) {
  Bracket bracket{.s = s};
  const double first = range.maximum * std::pow(range.eta, -static_cast<double>(s));
  for (std::int64_t i = 0; i <= s; ++i) {
    const double power = std::pow(range.eta, static_cast<double>(i));
    // The last rung is the maximum itself, not what rounding makes of it.
    const double epochs = i == s ? range.maximum : first * power;
    bracket.rungs.push_back({.count = static_cast<std::int64_t>(floor_of(count / power)), .epochs = epochs});
  }
  return bracket;
}

template <class Count>
std::vector<Bracket> all_brackets(const BudgetRange& range, Count count) {
  std::vector<Bracket> brackets;
  const std::int64_t most = rungs_above_first(range);
  for (std::int64_t s = most; s >= 0; --s) {
    const double power = std::pow(range.eta, static_cast<double>(s));
    brackets.push_back(bracket_of(s, count(static_cast<double>(most + 1), static_cast<double>(s + 1), power), range));
  }
  return brackets;
}

}  // namespace

std::int64_t rungs_above_first(const BudgetRange& range) {
  if (!(range.minimum > 0) || !(range.maximum >= range.minimum) || !(range.eta > 1) || !std::isfinite(range.maximum))
    throw UsageError("fidelity: 0 < minimum <= maximum and eta > 1 are needed, not minimum " + std::to_string(range.minimum) + ", maximum " +
                     std::to_string(range.maximum) + ", eta " + std::to_string(range.eta));
  return static_cast<std::int64_t>(floor_of(std::log(range.maximum / range.minimum) / std::log(range.eta)));
}

Bracket halving_bracket(std::int64_t count, const BudgetRange& range) {
  const std::int64_t most = rungs_above_first(range);
  Bracket bracket;
  double epochs = range.minimum;
  for (std::int64_t i = 0; i <= most && count > 0; ++i) {
    bracket.rungs.push_back({.count = count, .epochs = epochs});
    count = static_cast<std::int64_t>(floor_of(static_cast<double>(count) / range.eta));
    epochs *= range.eta;
  }
  bracket.s = std::max<std::int64_t>(0, static_cast<std::int64_t>(bracket.rungs.size()) - 1);
  return bracket;
}

std::vector<Bracket> hyperband_brackets(const BudgetRange& range) {
  return all_brackets(range, [](double all, double rungs, double power) { return ceil_of(all * power / rungs); });
}

std::vector<Bracket> bohb_brackets(const BudgetRange& range) {
  return all_brackets(range, [](double all, double rungs, double power) { return floor_of(floor_of(all / rungs) * power); });
}

std::int64_t whole_epochs(double epochs) { return std::max<std::int64_t>(1, std::llround(epochs)); }

}  // namespace netwright
