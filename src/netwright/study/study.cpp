#include "netwright/study/study.hpp"

#include <chrono>
#include <limits>
#include <map>

#include "netwright/core/error.hpp"
#include "netwright/study/journal.hpp"
#include "netwright/study/metrics_json.hpp"

namespace netwright {
namespace {

constexpr const char* trial_columns =
    "phase, number, label, space, architecture, seed, epochs, from_epochs, continues, state, reason, metrics, seconds, attempt, worker, "
    "created_at, finished_at";

constexpr TrialState all_states[] = {TrialState::waiting, TrialState::running, TrialState::done, TrialState::stopped, TrialState::failed};

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// SQLite's integers are signed; the bits survive.
std::int64_t stored(std::uint64_t seed) { return static_cast<std::int64_t>(seed); }

TrialState parse_state(const std::string& text) {
  for (const TrialState state : all_states)
    if (to_string(state) == text) return state;
  throw Error("unknown state of a trial in the journal: " + text);
}

Status status_of(TrialState state) {
  if (state == TrialState::failed) return Status::failed;
  return state == TrialState::stopped ? Status::stopped : Status::done;
}

// A row in the order of trial_columns.
Trial read_trial(SQLite::Statement& row) {
  Trial trial;
  trial.phase = row.getColumn(0).getString();
  trial.number = row.getColumn(1).getInt64();
  trial.label = row.getColumn(2).getString();
  trial.space = row.getColumn(3).getString();
  trial.architecture = row.getColumn(4).getString();
  trial.seed = static_cast<std::uint64_t>(row.getColumn(5).getInt64());
  trial.fidelity.epochs = row.getColumn(6).getInt64();
  trial.fidelity.from_epochs = row.getColumn(7).getInt64();
  trial.continues = row.getColumn(8).getInt64();
  trial.state = parse_state(row.getColumn(9).getString());
  trial.outcome.status = status_of(trial.state);
  trial.outcome.reason = row.getColumn(10).getString();
  trial.outcome.metrics = parse_metrics(row.getColumn(11).getString());
  trial.outcome.seconds = row.getColumn(12).getDouble();
  trial.attempt = row.getColumn(13).getInt();
  trial.worker = row.getColumn(14).getString();
  trial.created_at = row.getColumn(15).getDouble();
  trial.finished_at = row.getColumn(16).getDouble();
  return trial;
}

void put_reports(Journal& journal, const std::string& phase, std::int64_t number, const std::vector<Report>& reports) {
  for (const Report& report : reports)
    journal.run("INSERT OR REPLACE INTO report (phase, number, step, metrics) VALUES (?, ?, ?, ?)", phase, number, report.step,
                metrics_json(report.metrics));
}

void insert_trial(Journal& journal, const Trial& trial, TrialState state) {
  const double created_at = trial.created_at > 0 ? trial.created_at : now();
  const bool finished = state != TrialState::waiting;
  const double finished_at = !finished ? 0 : trial.finished_at > 0 ? trial.finished_at : now();
  journal.transaction([&] {
    const int added = journal.run(
        "INSERT INTO trial (phase, number, label, space, architecture, seed, epochs, from_epochs, continues, state, reason, metrics, seconds, "
        "attempt, worker, lease_until, created_at, finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?) "
        "ON CONFLICT DO NOTHING",
        trial.phase, trial.number, trial.label, trial.space, trial.architecture, stored(trial.seed), trial.fidelity.epochs,
        trial.fidelity.from_epochs, trial.continues,
        to_string(state), trial.outcome.reason, metrics_json(trial.outcome.metrics), trial.outcome.seconds, trial.attempt,
        finished ? trial.worker : std::string(), created_at, finished_at);
    if (added == 0)
      throw Error("trial " + std::to_string(trial.number) + " of phase " + trial.phase + " is in " + journal.file().string() + " already");
    put_reports(journal, trial.phase, trial.number, trial.outcome.reports);
  });
}

// Trials that a condition selects, with their reports. `where` and its values speak of the table trial, named t.
template <class... Values>
std::vector<Trial> read_trials(Journal& journal, const std::string& where, const std::string& order, const Values&... values) {
  std::vector<Trial> trials;
  journal.each("SELECT " + std::string(trial_columns) + " FROM trial AS t WHERE " + where + " ORDER BY " + order,
               [&](SQLite::Statement& row) { trials.push_back(read_trial(row)); }, values...);
  std::map<std::pair<std::string, std::int64_t>, std::vector<Report>> reports;
  journal.each("SELECT r.phase, r.number, r.step, r.metrics FROM report AS r JOIN trial AS t USING (phase, number) WHERE " + where +
                   " ORDER BY r.phase, r.number, r.step",
               [&](SQLite::Statement& row) {
                 reports[{row.getColumn(0).getString(), row.getColumn(1).getInt64()}].push_back(
                     {.step = row.getColumn(2).getInt64(), .metrics = parse_metrics(row.getColumn(3).getString())});
               },
               values...);
  for (Trial& trial : trials)
    if (const auto found = reports.find({trial.phase, trial.number}); found != reports.end()) trial.outcome.reports = std::move(found->second);
  return trials;
}

}  // namespace

std::string to_string(TrialState state) {
  switch (state) {
    case TrialState::waiting: return "waiting";
    case TrialState::running: return "running";
    case TrialState::done: return "done";
    case TrialState::stopped: return "stopped";
    case TrialState::failed: break;
  }
  return "failed";
}

TrialState state_of(Status status) {
  if (status == Status::failed) return TrialState::failed;
  return status == Status::stopped ? TrialState::stopped : TrialState::done;
}

struct Study::Impl {
  std::unique_ptr<Journal> journal;
};

Study::Study(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Study::~Study() = default;
Study::Study(Study&&) noexcept = default;
Study& Study::operator=(Study&&) noexcept = default;

Study Study::create(const std::filesystem::path& file, const StudyRecord& record) {
  const auto fill = [&](Journal& journal) {
    journal.run("INSERT INTO study (id, name, space, config, seed, versions, machine, created_at) VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
                record.name, record.space, record.config, stored(record.seed), record.versions, record.machine,
                record.created_at > 0 ? record.created_at : now());
  };
  return Study(std::make_unique<Impl>(Impl{Journal::create(file, fill)}));
}

Study Study::open(const std::filesystem::path& file) { return Study(std::make_unique<Impl>(Impl{Journal::open(file)})); }

const std::filesystem::path& Study::file() const { return impl_->journal->file(); }

StudyRecord Study::record() const {
  StudyRecord record;
  impl_->journal->each("SELECT name, space, config, seed, versions, machine, created_at FROM study", [&](SQLite::Statement& row) {
    record.name = row.getColumn(0).getString();
    record.space = row.getColumn(1).getString();
    record.config = row.getColumn(2).getString();
    record.seed = static_cast<std::uint64_t>(row.getColumn(3).getInt64());
    record.versions = row.getColumn(4).getString();
    record.machine = row.getColumn(5).getString();
    record.created_at = row.getColumn(6).getDouble();
  });
  return record;
}

std::vector<PhaseRecord> Study::phases() const {
  std::vector<PhaseRecord> phases;
  impl_->journal->each("SELECT name, kind, state, summary, started_at, finished_at FROM phase ORDER BY id", [&](SQLite::Statement& row) {
    phases.push_back({.name = row.getColumn(0).getString(),
                      .kind = row.getColumn(1).getString(),
                      .state = row.getColumn(2).getString(),
                      .summary = row.getColumn(3).getString(),
                      .started_at = row.getColumn(4).getDouble(),
                      .finished_at = row.getColumn(5).getDouble()});
  });
  return phases;
}

void Study::put_phase(const PhaseRecord& phase) {
  impl_->journal->run(
      "INSERT INTO phase (name, kind, state, summary, started_at, finished_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
      "kind = excluded.kind, state = excluded.state, summary = excluded.summary, started_at = excluded.started_at, "
      "finished_at = excluded.finished_at",
      phase.name, phase.kind, phase.state, phase.summary, phase.started_at, phase.finished_at);
}

void Study::append(const Trial& trial) { insert_trial(*impl_->journal, trial, TrialState::waiting); }

void Study::append_finished(const Trial& trial) { insert_trial(*impl_->journal, trial, state_of(trial.outcome.status)); }

std::optional<Trial> Study::claim(const std::string& phase, const std::string& worker, double lease_seconds) {
  Journal& journal = *impl_->journal;
  static const std::string ready =
      "SELECT number FROM trial WHERE phase = ? AND state IN ('waiting', 'running') AND (state = 'waiting' OR lease_until < ?) "
      "ORDER BY number LIMIT 1";
  static const std::string take =
      "UPDATE trial SET state = 'running', attempt = attempt + 1, worker = ?, lease_until = ? WHERE phase = ? AND number = ? RETURNING " +
      std::string(trial_columns);
  std::optional<std::int64_t> number;
  const auto look = [&] {
    number.reset();
    journal.each(ready, [&](SQLite::Statement& row) { number = row.getColumn(0).getInt64(); }, phase, now());
  };
  look();   // an idle worker's look does not take the write lock
  if (!number) return std::nullopt;
  return journal.transaction([&] {
    std::optional<Trial> claimed;
    look();
    if (!number) return claimed;
    journal.each(take, [&](SQLite::Statement& row) { claimed = read_trial(row); }, worker, now() + lease_seconds, phase, *number);
    journal.run("DELETE FROM report WHERE phase = ? AND number = ?", phase, *number);   // of an attempt that was lost
    return claimed;
  });
}

bool Study::renew(const Trial& trial, double lease_seconds) {
  return impl_->journal->run("UPDATE trial SET lease_until = ? WHERE phase = ? AND number = ? AND attempt = ? AND state = 'running'",
                             now() + lease_seconds, trial.phase, trial.number, trial.attempt) == 1;
}

void Study::report(const Trial& trial, const Report& report) {
  impl_->journal->run(
      "INSERT OR REPLACE INTO report (phase, number, step, metrics) SELECT phase, number, ?, ? FROM trial "
      "WHERE phase = ? AND number = ? AND attempt = ? AND state = 'running'",
      report.step, metrics_json(report.metrics), trial.phase, trial.number, trial.attempt);
}

bool Study::finish(const Trial& trial, const Outcome& outcome) {
  Journal& journal = *impl_->journal;
  return journal.transaction([&] {
    const int changed = journal.run(
        "UPDATE trial SET state = ?, reason = ?, metrics = ?, seconds = ?, lease_until = 0, finished_at = ? "
        "WHERE phase = ? AND number = ? AND attempt = ? AND state = 'running'",
        to_string(state_of(outcome.status)), outcome.reason, metrics_json(outcome.metrics), outcome.seconds, now(), trial.phase,
        trial.number, trial.attempt);
    if (changed == 1) put_reports(journal, trial.phase, trial.number, outcome.reports);
    return changed == 1;
  });
}

void Study::release(const std::string& phase) {
  impl_->journal->run("UPDATE trial SET state = 'waiting', worker = '', lease_until = 0 WHERE phase = ? AND state = 'running'", phase);
}

bool Study::release(const Trial& trial) {
  return impl_->journal->run(
             "UPDATE trial SET state = 'waiting', worker = '', lease_until = 0 "
             "WHERE phase = ? AND number = ? AND attempt = ? AND state = 'running'",
             trial.phase, trial.number, trial.attempt) == 1;
}

std::vector<Trial> Study::trials(const std::string& phase) const { return read_trials(*impl_->journal, "t.phase = ?", "t.number", phase); }

std::vector<Trial> Study::trials() const {
  return read_trials(*impl_->journal, "TRUE",
                     "(SELECT id FROM phase WHERE phase.name = t.phase) IS NULL, (SELECT id FROM phase WHERE phase.name = t.phase), "
                     "t.phase, t.number");
}

std::optional<Trial> Study::trial(const std::string& phase, std::int64_t number) const {
  std::vector<Trial> found = read_trials(*impl_->journal, "t.phase = ? AND t.number = ?", "t.number", phase, number);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<Trial> Study::finished_from(const std::string& phase, std::int64_t first) const {
  Journal& journal = *impl_->journal;
  std::int64_t end = first;
  journal.each("SELECT number FROM trial WHERE phase = ? AND number >= ? AND state NOT IN ('waiting', 'running') ORDER BY number",
               [&](SQLite::Statement& row) { end += row.getColumn(0).getInt64() == end ? 1 : 0; }, phase, first);
  if (end == first) return {};
  return read_trials(journal, "t.phase = ? AND t.number >= ? AND t.number < ?", "t.number", phase, first, end);
}

void Study::append_series(const std::string& phase, const std::vector<SeriesPoint>& points) {
  Journal& journal = *impl_->journal;
  journal.transaction([&] {
    for (const SeriesPoint& point : points)
      journal.run("INSERT INTO series (phase, name, step, value) VALUES (?, ?, ?, ?)", phase, point.name, point.step, point.value);
  });
}

std::vector<SeriesPoint> Study::series(const std::string& phase) const {
  std::vector<SeriesPoint> points;
  impl_->journal->each("SELECT name, step, value FROM series WHERE phase = ? ORDER BY id",
                       [&](SQLite::Statement& row) {
                         points.push_back({.name = row.getColumn(0).getString(),
                                           .step = row.getColumn(1).getDouble(),
                                           .value = row.getColumn(2).getString()});
                       },
                       phase);
  return points;
}

void Study::drop_series_after(const std::string& phase, double step) {
  impl_->journal->run("DELETE FROM series WHERE phase = ? AND step > ?", phase, step);
}

void Study::put_artefact(const Artefact& artefact) {
  impl_->journal->run(
      "INSERT INTO artefact (name, kind, content, path) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
      "kind = excluded.kind, content = excluded.content, path = excluded.path",
      artefact.name, artefact.kind, artefact.content, artefact.path);
}

std::vector<Artefact> Study::artefacts() const {
  std::vector<Artefact> artefacts;
  impl_->journal->each("SELECT name, kind, content, path FROM artefact ORDER BY id", [&](SQLite::Statement& row) {
    artefacts.push_back({.name = row.getColumn(0).getString(),
                         .kind = row.getColumn(1).getString(),
                         .content = row.getColumn(2).getString(),
                         .path = row.getColumn(3).getString()});
  });
  return artefacts;
}

Study::Batch::Batch(Study& study) : study_(study) { study_.impl_->journal->begin(); }

void Study::Batch::commit() {
  if (!open_) return;
  open_ = false;
  Journal& journal = *study_.impl_->journal;
  try {
    journal.commit();
  } catch (...) {
    journal.roll_back();
    throw;
  }
}

Study::Batch::~Batch() {
  try {
    commit();
  } catch (const Error&) {   // a destructor cannot say it; commit() does
  }
}

}  // namespace netwright
