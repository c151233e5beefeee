#include "netwright/search/simulation.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

const Space& space() {
  static const std::shared_ptr<const Space> found = find_space("nasbench201");
  return *found;
}

// Ten seconds an epoch for even trials, one for odd ones; the first decision's pick is the accuracy, a little more each epoch.
class Clocked : public Evaluator {
 public:
  const EvaluatorInfo& info() const override { return info_; }
  Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) override {
    const double pace = candidate.trial % 2 == 0 ? 10 : 1;
    Outcome outcome;
    for (std::int64_t epoch = fidelity.from_epochs + 1; epoch <= fidelity.epochs; ++epoch) {
      const double accuracy = 0.1 * static_cast<double>(candidate.architecture.picks[0]) + 0.001 * static_cast<double>(epoch);
      outcome.reports.push_back({.step = epoch, .metrics = {{"val_accuracy", accuracy}}});
      outcome.metrics = outcome.reports.back().metrics;
      outcome.seconds += pace;
      if (progress && !progress(outcome.reports.back())) {
        outcome.status = Status::stopped;
        break;
      }
    }
    outcome.metrics["test_accuracy"] = 1;
    return outcome;
  }

 private:
  EvaluatorInfo info_ = {.name = "clocked", .title = "", .metrics = {"val_accuracy"}, .traits = {"simulated time"}};
};

struct Plan {
  std::string schedule = "full", stop_rule;
  std::int64_t trials = 12, workers = 1, epochs = 4;
  double max_seconds = std::numeric_limits<double>::infinity();
};

std::vector<SimulatedTrial> simulated(const Plan& plan) {
  const auto make = [](std::int64_t number, std::int64_t) {
    return make_strategy("random", {.tree = space().decisions(), .goal = {}, .seed = Seed(3).derive("s", static_cast<std::uint64_t>(number))});
  };
  const auto scheduler =
      make_scheduler(plan.schedule, {.tree = space().decisions(), .make_strategy = make, .options = {{"maximum", std::to_string(plan.epochs)}}});
  const auto rule = plan.stop_rule.empty() ? nullptr : make_stop_rule(plan.stop_rule, {});
  Clocked evaluator;
  return simulate({.scheduler = *scheduler,
                   .evaluator = evaluator,
                   .stop_rule = rule.get(),
                   .trials = plan.trials,
                   .max_seconds = plan.max_seconds,
                   .workers = plan.workers});
}

TEST(Simulation, NeverLooksAtTheTestPart) {
  const auto scheduler = make_scheduler("full", {.tree = space().decisions(), .make_strategy = [](std::int64_t, std::int64_t) {
    return make_strategy("random", {.tree = space().decisions(), .goal = {}, .seed = Seed(1), .options = {}});
  }});
  Clocked evaluator;
  EXPECT_THROW(simulate({.scheduler = *scheduler, .evaluator = evaluator, .goal = {.objectives = {{.metric = "test_accuracy"}}}}), UsageError);
  EXPECT_THROW(simulate({.scheduler = *scheduler, .evaluator = evaluator, .goal = {.constraints = {{.metric = "test_loss"}}}}), UsageError);
}

TEST(Simulation, OneWorkerAddsUp) {
  double clock = 0;
  for (const SimulatedTrial& trial : simulated({})) {
    EXPECT_DOUBLE_EQ(trial.start_seconds, clock);
    clock += trial.outcome.seconds;
    EXPECT_DOUBLE_EQ(trial.end_seconds, clock);
  }
  EXPECT_DOUBLE_EQ(clock, 6 * 40 + 6 * 4);
}

TEST(Simulation, AFreeWorkerDoesNotWaitForASlowOne) {
  const auto trials = simulated({.trials = 12, .workers = 2});
  for (const SimulatedTrial& trial : trials) {
    const auto at_once = std::ranges::count_if(trials, [&](const SimulatedTrial& other) {
      return other.start_seconds <= trial.start_seconds && trial.start_seconds < other.end_seconds;
    });
    EXPECT_LE(at_once, 2);
  }
  // 0 (40 s) and 1 (4 s) start together, then 2 at 4 s, 3 at 40 s, 4 and so on: the two never idle before the last trials.
  EXPECT_EQ(trials[0].number, 1);
  EXPECT_EQ(trials[1].number, 0);
  EXPECT_TRUE(std::ranges::is_sorted(trials, {}, &SimulatedTrial::end_seconds));
  EXPECT_LT(trials.back().end_seconds, 264 / 2.0 + 40);
}

TEST(Simulation, WhatEndsTooLateIsCutOff) {
  const auto trials = simulated({.trials = 100, .max_seconds = 90});
  EXPECT_EQ(trials.size(), 4u);  // 40, 44, 84, 88 seconds; the fifth would end at 128
  EXPECT_LE(trials.back().end_seconds, 90);
}

TEST(Simulation, PromotionsPayTheDifferenceAlone) {
  for (const std::string schedule : {"hyperband", "asha", "halving", "bohb"}) {
    const auto trials = simulated({.schedule = schedule, .trials = 40, .workers = 3, .epochs = 9});
    std::int64_t promoted = 0;
    for (const SimulatedTrial& trial : trials) {
      promoted += trial.job.continues >= 0 ? 1 : 0;
      const double pace = trial.number % 2 == 0 ? 10 : 1;
      EXPECT_DOUBLE_EQ(trial.outcome.seconds, pace * static_cast<double>(trial.job.epochs - trial.job.from_epochs));
    }
    EXPECT_GT(promoted, 0) << schedule;
  }
}

TEST(Simulation, StoppedTrialsCostLess) {
  const auto all = simulated({.trials = 60, .epochs = 20}), some = simulated({.stop_rule = "median", .trials = 60, .epochs = 20});
  const auto stopped = std::ranges::count_if(some, [](const SimulatedTrial& t) { return t.outcome.status == Status::stopped; });
  EXPECT_GT(stopped, 5);
  EXPECT_LT(some.back().end_seconds, all.back().end_seconds);
}

TEST(Simulation, IsTheSameAgain) {
  for (const std::int64_t workers : {1, 5}) {
    const Plan plan{.schedule = "asha", .stop_rule = "percentile", .trials = 80, .workers = workers, .epochs = 27};
    const auto once = simulated(plan), again = simulated(plan);
    ASSERT_EQ(once.size(), again.size());
    for (std::size_t i = 0; i < once.size(); ++i) {
      EXPECT_EQ(once[i].job.architecture, again[i].job.architecture);
      EXPECT_EQ(once[i].end_seconds, again[i].end_seconds);
    }
  }
}

}  // namespace
}  // namespace netwright
