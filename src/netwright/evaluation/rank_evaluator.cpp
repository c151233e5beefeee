#include "netwright/evaluation/rank_evaluator.hpp"

#include <algorithm>
#include <optional>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/core/units.hpp"
#include "netwright/evaluation/around.hpp"
#include "netwright/objective/aggregate.hpp"
#include "netwright/objective/pareto.hpp"
#include "netwright/objective/test_part.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

constexpr std::int64_t draws_each = 100;  // of the pool's architectures

[[noreturn]] void refuse(const std::string& option, const std::string& rule) { throw UsageError("evaluator ranks, option " + option + ": " + rule); }

EvaluatorEntry bare_entry() {
  return {.name = "ranks",
          .title = "Ranks of several scores of another evaluator, as one number",
          .metrics = {"log_rank", "vote"},
          .traits = {"around another"},
          .options = {{"of", "score", "the evaluator that scores; its options stand beside these"},
                      {"scores", "", "its metrics with commas between; 'minimise NAME' where smaller is better"},
                      {"pool", "256", "random architectures that a candidate is ranked among"},
                      {"pool_seed", "0", "which ones"}},
          .forwards = true};
}

std::int64_t whole(const EvaluatorCase& outer, const std::string& name, double least) {
  return whole_option(bare_entry(), outer, name, least, 1e15, "of at least " + format_count(least));
}

std::vector<Objective> scores_of(const EvaluatorCase& evaluator_case, const EvaluatorInfo& inner) {
  const std::string given = trimmed_option(bare_entry(), evaluator_case, "scores");
  if (given.empty()) refuse("scores", "name the metrics of evaluator " + inner.name + " that are ranked, with commas between");
  const Goal goal = parse_goal(given);
  if (!goal.constraints.empty()) refuse("scores", "'" + given + "' has a bound; bounds stand in the goal");
  for (const Objective& score : goal.objectives) {
    if (of_test_part(score.metric)) refuse("scores", score.metric + " is of the test part, which a search must not see");
    if (std::ranges::find(inner.metrics, score.metric) == inner.metrics.end())
      refuse("scores", "evaluator " + inner.name + " has no metric '" + score.metric + "'" + name_hint(score.metric, inner.metrics));
  }
  return goal.objectives;
}

class RankEvaluator : public Evaluator {
 public:
  RankEvaluator(const EvaluatorCase& evaluator_case, std::unique_ptr<Evaluator> inner)
      : info_(info_of(bare_entry())),
        space_(evaluator_case.space),
        inner_(std::move(inner)),
        scores_(scores_of(evaluator_case, inner_->info())),
        wanted_(whole(evaluator_case, "pool", 2)),
        seed_(Seed(static_cast<std::uint64_t>(whole(evaluator_case, "pool_seed", 0))).derive("pool")) {
    info_.metrics.insert(info_.metrics.end(), inner_->info().metrics.begin(), inner_->info().metrics.end());
    info_.traits = inner_->info().traits;
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) override {
    if (!pool_) fill(fidelity);
    Outcome outcome = inner_->evaluate(candidate, fidelity, progress);
    if (outcome.status == Status::failed) return outcome;
    const auto scores = read(outcome.metrics);
    if (!scores) return {.status = Status::failed, .reason = "one of the scores is missing", .metrics = std::move(outcome.metrics)};
    outcome.metrics["log_rank"] = pool_->log_rank(*scores);
    outcome.metrics["vote"] = pool_->vote(*scores);
    return outcome;
  }

  Metrics test_metrics(const Candidate& candidate) override { return inner_->test_metrics(candidate); }

 private:
  // Larger is better in each.
  std::optional<std::vector<double>> read(const Metrics& metrics) const {
    std::vector<double> values;
    for (const Objective& score : scores_) {
      const auto found = metrics.find(score.metric);
      if (found == metrics.end()) return std::nullopt;
      values.push_back(score.direction == Direction::maximise ? found->second : -found->second);
    }
    return values;
  }

  void fill(const Fidelity& fidelity) {
    ScoreColumns columns(scores_.size());
    Rng rng = seed_.derive("architectures").rng();
    for (std::int64_t drawn = 0; drawn < draws_each * wanted_ && static_cast<std::int64_t>(columns[0].size()) < wanted_; ++drawn) {
      const Candidate member{.trial = drawn, .architecture = sample(space_->decisions(), rng), .seed = seed_.derive("trial", static_cast<std::uint64_t>(drawn)).value()};
      const Outcome outcome = inner_->evaluate(member, fidelity, {});
      const auto scores = outcome.status == Status::failed ? std::nullopt : read(outcome.metrics);
      for (std::size_t k = 0; scores && k < columns.size(); ++k) columns[k].push_back((*scores)[k]);
    }
    if (columns[0].empty()) throw UsageError("evaluator ranks: none of " + std::to_string(draws_each * wanted_) + " random architectures has the scores");
    pool_.emplace(std::move(columns));
  }

  EvaluatorInfo info_;
  std::shared_ptr<const Space> space_;
  std::unique_ptr<Evaluator> inner_;
  std::vector<Objective> scores_;
  std::int64_t wanted_;
  Seed seed_;
  std::optional<RankPool> pool_;
};

}  // namespace

std::vector<EvaluatorEntry> with_ranks(std::vector<EvaluatorEntry> entries) {
  EvaluatorEntry entry = bare_entry();
  entry.unsuited = [entries](const EvaluatorCase& outer) { return inner_unsuited(entries, bare_entry(), outer); };
  entry.make = [entries](const EvaluatorCase& outer) -> std::unique_ptr<Evaluator> {
    return std::make_unique<RankEvaluator>(outer, make_inner(entries, bare_entry(), outer));
  };
  entries.push_back(std::move(entry));
  return entries;
}

}  // namespace netwright
