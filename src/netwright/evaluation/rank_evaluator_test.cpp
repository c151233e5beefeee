#include "netwright/evaluation/rank_evaluator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

std::unique_ptr<Evaluator> ranks(Options options) {
  return make_evaluator(with_ranks(torch_free_evaluators()), "ranks", {.space = find_space("nasbench201"), .network = {}, .options = std::move(options)});
}

// The shipped table's validation accuracy, and two of its zero-cost scores.
Options tabular() {
  return {{"of", "tabular"}, {"metrics", "val_accuracy = c10_val12 * 0.01, naswot = c10_naswot, logsynflow = c10_logsynflow"}, {"scores", "naswot, logsynflow"}};
}

std::string message_of(Options options) {
  try {
    ranks(std::move(options));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Ranks, StandBesideTheScores) {
  const auto space = find_space("nasbench201");
  const auto evaluator = ranks(tabular());
  EXPECT_TRUE(std::ranges::find(evaluator->info().traits, "simulated time") != evaluator->info().traits.end());
  Rng rng = Seed(3).rng();
  std::vector<double> votes, log_ranks, naswot, accuracy;
  for (int i = 0; i < 300; ++i) {
    const Outcome outcome = evaluator->evaluate({.architecture = sample(space->decisions(), rng)}, {}, {});
    ASSERT_EQ(outcome.status, Status::done);
    votes.push_back(outcome.metrics.at("vote")), log_ranks.push_back(outcome.metrics.at("log_rank"));
    naswot.push_back(outcome.metrics.at("naswot")), accuracy.push_back(outcome.metrics.at("val_accuracy"));
    EXPECT_LE(std::abs(votes.back()), 1);
    EXPECT_LE(log_ranks.back(), 1);
  }
  EXPECT_GT(spearman_rho(votes, naswot), 0.7);
  EXPECT_GT(spearman_rho(log_ranks, accuracy), 0.45);
}

// A candidate's ranks do not depend on which candidates came before it.
TEST(Ranks, DoNotDependOnTheOrder) {
  const auto space = find_space("nasbench201");
  const auto one = ranks(tabular()), other = ranks(tabular());
  Rng rng = Seed(4).rng();
  std::vector<Candidate> candidates;
  for (int i = 0; i < 20; ++i) candidates.push_back({.trial = i, .architecture = sample(space->decisions(), rng)});
  std::vector<Metrics> forward, backward;
  for (const Candidate& candidate : candidates) forward.push_back(one->evaluate(candidate, {}, {}).metrics);
  for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) backward.push_back(other->evaluate(*candidate, {}, {}).metrics);
  for (std::size_t i = 0; i < forward.size(); ++i) EXPECT_EQ(forward[i], backward[backward.size() - 1 - i]);
  Options elsewhere = tabular();
  elsewhere["pool_seed"] = "1";
  EXPECT_NE(ranks(elsewhere)->evaluate(candidates[0], {}, {}).metrics.at("log_rank"), forward[0].at("log_rank"));
}

// Turned around, the best becomes the worst.
TEST(Ranks, ADirectionTurnsAScore) {
  const auto space = find_space("nasbench201");
  Options up = tabular(), down = tabular();
  up["scores"] = "naswot", down["scores"] = "minimise naswot";
  const auto a = ranks(up), b = ranks(down);
  Rng rng = Seed(5).rng();
  for (int i = 0; i < 20; ++i) {
    const Candidate candidate{.architecture = sample(space->decisions(), rng)};
    EXPECT_EQ(a->evaluate(candidate, {}, {}).metrics.at("vote"), -b->evaluate(candidate, {}, {}).metrics.at("vote"));
  }
}

TEST(Ranks, RefuseWhatCannotBe) {
  const auto with = [](const std::string& name, const std::string& value) {
    Options options = tabular();
    options[name] = value;
    return message_of(options);
  };
  EXPECT_NE(with("scores", "").find("name the metrics of evaluator tabular"), std::string::npos);
  EXPECT_NE(with("scores", "naswott").find("has no metric 'naswott'; did you mean 'naswot'?"), std::string::npos);
  EXPECT_NE(with("scores", "test_accuracy").find("of the test part"), std::string::npos);
  EXPECT_NE(with("scores", "naswot, logsynflow <= 3").find("has a bound"), std::string::npos);
  EXPECT_NE(with("pool", "1").find("'1' is not a whole number of at least 2"), std::string::npos);
  EXPECT_NE(with("fiel", "x").find("unknown option 'fiel'"), std::string::npos);
  EXPECT_NE(with("of", "tablar").find("did you mean 'tabular'?"), std::string::npos);
  EXPECT_NE(with("of", "ranks").find("unknown evaluator 'ranks'"), std::string::npos);
  EXPECT_EQ(judging(with_ranks(torch_free_evaluators()), "ranks", {.space = {}, .network = {}, .options = tabular()})->name, "tabular");
  EXPECT_EQ(judging(with_ranks(torch_free_evaluators()), "ranks", {.space = {}, .network = {}}), nullptr);  // of: score, which needs torch
}

}  // namespace
}  // namespace netwright
