#include "netwright/report/figures.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "netwright/objective/pareto.hpp"
#include "netwright/report/alarms.hpp"
#include "netwright/report/wording.hpp"
#include "netwright/study/summary.hpp"

namespace netwright {
namespace {

constexpr std::size_t most_curves = 8;
constexpr std::string_view share_prefix = "alpha/";

std::optional<double> metric_of(const Metrics& metrics, std::string_view name) {
  const auto found = metrics.find(name);
  if (found == metrics.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

std::string metric_of_goal(const Goal& goal) { return goal.objectives.empty() ? "val_accuracy" : goal.objectives[0].metric; }

bool usable(const Trial& trial) { return trial.state == TrialState::done || trial.state == TrialState::stopped; }

std::string hint(const Trial& trial) { return trial.phase + " " + std::to_string(trial.number) + ": " + shortened(trial.architecture, 100); }

// The trials that have both numbers, label by label.
std::map<std::string, std::vector<const Trial*>> by_label(const ReportData& data, std::string_view cost, std::string_view gain) {
  std::map<std::string, std::vector<const Trial*>> groups;
  for (const auto& trial : data.trials)
    if (usable(trial) && metric_of(trial.outcome.metrics, cost) && metric_of(trial.outcome.metrics, gain)) groups[trial.label].push_back(&trial);
  return groups;
}

ChartSeries front_of(const std::vector<const Trial*>& trials, std::string_view cost, const Objective& gain) {
  const Goal goal{.objectives = {gain, {std::string(cost), Direction::minimise}}};
  std::vector<Metrics> metrics;
  for (const auto* trial : trials) metrics.push_back(trial->outcome.metrics);
  ChartSeries series{.name = "Pareto front", .mark = Mark::line, .color = 2};
  for (const std::size_t i : non_dominated(goal, metrics)) series.points.emplace_back(*metric_of(metrics[i], cost), *metric_of(metrics[i], gain.metric));
  std::sort(series.points.begin(), series.points.end());
  return series;
}

std::string cost_figure(const ReportData& data, const std::string& cost, const Objective& gain) {
  const auto groups = by_label(data, cost, gain.metric);
  if (groups.empty()) return "";
  Chart chart{.title = gain.metric + " against " + cost, .x = {cost, metric_format(cost)}, .y = {gain.metric, metric_format(gain.metric)}};
  // Trials of the search and networks trained to the end are not comparable: the front is that of the search where there is one.
  std::vector<const Trial*> all;
  for (const auto& [label, trials] : groups) all.insert(all.end(), trials.begin(), trials.end());
  const auto search = groups.find("");
  chart.series.push_back(front_of(search != groups.end() ? search->second : all, cost, gain));
  for (const auto& [label, trials] : groups) {
    ChartSeries series{.name = label_title(label), .mark = Mark::dots, .color = label_color(label), .large = !label.empty()};
    for (const auto* trial : trials) {
      series.points.emplace_back(*metric_of(trial->outcome.metrics, cost), *metric_of(trial->outcome.metrics, gain.metric));
      series.hints.push_back(hint(*trial));
    }
    chart.series.push_back(std::move(series));
  }
  return chart_html(chart);
}

std::string history_figure(const std::string& phase, const std::vector<Trial>& trials, const ReportData& data) {
  const std::string metric = metric_of_goal(data.goal);
  ChartSeries dots{.name = "trial", .mark = Mark::dots, .color = 9}, steps{.name = "best so far", .mark = Mark::steps, .color = 3};
  std::ptrdiff_t failed = 0;
  for (const auto& trial : trials) {
    failed += trial.state == TrialState::failed ? 1 : 0;
    const auto value = metric_of(trial.outcome.metrics, metric);
    if (!usable(trial) || !value) continue;
    dots.points.emplace_back(static_cast<double>(trial.number), *value);
    dots.hints.push_back(hint(trial));
  }
  for (const auto& point : best_so_far(trials, data.goal)) steps.points.emplace_back(static_cast<double>(point.trial), point.value);
  Chart chart{.title = phase + ": " + plural(static_cast<std::ptrdiff_t>(trials.size()), "trial") + (failed > 0 ? ", " + std::to_string(failed) + " failed" : ""),
              .x = {"trial", NumberFormat::plain, true},
              .y = {metric, metric_format(metric)}};
  chart.series = {std::move(dots), std::move(steps)};
  return chart_html(chart);
}

// The networks whose curves are drawn: the labelled ones, or else the best trials.
std::vector<const Trial*> curve_trials(const ReportData& data) {
  std::vector<const Trial*> labelled, others;
  for (const auto& trial : data.trials)
    if (trial.outcome.reports.size() > 1) (trial.label.empty() ? others : labelled).push_back(&trial);
  auto& chosen = labelled.empty() ? others : labelled;
  std::stable_sort(chosen.begin(), chosen.end(), [&](const Trial* a, const Trial* b) { return ahead(*a, *b, data.goal); });
  if (chosen.size() > most_curves) chosen.resize(most_curves);
  return chosen;
}

std::string learning_figure(const std::vector<const Trial*>& trials, const std::string& metric) {
  Chart chart{.title = metric + " by epoch", .x = {"epoch", NumberFormat::plain, true}, .y = {metric, metric_format(metric)}};
  std::map<std::string, int> count;
  for (const auto* trial : trials) ++count[trial->label];
  std::map<std::string, int> used;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& trial = *trials[i];
    const std::string title = trial.label.empty() ? trial.phase + " " + std::to_string(trial.number) : label_title(trial.label);
    ChartSeries series{.name = title + (!trial.label.empty() && count[trial.label] > 1 ? " " + std::to_string(++used[trial.label]) : ""), .color = static_cast<int>(i)};
    for (const auto& report : trial.outcome.reports)
      if (const auto value = metric_of(report.metrics, metric)) series.points.emplace_back(static_cast<double>(report.step), *value);
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  return chart.series.empty() ? "" : chart_html(chart);
}

// "loss/train" is the curve "train" of the chart "loss"; a name without a stroke is its own chart.
std::string number_figures(const std::vector<SeriesPoint>& points) {
  std::map<std::string, std::map<std::string, ChartSeries>> charts;
  for (const auto& point : points) {
    if (point.name.starts_with(share_prefix)) continue;
    const auto json = nlohmann::json::parse(point.value, nullptr, false);
    if (!json.is_number()) continue;
    const auto stroke = point.name.find('/');
    auto& chart = charts[point.name.substr(0, stroke)];
    auto& series = chart[stroke == std::string::npos ? point.name : point.name.substr(stroke + 1)];
    series.points.emplace_back(point.step, json.get<double>());
  }
  std::string text;
  for (auto& [name, curves] : charts) {
    Chart chart{.title = name, .x = {"epoch"}, .y = {name, metric_format(name)}};
    for (auto& [curve, series] : curves) {
      series.name = curve;
      series.color = static_cast<int>(chart.series.size());
      chart.series.push_back(series);
    }
    text += chart_html(chart);
  }
  return text;
}

std::map<std::string, ShareChart> share_charts(const std::vector<SeriesPoint>& points, const ReportData& data) {
  std::map<std::string, ShareChart> charts;
  for (const auto& point : points) {
    if (!point.name.starts_with(share_prefix)) continue;
    const auto json = nlohmann::json::parse(point.value, nullptr, false);
    if (!json.is_array() || json.empty() || !std::all_of(json.begin(), json.end(), [](const auto& n) { return n.is_number(); })) continue;
    const std::string decision = point.name.substr(share_prefix.size());
    ShareChart& chart = charts[decision];
    if (const auto names = data.choices.find(decision); names != data.choices.end()) chart.names = names->second;
    while (chart.names.size() < json.size()) chart.names.push_back("choice " + std::to_string(chart.names.size()));
    chart.steps.push_back(point.step);
    chart.shares.push_back(json.get<std::vector<double>>());
  }
  for (auto& [decision, chart] : charts) {
    const auto& last = chart.shares.back();
    const auto strongest = std::max_element(last.begin(), last.end()) - last.begin();
    chart.title = decision + ": " + chart.names[static_cast<std::size_t>(strongest)] + " " + format_number(std::round(last[static_cast<std::size_t>(strongest)] * 100) / 100, NumberFormat::plain);
  }
  return charts;
}

// Decisions with the same choices stand together under one legend.
std::string share_figures(const std::vector<SeriesPoint>& points, const ReportData& data) {
  std::vector<std::pair<std::vector<std::string>, std::string>> groups;
  for (const auto& [decision, chart] : share_charts(points, data)) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == chart.names; });
    if (group == groups.end()) group = groups.insert(groups.end(), {chart.names, ""});
    group->second += share_chart_html(chart);
  }
  std::string text;
  for (const auto& [names, figures] : groups) {
    std::vector<std::pair<std::string, int>> entries;
    for (std::size_t i = 0; i < names.size(); ++i) entries.emplace_back(names[i], static_cast<int>(i));
    text += legend_html(entries) + "<div class=\"smalls\">" + figures + "</div>";
  }
  return text;
}

}  // namespace

