// compare: strategies over many seeds, on a virtual clock where the evaluator has one.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <utility>

#include "catalogue.hpp"
#include "fidelity_words.hpp"
#include "network_words.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/rank_evaluator.hpp"
#include "netwright/objective/test_part.hpp"
#include "netwright/report/comparison.hpp"
#include "netwright/search/model_predictors.hpp"
#include "netwright/search/simulation.hpp"
#include "netwright/space/variation.hpp"
#include "plan.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

constexpr double not_known = std::numeric_limits<double>::quiet_NaN();
constexpr double enumerable = 1 << 20;  // a space up to this size is looked through for its best
constexpr std::size_t points_of_time = 150;

struct Case {
  Config config;
  std::shared_ptr<const Space> space;
  SearchOptions options;
  std::string test_metric;
  bool maximise = true;
  const std::string& metric() const { return config.goal.objectives.front().metric; }
};

// What an architecture reaches when it is trained to the end: the goal's first objective, and the same of the test part.
struct Reached {
  double validation = not_known, test = not_known;
};

class Truth {
 public:
  Truth(const Case& search, Evaluator& evaluator) : case_(search), evaluator_(evaluator) {}

  const Reached& of(const Architecture& architecture) {
    const auto found = known_.find(architecture);
    return found != known_.end() ? found->second : known_.emplace(architecture, measure(architecture)).first->second;
  }

  // The best of each part, over all that was asked for.
  Reached best() const {
    Reached best;
    for (const auto& [architecture, reached] : known_) keep(best.validation, reached.validation), keep(best.test, reached.test);
    return best;
  }

 private:
  Reached measure(const Architecture& architecture) {
    const Candidate candidate{.architecture = architecture};
    const Outcome outcome = evaluator_.evaluate(candidate, {}, {});
    const Metrics test = evaluator_.test_metrics(candidate);
    return {.validation = value(outcome.metrics, case_.metric()), .test = value(test, case_.test_metric)};
  }

  static double value(const Metrics& metrics, const std::string& name) {
    const auto found = metrics.find(name);
    return found == metrics.end() ? not_known : found->second;
  }

  void keep(double& best, double value) const {
    if (!std::isnan(value) && (std::isnan(best) || (case_.maximise ? value > best : value < best))) best = value;
  }

  const Case& case_;
  Evaluator& evaluator_;
  std::map<Architecture, Reached> known_;
};

// "STRATEGY" or "STRATEGY+SCHEDULE".
SearchOptions options_of(const Case& search, const std::string& words) {
  SearchOptions options = search.options;
  const std::size_t plus = words.find('+');
  const std::string strategy = words.substr(0, plus);
  if (strategy != options.strategy) options.strategy = strategy, options.strategy_options.clear();
  if (plus == std::string::npos) return options;
  const std::string schedule = words.substr(plus + 1);
  const std::map<std::string, std::string, std::less<>> before = std::exchange(options.fidelity_options, {});
  options.fidelity = schedule;
  // Of the config's own budgets those that the schedule has too.
  for (const SchedulerEntry& entry : schedulers())
    for (const StrategyOption& option : entry.options)
      if (const auto given = before.find(option.name); entry.name == schedule && given != before.end()) options.fidelity_options.insert(*given);
  return options;
}

// A search's incumbent over time: the architecture of the best trial so far, those trained longer first.
struct Step {
  double seconds = 0;
  Architecture architecture;
};

struct Run {
  std::vector<Step> incumbents;
  double end_seconds = 0;
  std::size_t trials = 0;
};

std::int64_t reached_epochs(const SimulatedTrial& trial) {
  if (trial.outcome.status == Status::stopped && !trial.outcome.reports.empty()) return trial.outcome.reports.back().step;
  return trial.job.epochs > 0 ? trial.job.epochs : std::numeric_limits<std::int64_t>::max();
}

// As a study's best trial: what reached more epochs is ahead.
bool ahead(const SimulatedTrial& a, const SimulatedTrial& b, const Goal& goal) {
  const std::int64_t of_a = reached_epochs(a), of_b = reached_epochs(b);
  return of_a != of_b ? of_a > of_b : better(goal, a.outcome.metrics, b.outcome.metrics);
}

Run run_once(const Case& search, const SearchOptions& options, Evaluator& evaluator, Seed seed, std::int64_t workers) {
  const auto strategy = strategy_of(options, search.space, search.config.goal, seed.derive("strategy"));
  const auto every_ask_once = full_fidelity(*strategy, 0);
  const auto scheduled = scheduler_of(options, search.space, search.config.goal, seed);
  const auto stop_rule = stop_rule_of(options);
  SimulationCase simulation{.scheduler = scheduled ? *scheduled : *every_ask_once,
                            .evaluator = evaluator,
                            .stop_rule = stop_rule.get(),
                            .goal = search.config.goal,
                            .seed = seed,
                            .trials = options.trials,
                            .workers = workers};
  if (options.max_seconds > 0) simulation.max_seconds = options.max_seconds;
  Run run;
  const SimulatedTrial* best = nullptr;
  const auto trials = simulate(simulation);
  for (const SimulatedTrial& trial : trials) {
    run.end_seconds = trial.end_seconds;
    ++run.trials;
    if (trial.outcome.status == Status::failed || !std::isfinite(score(search.config.goal, trial.outcome.metrics))) continue;
    if (best != nullptr && !ahead(trial, *best, search.config.goal)) continue;
    best = &trial;
    run.incumbents.push_back({.seconds = trial.end_seconds, .architecture = trial.job.architecture});
  }
  return run;
}

