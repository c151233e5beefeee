#include "netwright/evaluation/timed_evaluator.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

// A clock that tells how it was asked: a thousandth of the parameters, the batch and the runs in the digits behind.
double told(const Graph& closed, const TimingOptions& options) {
  return static_cast<double>(cost(closed).params) + 0.01 * static_cast<double>(options.batch) + 0.0001 * static_cast<double>(options.runs);
}

EvaluatorCase case_of(Options options) { return {.space = find_space("nasbench201"), .network = {}, .options = std::move(options)}; }

std::string message_of(Options options) {
  try {
    make_evaluator(with_timing(torch_free_evaluators(), told), "timed", case_of(std::move(options)));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Timed, StandsBesideTheMetricsOfTheOther) {
  const auto evaluator = make_evaluator(with_timing(torch_free_evaluators(), told), "timed", case_of({{"batch", "8"}, {"runs", "5"}}));
  Rng rng = Seed(3).rng();
  const auto space = find_space("nasbench201");
  for (int i = 0; i < 10; ++i) {
    const Outcome outcome = evaluator->evaluate({.architecture = sample(space->decisions(), rng)}, {}, {});
    ASSERT_EQ(outcome.status, Status::done);
    EXPECT_NEAR(outcome.metrics.at("latency_ms"), outcome.metrics.at("params") + 0.0805, 1e-9);
  }
  EXPECT_EQ(std::ranges::count(evaluator->info().traits, "deterministic"), 0);
  EXPECT_EQ(std::ranges::count(evaluator->info().metrics, "macs"), 1);
}

TEST(Timed, OptionsOfTheOtherReachIt) {
  const Options tabular{{"of", "tabular"}, {"metrics", "val_accuracy = c10_val12 * 0.01"}};
  const auto evaluator = make_evaluator(with_timing(torch_free_evaluators(), told), "timed", case_of(tabular));
  const auto space = find_space("nasbench201");
  Rng rng = Seed(3).rng();
  EXPECT_GT(evaluator->evaluate({.architecture = sample(space->decisions(), rng)}, {}, {}).metrics.at("val_accuracy"), 0.05);
}

TEST(Timed, ANetworkThatCannotBeBuiltIsAnOutcome) {
  const auto refuses = [](const Graph&, const TimingOptions&) -> double { throw UsageError("no such network"); };
  const auto evaluator = make_evaluator(with_timing(torch_free_evaluators(), refuses), "timed", case_of({}));
  Rng rng = Seed(3).rng();
  const Outcome outcome = evaluator->evaluate({.architecture = sample(find_space("nasbench201")->decisions(), rng)}, {}, {});
  EXPECT_EQ(outcome.status, Status::failed);
  EXPECT_EQ(outcome.reason, "no such network");
}

TEST(Timed, BadOptionsAreOneLine) {
  EXPECT_EQ(message_of({{"runs", "0"}}), "evaluator timed, option runs: '0' is not a whole number from 1 to a million");
  EXPECT_EQ(message_of({{"batch", "1.5"}}), "evaluator timed, option batch: '1.5' is not a whole number from 1 to a million");
  EXPECT_NE(message_of({{"of", "cots"}}).find("did you mean 'cost'"), std::string::npos);
  EXPECT_NE(message_of({{"metrcs", "x"}}).find("metrcs"), std::string::npos);
  EXPECT_EQ(find_evaluator(with_timing(torch_free_evaluators()), "timed").make, nullptr);
}

}  // namespace
}  // namespace netwright
