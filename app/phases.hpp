#pragma once
// A search is a list of phases, run in order; each kind has one function. The program without torch runs search phases whose
// evaluators need none; netwright-train adds the others to the same list.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "netwright/config/config.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/evaluation/registry.hpp"
#include "netwright/space/space.hpp"
#include "netwright/study/study.hpp"
#include "progress.hpp"
#include "verbs.hpp"

namespace netwright {

struct Abilities;

// What a phase works with. Everything that it finds goes into the study; files go into the folder and are named as artefacts.
struct PhaseContext {
  const Abilities& program;
  const Config& config;
  std::shared_ptr<const Space> space;
  Study& study;
  std::filesystem::path folder;
  std::string name;  // of this phase in the study: its kind, "search_2" for a second one
  Seed seed;         // of this phase
  std::int64_t workers;
  ProgressLine& progress;
};

struct PhaseRunner {
  std::string kind;
  // Runs the phase to its end, or goes on with it; returns a JSON object of what it found (PhaseRecord::summary). When interrupted() it
  // stores what is needed to go on and throws Interrupted.
  std::function<std::string(const PhaseContext&, const Phase&)> run;
};

// What an executable can run.
struct Abilities {
  std::vector<PhaseRunner> runners;
  // The evaluators of a search phase; what they need beside the case (data, the last supernet before it) is found through the config
  // and the folder.
  std::function<std::vector<EvaluatorEntry>(const Config&, const std::filesystem::path& folder, const std::string& phase)> evaluators;
};

Abilities plain_abilities();

// True when every phase has a runner, and every search phase an evaluator that can be made.
bool can_run(const Abilities& program, const Config& config);

// Where trainings that may be promoted wait. It goes when a search phase is done.
std::filesystem::path state_folder(const std::filesystem::path& folder);

// The names of the phases in the study, in order.
std::vector<std::string> phase_names(const Config& config);

// What is good in this phase: the config's goal and the phase's own constraints.
Goal goal_of(const Config& config, std::string_view phase);
Goal within(Goal goal, const SearchOptions& search);

// Runs what is not done yet. Errors: those of the phases; Interrupted.
void run_phases(const Abilities& program, const Config& config, const std::shared_ptr<const Space>& space, Study& study,
                const std::filesystem::path& folder, std::int64_t workers, ProgressLine& progress);

// A search phase with any evaluator of the program.
std::string run_search_phase(const PhaseContext& context, const Phase& phase);

// The verbs, for one program. They return hand_over when it cannot run the config's phases.
int search(const Abilities& program, const SearchVerbOptions& options, std::ostream& out);
int resume(const Abilities& program, const ResumeOptions& options, std::ostream& out);
// A new study whose first phase, a derive, is done already: it found `architecture`.
int run_given(const Abilities& program, const Config& config, const std::string& architecture, const std::string& folder, std::ostream& out);
int worker(const Abilities& program, const WorkerOptions& options, std::ostream& out);

}  // namespace netwright
