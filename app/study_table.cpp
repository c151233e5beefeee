#include "study_table.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/space/space.hpp"
#include "netwright/study/summary.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

// The values of one architecture: of each metric at each budget the last that was measured.
using Known = std::map<std::pair<std::string, std::int64_t>, double>;

void learn(Known& known, const Trial& trial) {
  for (const Report& report : trial.outcome.reports)
    for (const auto& [metric, value] : report.metrics) known[{metric, report.step}] = value;
  const std::int64_t epochs = trial.outcome.status == Status::stopped && !trial.outcome.reports.empty() ? trial.outcome.reports.back().step
                                                                                                        : trial.fidelity.epochs;
  for (const auto& [metric, value] : trial.outcome.metrics) known[{metric, epochs}] = value;
  // A promoted trial paid the difference; the table says what it takes from scratch.
  const auto earlier = known.find({"train_seconds", trial.fidelity.from_epochs});
  const double paid = trial.continues >= 0 && earlier != known.end() ? earlier->second : 0;
  known[{"train_seconds", epochs}] = paid + trial.outcome.seconds;
}

}  // namespace

TableContent study_table(const Study& study, const Config& config) {
  std::map<std::string, Known> rows;
  for (const PhaseRecord& phase : study.phases()) {
    if (phase.kind != "search") continue;
    for (const Trial& trial : study.trials(phase.name))
      if (trial.outcome.status != Status::failed && finished(trial)) learn(rows[trial.architecture], trial);
  }
  if (rows.empty()) throw UsageError("the study has no finished trial of a search");
  std::set<std::pair<std::string, std::int64_t>> columns;
  for (const auto& [architecture, known] : rows)
    for (const auto& [column, value] : known) columns.insert(column);
  TableContent content{.schema = {.name = study.record().name, .space = study.record().space, .source = "the study " + study.record().name}};
  const auto space = find_space(config.space.name);
  if (std::ranges::find(space_names(), content.schema.space) == space_names().end()) {
    Json decisions = Json::array();
    for (const Decision& decision : space->decisions()) {
      if (decision.kind == Kind::k_of_n || decision.condition) throw UsageError("the space of the study is a file; a table of it would not know its decisions");
      decisions.push_back({{"name", decision.name}, {"choices", decision.choices}});
    }
    content.schema.name = content.schema.space, content.schema.space = "", content.schema.decisions = decisions.dump();
  }
  for (const auto& [metric, epochs] : columns) content.schema.columns.push_back({.metric = metric, .epochs = epochs});
  for (const auto& [architecture, known] : rows) {
    content.keys.push_back(architecture);
    for (const auto& column : columns) {
      const auto value = known.find(column);
      content.values.push_back(value == known.end() ? std::numeric_limits<double>::quiet_NaN() : value->second);
    }
  }
  return content;
}

}  // namespace netwright
