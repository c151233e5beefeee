#pragma once
// What the command can do: one plain function a verb. A verb writes its results to `out`, returns the exit code, and throws
// UsageError or Error for everything that goes wrong; only command_line.cpp turns those into lines and exit codes.
//
// Two programs share this list: `netwright` has the verbs that need no torch and starts in milliseconds; `netwright-train` has all.
// A verb that returns `hand_over` (or is empty) in the first is run again, with the same words, by the second.
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace netwright {

enum ExitCode : int { done = 0, failed = 1, wrong_usage = 2, interrupted_by_user = 130 };
constexpr int hand_over = -1;

struct InitOptions {
  std::string file = "netwright.yaml";  // space.yaml is written beside it
  bool force = false;                   // overwrite
};

struct CheckOptions {
  std::string file;  // a config, a space file, or the name of a built-in space
  std::vector<std::string> overrides;
  std::string draw;  // where the open graph is drawn
  bool json = false;
};

struct SearchVerbOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string out;
  std::int64_t workers = 1;
  std::optional<std::uint64_t> seed;
};

struct ResumeOptions {
  std::string folder;
  std::int64_t workers = 1;
};

struct WorkerOptions {  // started by search, not by people
  std::string folder;
  std::string phase;
  std::string name;
};

struct StudyOptions {  // status, top, derive, report
  std::string folder;
  std::int64_t count = 10;  // top: how many
  std::string file;         // report: where to write; empty = FOLDER/report.html
  bool json = false;
};

struct ShowOptions {
  std::string what;   // an architecture, or the folder of a study
  std::string trial;  // in a study: NUMBER, PHASE/NUMBER, or empty = the best
  std::vector<std::string> settings;
  std::string input;
  std::int64_t classes = 0;
  bool json = false;
};

// A network: an architecture and what shapes it. Empty input and 0 classes: the usual ones of the space.
struct NetworkVerbOptions {  // profile, draw, score, export
  std::string architecture;  // SPACE:TEXT, SPACE/NAME@NETWORK or a JSON file; draw: also SPACE, for its open graph
  std::string input;         // "3x32x32"
  std::int64_t classes = 0;
  bool search = false;                // the form that a supernet trains
  std::vector<std::string> settings;  // key=value
  std::string proxies = "all";        // score
  std::string fill = "random";        // score: random | oracle
  std::int64_t latency = 0;           // profile: timed passes; 0: none
  std::uint64_t seed = 0;             // score
  std::int64_t batch = 16;            // score
  std::string scope;                  // draw
  std::int64_t depth = 2;             // draw
  std::string out;                    // draw, export: the file; its ending says the format
  bool json = false;
};

struct ScaleOptions {
  std::vector<std::string> settings;  // of the space efficientnet, `base` above all
  std::string input;
  std::int64_t classes = 0;
  double phi = 1;                                                    // growth^phi is what the networks may cost
  double step = 0.05, most = 2.0, growth = 2.0, tolerance = 0.1;     // CompoundGrid
  bool json = false;
};

struct TrainVerbOptions {    // retrain, evaluate
  std::string architecture;  // SPACE:TEXT, a JSON file, or the folder of a study (its best)
  std::string config;        // data and training; empty = the defaults
  std::vector<std::string> overrides;
  std::string weights;      // evaluate: a safetensors file
  std::string out;          // retrain: where the trained network goes
  std::int64_t epochs = 0;  // retrain: 0 = as the config says
  std::uint64_t seed = 0;
  bool json = false;
};

struct OracleOptions {
  std::string file;
  std::string only;  // prefix of the case's id
  bool json = false;
};

struct TableVerbOptions {
  std::string action;  // import | export | show
  std::string what;    // a description, the folder of a study, a table
  std::string data;    // import: the folder that the description's files stand in; empty: its own
  std::string out;     // FILE.nwt
  bool json = false;
};

struct CompareOptions {
  std::string config;  // its first search phase: space, evaluator, trials, time
  std::vector<std::string> overrides;
  std::string strategies = "random,evolution";  // STRATEGY or STRATEGY+SCHEDULE, commas between
  std::int64_t seeds = 100;
  std::int64_t workers = 1;  // virtual ones
  double hours = 0;          // of the plot; 0 = until the last run ends
  std::string out;           // folder for comparison.svg and comparison.json
  bool json = false;
};

struct PredictOptions {
  std::string table;       // FILE.nwt, or the folder of a study
  std::string predictors = "all";
  std::string features = "one_hot";
  std::string metric;      // empty: val_accuracy, or the first
  std::string sizes = "20,50,100,200,500";  // how many architectures are known
  std::int64_t seeds = 10;
  std::int64_t top = 10;   // of the top-k regret
  bool json = false;
};

struct CorrelateOptions {
  std::string table;       // as above
  std::string metric;
  std::string scores;      // empty: every other column
  bool json = false;
};

struct ListOptions {
  std::string what;   // an entry of the listings in space_verbs.cpp
  std::string space;  // the verbs `space` and `matrix`
  bool json = false;
};

struct DoctorOptions {
  bool json = false;
};

template <class Options>
using Verb = std::function<int(const Options&, std::ostream&)>;

struct Verbs {
  Verb<InitOptions> init;
  Verb<CheckOptions> check;
  Verb<SearchVerbOptions> search;
  Verb<ResumeOptions> resume;
  Verb<WorkerOptions> worker;
  Verb<StudyOptions> status, top, derive, report;
  Verb<ShowOptions> show;
  Verb<NetworkVerbOptions> profile, draw, score, export_network;
  Verb<ScaleOptions> scale;
  Verb<TrainVerbOptions> retrain, evaluate;
  Verb<OracleOptions> oracle;
  Verb<TableVerbOptions> table;
  Verb<CompareOptions> compare;
  Verb<PredictOptions> predict;
  Verb<CorrelateOptions> correlate;
  Verb<ListOptions> space, list, matrix;
  Verb<DoctorOptions> doctor;
};

// Without torch. (What needs torch is left empty.)
int init(const InitOptions& options, std::ostream& out);
int check(const CheckOptions& options, std::ostream& out);
int status(const StudyOptions& options, std::ostream& out);
int top(const StudyOptions& options, std::ostream& out);
int derive(const StudyOptions& options, std::ostream& out);
int report(const StudyOptions& options, std::ostream& out);
int show(const ShowOptions& options, std::ostream& out);
// Hands over where a latency is to be measured.
int profile(const NetworkVerbOptions& options, std::ostream& out);
int draw(const NetworkVerbOptions& options, std::ostream& out);
int scale(const ScaleOptions& options, std::ostream& out);
int space(const ListOptions& options, std::ostream& out);
int list(const ListOptions& options, std::ostream& out);
int matrix(const ListOptions& options, std::ostream& out);
int doctor(const DoctorOptions& options, std::ostream& out);
int table(const TableVerbOptions& options, std::ostream& out);
int compare(const CompareOptions& options, std::ostream& out);
int predict(const PredictOptions& options, std::ostream& out);
int correlate(const CorrelateOptions& options, std::ostream& out);
Verbs plain_verbs();

// Adds the verbs that need torch (train_verbs.cpp; linked into netwright-train alone).
void add_training_verbs(Verbs& verbs);

}  // namespace netwright
