#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/fidelity/asha.hpp"
#include "netwright/fidelity/brackets.hpp"
#include "netwright/fidelity/scheduler.hpp"
#include "netwright/fidelity/stop_rule.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Rungs = std::vector<Rung>;
using Options = std::map<std::string, std::string, std::less<>>;

// Li et al. 2018, table 1: R = 81, eta = 3.
TEST(Brackets, HyperbandIsThePublishedTable) {
  const auto brackets = hyperband_brackets({.minimum = 1, .maximum = 81, .eta = 3});
  ASSERT_EQ(brackets.size(), 5u);
  EXPECT_EQ(brackets[0].rungs, (Rungs{{81, 1}, {27, 3}, {9, 9}, {3, 27}, {1, 81}}));
  EXPECT_EQ(brackets[1].rungs, (Rungs{{34, 3}, {11, 9}, {3, 27}, {1, 81}}));
  EXPECT_EQ(brackets[4].rungs, (Rungs{{5, 81}}));
}

TEST(Brackets, PowersOfEtaGiveExactRungCounts) {
  for (const double eta : {2.0, 3.0, 4.0, 10.0})
    for (std::int64_t s = 0; s < 12; ++s)
      EXPECT_EQ(rungs_above_first({.minimum = 1, .maximum = std::pow(eta, static_cast<double>(s)), .eta = eta}), s);
  EXPECT_EQ(rungs_above_first({.minimum = 4, .maximum = 108, .eta = 3}), 3);
  EXPECT_THROW(rungs_above_first({.minimum = 10, .maximum = 5}), UsageError);
  EXPECT_THROW(rungs_above_first({.eta = 1}), UsageError);
}

TEST(Brackets, HalvingEndsWhereNobodyIsLeft) {
  EXPECT_EQ(halving_bracket(27, {.minimum = 1, .maximum = 27}).rungs, (Rungs{{27, 1}, {9, 3}, {3, 9}, {1, 27}}));
  EXPECT_EQ(halving_bracket(4, {.minimum = 1, .maximum = 27}).rungs, (Rungs{{4, 1}, {1, 3}}));
}

DecisionTree bits(int count) {
  std::vector<Decision> decisions;
  for (int i = 0; i < count; ++i) decisions.push_back({.name = "b" + std::to_string(i), .choices = {"0", "1"}});
  return DecisionTree(decisions);
}

// The share of ones, clearer with every epoch.
double accuracy(const Architecture& architecture, std::int64_t epochs) {
  double ones = 0;
  for (const std::int64_t pick : architecture.picks) ones += static_cast<double>(pick);
  return ones / static_cast<double>(architecture.picks.size()) * (1 - 0.5 / static_cast<double>(epochs + 1));
}

struct Bench {
  DecisionTree tree = bits(10);
  std::unique_ptr<Scheduler> make(const std::string& name, const std::string& strategy, std::map<std::string, std::string, std::less<>> options,
                                  Goal goal = {}) const {
    return make_scheduler(name, {.tree = tree,
                                 .make_strategy =
                                     [this, strategy, goal](std::int64_t number, std::int64_t) {
                                       const Seed seed = Seed(5).derive("strategy", static_cast<std::uint64_t>(number));
                                       return make_strategy(strategy, {.tree = tree, .goal = goal, .seed = seed});
                                     },
                                 .goal = goal,
                                 .seed = Seed(5),
                                 .options = std::move(options)});
  }
};

struct Done {
  Job job;
  Metrics metrics;
  bool failed = false;
};

// `lag` jobs are outstanding at a time; job `unlucky` fails.
std::vector<Done> run(Scheduler& scheduler, std::size_t count, std::size_t lag = 1, std::size_t unlucky = 1u << 30) {
  std::vector<Done> done;
  std::size_t told = 0;
  const auto tell = [&] {
    scheduler.tell({.trial = static_cast<std::int64_t>(told),
                    .architecture = done[told].job.architecture,
                    .metrics = done[told].metrics,
                    .failed = done[told].failed});
    ++told;
  };
  while (done.size() < count) {
    while (done.size() - told >= lag) tell();
    Turn turn = scheduler.ask();
    if (turn.next == Next::exhausted) break;
    if (turn.next == Next::wait) {
      EXPECT_LT(told, done.size()) << "waits for nothing";
      if (told == done.size()) break;
      tell();
      continue;
    }
    const bool failed = done.size() == unlucky;
    const Metrics metrics = failed ? Metrics{} : Metrics{{"val_accuracy", accuracy(turn.job.architecture, turn.job.epochs)}, {"params", 1.0}};
    done.push_back({std::move(turn.job), metrics, failed});
  }
  return done;
}

