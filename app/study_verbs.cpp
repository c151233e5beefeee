// status, top, show, derive, report: what a study has found, read from its journal alone.
#include <algorithm>
#include <charconv>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>

#include "network_words.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/report/alarms.hpp"
#include "netwright/report/report.hpp"
#include "netwright/study/summary.hpp"
#include "phases.hpp"
#include "study_words.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

// The trials of a phase, best first: those with the objective, then the others in order.
std::vector<Trial> ranked(std::vector<Trial> trials, const Goal& goal) {
  std::erase_if(trials, [](const Trial& t) { return t.state != TrialState::done && t.state != TrialState::stopped; });
  std::stable_sort(trials.begin(), trials.end(), [&](const Trial& a, const Trial& b) { return ahead(a, b, goal); });
  return trials;
}

std::string metrics_line(const Metrics& metrics) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : metrics) {
    std::ostringstream text;
    text << std::setprecision(5) << value;
    parts.push_back(name + "=" + (std::abs(value) >= 1e4 ? format_count(value) : text.str()));
  }
  return join(parts, "  ");
}

std::map<std::string, std::int64_t> count_states(const std::vector<Trial>& trials) {
  std::map<std::string, std::int64_t> counts;
  for (const auto& trial : trials) ++counts[to_string(trial.state)];
  return counts;
}

Json alarms_json(const Study& study, const Config& config) {
  Json list = Json::array();
  for (const auto& alarm : alarms(collect(study, config.goal)))
    list.push_back({{"phase", alarm.phase}, {"name", alarm.name}, {"raised", alarm.raised}, {"measured", alarm.sentence}});
  return list;
}

Json status_json(const Study& study, const Config& config) {
  const StudyRecord record = study.record();
  Json phases = Json::array();
  for (const auto& phase : study.phases()) {
    const auto trials = study.trials(phase.name);
    Json entry{{"name", phase.name},
               {"kind", phase.kind},
               {"state", phase.state},
               {"seconds", phase.finished_at > 0 ? phase.finished_at - phase.started_at : 0},
               {"trials", count_states(trials)}};
    if (const auto found = best(trials, goal_of(config, phase.name))) entry["best"] = trial_json(*found);
    phases.push_back(entry);
  }
  return {{"name", record.name}, {"space", record.space}, {"seed", record.seed}, {"phases", phases}, {"alarms", alarms_json(study, config)}};
}

void print_status(const Json& json, std::ostream& out) {
  out << json.at("name").get<std::string>() << ": space " << json.at("space").get<std::string>() << ", seed " << json.at("seed") << "\n";
  for (const auto& phase : json.at("phases")) {
    out << "  " << std::left << std::setw(12) << phase.at("name").get<std::string>() << std::setw(9) << phase.at("state").get<std::string>();
    for (const auto& [state, count] : phase.at("trials").items()) out << " " << count << " " << state;
    if (phase.at("seconds").get<double>() > 0) out << " in " << format_seconds(phase.at("seconds").get<double>());
    out << "\n";
    if (phase.contains("best"))
      out << "    best " << phase.at("best").at("number") << ": " << metrics_line(phase.at("best").at("metrics").get<Metrics>()) << "\n";
  }
  for (const auto& alarm : json.at("alarms"))
    out << "  " << (alarm.at("raised").get<bool>() ? "ALARM" : "quiet") << "  " << alarm.at("phase").get<std::string>() << ", " << alarm.at("name").get<std::string>() << ": "
        << alarm.at("measured").get<std::string>() << "\n";
}

// Phases that judge architectures: a baseline is judged too, but is not what the search found.
bool searched(const PhaseRecord& phase) { return phase.kind != "baselines"; }

Trial find_trial(const Study& study, const Config& config, const std::string& text) {
  if (text.empty() || text == "best") return best_trial(study, config);
  const auto slash = text.rfind('/');
  const std::string digits = slash == std::string::npos ? text : text.substr(slash + 1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) throw UsageError("a trial is written NUMBER or PHASE/NUMBER, not '" + text + "'");
  std::vector<std::string> names;
  for (const auto& phase : study.phases()) {
    names.push_back(phase.name);
    if (slash != std::string::npos && phase.name != text.substr(0, slash)) continue;
    if (const auto trial = study.trial(phase.name, number)) return *trial;
  }
  throw UsageError("the study has no trial " + text + " (its phases: " + join(names, ", ") + ")");
}

}  // namespace

Study open_study(const std::filesystem::path& folder) {
  const auto file = folder / "study.db";
  if (!std::filesystem::exists(file)) throw UsageError(folder.string() + " holds no study (there is no " + file.string() + ")");
  return Study::open(file);
}

Config config_of(const Study& study, const std::filesystem::path& folder) {
  Config config = read_config_text(study.record().config, (folder / "config.resolved.yaml").string());
  const std::filesystem::path space = config.space.name;
  if (space.extension() == ".yaml" && space.is_relative()) config.space.name = (folder / space).string();
  return config;
}

