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

Json final_json(const Values& last) {
  return {{"mean", mean(last)}, {"interval", mean_interval(last)}, {"median", quantile(last, 0.5)}, {"runs", numbers(last)}};
}

std::string cell(double value) {
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
  standings.critical_difference = results.size() >= 2 && results.size() <= 20 && runs > 0 ? critical_difference(results.size(), runs) : 0;
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

// Where less than half of the runs have a value, there is none: the quantiles would be of the quick ones alone.
Band band_of(const RegretCurves& curves, std::size_t points) {
  Band band;
  for (std::size_t i = 0; i < points; ++i) {
    Values at;
    for (const Values& run : curves.runs)
      if (!std::isnan(run[i])) at.push_back(run[i]);
    const bool enough = !at.empty() && 2 * at.size() >= curves.runs.size();
    const auto value = [&](double share) { return enough ? quantile(at, share) : std::numeric_limits<double>::quiet_NaN(); };
    band.low.push_back(value(0.25)), band.median.push_back(value(0.5)), band.high.push_back(value(0.75));
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
      table += " " + cell(mean(last)) + " " + cell(mean_interval(last)) + cell(quantile(last, 0.5));
    }
    std::snprintf(text, sizeof text, " %6.3f %12.2g\n", standings.ranks[i], standings.p_against_first[i]);
    table += text;
  }
  char text[128];
  std::snprintf(text, sizeof text, "ranks that differ by more than %.3f differ with 95 %% confidence (Nemenyi)\n", standings.critical_difference);
  return table + "regret from " + comparison.optimum + "; " + text;
}

}  // namespace netwright