TEST(Schedulers, HyperbandIssuesItsBracketsRungByRung) {
  const Bench bench;
  const auto scheduler = bench.make("hyperband", "random", {{"maximum", "9"}});
  const auto done = run(*scheduler, 9 + 3 + 1 + 5 + 1 + 3);
  std::map<std::pair<std::size_t, std::int64_t>, int> seen;
  std::size_t bracket = 0;
  for (std::size_t i = 0; i < done.size(); ++i) {
    if (i > 0 && done[i].job.continues < 0 && done[i - 1].job.epochs == 9 && done[i].job.epochs != done[i - 1].job.epochs) ++bracket;
    ++seen[{bracket, done[i].job.epochs}];
  }
  const std::map<std::pair<std::size_t, std::int64_t>, int> expected{{{0, 1}, 9}, {{0, 3}, 3}, {{0, 9}, 1}, {{1, 3}, 5}, {{1, 9}, 4}};
  EXPECT_EQ(seen, expected);  // the last bracket's three at 9 stand behind the second's one
}

TEST(Schedulers, APromotedJobGoesOnFromItsOwnState) {
  const Bench bench;
  for (const std::string name : {"halving", "hyperband", "bohb", "asha"}) {
    const auto scheduler = bench.make(name, "random", {{"maximum", "27"}});
    const auto done = run(*scheduler, 120);
    std::set<std::int64_t> promoted;
    for (const Done& d : done) {
      if (d.job.continues < 0) {
        EXPECT_EQ(d.job.from_epochs, 0);
        continue;
      }
      const Job& before = done.at(static_cast<std::size_t>(d.job.continues)).job;
      EXPECT_EQ(before.architecture, d.job.architecture);
      EXPECT_EQ(before.epochs, d.job.from_epochs);
      EXPECT_LT(before.epochs, d.job.epochs);
      EXPECT_TRUE(promoted.insert(d.job.continues).second) << "promoted twice";
    }
    EXPECT_FALSE(promoted.empty()) << name;
  }
}

// Every scheduler over every strategy, one objective and two: no crash, no waiting for nothing, the same again, failures survived.
TEST(Schedulers, GoTogetherWithEveryStrategy) {
  const Bench bench;
  const Goal two{.objectives = {{}, {.metric = "params", .direction = Direction::minimise}}};
  for (const SchedulerEntry& entry : schedulers()) {
    for (const StrategyEntry& strategy : strategies()) {
      for (const Goal& goal : {Goal{}, two}) {
        const Options options = entry.name == "full" ? Options{} : Options{{"maximum", "9"}};
        const auto once = run(*bench.make(entry.name, strategy.name, options, goal), 60, 4, 7);
        const auto again = run(*bench.make(entry.name, strategy.name, options, goal), 60, 4, 7);
        ASSERT_EQ(once.size(), again.size()) << entry.name << " " << strategy.name;
        for (std::size_t i = 0; i < once.size(); ++i) {
          validate(bench.tree, once[i].job.architecture);
          EXPECT_EQ(once[i].job.architecture, again[i].job.architecture);
          EXPECT_EQ(once[i].job.epochs, again[i].job.epochs);
          EXPECT_NE(once[i].job.continues, 7) << "a failed job was promoted";
        }
      }
    }
  }
}

TEST(Schedulers, AshaNeverWaitsWhileTheStrategyAsks) {
  const Bench bench;
  const auto scheduler = bench.make("asha", "random", {{"maximum", "27"}});
  for (int i = 0; i < 200; ++i) EXPECT_EQ(scheduler->ask().next, Next::job);  // nothing is ever told
}

TEST(Schedulers, AGridThatIsThroughEndsThem) {
  const Bench bench{.tree = bits(3)};
  for (const std::string name : {"halving", "hyperband", "asha"}) {
    const auto done = run(*bench.make(name, "grid", {{"maximum", "9"}}), 1000, 3);
    const auto fresh = std::count_if(done.begin(), done.end(), [](const Done& d) { return d.job.continues < 0; });
    EXPECT_EQ(fresh, 8) << name;
  }
}

TEST(Schedulers, BohbAsksTheModelOfTheLargestBudgetWithEnough) {
  // A strategy whose asks say which budget it models: all zeros but bit b where it was made for 3^b epochs.
  struct Speaker : Strategy {
    std::int64_t number;
    explicit Speaker(std::int64_t n) : number(n) {}
    std::optional<Architecture> ask() override {
      Architecture architecture{std::vector<std::int64_t>(10, 0)};
      for (int b = 0; b < 10; ++b) architecture.picks[static_cast<std::size_t>(b)] = number == std::llround(std::pow(3, b)) ? 1 : 0;
      return architecture;
    }
    void tell(const Told&) override {}
  };
  const DecisionTree tree = bits(10);
  const auto scheduler = make_scheduler("bohb", {.tree = tree,
                                                 .make_strategy = [](std::int64_t n, std::int64_t) { return std::make_unique<Speaker>(n); },
                                                 .options = {{"maximum", "9"}, {"random", "0"}, {"enough", "3"}}});
  const auto done = run(*scheduler, 9 + 3 + 1 + 2);
  EXPECT_EQ(done[3].job.architecture.picks[0], 1);   // three at one epoch: its model is asked
  EXPECT_EQ(done[13].job.architecture.picks[1], 1);  // three at three epochs: the larger budget's
}

