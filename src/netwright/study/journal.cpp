#include "netwright/study/journal.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

constexpr int application_id = 0x4e575254;   // "NWRT"
constexpr int busy_timeout_ms = 30'000;

constexpr const char* tables = R"sql(
CREATE TABLE study (
  id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, space TEXT NOT NULL, config TEXT NOT NULL, seed INTEGER NOT NULL,
  versions TEXT NOT NULL, machine TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE phase (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, state TEXT NOT NULL, summary TEXT NOT NULL,
  started_at REAL NOT NULL, finished_at REAL NOT NULL);
CREATE TABLE trial (
  phase TEXT NOT NULL, number INTEGER NOT NULL, label TEXT NOT NULL, space TEXT NOT NULL, architecture TEXT NOT NULL,
  seed INTEGER NOT NULL, epochs INTEGER NOT NULL, from_epochs INTEGER NOT NULL, continues INTEGER NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL, metrics TEXT NOT NULL,
  seconds REAL NOT NULL, attempt INTEGER NOT NULL, worker TEXT NOT NULL, lease_until REAL NOT NULL, created_at REAL NOT NULL,
  finished_at REAL NOT NULL, PRIMARY KEY (phase, number)) WITHOUT ROWID;
CREATE INDEX open_trial ON trial (phase, number) WHERE state IN ('waiting', 'running');
CREATE TABLE report (
  phase TEXT NOT NULL, number INTEGER NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL,
  PRIMARY KEY (phase, number, step)) WITHOUT ROWID;
CREATE TABLE series (
  id INTEGER PRIMARY KEY, phase TEXT NOT NULL, name TEXT NOT NULL, step REAL NOT NULL, value TEXT NOT NULL);
CREATE INDEX series_step ON series (phase, step);
CREATE TABLE artefact (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, content TEXT NOT NULL, path TEXT NOT NULL);
)sql";

bool in_memory(const std::filesystem::path& file) { return file == ":memory:"; }

// Gives a finished file its name, unless somebody else took the name first.
void publish(const std::filesystem::path& made, const std::filesystem::path& file) {
  std::error_code problem;
  std::filesystem::create_hard_link(made, file, problem);
  const bool taken = problem && std::filesystem::exists(file);
  if (problem && !taken) {   // a file system without hard links
    problem.clear();
    std::filesystem::rename(made, file, problem);
  }
  std::error_code ignored;
  std::filesystem::remove(made, ignored);
  if (taken) throw UsageError(file.string() + " exists already: resume it, or choose another place");
  if (problem) throw Error("cannot create " + file.string() + ": " + problem.message());
}

}  // namespace

Journal::Journal(const std::filesystem::path& file, int flags) try : file_(file), database_(file.string(), flags) {
} catch (const SQLite::Exception& failure) {
  throw Error("cannot open " + file.string() + ": " + failure.what());
}

std::unique_ptr<Journal> Journal::create(const std::filesystem::path& file, const std::function<void(Journal&)>& fill) {
  const int flags = SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE;
  if (in_memory(file)) {
    std::unique_ptr<Journal> journal(new Journal(file, flags));
    journal->make_tables();
    fill(*journal);
    return journal;
  }
  if (std::filesystem::exists(file)) throw UsageError(file.string() + " exists already: resume it, or choose another place");
  const std::filesystem::path made = file.string() + ".new" + std::to_string(::getpid());
  std::error_code ignored;
  std::filesystem::remove(made, ignored);
  try {
    Journal journal(made, flags);
    journal.make_tables();
    fill(journal);
  } catch (const Error& failure) {
    for (const char* end : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(made.string() + end, ignored);
    throw Error("cannot create " + file.string() + ": " + failure.what());
  }
  publish(made, file);
  return open(file);
}

std::unique_ptr<Journal> Journal::open(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) throw UsageError("no study at " + file.string());
  if (!std::filesystem::is_regular_file(file)) throw UsageError(file.string() + " is no netwright study (not a file)");
  std::unique_ptr<Journal> journal(new Journal(file, SQLite::OPEN_READWRITE));
  journal->check_format();
  journal->set_up();
  return journal;
}

void Journal::set_up() {
  guarded([&] {
    database_.setBusyTimeout(busy_timeout_ms);
    database_.exec("PRAGMA synchronous = NORMAL");
  });
}

void Journal::make_tables() {
  set_up();
  guarded([&] {
    database_.exec("PRAGMA journal_mode = WAL");   // stays in the file
    database_.exec("BEGIN IMMEDIATE");
    database_.exec(tables);
    database_.exec("PRAGMA application_id = " + std::to_string(application_id));
    database_.exec("PRAGMA user_version = " + std::to_string(format_version));
    database_.exec("COMMIT");
  });
}

void Journal::check_format() {
  int id = 0;
  int version = 0;
  try {
    database_.setBusyTimeout(busy_timeout_ms);
    id = database_.execAndGet("PRAGMA application_id").getInt();
    version = database_.execAndGet("PRAGMA user_version").getInt();
  } catch (const SQLite::Exception& failure) {
    if (failure.getErrorCode() != SQLITE_NOTADB) fail(failure);
  }
  if (id != application_id) throw UsageError(file_.string() + " is no netwright study");
  if (version == format_version) return;
  throw UsageError(file_.string() + " is a study of format " + std::to_string(version) + ", but this netwright reads format " +
                   std::to_string(format_version) + ": use the version that wrote it");
}

SQLite::Statement& Journal::prepared(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end())
    found = statements_.emplace(std::string(sql), std::make_unique<SQLite::Statement>(database_, std::string(sql))).first;
  return *found->second;
}

void Journal::begin() {
  if (depth_ == 0) run("BEGIN IMMEDIATE");
  ++depth_;
}

void Journal::commit() {
  if (depth_ > 1) {
    --depth_;
    return;
  }
  // A full disk may have rolled the transaction back already; then there is nothing to commit, and its error has been thrown.
  if (sqlite3_get_autocommit(database_.getHandle()) == 0) run("COMMIT");
  depth_ = 0;
}

void Journal::roll_back() noexcept {
  depth_ = 0;
  if (sqlite3_get_autocommit(database_.getHandle()) != 0) return;
  database_.tryExec("ROLLBACK");
}

void Journal::fail(const SQLite::Exception& failure) const {
  const std::string file = file_.string();
  const std::string reason = failure.what();
  switch (failure.getErrorCode()) {
    case SQLITE_FULL: throw Error("cannot write " + file + ": the disk is full");
    case SQLITE_IOERR: throw Error("cannot read or write " + file + ": " + reason + " (disk full, file limit or broken disk)");
    case SQLITE_READONLY: throw Error("cannot write " + file + ": it is read-only");
    case SQLITE_CANTOPEN: throw Error("cannot open " + file + ": " + reason);
    case SQLITE_BUSY: throw Error("cannot write " + file + ": another process has held it for 30 s");
    case SQLITE_NOTADB: throw UsageError(file + " is no netwright study");
    case SQLITE_CORRUPT: throw Error(file + " is damaged: " + reason + "; `sqlite3 FILE .recover` saves what can be read");
    default: throw Error(file + ": " + reason);
  }
}

}  // namespace netwright
