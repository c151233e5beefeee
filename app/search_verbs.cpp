// search, resume, worker: a config's phases, run into a folder.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "catalogue.hpp"
#include "fidelity_words.hpp"
#include "hand_over.hpp"
#include "interrupt.hpp"
#include "machine.hpp"
#include "network_words.hpp"
#include "netwright/config/text.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/report/alarms.hpp"
#include "netwright/search/search.hpp"
#include "phases.hpp"
#include "plan.hpp"
#include "results.hpp"
#include "study_words.hpp"
#include "version.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// The folder holds all that a resume needs: the space's file is copied, paths no longer depend on where the command is called.
Config settled(const Config& config, const fs::path& folder) {
  Config copy = config;
  if (config.space.name.ends_with(".nwt")) {
    copy.space.name = fs::absolute(config.space.name).lexically_normal().string();
  } else if (is_space_file(config.space.name)) {
    write_file(folder / "space.yaml", read_file(config.space.name));
    copy.space.name = "space.yaml";
  }
  if (!config.data.path.empty()) copy.data.path = fs::absolute(config.data.path).lexically_normal().string();
  for (Phase& phase : copy.phases)
    if (auto* search = std::get_if<SearchOptions>(&phase.options))
      for (std::string* named : files_in(*search))
        if (!named->empty()) *named = fs::absolute(*named).lexically_normal().string();
  write_file(folder / "config.resolved.yaml", resolved_yaml(copy));
  return copy;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error("cannot make the folder " + folder.string() + ": " + error.message());
  if (fs::exists(folder / "study.db"))
    throw UsageError(folder.string() + " holds a study already; go on with it by netwright resume " + folder.string() + ", or give another --out");
}

// Baselines by default: a search that retrains is compared, unless its config has a baselines phase of its own (random: 0 and
// resnet: false switch them off). The hand-made network reads images alone.
void add_baselines(Config& config) {
  const auto kind = [](const char* name) { return [name](const Phase& p) { return p.kind == name; }; };
  const auto retrain = std::find_if(config.phases.begin(), config.phases.end(), kind("retrain"));
  if (retrain == config.phases.end() || std::any_of(config.phases.begin(), config.phases.end(), kind("baselines"))) return;
  config.phases.insert(retrain + 1, Phase{"baselines", BaselineOptions{.resnet = !holds_text(config.data)}});
}

Study create_study(const Config& config, const Space& space, const fs::path& folder) {
  make_folder(folder);
  const Config kept = settled(config, folder);
  return Study::create(folder / "study.db", {.name = config.name,
                                             .space = space.info().name,
                                             .config = resolved_yaml(kept),
                                             .seed = config.seed,
                                             .versions = nlohmann::json{{"netwright", version_line()}}.dump(),
                                             .machine = machine_json().dump()});
}

// Runs the phases and writes the results, whatever stopped the phases: what is finished is never lost.
int run_and_report(const Abilities& program, const Config& config, const std::shared_ptr<const Space>& space, Study& study, const fs::path& folder,
                   std::int64_t workers, std::ostream& out) {
  ProgressLine progress(out, is_terminal(1));
  try {
    run_phases(program, config, space, study, folder, workers, progress);
  } catch (const std::exception&) {
    write_results(config, *space, study, folder);
    throw;
  }
  const ReportData data = write_results(config, *space, study, folder);
  if (const auto best = find_best_trial(data, config)) {
    out << "best  " << best->space << ":" << best->architecture << "\n";
    for (const auto& [metric, value] : best->outcome.metrics) out << "      " << metric << " " << value << "\n";
  }
  for (const auto& alarm : alarms(data))
    if (alarm.raised) out << "alarm  " << alarm.phase << ", " << alarm.name << ": " << alarm.sentence << "\n";
  out << "see   " << (folder / "report.html").string() << "\n";
  return done;
}

}  // namespace

int search(const Abilities& program, const SearchVerbOptions& options, std::ostream& out) {
  std::vector<std::string> overrides = options.overrides;
  if (options.seed) overrides.push_back("seed=" + std::to_string(*options.seed));
  Config config = read_config(options.config, overrides, known_names());
  add_baselines(config);
  const auto space = find_space(config.space.name);
  refuse_impossible(config, space);
  if (!can_run(program, config)) return hand_over;
  catch_interrupts();
  Study study = create_study(config, *space, options.out);
  return run_and_report(program, config, space, study, options.out, options.workers, out);
}

int run_given(const Abilities& program, const Config& config, const std::string& architecture, const std::string& folder, std::ostream& out) {
  const auto space = find_space(config.space.name);
  catch_interrupts();
  Study study = create_study(config, *space, folder);
  const nlohmann::ordered_json summary{{"space", space->info().name}, {"architecture", architecture}};
  study.put_phase({.name = "derive", .kind = "derive", .state = "done", .summary = summary.dump()});
  return run_and_report(program, config, space, study, folder, 1, out);
}

int resume(const Abilities& program, const ResumeOptions& options, std::ostream& out) {
  Study study = open_study(options.folder);
  const Config config = config_of(study, options.folder);
  if (!can_run(program, config)) return hand_over;
  catch_interrupts();
  return run_and_report(program, config, find_space(config.space.name), study, options.folder, options.workers, out);
}

int worker(const Abilities& program, const WorkerOptions& options, std::ostream&) {
  Study study = open_study(options.folder);
  const Config config = config_of(study, options.folder);
  const auto names = phase_names(config);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != options.phase) continue;
    const auto* search = std::get_if<SearchOptions>(&config.phases[i].options);
    if (search == nullptr) throw UsageError("worker: phase '" + options.phase + "' is no search");
    if (!can_run(program, Config{.phases = {config.phases[i]}})) return hand_over;
    catch_interrupts();
    const auto space = find_space(config.space.name);
    const auto evaluator = make_evaluator(program.evaluators(config, options.folder, options.phase), search->evaluator,
                                          {.space = space, .network = network_options(config), .options = search->evaluator_options});
    const auto stop_rule = stop_rule_of(*search);
    work({.space = *space,
          .evaluator = *evaluator,
          .study = study,
          .phase = options.phase,
          .name = options.name,
          .goal = goal_of(config, options.phase),
          .stop_rule = stop_rule.get(),
          .window = search->window,
          .stop = interrupted});
    return done;
  }
  throw UsageError("worker: the study has no phase '" + options.phase + "'");
}

}  // namespace netwright
