// What every strategy of the registry holds to, on a table's space, a space of two cells, and a tree with nested conditions.
#include "netwright/strategy/strategy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/grid.hpp"

namespace netwright {
namespace {

DecisionTree nested_tree() {
  return DecisionTree({
      {.name = "stem", .choices = {"none", "conv", "deep"}, .search_only = {true, false, false}},
      {.name = "kernel", .kind = Kind::ordinal, .choices = {"3", "5", "7"}, .condition = Condition{0, {1, 2}}},
      {.name = "blocks", .kind = Kind::k_of_n, .choices = {"a", "b", "c", "d"}, .minimum = 1, .maximum = 3},
      {.name = "width_of_b", .kind = Kind::ordinal, .choices = {"16", "32"}, .condition = Condition{2, {1}}},
      {.name = "depth", .kind = Kind::ordinal, .choices = {"1", "2"}, .condition = Condition{0, {2}}},
      {.name = "last", .choices = {"x", "y", "z"}, .condition = Condition{4, {1}}},
  });
}

DecisionTree tree_named(const std::string& name) {
  if (name == "nested") return nested_tree();
  return find_space(name == "yaml" ? NETWRIGHT_SOURCE_DIR "/spaces/small.yaml" : name)->decisions();
}

// A deterministic landscape without structure, and trials that fail.
struct World {
  DecisionTree tree;
  std::function<bool(std::int64_t)> fails = [](std::int64_t) { return false; };