// The regret of the incumbent at each point of time.
std::vector<double> regrets(const Run& run, const std::vector<double>& hours, const std::function<double(const Architecture&)>& regret) {
  std::vector<double> values;
  std::size_t next = 0;
  double now = not_known;
  for (const double hour : hours) {
    for (; next < run.incumbents.size() && run.incumbents[next].seconds <= hour * 3600 * (1 + 1e-12); ++next) now = regret(run.incumbents[next].architecture);
    values.push_back(now);
  }
  return values;
}

Case case_of(const CompareOptions& options) {
  Case search{.config = read_config(options.config, options.overrides, known_names())};
  search.space = find_space(search.config.space.name);
  const auto phase = std::ranges::find_if(search.config.phases, [](const Phase& p) { return std::holds_alternative<SearchOptions>(p.options); });
  if (phase == search.config.phases.end()) throw UsageError(options.config + ": compare needs a search phase");
  search.options = std::get<SearchOptions>(phase->options);
  refuse_test_part(search.config.goal);
  search.maximise = search.config.goal.objectives.front().direction == Direction::maximise;
  const std::string& metric = search.metric();
  search.test_metric = metric.starts_with("val_") ? "test_" + metric.substr(4) : "";
  return search;
}

std::vector<std::string> compared(const CompareOptions& options, const Case& search) {
  std::vector<std::string> names;
  for (const std::string& name : split(options.strategies, ',')) {
    if (trim(name).empty()) continue;
    names.push_back(trim(name));
    const SearchOptions own = options_of(search, names.back());
    strategy_of(own, search.space, search.config.goal, Seed(0));  // refuses before any run
    scheduler_of(own, search.space, search.config.goal, Seed(0));
  }
  stop_rule_of(search.options);
  if (names.empty()) throw UsageError("compare: --strategies needs names with commas between, as random,evolution");
  return names;
}

using Runs = std::vector<std::vector<Run>>;  // [strategy][seed]

// `whole`: the whole space may be looked through.
Comparison comparison_of(const CompareOptions& options, const Case& search, const std::vector<std::string>& names, const Runs& runs, Truth& truth, bool whole) {
  double end = options.hours * 3600;
  for (const auto& of_strategy : runs)
    for (const Run& run : of_strategy) {
      if (options.hours <= 0) end = std::max(end, run.end_seconds);
      for (const Step& step : run.incumbents) truth.of(step.architecture);
    }
  const bool all = whole && approximate_size(search.space->decisions()) <= enumerable;
  if (all) enumerate(search.space->decisions(), [&](const Architecture& architecture) { return truth.of(architecture), true; });
  const Reached best = truth.best();
  Comparison comparison{.title = search.space->info().name + ", " + std::to_string(options.workers) + (options.workers == 1 ? " worker, " : " workers, ") +
                                 std::to_string(options.seeds) + " seeds",
                        .metric = search.metric(),
                        .test_metric = std::isnan(best.test) ? "" : search.test_metric,
                        .optimum = all ? "the best of the space" : "the best that any run found"};
  for (std::size_t i = 1; i <= points_of_time; ++i) comparison.hours.push_back(end / 3600 * static_cast<double>(i) / static_cast<double>(points_of_time));
  for (std::size_t s = 0; s < names.size(); ++s) {
    ComparedStrategy strategy{.name = names[s]};
    for (const Run& run : runs[s]) {
      strategy.trials += static_cast<double>(run.trials) / static_cast<double>(runs[s].size());
      strategy.validation.runs.push_back(
          regrets(run, comparison.hours, [&](const Architecture& a) { return std::abs(best.validation - truth.of(a).validation); }));
      if (comparison.test_metric.empty()) continue;
      strategy.test.runs.push_back(regrets(run, comparison.hours, [&](const Architecture& a) { return std::abs(best.test - truth.of(a).test); }));
    }
    comparison.strategies.push_back(std::move(strategy));
  }
  return comparison;
}

}  // namespace

int compare(const CompareOptions& options, std::ostream& out) {
  const Case search = case_of(options);
  const std::vector<std::string> names = compared(options, search);
  const auto entries = with_ranks(plain_evaluators());
  const EvaluatorCase evaluator_case{.space = search.space, .network = network_options(search.config), .options = search.options.evaluator_options};
  find_evaluator(known_evaluators(), search.options.evaluator);
  const EvaluatorEntry* judge = judging(entries, search.options.evaluator, evaluator_case);
  if (judge == nullptr) throw UsageError("compare: the evaluator '" + search.options.evaluator + "' needs torch; compare runs on tables, commands and costs");
  const auto evaluator = make_evaluator(entries, search.options.evaluator, evaluator_case);
  Truth truth(search, *evaluator);
  Runs runs(names.size());
  for (std::size_t s = 0; s < names.size(); ++s) {
    const SearchOptions own = options_of(search, names[s]);
    for (std::int64_t i = 0; i < options.seeds; ++i)
      runs[s].push_back(run_once(search, own, *evaluator, Seed(search.config.seed).derive("compare", static_cast<std::uint64_t>(i)), options.workers));
  }
  const bool real = has_trait(judge->traits, "real time");   // each look would train
  const Comparison comparison = comparison_of(options, search, names, runs, truth, !real);
  const std::string json = comparison_json(comparison);
  if (!options.out.empty()) {
    std::filesystem::create_directories(options.out);
    write_file(std::filesystem::path(options.out) / "comparison.json", json);
    write_file(std::filesystem::path(options.out) / "comparison.svg", comparison_svg(comparison));
  }
  out << (options.json ? json : comparison_table(comparison));
  if (!options.json && !options.out.empty()) out << "see   " << (std::filesystem::path(options.out) / "comparison.svg").string() << "\n";
  return done;
}

}  // namespace netwright
