#include "netwright/report/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "netwright/objective/rank.hpp"
#include "netwright/objective/significance.hpp"
#include "netwright/report/comparison_figure.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;
using Values = std::vector<double>;

Json numbers(const Values& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(std::isfinite(value) ? Json(value) : Json());
  return list;
}

Json curve_json(const RegretCurves& curves, std::size_t points) {
  const Band band = band_of(curves, points);
  return {{"median", numbers(band.median)}, {"low", numbers(band.low)}, {"high", numbers(band.high)}};
}

constexpr double not_a_value = std::numeric_limits<double>::quiet_NaN();

Values known(const Values& values) {
  Values found;
  for (const double value : values)
    if (!std::isnan(value)) found.push_back(value);
  return found;
}

// A run without a value is behind every other; where that leaves no number, there is none.
double quantile_of_runs(Values values, double share) {
  for (double& value : values)
    if (std::isnan(value)) value = std::numeric_limits<double>::infinity();
  const double found = quantile(values, share);
  return std::isfinite(found) ? found : not_a_value;
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

// Mean and interval are of the runs that found something, the median is of all.
Json final_json(const Values& last) {
  const Values found = known(last);
  return {{"mean", number(mean(found))},
          {"interval", number(mean_interval(found))},
          {"median", number(quantile_of_runs(last, 0.5))},
          {"without", last.size() - found.size()},
          {"runs", numbers(last)}};
}

// One line for each strategy some of whose runs found nothing.
std::string empty_handed(const Comparison& comparison) {
  std::string text;
  for (const ComparedStrategy& strategy : comparison.strategies) {
    const Values last = last_values(strategy.validation);
    const std::size_t without = last.size() - known(last).size();
    if (without > 0)
      text += std::to_string(without) + " of " + std::to_string(last.size()) + " runs of " + strategy.name + " found nothing: its mean is of the others\n";
  }
  return text;
}

std::string ranks_line(const Comparison& comparison, const Standings& standings) {
  if (comparison.strategies.size() < 2) return "one strategy: nothing to rank it against\n";
  char text[128];
  std::snprintf(text, sizeof text, "ranks that differ by more than %.3f differ with 95 %% confidence (Nemenyi)\n", standings.critical_difference);
  return text;
}

std::string cell(double value) {
  if (std::isnan(value)) return "         -";
  char text[32];
  std::snprintf(text, sizeof text, "%10.5f", value);
  return text;
}

}  // namespace

Standings standings_of(const Comparison& comparison) {
  std::vector<Values> results;
  for (const ComparedStrategy& strategy : comparison.strategies) {
    Values last = last_values(ranked(comparison, strategy));
    // A run that found nothing is behind every other.
    for (double& value : last)
      if (std::isnan(value)) value = std::numeric_limits<double>::max();
    results.push_back(std::move(last));
  }
  Standings standings{.ranks = average_ranks(results)};
  const std::size_t runs = results.empty() ? 0 : results[0].size();
  standings.critical_difference = results.size() >= 2 && runs > 0 ? critical_difference(results.size(), runs) : 0;
  for (const Values& result : results) standings.p_against_first.push_back(wilcoxon_p(result, results[0]));
  return standings;
}

const RegretCurves& ranked(const Comparison& comparison, const ComparedStrategy& strategy) {
  return comparison.test_metric.empty() ? strategy.validation : strategy.test;
}

std::vector<double> last_values(const RegretCurves& curves) {
  Values last;
  for (const Values& run : curves.runs) last.push_back(run.empty() ? std::numeric_limits<double>::quiet_NaN() : run.back());
  return last;
}

Band band_of(const RegretCurves& curves, std::size_t points) {
  Band band;
  for (std::size_t i = 0; i < points; ++i) {
    Values at;
    for (const Values& run : curves.runs) at.push_back(run[i]);
    band.low.push_back(quantile_of_runs(at, 0.25)), band.median.push_back(quantile_of_runs(at, 0.5)), band.high.push_back(quantile_of_runs(at, 0.75));
  }
  return band;
}

std::string comparison_json(const Comparison& comparison) {
  const Standings standings = standings_of(comparison);
  Json strategies = Json::array();
  for (std::size_t i = 0; i < comparison.strategies.size(); ++i) {
    const ComparedStrategy& strategy = comparison.strategies[i];
    Json json{{"name", strategy.name},
              {"trials", strategy.trials},
              {"rank", standings.ranks[i]},
              {"p_against_first", standings.p_against_first[i]},
              {"validation", {{"curve", curve_json(strategy.validation, comparison.hours.size())}, {"final", final_json(last_values(strategy.validation))}}}};
    if (!comparison.test_metric.empty())
      json["test"] = {{"curve", curve_json(strategy.test, comparison.hours.size())}, {"final", final_json(last_values(strategy.test))}};
    strategies.push_back(std::move(json));
  }
  return Json{{"title", comparison.title},
              {"metric", comparison.metric},
              {"test_metric", comparison.test_metric},
              {"optimum", comparison.optimum},
              {"hours", numbers(comparison.hours)},
              {"critical_difference", standings.critical_difference},
              {"strategies", strategies}}
             .dump(1) +
         "\n";
}

std::string comparison_table(const Comparison& comparison) {
  const Standings standings = standings_of(comparison);
  const bool test = !comparison.test_metric.empty();
  std::size_t width = 8;
  for (const auto& strategy : comparison.strategies) width = std::max(width, strategy.name.size());
  std::string table = std::string("strategy") + std::string(width - 8, ' ') + "   trials  val regret   +-95 %    median" +
                      (test ? "  test regret   +-95 %    median" : "") + "   rank   p vs first\n";
  for (std::size_t i = 0; i < comparison.strategies.size(); ++i) {
    const ComparedStrategy& strategy = comparison.strategies[i];
    char text[64];
    std::snprintf(text, sizeof text, " %8.1f ", strategy.trials);
    table += strategy.name + std::string(width - strategy.name.size(), ' ') + text;
    for (const RegretCurves* curves : {&strategy.validation, test ? &strategy.test : nullptr}) {
      if (curves == nullptr) continue;
      const Values last = last_values(*curves);
      const Values found = known(last);
      table += " " + cell(mean(found)) + " " + cell(mean_interval(found)) + cell(quantile_of_runs(last, 0.5));
    }
    std::snprintf(text, sizeof text, " %6.3f %12.2g\n", standings.ranks[i], standings.p_against_first[i]);
    table += text;
  }
  return table + empty_handed(comparison) + "regret from " + comparison.optimum + "; " + ranks_line(comparison, standings);
}

}  // namespace netwright