  Told judge(std::int64_t trial, const Architecture& architecture) const {
    if (fails(trial)) return {.trial = trial, .architecture = architecture, .failed = true};
    return {.trial = trial, .architecture = architecture, .metrics = {{"val_accuracy", static_cast<double>(hash(architecture) % 997) / 997}}};
  }
};

// Ask k is made when trials 0..k-window have been told. Stops where the strategy has no more.
std::vector<Told> drive(Strategy& strategy, const World& world, std::int64_t asks, std::int64_t window = 1) {
  std::vector<Told> trials;
  std::int64_t told = 0;
  for (std::int64_t k = 0; k < asks; ++k) {
    for (; told <= k - window; ++told) strategy.tell(trials[static_cast<std::size_t>(told)]);
    const std::optional<Architecture> asked = strategy.ask();
    if (!asked) break;
    trials.push_back(world.judge(k, *asked));
  }
  return trials;
}

std::vector<Architecture> architectures(const std::vector<Told>& trials) {
  std::vector<Architecture> result;
  for (const Told& trial : trials) result.push_back(trial.architecture);
  return result;
}

class EveryStrategy : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  World world{.tree = tree_named(std::get<1>(GetParam()))};
  const StrategyEntry& entry() const { return *std::ranges::find(strategies(), std::get<0>(GetParam()), &StrategyEntry::name); }
  bool has(const std::string& trait) const { return std::ranges::find(entry().traits, trait) != entry().traits.end(); }
  // Those with a model think longer before they ask.
  std::int64_t asks(std::int64_t count) const { return has("model") ? count / 6 : count; }
  std::unique_ptr<Strategy> make(std::uint64_t seed) {
    return make_strategy(entry().name, {.tree = world.tree, .goal = {}, .seed = Seed(seed), .options = {}});
  }
};

TEST_P(EveryStrategy, ProposesValidArchitectures) {
  const auto trials = drive(*make(1), world, asks(200));
  ASSERT_FALSE(trials.empty());
  for (const Told& trial : trials) {
    EXPECT_NO_THROW(validate(world.tree, trial.architecture));
    EXPECT_EQ(trial.architecture, normalised(world.tree, trial.architecture));
  }
}

TEST_P(EveryStrategy, RepeatsOnlyWhereItSaysSo) {
  if (has("may repeat")) return;
  for (const std::int64_t window : {1, 2, 8}) {
    const auto asked = architectures(drive(*make(5), world, asks(300), window));
    EXPECT_EQ(std::set<Architecture>(asked.begin(), asked.end()).size(), asked.size());
    // Where nothing is left, nothing is asked, and every one was.
    if (static_cast<std::int64_t>(asked.size()) < asks(300)) EXPECT_EQ(static_cast<double>(asked.size()), approximate_size(world.tree));
  }
}

TEST_P(EveryStrategy, SameSeedAndTellsGiveTheSameAsks) {
  for (const std::int64_t window : {1, 4, 300}) {
    EXPECT_EQ(architectures(drive(*make(7), world, asks(150), window)), architectures(drive(*make(7), world, asks(150), window)));
  }
}

TEST_P(EveryStrategy, SurvivesFailures) {
  world.fails = [](std::int64_t trial) { return trial % 3 != 0; };
  const auto some = drive(*make(2), world, asks(200));
  world.fails = [](std::int64_t) { return true; };
  const auto none = drive(*make(2), world, asks(200));
  for (const auto& trials : {some, none}) {
    ASSERT_FALSE(trials.empty());
    for (const Told& trial : trials) EXPECT_NO_THROW(validate(world.tree, trial.architecture));
  }
}

TEST_P(EveryStrategy, SurvivesMetricsThatAreMissingOrNaN) {
  const auto strategy = make(3);
  for (std::int64_t trial = 0; trial < (has("policy") ? asks(240) : 120); ++trial) {
    const auto asked = strategy->ask();
    if (!asked) break;
    EXPECT_NO_THROW(validate(world.tree, *asked));
    const Metrics metrics = trial % 2 ? Metrics{{"val_accuracy", std::nan("")}} : Metrics{};
    strategy->tell({.trial = trial, .architecture = *asked, .metrics = metrics});
  }
}

TEST_P(EveryStrategy, ReplayGoesOnAsTheLiveRunWould) {
  for (const std::int64_t window : {1, 3}) {
    const auto live = drive(*make(11), world, asks(120), window);
    const auto resumed = make(11);
    const auto replayed = drive(*resumed, world, std::min<std::int64_t>(asks(80), static_cast<std::int64_t>(live.size())), window);
    for (std::size_t i = 0; i < replayed.size(); ++i) ASSERT_EQ(replayed[i].architecture, live[i].architecture);
    std::int64_t told = std::max<std::int64_t>(0, static_cast<std::int64_t>(replayed.size()) - window);
    for (std::size_t k = replayed.size(); k < live.size(); ++k) {
      for (; told <= static_cast<std::int64_t>(k) - window; ++told) resumed->tell(live[static_cast<std::size_t>(told)]);
      ASSERT_EQ(resumed->ask(), live[k].architecture);
    }
  }
}

TEST_P(EveryStrategy, TakesAsksAndTellsInAnyInterleaving) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Rng rng(seed);
    const auto strategy = make(seed);
    std::vector<Told> open;
    for (std::int64_t trial = 0; trial < asks(150);) {
      if (open.empty() || rng.chance(0.55)) {
        const auto asked = strategy->ask();
        if (!asked) break;
        EXPECT_NO_THROW(validate(world.tree, *asked));
        open.push_back(world.judge(trial++, *asked));
      } else {
        std::swap(open[rng.below(open.size())], open.back());
        strategy->tell(open.back());
        open.pop_back();
      }
    }
  }
}

TEST_P(EveryStrategy, TakesSeveralObjectivesAndAConstraint) {
  const Goal goal{.objectives = {{"val_accuracy", Direction::maximise}, {"params", Direction::minimise}},
                  .constraints = {{.metric = "params", .at_most = 500}}};
  const auto run = [&] {
    const auto strategy = make_strategy(entry().name, {.tree = world.tree, .goal = goal, .seed = Seed(4), .options = {}});
    std::vector<Told> trials;
    for (std::int64_t trial = 0; trial < asks(150); ++trial) {
      const auto asked = strategy->ask();
      if (!asked) break;
      EXPECT_NO_THROW(validate(world.tree, *asked));
      trials.push_back(world.judge(trial, *asked));
      // Some miss the constraint, some have no number for the second objective.
      if (trial % 10 != 9) trials.back().metrics["params"] = static_cast<double>(mix(hash(*asked), 1) % 997);
      strategy->tell(trials.back());
    }
    return architectures(trials);
  };
  EXPECT_EQ(run(), run());
}

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const StrategyEntry& entry : strategies()) result.push_back(entry.name);
  return result;
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryStrategy,
                         testing::Combine(testing::ValuesIn(names()),
                                          testing::Values("nasbench201", "nasbench101", "darts", "minimal2", "nested", "yaml")),
                         [](const auto& info) { return std::get<0>(info.param) + "_on_" + std::get<1>(info.param); });

