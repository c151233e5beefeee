#include "netwright/report/alarms.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <span>

#include <nlohmann/json.hpp>

#include "netwright/objective/rank.hpp"
#include "netwright/report/wording.hpp"

namespace netwright {
namespace {

constexpr std::size_t window = 5, fewest_pairs = 3, fewest_that_tell = 5;
constexpr double most_skips = 0.5, most_growth = 1.3;

std::string two_digits(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

// A series of plain numbers, in order.
std::vector<double> numbers(const std::vector<SeriesPoint>& points, std::string_view name) {
  std::vector<double> values;
  for (const auto& point : points) {
    if (point.name != name) continue;
    const auto json = nlohmann::json::parse(point.value, nullptr, false);
    if (json.is_number()) values.push_back(json.get<double>());
  }
  return values;
}

std::optional<Alarm> skip_alarm(const std::string& phase, const std::vector<SeriesPoint>& points) {
  const auto shares = numbers(points, "skips");
  if (shares.empty()) return std::nullopt;
  const bool raised = shares.back() > most_skips;
  return Alarm{"skips", phase, raised,
               "Of the strongest picks " + format_number(shares.back(), NumberFormat::percent) + " only hand their input on" +
                   (raised ? ": the search has collapsed to skips, as differentiable searches do when they train too long." : ".")};
}

double mean_before(const std::vector<double>& values, std::size_t end) {
  return mean(std::span(values).subspan(end - window, window));
}

std::optional<Alarm> eigenvalue_alarm(const std::string& phase, const std::vector<SeriesPoint>& points) {
  const auto values = numbers(points, "eigenvalue");
  if (values.empty()) return std::nullopt;
  const std::string last = "The architecture Hessian's largest eigenvalue is " + format_number(values.back(), NumberFormat::plain);
  double growth = 0;
  std::size_t worst = 0;
  for (std::size_t end = 2 * window; end <= values.size(); ++end) {
    const double grown = mean_before(values, end) / mean_before(values, end - window);
    if (grown > growth) growth = grown, worst = end;
  }
  if (worst == 0) return Alarm{"eigenvalue", phase, false, last + "; its growth is told from " + std::to_string(2 * window) + " epochs on."};
  const bool raised = growth > most_growth;
  return Alarm{"eigenvalue", phase, raised,
               last + "; over 5 epochs it grew at most " + two_digits(growth) + " times (by epoch " + std::to_string(worst) + ")" +
                   (raised ? ": a sharp optimum, whose derived network is likely to be worse than the supernet says." : ".")};
}

std::optional<Alarm> ranking_alarm(const ReportData& data) {
  const auto gap = ranking_gap(data);
  if (!gap) return std::nullopt;
  const std::string measured = plural(static_cast<std::ptrdiff_t>(gap->pairs.size()), "architecture") + " trained for themselves: ";
  if (std::isnan(gap->tau)) return Alarm{"ranking", gap->supernet, true, measured + "the supernet, or their training, gives all of them the same " + gap->metric + "."};
  const bool tells = gap->pairs.size() >= fewest_that_tell, raised = tells && gap->low <= 0;
  const char* verdict = !tells            ? ": too few to tell that from chance; baselines: {ranking_gap: 10} trains more."
                        : !raised         ? ": better than chance."
                        : gap->high < 0   ? ": worse than chance."
                                          : ": not shown to be better than chance.";
  return Alarm{"ranking", gap->supernet, raised,
               measured + "the supernet orders them with Kendall's tau " + two_digits(gap->tau) + " (95 % interval " + two_digits(gap->low) + " to " +
                   two_digits(gap->high) + ")" + verdict};
}

// Mean of a metric over the networks that were trained from scratch, by architecture.
std::map<std::string, double> trained_alone(const ReportData& data, const std::string& metric) {
  std::map<std::string, std::vector<double>> runs;
  for (const auto& trial : data.trials) {
    const auto measured = trial.outcome.metrics.find(metric);
    const bool counts = !trial.label.empty() && trial.state == TrialState::done && trial.space == data.record.space;
    if (counts && measured != trial.outcome.metrics.end() && std::isfinite(measured->second)) runs[trial.architecture].push_back(measured->second);
  }
  std::map<std::string, double> means;
  for (const auto& [architecture, values] : runs) means[architecture] = mean(values);
  return means;
}

}  // namespace

Interval kendall_interval(double tau, std::size_t n) {
  if (n <= 4 || std::isnan(tau)) return {};
  const double half_step = 2.0 / (static_cast<double>(n) * static_cast<double>(n - 1)), bound = 1 - half_step;
  const double z = std::atanh(std::clamp(tau, -bound, bound)), reach = 1.959963984540054 * std::sqrt(0.437 / static_cast<double>(n - 4));
  return {std::tanh(z - reach), std::tanh(z + reach)};
}

std::optional<RankingGap> ranking_gap(const ReportData& data) {
  std::optional<RankingGap> found;
  for (const auto& phase : data.phases) {
    const auto summary = nlohmann::json::parse(phase.summary, nullptr, false);
    if (!summary.is_object() || !summary.contains("inherited")) continue;
    const auto& inherited = summary.at("inherited");
    RankingGap gap{.supernet = inherited.value("supernet", ""), .metric = inherited.contains("val_perplexity") ? "val_perplexity" : "val_accuracy"};
    const auto alone = trained_alone(data, gap.metric);
    for (const auto& [architecture, value] : inherited.at(gap.metric).items())
      if (const auto own = alone.find(architecture); own != alone.end()) gap.pairs.push_back({architecture, value.get<double>(), own->second});
    if (gap.pairs.size() >= fewest_pairs) found = std::move(gap);
  }
  if (!found) return found;
  std::vector<double> shared, own;
  for (const auto& pair : found->pairs) shared.push_back(pair.inherited), own.push_back(pair.alone);
  found->tau = kendall_tau(shared, own);
  const Interval interval = kendall_interval(found->tau, found->pairs.size());
  found->low = interval.low, found->high = interval.high;
  return found;
}

std::vector<Alarm> alarms(const ReportData& data) {
  std::vector<Alarm> list;
  for (const auto& [phase, points] : data.series)
    for (auto& alarm : {skip_alarm(phase, points), eigenvalue_alarm(phase, points)})
      if (alarm) list.push_back(*alarm);
  if (const auto alarm = ranking_alarm(data)) list.push_back(*alarm);
  return list;
}

}  // namespace netwright
