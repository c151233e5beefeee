#include "netwright/report/report.hpp"

#include "netwright/core/markup.hpp"
#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "netwright/core/units.hpp"
#include "netwright/report/alarms.hpp"
#include "netwright/report/chart.hpp"
#include "netwright/report/figures.hpp"
#include "netwright/report/page.hpp"
#include "netwright/report/wording.hpp"
#include "netwright/study/summary.hpp"

namespace netwright {
namespace {

constexpr std::size_t most_trials = 50;
using Rows = std::vector<std::vector<std::string>>;

std::string code(std::string_view text, std::size_t characters) {
  return "<code title=\"" + escape_html(text) + "\">" + escape_html(shortened(text, characters)) + "</code>";
}

std::string spread_text(std::string_view metric, const std::optional<Spread>& spread) {
  if (!spread) return "-";
  std::string text = format_metric(metric, spread->mean);
  if (spread->runs > 1 && spread->deviation > 0) text += " &#177; " + format_number(metric_format(metric) == NumberFormat::percent ? spread->deviation * 100 : spread->deviation, NumberFormat::plain);
  return text;
}

std::string verdict_table(const Verdict& verdict) {
  const std::vector<HtmlColumn> columns{{"network"}, {"params", true}, {"MACs", true, true}, {"epochs", true, true}, {"validation", true}, {"test", true}, {"architecture", false, true}};
  Rows rows;
  std::vector<std::string> classes;
  for (const auto& row : verdict.rows) {
    rows.push_back({escape_html(row.title), spread_text("params", row.params), spread_text("macs", row.macs), spread_text("epochs", row.epochs), spread_text("val_" + verdict.measure, row.validation),
                    spread_text("test_" + verdict.measure, row.test), code(row.architecture, 40)});
    classes.push_back(row.chosen ? "chosen" : "");
  }
  return rows.empty() ? "" : html_table(columns, rows, classes) + "<p class=\"quiet\">&#177; is the standard deviation over runs. The network is chosen by its validation " + verdict.measure + ", never by its test " + verdict.measure + ".</p>";
}

std::string head(const ReportData& data, const Verdict& verdict) {
  const bool good = verdict.kind == Verdict::Kind::beats, bad = verdict.kind == Verdict::Kind::does_not_beat;
  std::string text = "<h1>" + escape_html(data.record.name.empty() ? "netwright" : data.record.name) + "</h1>\n";
  text += "<p class=\"quiet\">space " + escape_html(data.record.space) + " &#183; seed " + std::to_string(data.record.seed) + " &#183; " + plural(static_cast<std::ptrdiff_t>(data.trials.size()), "trial") + " &#183; begun " +
          utc(data.record.created_at) + "</p>\n";
  return text + "<p class=\"verdict" + (good ? " good" : bad ? " bad" : "") + "\">" + escape_html(verdict.sentence) + "</p>\n" + verdict_table(verdict);
}

std::string architecture_section(const ReportData& data) {
  const std::string architecture = best_architecture(data);
  if (architecture.empty()) return "";
  std::string text = "<pre>" + escape_html(data.record.space + ":" + architecture) + "</pre>";
  if (data.drawings.empty()) return text;
  const auto figure = [](const Drawing& drawing) { return "<figure><figcaption>" + escape_html(drawing.title) + "</figcaption>" + drawing.svg + "</figure>"; };
  text += "<div class=\"drawings\">";
  // The whole network is tall: where its cells tell the story, it opens on demand.
  const std::size_t cells = data.drawings.size() - 1;
  for (std::size_t i = 0; i < std::max<std::size_t>(cells, 1); ++i) text += figure(data.drawings[i]);
  text += "</div>";
  if (cells > 0) text += "<details><summary>the whole network</summary><div class=\"drawings\">" + figure(data.drawings.back()) + "</div></details>";
  return text;
}

std::string alarm_section(const ReportData& data) {
  Rows rows;
  std::vector<std::string> classes;
  for (const auto& alarm : alarms(data)) {
    rows.push_back({escape_html(alarm.phase), escape_html(alarm.name), alarm.raised ? "<b>alarm</b>" : "quiet", escape_html(alarm.sentence)});
    classes.push_back(alarm.raised ? "chosen" : "");
  }
  if (rows.empty()) return "";
  return html_table({{"phase", false, true}, {"what"}, {"state"}, {"measured"}}, rows, classes) + figure_grid(ranking_figure(data));
}

std::string phase_section(const ReportData& data) {
  Rows rows;
  for (const auto& phase : data.phases) {
    const bool timed = phase.started_at > 0 && phase.finished_at >= phase.started_at;
    rows.push_back({escape_html(phase.name), escape_html(phase.kind), escape_html(phase.state), timed ? format_seconds(phase.finished_at - phase.started_at) : "-", utc(phase.started_at)});
  }
  return rows.empty() ? "" : html_table({{"phase"}, {"kind", false, true}, {"state"}, {"took", true}, {"started", true, true}}, rows);
}

// What the table shows of each trial's metrics: the goal's, then the usual ones that any trial has.
std::vector<std::string> table_metrics(const ReportData& data) {
  std::vector<std::string> wanted, present;
  for (const auto& objective : data.goal.objectives) wanted.push_back(objective.metric);
  for (const auto& constraint : data.goal.constraints) wanted.push_back(constraint.metric);
  for (const char* usual : {"val_accuracy", "test_accuracy", "val_perplexity", "test_perplexity", "params", "macs"}) wanted.push_back(usual);
  std::set<std::string> seen;
  for (const auto& metric : wanted)
    if (seen.insert(metric).second && std::any_of(data.trials.begin(), data.trials.end(), [&](const Trial& t) { return t.outcome.metrics.contains(metric); })) present.push_back(metric);
  return present;
}

std::string best_trials_table(const ReportData& data) {
  std::vector<const Trial*> trials;
  for (const auto& trial : data.trials)
    if (trial.state == TrialState::done || trial.state == TrialState::stopped) trials.push_back(&trial);
  std::stable_sort(trials.begin(), trials.end(), [&](const Trial* a, const Trial* b) { return ahead(*a, *b, data.goal); });
  const std::size_t all = trials.size();
  if (all > most_trials) trials.resize(most_trials);
  const auto metrics = table_metrics(data);
  std::vector<HtmlColumn> columns{{"trial"}};
  for (std::size_t i = 0; i < metrics.size(); ++i) columns.push_back({metrics[i], true, i > 0});
  columns.insert(columns.end(), {{"seconds", true, true}, {"architecture"}});
  Rows rows;
  for (const auto* trial : trials) {
    std::vector<std::string> row{escape_html(trial->phase) + " " + std::to_string(trial->number) + (trial->label.empty() ? "" : " (" + escape_html(trial->label) + ")")};
    for (const auto& metric : metrics) {
      const auto found = trial->outcome.metrics.find(metric);
      row.push_back(found == trial->outcome.metrics.end() ? "-" : format_metric(metric, found->second));
    }
    row.insert(row.end(), {format_number(trial->outcome.seconds, NumberFormat::plain), code(trial->architecture, 90)});
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return "";
  return html_table(columns, rows) + (all > most_trials ? "<p class=\"quiet\">The best " + std::to_string(most_trials) + " of " + std::to_string(all) + " finished trials.</p>" : "");
}

// Phases with bounds of their own, as one search of a supernet for several devices: what each found within them.
std::string bounds_section(const ReportData& data) {
  Rows rows;
  for (const auto& [phase, bounds] : data.bounds) {
    Goal goal = data.goal;
    goal.constraints.insert(goal.constraints.end(), bounds.begin(), bounds.end());
    const auto found = best(data.trials, goal, phase);
    if (!found) continue;
    std::string limits, reached;
    for (const auto& bound : bounds)
      limits += (limits.empty() ? "" : ", ") + escape_html(bound.metric) + (bound.at_least ? " &#8805; " : " &#8804; ") + format_metric(bound.metric, bound.at_most);
    std::vector<std::string> shown = table_metrics(data);
    for (const auto& bound : bounds)
      if (std::find(shown.begin(), shown.end(), bound.metric) == shown.end()) shown.push_back(bound.metric);
    for (const auto& metric : shown)
      if (const auto value = found->outcome.metrics.find(metric); value != found->outcome.metrics.end())
        reached += (reached.empty() ? "" : ", ") + escape_html(metric) + " " + format_metric(metric, value->second);
    rows.push_back({escape_html(phase), limits, violation(goal, found->outcome.metrics) > 0 ? "<b>missed</b>" : "met", reached, code(found->architecture, 60)});
  }
  return rows.empty() ? "" : html_table({{"phase"}, {"bounds"}, {"by its best"}, {"which has"}, {"architecture"}}, rows);
}

std::string failed_trials_table(const ReportData& data) {
  Rows rows;
  std::size_t failed = 0;
  for (const auto& trial : data.trials) {
    if (trial.state != TrialState::failed || ++failed > most_trials) continue;
    rows.push_back({escape_html(trial.phase) + " " + std::to_string(trial.number), escape_html(trial.outcome.reason.empty() ? "no reason given" : trial.outcome.reason), code(trial.architecture, 90)});
  }
  if (rows.empty()) return "";
  return "<p>" + plural(static_cast<std::ptrdiff_t>(failed), "failed trial") + (failed > most_trials ? ", the first " + std::to_string(most_trials) : "") + ":</p>" +
         html_table({{"trial"}, {"reason"}, {"architecture", false, true}}, rows, std::vector<std::string>(rows.size(), "failed"));
}

std::string flat(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

// A JSON object as rows; other text as one row.
std::string json_pairs(const std::string& name, const std::string& text) {
  if (text.empty()) return "";
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return key_values({{name, text}});
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [key, value] : json.items()) rows.emplace_back(key, flat(value));
  return rows.empty() ? "" : "<h3 class=\"quiet\">" + escape_html(name) + "</h3>" + key_values(rows);
}

std::string circumstances(const ReportData& data) {
  std::string text = key_values({{"seed", std::to_string(data.record.seed)}, {"created", utc(data.record.created_at)}});
  text += json_pairs("versions", data.record.versions) + json_pairs("machine", data.record.machine);
  if (!data.record.config.empty()) text += "<h3 class=\"quiet\">resolved configuration</h3><pre>" + escape_html(data.record.config) + "</pre>";
  return text;
}

}  // namespace

ReportData collect(const Study& study, const Goal& goal) {
  ReportData data{.record = study.record(), .goal = goal, .phases = study.phases(), .trials = study.trials()};
  for (const auto& phase : data.phases)
    if (auto points = study.series(phase.name); !points.empty()) data.series[phase.name] = std::move(points);
  return data;
}

std::string best_architecture(const ReportData& data) {
  if (const auto found = verdict(data.trials, data.goal).architecture; !found.empty()) return found;
  for (auto phase = data.phases.rbegin(); phase != data.phases.rend(); ++phase) {
    const auto summary = nlohmann::json::parse(phase->summary, nullptr, false);
    if (summary.is_object() && summary.contains("architecture") && summary["architecture"].is_string()) return summary["architecture"].get<std::string>();
  }
  return "";
}

std::string render(const ReportData& data) {
  const Verdict found = verdict(data.trials, data.goal);
  std::string body = head(data, found);
  body += section("Within each phase's bounds", bounds_section(data));
  body += section("Best architecture", architecture_section(data));
  body += section("Accuracy against cost", figure_grid(cost_figures(data)));
  body += section("Search history", figure_grid(history_figures(data)));
  body += section("Learning curves", figure_grid(learning_figures(data)));
  body += section("Supernet", figure_grid(supernet_figures(data)));
  body += section("Can the supernet be trusted?", alarm_section(data));
  const std::string shares = architecture_figures(data);
  body += section("Architecture parameters over time",
                  shares.empty() ? "" : "<p class=\"quiet\">Share of each choice by epoch; each title names the strongest choice at the end and its share.</p>" + shares);
  body += section("Phases", phase_section(data));
  body += section("Trials", best_trials_table(data) + failed_trials_table(data));
  body += section("Circumstances", circumstances(data));
  return page(data.record.name.empty() ? "netwright" : data.record.name, body);
}

std::string html_report(const Study& study, const Space& space, const Config& config) { return html_report(collect(study, config.goal), space, config); }

std::string html_report(ReportData data, const Space& space, const Config& config) {
  for (const auto& decision : space.decisions()) data.choices[decision.name] = decision.choices;
  // Phases are journalled in the config's order.
  for (std::size_t i = 0; i < std::min(data.phases.size(), config.phases.size()); ++i)
    if (const auto* search = std::get_if<SearchOptions>(&config.phases[i].options); search != nullptr && !search->constraints.empty())
      data.bounds[data.phases[i].name] = search->constraints;
  data.drawings = draw_architecture(space, best_architecture(data), {.input = space.info().input, .classes = space.info().classes, .settings = config.space.network});
  return render(data);
}

}  // namespace netwright