TEST(Registry, NamesTheNearestStrategyAndOption) {
  const DecisionTree tree = nested_tree();
  const auto message = [&](std::string_view name, decltype(StrategyCase::options) options) -> std::string {
    try {
      make_strategy(name, {.tree = tree, .goal = {}, .seed = Seed(0), .options = std::move(options)});
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message("evolutoin", {}), "unknown strategy 'evolutoin'; did you mean 'evolution'?");
  EXPECT_EQ(message("evolution", {{"popluation", "5"}}), "strategy evolution: unknown option 'popluation'; did you mean 'population'?");
  EXPECT_EQ(message("evolution", {{"population", "0"}}), "strategy option population: '0' is not a whole number of at least 1");
  EXPECT_EQ(message("evolution", {{"sample", "5.5"}}), "strategy option sample: '5.5' is not a whole number of at least 1");
  EXPECT_EQ(message("evolution", {{"identity", "2"}}), "strategy option identity: '2' is not a number from 0 to 1");
  EXPECT_EQ(message("evolution", {{"removal", "oldes"}}),
            "strategy option removal: 'oldes' is not one of oldest, worst, worst_drawn; did you mean 'oldest'?");
  EXPECT_EQ(message("random", {{"replacement", "yes"}}), "strategy option replacement: 'yes' is not true or false");
  EXPECT_EQ(message("grid", {{"step", "2"}}), "strategy grid: unknown option 'step'; it has no options");
}

std::vector<Architecture> all_of(const DecisionTree& tree) {
  std::vector<Architecture> all;
  enumerate(tree, [&](const Architecture& architecture) {
    all.push_back(architecture);
    return true;
  });
  return all;
}

class Exhaustion : public testing::TestWithParam<std::string> {};

TEST_P(Exhaustion, GridAsksEveryArchitectureOnceInTreeOrder) {
  const World world{.tree = tree_named(GetParam())};
  const auto grid = make_strategy("grid", {.tree = world.tree, .goal = {}, .seed = Seed(0), .options = {}});
  EXPECT_EQ(architectures(drive(*grid, world, std::numeric_limits<int>::max())), all_of(world.tree));
}

TEST_P(Exhaustion, RandomWithoutReplacementAsksEveryArchitectureOnceThenNothing) {
  const World world{.tree = tree_named(GetParam())};
  const auto random = make_strategy("random", {.tree = world.tree, .goal = {}, .seed = Seed(5), .options = {}});
  std::vector<Architecture> asked = architectures(drive(*random, world, std::numeric_limits<int>::max()));
  std::vector<Architecture> all = all_of(world.tree);
  EXPECT_NE(asked, all);
  std::ranges::sort(asked);
  std::ranges::sort(all);
  EXPECT_EQ(asked, all);
  EXPECT_EQ(random->ask(), std::nullopt);
}

TEST_P(Exhaustion, RandomWithReplacementRepeats) {
  const World world{.tree = tree_named(GetParam())};
  const auto random = make_strategy("random", {.tree = world.tree, .goal = {}, .seed = Seed(5), .options = {{"replacement", "true"}}});
  const auto asked = architectures(drive(*random, world, 2000));
  EXPECT_EQ(asked.size(), 2000u);
  EXPECT_LT(std::set<Architecture>(asked.begin(), asked.end()).size(), 2000u);
}

INSTANTIATE_TEST_SUITE_P(Spaces, Exhaustion, testing::Values("nasbench201", "minimal2", "nested"), [](const auto& info) { return info.param; });

TEST(Trees, ATreeWithoutDecisionsHasOneArchitecture) {
  const World world{.tree = DecisionTree(std::vector<Decision>{})};
  for (const std::string& name : names()) {
    const auto strategy = make_strategy(name, {.tree = world.tree, .goal = {}, .seed = Seed(0), .options = {}});
    EXPECT_EQ(strategy->ask(), Architecture{}) << name;
  }
}

}  // namespace
}  // namespace netwright
