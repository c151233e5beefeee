#include "phases.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "hand_over.hpp"
#include "fidelity_words.hpp"
#include "interrupt.hpp"
#include "network_words.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/units.hpp"
#include "netwright/evaluation/rank_evaluator.hpp"
#include "netwright/evaluation/timed_evaluator.hpp"
#include "netwright/search/coordinator.hpp"
#include "netwright/search/model_predictors.hpp"
#include "netwright/search/search.hpp"
#include "netwright/study/summary.hpp"

namespace netwright {
namespace {

const PhaseRunner* runner_of(const Abilities& program, const std::string& kind) {
  const auto found = std::find_if(program.runners.begin(), program.runners.end(), [&](const PhaseRunner& r) { return r.kind == kind; });
  return found == program.runners.end() ? nullptr : &*found;
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

bool phase_done(const Study& study, const std::string& name) {
  const auto phases = study.phases();
  return std::any_of(phases.begin(), phases.end(), [&](const PhaseRecord& p) { return p.name == name && p.state == "done"; });
}

// Workers share the cores: more threads than that make them all slower.
void share_threads(std::int64_t workers) {
  const int share = std::max<int>(1, usable_cores() / static_cast<int>(workers));
  for (const char* name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS"}) {
    const char* given = std::getenv(name);
    if (given == nullptr || std::atoi(given) > share) setenv(name, std::to_string(share).c_str(), 1);
  }
  setenv("OMP_WAIT_POLICY", "passive", 0);
  setenv("GOMP_SPINCOUNT", "0", 1);
}

std::unique_ptr<Launcher> launch(const PhaseContext& context, std::int64_t window) {
  if (context.workers <= 1) return nullptr;
  share_threads(context.workers);
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  return local_workers(static_cast<int>(std::min(context.workers, window)), {self, "worker", context.folder.string(), context.name, "{worker}"});
}

// "best val_accuracy 0.9312", kept over the trials of one phase.
class BestNote {
 public:
  BestNote(const Goal& goal, const std::vector<Trial>& trials) : goal_(goal) {
    for (const auto& trial : trials)
      if (finished(trial)) add(trial);
  }
  void add(const Trial& trial) {
    ++count_;
    if (!best_ || ahead(trial, *best_, goal_)) best_ = trial;
  }
  std::int64_t count() const { return count_; }
  const std::optional<Trial>& best() const { return best_; }
  std::string text() const {
    const auto& metric = goal_.objectives.at(0).metric;
    if (!best_) return "";
    const auto value = best_->outcome.metrics.find(metric);
    return value == best_->outcome.metrics.end() ? "" : "best " + metric + " " + format_count(value->second);
  }

 private:
  const Goal& goal_;
  std::optional<Trial> best_;
  std::int64_t count_ = 0;
};

std::string ending_word(Ending ending) {
  switch (ending) {
    case Ending::trials:
      return "trials";
    case Ending::exhausted:
      return "exhausted";
    case Ending::time:
      return "time";
    case Ending::interrupted:
      return "interrupted";
  }
  return "";
}

// The test part is asked once, for the trial that the search ended with.
nlohmann::ordered_json search_summary(const PhaseContext& context, const SearchResult& result, const std::optional<Trial>& found, Evaluator& evaluator) {
  nlohmann::ordered_json summary{{"ending", ending_word(result.ending)}, {"finished", result.finished}, {"failed", result.failed}};
  if (found) {
    summary["best_trial"] = found->number;
    summary["space"] = found->space;
    summary["architecture"] = found->architecture;
    summary["metrics"] = found->outcome.metrics;
    const Metrics test =
        evaluator.test_metrics({.trial = found->number, .architecture = context.space->parse(found->architecture), .seed = found->seed});
    if (!test.empty()) summary["test_metrics"] = test;
  }
  return summary;
}

EvaluatorCase evaluator_case(const PhaseContext& context, const SearchOptions& options) {
  return {.space = context.space, .network = network_options(context.config), .options = options.evaluator_options};
}

}  // namespace

Abilities plain_abilities() {
  return {.runners = {{"search", run_search_phase}},
          .evaluators = [](const Config&, const std::filesystem::path&, const std::string&) { return with_timing(with_ranks(plain_evaluators())); }};
}

bool can_run(const Abilities& program, const Config& config) {
  const auto evaluators = program.evaluators(config, {}, {});
  return std::all_of(config.phases.begin(), config.phases.end(), [&](const Phase& phase) {
    if (runner_of(program, phase.kind) == nullptr) return false;
    const auto* search = std::get_if<SearchOptions>(&phase.options);
    if (search == nullptr) return true;
    const auto named = std::find_if(evaluators.begin(), evaluators.end(), [&](const EvaluatorEntry& entry) { return entry.name == search->evaluator; });
    if (named == evaluators.end() || named->make == nullptr) return false;
    const EvaluatorEntry* judge = judging(evaluators, search->evaluator, {.space = {}, .network = {}, .options = search->evaluator_options});
    return judge != nullptr && judge->make != nullptr;
  });
}

std::filesystem::path state_folder(const std::filesystem::path& folder) { return folder / "state"; }

std::vector<std::string> phase_names(const Config& config) {
  std::map<std::string, int> seen;
  std::vector<std::string> names;
  for (const auto& phase : config.phases) {
    const int count = ++seen[phase.kind];
    names.push_back(count == 1 ? phase.kind : phase.kind + "_" + std::to_string(count));
  }
  return names;
}

Goal within(Goal goal, const SearchOptions& search) {
  goal.constraints.insert(goal.constraints.end(), search.constraints.begin(), search.constraints.end());
  return goal;
}

Goal goal_of(const Config& config, std::string_view phase) {
  const auto names = phase_names(config);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const auto* search = std::get_if<SearchOptions>(&config.phases[i].options); search != nullptr && names[i] == phase)
      return within(config.goal, *search);
  return config.goal;
}

std::string run_search_phase(const PhaseContext& context, const Phase& phase) {
  const auto& options = std::get<SearchOptions>(phase.options);
  const Goal goal = goal_of(context.config, context.name);
  const auto strategy = strategy_of(options, context.space, goal, context.seed.derive("strategy"));
  const auto scheduler = scheduler_of(options, context.space, goal, context.seed);
  const auto stop_rule = stop_rule_of(options);
  const auto evaluator =
      make_evaluator(context.program.evaluators(context.config, context.folder, context.name), options.evaluator, evaluator_case(context, options));
  const auto launcher = launch(context, options.window);
  BestNote note(goal, context.study.trials(context.name));
  context.progress.start(context.name, options.trials, note.count());
  SearchCase search_case{.space = *context.space,
                         .strategy = *strategy,
                         .evaluator = *evaluator,
                         .study = context.study,
                         .phase = context.name,
                         .goal = goal,
                         .seed = context.seed,
                         .scheduler = scheduler.get(),
                         .stop_rule = stop_rule.get(),
                         .trials = options.trials,
                         .window = options.window,
                         .max_failures = options.max_failures,
                         .launcher = launcher.get()};
  if (options.max_seconds > 0) search_case.max_seconds = options.max_seconds;
  search_case.stop = interrupted;
  search_case.on_trial = [&](const Trial& trial) {
    note.add(trial);
    context.progress.update(note.count(), note.text());
  };
  const SearchResult result = run_search(search_case);
  context.progress.finish();
  if (result.ending == Ending::interrupted) throw Interrupted("interrupted after " + std::to_string(result.finished) + " trials");
  std::error_code none;
  std::filesystem::remove_all(state_folder(context.folder), none);
  if (result.finished == result.failed)
    throw Error("phase '" + context.name + "': every trial failed; see netwright show " + context.folder.string() + " 0");
  return search_summary(context, result, note.best(), *evaluator).dump();
}

void run_phases(const Abilities& program, const Config& config, const std::shared_ptr<const Space>& space, Study& study,
                const std::filesystem::path& folder, std::int64_t workers, ProgressLine& progress) {
  const auto names = phase_names(config);
  { const CoordinatorLock free(folder / "study.db"); }   // refused before anything is written while another process runs the study
  for (std::size_t i = 0; i < config.phases.size(); ++i) {
    if (phase_done(study, names[i])) continue;
    const Phase& phase = config.phases[i];
    PhaseRecord record{.name = names[i], .kind = phase.kind, .state = "running", .started_at = now()};
    study.put_phase(record);
    try {
      record.summary = runner_of(program, phase.kind)
                           ->run({.program = program,
                                  .config = config,
                                  .space = space,
                                  .study = study,
                                  .folder = folder,
                                  .name = names[i],
                                  .seed = Seed(config.seed).derive("phase", i),
                                  .workers = workers,
                                  .progress = progress},
                                 phase);
    } catch (const Interrupted&) {
      throw;
    } catch (const std::exception&) {
      record.state = "failed";
      record.finished_at = now();
      study.put_phase(record);
      throw;
    }
    record.state = "done";
    record.finished_at = now();
    study.put_phase(record);
    if (interrupted()) throw Interrupted("interrupted after phase '" + names[i] + "'");
  }
}

}  // namespace netwright
