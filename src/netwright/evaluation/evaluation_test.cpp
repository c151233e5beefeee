// The registry, cost, and the cache.
#include <gtest/gtest.h>

#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/evaluation/cached.hpp"
#include "netwright/evaluation/registry.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

EvaluatorCase case_of(const std::string& space, decltype(EvaluatorCase::options) options = {}) {
  return {.space = find_space(space), .network = {}, .options = std::move(options)};
}

TEST(EvaluatorRegistry, NamesTheNearestEvaluatorAndOption) {
  const auto entries = torch_free_evaluators();
  EXPECT_EQ(message_of([&] { find_evaluator(entries, "tabluar"); }), "unknown evaluator 'tabluar'; did you mean 'tabular'?");
  EXPECT_EQ(message_of([&] {
              make_evaluator(entries, "command", case_of("minimal", {{"timout", "3s"}}));
            }),
            "evaluator command: unknown option 'timout'; did you mean 'timeout'?");
  EXPECT_EQ(message_of([&] {
              make_evaluator(entries, "cost", case_of("minimal", {{"run", "true"}}));
            }),
            "evaluator cost: unknown option 'run'; it has no options");
}

TEST(EvaluatorRegistry, DeclaresWhatItCannotJudge) {
  const auto entries = torch_free_evaluators();
  EXPECT_EQ(find_evaluator(entries, "tabular").unsuited(case_of("nasbench201")), "");
  EXPECT_THROW(make_evaluator(entries, "tabular", case_of("minimal")), Unsupported);
}

TEST(EvaluatorRegistry, EveryEntryAgreesWithWhatItMakes) {
  for (const EvaluatorEntry& entry : torch_free_evaluators()) {
    EvaluatorCase evaluator_case = case_of("nasbench201");
    for (const EvaluatorOption& option : entry.options) evaluator_case.options[option.name] = option.fallback;
    evaluator_case.options.erase("file");
    if (evaluator_case.options.contains("run")) evaluator_case.options["run"] = "true";
    if (entry.unsuited && !entry.unsuited(evaluator_case).empty()) continue;  // needs a file: stored_table_test.cpp makes it
    const auto evaluator = make_evaluator(torch_free_evaluators(), entry.name, evaluator_case);
    EXPECT_EQ(evaluator->info().name, entry.name);
    EXPECT_EQ(evaluator->info().metrics, entry.metrics);
    EXPECT_EQ(evaluator->info().traits, entry.traits);
  }
}

TEST(CostEvaluator, GivesTheGraphsCost) {
  const auto space = find_space("nasbench201");
  const auto evaluator = make_evaluator(torch_free_evaluators(), "cost", case_of("nasbench201"));
  const Architecture all_conv = space->parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|");
  const Outcome outcome = evaluator->evaluate({.architecture = all_conv}, {}, nullptr);
  ASSERT_EQ(outcome.status, Status::done) << outcome.reason;
  EXPECT_EQ(outcome.metrics.at("params"), 1531546);
  for (const std::string& name : evaluator->info().metrics) EXPECT_GT(outcome.metrics.at(name), 0) << name;
}

TEST(CostEvaluator, AnImpossibleNetworkIsAFailedOutcome) {
  const auto space = find_space("minimal");
  EvaluatorCase evaluator_case = case_of("minimal");
  evaluator_case.network.input = {3, 0, 0};
  const auto evaluator = make_evaluator(torch_free_evaluators(), "cost", evaluator_case);
  Rng rng(1);
  const Outcome outcome = evaluator->evaluate({.architecture = sample(space->decisions(), rng)}, {}, nullptr);
  EXPECT_EQ(outcome.status, Status::failed);
  EXPECT_FALSE(outcome.reason.empty());
}

// Counts its evaluations; fails the candidates whose first pick is 0.
class Counting : public Evaluator {
 public:
  explicit Counting(int& count) : count_(count) {}
  const EvaluatorInfo& info() const override { return info_; }
  Outcome evaluate(const Candidate& candidate, const Fidelity&, const Progress&) override {
    ++count_;
    if (candidate.architecture.picks.at(0) == 0) return {.status = Status::failed, .reason = "zero"};
    return {.metrics = {{"val_accuracy", 0.5}}, .reports = {{1, {{"val_accuracy", 0.4}}}, {2, {{"val_accuracy", 0.5}}}}, .seconds = 3};
  }

 private:
  int& count_;
  EvaluatorInfo info_{.name = "counting"};
};

TEST(Cached, EvaluatesOnceAFidelity) {
  int count = 0;
  const auto evaluator = cached(std::make_unique<Counting>(count));
  const Candidate candidate{.architecture = {.picks = {1, 2}}};
  EXPECT_EQ(evaluator->evaluate(candidate, {.epochs = 2}, nullptr).seconds, 3);
  const Outcome again = evaluator->evaluate(candidate, {.epochs = 2}, nullptr);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(again.seconds, 0);
  EXPECT_EQ(again.metrics.at("val_accuracy"), 0.5);
  EXPECT_EQ(again.reports.size(), 2u);
  evaluator->evaluate(candidate, {.epochs = 3}, nullptr);
  evaluator->evaluate({.architecture = {.picks = {1, 3}}}, {.epochs = 2}, nullptr);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(evaluator->info().name, "counting");
}

TEST(Cached, TriesFailuresAgainAndLetsAListenerStop) {
  int count = 0;
  const auto evaluator = cached(std::make_unique<Counting>(count));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(evaluator->evaluate({.architecture = {.picks = {0}}}, {}, nullptr).status, Status::failed);
  EXPECT_EQ(count, 2);
  evaluator->evaluate({.architecture = {.picks = {1}}}, {}, nullptr);
  const Outcome stopped = evaluator->evaluate({.architecture = {.picks = {1}}}, {}, [](const Report&) { return false; });
  EXPECT_EQ(count, 3);
  EXPECT_EQ(stopped.status, Status::stopped);
  EXPECT_EQ(stopped.metrics.at("val_accuracy"), 0.4);
  EXPECT_EQ(stopped.reports.size(), 1u);
}

}  // namespace
}  // namespace netwright
