#include "netwright/report/verdict.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "netwright/report/chart.hpp"
#include "netwright/report/wording.hpp"
#include "netwright/study/summary.hpp"

namespace netwright {
namespace {

constexpr std::string_view found_label = "best";

bool trained(const Trial& trial) { return !trial.label.empty() && (trial.state == TrialState::done || trial.state == TrialState::stopped); }

std::optional<Spread> spread(const std::vector<const Trial*>& runs, std::string_view metric) {
  std::vector<double> values;
  for (const auto* run : runs)
    if (const auto found = run->outcome.metrics.find(metric); found != run->outcome.metrics.end() && std::isfinite(found->second)) values.push_back(found->second);
  if (values.empty()) return std::nullopt;
  Spread result{.runs = static_cast<int>(values.size())};
  for (const double value : values) result.mean += value / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  if (values.size() > 1) result.deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
  return result;
}

// Networks that model text are told apart by their perplexity, all others by their accuracy.
std::string measure_of(const std::vector<Trial>& trials) {
  const bool text = std::any_of(trials.begin(), trials.end(), [](const Trial& trial) { return trained(trial) && trial.outcome.metrics.contains("val_perplexity"); });
  return text ? "perplexity" : "accuracy";
}

// Larger is better, whatever the measure.
double merit(const std::optional<Spread>& spread, const std::string& measure) {
  if (!spread) return -INFINITY;
  return measure == "accuracy" ? spread->mean : -spread->mean;
}

NetworkRow row_of(const std::vector<const Trial*>& runs, const std::string& measure) {
  NetworkRow row{.label = runs[0]->label, .title = label_title(runs[0]->label), .architecture = runs[0]->architecture};
  row.params = spread(runs, "params");
  row.macs = spread(runs, "macs");
  row.epochs = spread(runs, "epochs");
  if (!row.epochs && runs[0]->fidelity.epochs > 0) row.epochs = Spread{static_cast<double>(runs[0]->fidelity.epochs), 0, 1};
  row.validation = spread(runs, "val_" + measure);
  row.test = spread(runs, "test_" + measure);
  return row;
}

std::vector<NetworkRow> network_rows(const std::vector<Trial>& trials, const std::string& measure) {
  std::map<std::pair<std::string, std::string>, std::vector<const Trial*>> groups;
  for (const auto& trial : trials)
    if (trained(trial)) groups[{trial.label, trial.architecture}].push_back(&trial);
  std::vector<NetworkRow> rows;
  for (const auto& [key, runs] : groups) rows.push_back(row_of(runs, measure));
  std::stable_sort(rows.begin(), rows.end(), [&](const NetworkRow& a, const NetworkRow& b) {
    const bool a_found = a.label == found_label, b_found = b.label == found_label;
    if (a_found != b_found) return a_found;
    return merit(a.validation, measure) > merit(b.validation, measure);
  });
  return rows;
}

// Compares the chosen row with the strongest baseline, on the test part where all were tested.
void compare(Verdict& verdict, const NetworkRow& chosen) {
  std::vector<const NetworkRow*> baselines;
  for (const auto& row : verdict.rows)
    if (row.label != found_label) baselines.push_back(&row);
  const bool tested = chosen.test && std::all_of(baselines.begin(), baselines.end(), [](const auto* row) { return row->test.has_value(); });
  const auto spread_of = [&](const NetworkRow& row) { return tested ? row.test : row.validation; };
  const auto value = [&](const NetworkRow& row) { return merit(spread_of(row), verdict.measure); };
  const std::string measure = tested ? " test " + verdict.measure : " validation " + verdict.measure + " (no test " + verdict.measure + " was measured for all)";
  const auto shown = [&](const NetworkRow& row) { return spread_of(row) ? format_metric("test_" + verdict.measure, spread_of(row)->mean) : "an unknown value"; };
  if (baselines.empty()) {
    verdict.kind = Verdict::Kind::no_baselines;
    verdict.sentence = "The network found reaches " + (spread_of(chosen) ? shown(chosen) + measure : "no measured " + verdict.measure) + ". No baselines were trained: nothing here says whether the search helped.";
    return;
  }
  const auto& strongest = **std::max_element(baselines.begin(), baselines.end(), [&](const auto* a, const auto* b) { return value(*a) < value(*b); });
  const bool beats = value(chosen) > value(strongest);
  verdict.kind = beats ? Verdict::Kind::beats : Verdict::Kind::does_not_beat;
  verdict.sentence = std::string(beats ? "The search beats its baselines: " : "The search does NOT beat its baselines: ") + shown(chosen) + measure + " against " + shown(strongest) +
                     " of the strongest one (" + strongest.title + ").";
}

std::string commonest_failure(const std::vector<Trial>& trials) {
  std::map<std::string, int> counts;
  for (const auto& trial : trials)
    if (trial.state == TrialState::failed) ++counts[trial.outcome.reason];
  const auto most = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() || most->first.empty() ? "" : " Most often: " + most->first + ".";
}

void speak_for_trials(Verdict& verdict, const std::vector<Trial>& trials, const Goal& goal) {
  const auto leader = best(trials, goal);
  const auto failed = std::count_if(trials.begin(), trials.end(), [](const Trial& t) { return t.state == TrialState::failed; });
  if (leader) {
    const std::string metric = goal.objectives.empty() ? "" : goal.objectives[0].metric;
    const auto done = std::count_if(trials.begin(), trials.end(), [](const Trial& t) { return finished(t); });
    verdict.kind = Verdict::Kind::not_retrained;
    verdict.architecture = leader->architecture;
    verdict.sentence = "Best of " + plural(done, "finished trial") + ": " + metric + " " + format_metric(metric, leader->outcome.metrics.at(metric)) + ". It has not been retrained and compared with baselines.";
  } else if (failed > 0 && failed == static_cast<std::ptrdiff_t>(trials.size())) {
    verdict.sentence = (failed == 1 ? "The only trial" : "All " + std::to_string(failed) + " trials") + std::string(" failed.") + commonest_failure(trials);
  } else {
    verdict.sentence = trials.empty() ? "No trial has been made yet." : "No trial has given a value yet (" + plural(static_cast<std::ptrdiff_t>(trials.size()), "trial") + ", " + std::to_string(failed) + " failed).";
  }
}

}  // namespace

Verdict verdict(const std::vector<Trial>& trials, const Goal& goal) {
  Verdict result;
  result.measure = measure_of(trials);
  result.rows = network_rows(trials, result.measure);
  if (!result.rows.empty() && result.rows[0].label == found_label) {
    result.rows[0].chosen = true;
    result.architecture = result.rows[0].architecture;
    compare(result, result.rows[0]);
    return result;
  }
  std::vector<Trial> search;
  std::copy_if(trials.begin(), trials.end(), std::back_inserter(search), [](const Trial& trial) { return trial.label.empty(); });
  speak_for_trials(result, search, goal);
  return result;
}

}  // namespace netwright
