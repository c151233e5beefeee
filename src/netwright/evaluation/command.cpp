#include "netwright/evaluation/command.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/evaluation/child.hpp"
#include "netwright/graph/json.hpp"

namespace netwright {
namespace {

// A file that lives as long as this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content) : path_((std::filesystem::temp_directory_path() / "netwright-XXXXXX").string()) {
    const int descriptor = ::mkstemp(path_.data());
    if (descriptor < 0) throw Error("cannot write " + path_ + ": " + std::strerror(errno));
    ::close(descriptor);
    write_file(path_, content);
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

nlohmann::json decisions_json(const DecisionTree& tree, const Architecture& architecture) {
  nlohmann::json result = nlohmann::json::object();
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (architecture.picks[i] == Architecture::inactive) continue;
    std::vector<std::string> names;
    for (const int choice : picked(tree[i], architecture.picks[i])) names.push_back(tree[i].choices[static_cast<std::size_t>(choice)]);
    if (tree[i].kind == Kind::k_of_n) {
      result[tree[i].name] = names;
    } else {
      result[tree[i].name] = names.front();
    }
  }
  return result;
}

// What one line says, or why it says nothing.
struct Line {
  Report report;
  std::string error;
};

std::string shortened(std::string_view line) { return std::string(line.substr(0, 80)) + (line.size() > 80 ? "..." : ""); }

// JSON has no NaN, but many writers print it; it is then a value that is not finite, and no nonsense.
nlohmann::json parse_object(std::string_view line) {
  nlohmann::json parsed = nlohmann::json::parse(line, nullptr, false);
  if (!parsed.is_discarded()) return parsed;
  static const std::regex not_finite(R"(([:,\[]\s*)-?(NaN|nan|Infinity|inf)\b)");
  return nlohmann::json::parse(std::regex_replace(std::string(line), not_finite, "$1null"), nullptr, false);
}

std::string read_metric(const std::string& name, const nlohmann::json& value, Metrics& metrics) {
  if (!value.is_number() && !value.is_null()) return "'" + name + "' is not a number: " + shortened(value.dump());
  const double number = value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  if (!std::isfinite(number)) return name + " is not finite";
  if (name.ends_with("_accuracy") && (number < 0 || number > 1)) return name + " is " + value.dump() + "; accuracies are from 0 to 1";
  metrics[name] = number;
  return "";
}

// `step`: the line's own where it names none.
Line read_line(std::string_view text, std::int64_t number, std::int64_t step) {
  const auto wrong = [&](const std::string& what) {
    return Line{.report = {}, .error = "line " + std::to_string(number) + " of its output: " + what};
  };
  const nlohmann::json object = parse_object(text);
  if (!object.is_object()) return wrong("not a JSON object: " + shortened(trim(text)));
  Line line{.report = {.step = step}};
  for (const auto& [name, value] : object.items()) {
    if (name == "step") {
      if (!value.is_number_integer()) return wrong("step is not a whole number: " + shortened(value.dump()));
      line.report.step = value.get<std::int64_t>();
    } else if (const std::string error = read_metric(name, value, line.report.metrics); !error.empty()) {
      return wrong(error + " at step " + std::to_string(object.value("step", step)));
    }
  }
  return line;
}

std::string with_last_line(std::string text, const ChildResult& result) {
  if (!result.last_error_line.empty()) text += ": " + shortened(result.last_error_line);
  return text;
}

// Why a run whose output was well formed is a failure, or "".
std::string failure_of(const ChildResult& result, double timeout_seconds) {
  if (result.end == ChildEnd::timed_out) return with_last_line("time limit of " + format_seconds(timeout_seconds) + " reached", result);
  if (result.end == ChildEnd::stopped) return "";
  if (result.signal != 0)
    return with_last_line("killed by signal " + std::to_string(result.signal) + " (" + ::strsignal(result.signal) + ")", result);
  if (result.exit_code != 0) return with_last_line("exit code " + std::to_string(result.exit_code), result);
  return "";
}

class Command : public Evaluator {
 public:
  explicit Command(const EvaluatorCase& evaluator_case)
      : info_(info_of(command_entry())), space_(evaluator_case.space), network_(evaluator_case.network) {
    const EvaluatorEntry entry = command_entry();
    run_ = trim(option(entry, evaluator_case, "run"));
    if (run_.empty()) throw UsageError("evaluator command: the option run is missing; it is the command line of the trainer");
    if (const std::string state = trim(option(entry, evaluator_case, "state")); !state.empty()) state_ = std::filesystem::absolute(state);
    timeout_seconds_ = parse_seconds(option(entry, evaluator_case, "timeout"));
    if (!(timeout_seconds_ >= 0)) throw UsageError("evaluator command, option timeout: below 0; 0 = no limit");
    info_.metrics.clear();
    for (const std::string& name : split(option(entry, evaluator_case, "metrics"), ',')) {
      if (!trim(name).empty()) info_.metrics.push_back(trim(name));
    }
    check_settings(space_->info(), network_);
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) override {
    std::string content;
    try {
      content = describe(candidate, fidelity);
    } catch (const UsageError& error) {
      return {.status = Status::failed, .reason = error.what()};
    }
    const TemporaryFile file(content);
    ChildCase child{.command = run_,
                    .input = file.path(),
                    .environment = {{"NETWRIGHT_ARCHITECTURE", file.path()},
                                    {"NETWRIGHT_EPOCHS", std::to_string(fidelity.epochs)},
                                    {"NETWRIGHT_FROM_EPOCHS", std::to_string(fidelity.from_epochs)},
                                    {"NETWRIGHT_SEED", std::to_string(candidate.seed)},
                                    {"NETWRIGHT_TRIAL", std::to_string(candidate.trial)}},
                    .timeout_seconds = timeout_seconds_};
    if (!state_.empty()) add_state(child, candidate);
    return judge(child, fidelity, progress);
  }