std::string cost_figures(const ReportData& data) {
  const Objective gain = data.goal.objectives.empty() ? Objective{} : data.goal.objectives[0];
  std::vector<std::string> costs{"params", "macs", "latency_ms", "peak_bytes"};
  for (std::size_t i = 1; i < data.goal.objectives.size(); ++i) costs.push_back(data.goal.objectives[i].metric);
  std::set<std::string> done{gain.metric};
  std::string text;
  for (const auto& cost : costs)
    if (done.insert(cost).second) text += cost_figure(data, cost, gain);
  return text;
}

std::string history_figures(const ReportData& data) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<Trial>> phases;
  for (const auto& trial : data.trials) {
    if (!trial.label.empty()) continue;
    if (!phases.contains(trial.phase)) order.push_back(trial.phase);
    phases[trial.phase].push_back(trial);
  }
  std::string text;
  for (const auto& phase : order) text += history_figure(phase, phases[phase], data);
  return text;
}

std::string learning_figures(const ReportData& data) {
  const auto trials = curve_trials(data);
  std::string text;
  for (const char* metric : {"val_accuracy", "train_accuracy", "val_perplexity", "train_loss", "val_loss"}) text += learning_figure(trials, metric);
  return text;
}

std::string supernet_figures(const ReportData& data) {
  std::string text;
  for (const auto& [phase, points] : data.series) text += number_figures(points);
  return text;
}

std::string ranking_figure(const ReportData& data) {
  const auto gap = ranking_gap(data);
  if (!gap) return "";
  ChartSeries dots{.name = "architecture", .mark = Mark::dots, .color = 3, .large = true};
  for (const auto& pair : gap->pairs) {
    dots.points.emplace_back(pair.inherited, pair.alone);
    dots.hints.push_back(shortened(pair.architecture, 100));
  }
  const NumberFormat format = metric_format(gap->metric);
  Chart chart{.title = gap->metric + " by shared weights and trained for itself", .x = {"with the weights of " + gap->supernet, format}, .y = {"trained from scratch", format}};
  chart.series = {std::move(dots)};
  return chart_html(chart);
}

std::string architecture_figures(const ReportData& data) {
  std::string text;
  for (const auto& [phase, points] : data.series) text += share_figures(points, data);
  return text;
}

}  // namespace netwright