std::optional<Trial> find_best_trial(const ReportData& data, const Config& config) {
  for (auto phase = data.phases.rbegin(); phase != data.phases.rend(); ++phase)
    if (searched(*phase))
      if (const auto found = best(data.trials, goal_of(config, phase->name), phase->name)) return found;
  return std::nullopt;
}

Trial best_trial(const Study& study, const Config& config) {
  if (const auto found = find_best_trial(collect(study, config.goal), config)) return *found;
  throw UsageError("no trial of the study is finished yet");
}

nlohmann::ordered_json trial_json(const Trial& trial) {
  Json json{{"phase", trial.phase},
            {"number", trial.number},
            {"state", to_string(trial.state)},
            {"space", trial.space},
            {"architecture", trial.architecture},
            {"metrics", trial.outcome.metrics},
            {"seconds", trial.outcome.seconds},
            {"seed", trial.seed}};
  if (!trial.label.empty()) json["label"] = trial.label;
  if (!trial.outcome.reason.empty()) json["reason"] = trial.outcome.reason;
  return json;
}

int show_trial(const ShowOptions& options, std::ostream& out) {
  const Study study = open_study(options.what);
  const Config config = config_of(study, options.what);
  if (options.settings.size() > 1) throw UsageError("show DIR takes one trial, NUMBER or PHASE/NUMBER");
  const Trial trial = find_trial(study, config, options.settings.empty() ? "" : options.settings[0]);
  Json json = trial_json(trial);
  Json reports = Json::array();
  for (const auto& entry : trial.outcome.reports) reports.push_back({{"step", entry.step}, {"metrics", entry.metrics}});
  json["reports"] = reports;
  const auto space = find_space(config.space.name);
  try {
    if (trial.space == space->info().name) json["cost"] = cost_json(cost(space->close(space->parse(trial.architecture), network_options(config))));
  } catch (const Unsupported&) {   // a table's decisions alone: there is no network to count
  }
  if (options.json) {
    out << json.dump(2) << "\n";
    return done;
  }
  out << trial.phase << "/" << trial.number << (trial.label.empty() ? "" : " (" + trial.label + ")") << ": " << to_string(trial.state) << "\n"
      << trial.space << ":" << trial.architecture << "\n";
  if (!trial.outcome.reason.empty()) out << trial.outcome.reason << "\n";
  out << metrics_line(trial.outcome.metrics) << "\n";
  for (const auto& entry : trial.outcome.reports) out << "  " << entry.step << "  " << metrics_line(entry.metrics) << "\n";
  return done;
}

int status(const StudyOptions& options, std::ostream& out) {
  const Study study = open_study(options.folder);
  const Json json = status_json(study, config_of(study, options.folder));
  if (options.json)
    out << json.dump(2) << "\n";
  else
    print_status(json, out);
  return done;
}

int top(const StudyOptions& options, std::ostream& out) {
  const Study study = open_study(options.folder);
  const Config config = config_of(study, options.folder);
  auto trials = ranked(study.trials(), config.goal);
  if (static_cast<std::int64_t>(trials.size()) > options.count) trials.resize(static_cast<std::size_t>(options.count));
  Json list = Json::array();
  for (const auto& trial : trials) list.push_back(trial_json(trial));
  if (options.json) {
    out << list.dump(2) << "\n";
    return done;
  }
  if (trials.empty()) out << "no trial is finished yet\n";
  for (const auto& trial : trials)
    out << trial.phase << "/" << trial.number << (trial.label.empty() ? "" : " (" + trial.label + ")") << "  " << metrics_line(trial.outcome.metrics)
        << "\n    " << trial.space << ":" << trial.architecture << "\n";
  return done;
}

int report(const StudyOptions& options, std::ostream& out) {
  const Study study = open_study(options.folder);
  const Config config = config_of(study, options.folder);
  const std::string file = options.file.empty() ? (std::filesystem::path(options.folder) / "report.html").string() : options.file;
  write_file(file, html_report(study, *find_space(config.space.name), config));
  if (options.json)
    out << Json{{"report", file}}.dump() << "\n";
  else
    out << "wrote " << file << "\n";
  return done;
}

// The architecture stands in the summary of the derive phase; a study that has only the supernet is derived by the program with torch.
int derive(const StudyOptions& options, std::ostream& out) {
  const Study study = open_study(options.folder);
  const auto phases = study.phases();
  for (auto phase = phases.rbegin(); phase != phases.rend(); ++phase) {
    if (phase->kind != "derive" || phase->state != "done") continue;
    const Json summary = Json::parse(phase->summary);
    if (options.json)
      out << summary.dump(2) << "\n";
    else
      out << summary.at("space").get<std::string>() << ":" << summary.at("architecture").get<std::string>() << "\n";
    return done;
  }
  const bool supernet = std::any_of(phases.begin(), phases.end(), [](const PhaseRecord& p) { return p.kind == "supernet" && p.state == "done"; });
  if (!supernet) throw UsageError(options.folder + " holds no trained supernet to derive from");
  return hand_over;
}

}  // namespace netwright