 private:
  // A folder of the trial's own, and that of the trial that it goes on with ("" where it starts from scratch).
  void add_state(ChildCase& child, const Candidate& candidate) const {
    const auto folder = [&](std::int64_t trial) { return (state_ / ("trial_" + std::to_string(trial))).string(); };
    std::error_code error;
    std::filesystem::create_directories(folder(candidate.trial), error);
    if (error) throw Error("cannot make the folder " + folder(candidate.trial) + ": " + error.message());
    child.environment.emplace_back("NETWRIGHT_STATE", folder(candidate.trial));
    child.environment.emplace_back("NETWRIGHT_CONTINUE", candidate.continues < 0 ? "" : folder(candidate.continues));
  }

  std::string describe(const Candidate& candidate, const Fidelity& fidelity) const {
    const nlohmann::json object = {{"space", space_->info().name},
                                   {"architecture", space_->print(candidate.architecture)},
                                   {"decisions", decisions_json(space_->decisions(), candidate.architecture)},
                                   {"graph", nlohmann::json::parse(to_json(space_->close(candidate.architecture, network_)))},
                                   {"trial", candidate.trial},
                                   {"epochs", fidelity.epochs},
                                   {"from_epochs", fidelity.from_epochs},
                                   {"seed", candidate.seed}};
    return object.dump() + "\n";
  }

  Outcome judge(const ChildCase& child, const Fidelity& fidelity, const Progress& progress) const {
    Outcome outcome;
    std::string nonsense;
    std::int64_t number = 0;
    const auto take = [&](std::string_view text) {
      ++number;
      if (trim(text).empty()) return true;
      Line line = read_line(text, number, fidelity.from_epochs + number);
      nonsense = line.error;
      if (!nonsense.empty()) return false;
      outcome.reports.push_back(std::move(line.report));
      return !progress || progress(outcome.reports.back());
    };
    const ChildResult result = run_child(child, take);
    outcome.seconds = result.seconds;
    if (!outcome.reports.empty()) outcome.metrics = outcome.reports.back().metrics;
    outcome.reason = !nonsense.empty() ? nonsense : failure_of(result, timeout_seconds_);
    if (outcome.reason.empty()) outcome.reason = missing(outcome);
    outcome.status = !outcome.reason.empty() ? Status::failed : result.end == ChildEnd::stopped ? Status::stopped : Status::done;
    return outcome;
  }

  std::string missing(const Outcome& outcome) const {
    if (outcome.metrics.empty()) return "the command ended without a line of metrics";
    for (const std::string& name : info_.metrics) {
      if (outcome.metrics.contains(name)) continue;
      std::vector<std::string> given;
      for (const auto& [metric, value] : outcome.metrics) given.push_back(metric);
      return "the last line has no " + name + name_hint(name, given);
    }
    return "";
  }

  EvaluatorInfo info_;
  std::shared_ptr<const Space> space_;
  NetworkOptions network_;
  std::string run_;
  std::filesystem::path state_;
  double timeout_seconds_ = 0;
};

}  // namespace

std::unique_ptr<Evaluator> make_command(const EvaluatorCase& evaluator_case) { return std::make_unique<Command>(evaluator_case); }

EvaluatorEntry command_entry() {
  return {.name = "command",
          .title = "A trainer in any language: architecture in, lines of metrics out",
          .metrics = {"val_accuracy"},
          .traits = {"real time", "needs networks"},
          .options = {{"run", "", "the command line, given to sh"},
                      {"timeout", "0", "time limit of a trial, for example 20m; 0: none"},
                      {"metrics", "val_accuracy", "names that the last line must have"},
                      {"state", "", "folder in which each trial gets one of its own, for what a promoted trial goes on with"}},
          .make = make_command};
}

}  // namespace netwright
