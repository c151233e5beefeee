#pragma once
// The study: an append-only log in one SQLite file (WAL), the only truth of a search. Every number of a report is computed from it.
//
// Tables: study (one row: format version, config, seed, space, created, versions, machine), phase, trial, report (intermediate
// values of a trial), series (values over time of a phase: losses, architecture parameters), artefact (files and small texts).
// A trial is written before it is told. Workers claim trials with a lease and an attempt number: a finish of an attempt that has
// been given to somebody else is refused (fencing). Several processes may write at once. A Study belongs to one thread at a time and
// never crosses a fork: open another. Cost: about 10 us a trial inside a Batch, one commit (about 50 us) outside.
// Errors: UsageError for a file that is no study, or of another format version (both versions are named); Error for a full disk.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "netwright/evaluation/evaluator.hpp"

namespace netwright {

enum class TrialState { waiting, running, done, stopped, failed };
std::string to_string(TrialState state);
TrialState state_of(Status status);

struct Trial {
  std::int64_t number = 0;        // 0, 1, ... within its phase
  std::string phase;              // "search", "retrain", "baselines": the phase's name
  std::string label;              // "" for a search; "random", "resnet", "best" for retrained networks
  std::string space;              // whose notation the architecture is in
  std::string architecture;       // printed form
  std::uint64_t seed = 0;
  Fidelity fidelity;
  std::int64_t continues = -1;    // the trial of this phase whose state it goes on with; -1: none
  TrialState state = TrialState::waiting;
  Outcome outcome;                // with reports, once finished
  int attempt = 0;
  std::string worker;
  double created_at = 0;          // seconds since 1970
  double finished_at = 0;
};

struct PhaseRecord {
  std::string name;               // unique: "supernet", "search", "search_2"
  std::string kind;
  std::string state = "waiting";  // waiting | running | done | failed
  std::string summary;            // JSON object of what the phase found
  double started_at = 0;
  double finished_at = 0;
};

struct StudyRecord {
  std::string name;
  std::string space;
  std::string config;             // the resolved configuration, YAML
  std::uint64_t seed = 0;
  std::string versions;           // JSON object
  std::string machine;            // JSON object
  double created_at = 0;
};

// One value over time of a phase, for example ("supernet", "normal.edge0", step 3, JSON array of weights).
struct SeriesPoint {
  std::string name;
  double step = 0;
  std::string value;              // JSON: a number or an array
};

struct Artefact {
  std::string name;               // "best.onnx"
  std::string kind;               // "onnx", "checkpoint", "json"
  std::string content;            // inline text, or empty when it is a file beside the study
  std::string path;               // relative to the study's folder, or empty
};

class Study {
 public:
  // ":memory:" keeps the journal in memory (simulations). create() refuses a file that exists.
  static Study create(const std::filesystem::path& file, const StudyRecord& record);
  static Study open(const std::filesystem::path& file);
  ~Study();
  Study(Study&&) noexcept;
  Study& operator=(Study&&) noexcept;

  const std::filesystem::path& file() const;            // ":memory:" for one in memory
  StudyRecord record() const;

  std::vector<PhaseRecord> phases() const;
  void put_phase(const PhaseRecord& phase);             // inserts or replaces by name

  // Appends a waiting trial (number and phase are the caller's). Appending the same number twice is an Error.
  void append(const Trial& trial);
  // Appends a finished trial in one go (in-process evaluation of cheap trials).
  void append_finished(const Trial& trial);             // its state is the outcome's status
  // The next waiting trial of the phase, or one whose lease ran out, now leased to `worker`; nothing when there is none.
  std::optional<Trial> claim(const std::string& phase, const std::string& worker, double lease_seconds);
  bool renew(const Trial& trial, double lease_seconds); // false: the lease was lost
  void report(const Trial& trial, const Report& report);
  // Stores the outcome; false when the attempt was fenced off.
  bool finish(const Trial& trial, const Outcome& outcome);
  // Puts trials that were running when their process died back to waiting; keeps their attempt count.
  void release(const std::string& phase);
  bool release(const Trial& trial);                     // this attempt alone; false when it was fenced off

  std::vector<Trial> trials(const std::string& phase) const;   // in order of number, with their reports
  std::vector<Trial> trials() const;                           // of all phases, in order of phase and number
  std::optional<Trial> trial(const std::string& phase, std::int64_t number) const;
  // Finished trials of the phase with number >= first, in order, as far as they are finished without a gap.
  std::vector<Trial> finished_from(const std::string& phase, std::int64_t first) const;

  void append_series(const std::string& phase, const std::vector<SeriesPoint>& points);
  std::vector<SeriesPoint> series(const std::string& phase) const;
  // A phase that restarts from a checkpoint drops what it wrote after it.
  void drop_series_after(const std::string& phase, double step);

  void put_artefact(const Artefact& artefact);          // inserts or replaces by name
  std::vector<Artefact> artefacts() const;

  // Groups writes into one commit while it lives: for thousands of cheap trials a second. Other writers wait meanwhile.
  class Batch {
   public:
    explicit Batch(Study& study);
    ~Batch();          // commits if commit() was not called; what fails then is lost silently, so call commit()
    void commit();     // ends the batch
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    Study& study_;
    bool open_ = true;
  };

 private:
  struct Impl;
  explicit Study(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace netwright