// Each budget's model begins where it has enough, and a warm start comes before all models, once.
TEST(Schedulers, BohbsModelsStartWhereTheyAreAskedAndAWarmStartComesFirst) {
  const DecisionTree tree = bits(10);
  std::vector<std::int64_t> starts;
  const auto make = [&](std::int64_t number, std::int64_t start) {
    starts.push_back(start);
    return make_strategy("random", {.tree = tree, .goal = {}, .seed = Seed(static_cast<std::uint64_t>(number))});
  };
  std::vector<Architecture> first;
  for (std::size_t i = 0; i < 3; ++i) {
    first.push_back({std::vector<std::int64_t>(10, 0)});
    first.back().picks[i] = 1;
  }
  for (const std::string name : {"bohb", "hyperband", "halving", "asha", "full"}) {
    starts.clear();
    const auto scheduler = make_scheduler(name, {.tree = tree, .make_strategy = make, .options = {{"maximum", "9"}}, .first = first});
    const auto done = run(*scheduler, 30);
    std::size_t asked = 0;
    for (const Done& d : done) {
      if (d.job.continues >= 0) continue;
      if (asked < first.size()) EXPECT_EQ(d.job.architecture, first[asked]) << name;
      ++asked;
    }
    EXPECT_GT(asked, first.size()) << name;
    for (const std::int64_t start : starts) EXPECT_EQ(start, name == "bohb" ? 11 : 0) << name;  // ten decisions and one
  }
}

TEST(Schedulers, SeveralObjectivesPromoteTheFront) {
  AshaRungs rungs({.objectives = {{}, {.metric = "params", .direction = Direction::minimise}}}, 2, 2);
  rungs.finish(0, {.number = 0, .metrics = {{"val_accuracy", 0.9}, {"params", 9}}});
  rungs.finish(0, {.number = 1, .metrics = {{"val_accuracy", 0.8}, {"params", 9}}});  // beaten by 0
  rungs.finish(0, {.number = 2, .metrics = {{"val_accuracy", 0.5}, {"params", 1}}});
  rungs.finish(0, {.number = 3, .metrics = {{"val_accuracy", 0.4}, {"params", 2}}});  // beaten by 2
  EXPECT_EQ(rungs.promote()->number, 0);
  EXPECT_EQ(rungs.promote()->number, 2);
  EXPECT_FALSE(rungs.promote().has_value());
}

TEST(Schedulers, WrongWordsNameTheNearest) {
  const Bench bench;
  const auto message = [&](const std::string& name, std::map<std::string, std::string, std::less<>> options) -> std::string {
    try {
      bench.make(name, "random", std::move(options));
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message("hyperbnd", {}), "unknown fidelity schedule 'hyperbnd'; did you mean 'hyperband'?");
  EXPECT_EQ(message("asha", {{"maximun", "3"}}), "fidelity asha: unknown option 'maximun'; did you mean 'maximum'?");
  EXPECT_EQ(message("asha", {{"eta", "1"}}), "fidelity option eta: '1' is not a number of at least 1.01");
}

// ---- stop rules ----

Curve constant(double value, int epochs) {
  Curve curve;
  for (int i = 1; i <= epochs; ++i) curve.push_back({static_cast<double>(i), value});
  return curve;
}

TEST(StopRules, MedianAndPercentile) {
  std::vector<Curve> others;
  for (int i = 1; i <= 9; ++i) others.push_back(constant(0.1 * i, 10));
  const auto median = make_stop_rule("median", {});
  const auto percentile = make_stop_rule("percentile", {{"percent", "25"}});
  const Curve low = constant(0.45, 3), middle = constant(0.5, 3), high = constant(0.75, 3);
  EXPECT_TRUE(median->stops({.curve = low}, others));
  EXPECT_FALSE(median->stops({.curve = middle}, others));
  EXPECT_TRUE(percentile->stops({.curve = middle}, others));
  EXPECT_FALSE(percentile->stops({.curve = high}, others));
  EXPECT_FALSE(median->stops({.curve = low}, std::span(others).first(4))) << "too few to compare with";
  EXPECT_FALSE(make_stop_rule("median", {{"warm_up", "3"}})->stops({.curve = low}, others));
}

TEST(StopRules, TopShareLooksAtRungsOnly) {
  std::vector<Curve> others(8, constant(0.9, 9));
  const auto rule = make_stop_rule("top_share", {{"minimum", "3"}});
  EXPECT_FALSE(rule->stops({.curve = constant(0.1, 2)}, others));
  EXPECT_TRUE(rule->stops({.curve = constant(0.1, 3)}, others));
  EXPECT_FALSE(rule->stops({.curve = constant(0.1, 4)}, others));
  EXPECT_FALSE(rule->stops({.curve = constant(0.95, 3)}, others));
  EXPECT_FALSE(rule->stops({.curve = constant(0.1, 3)}, {})) << "the first at a rung goes on";
}

}  // namespace
}  // namespace netwright
