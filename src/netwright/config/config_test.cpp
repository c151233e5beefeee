#include "netwright/config/config.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "netwright/config/sections.hpp"
#include "netwright/core/error.hpp"

namespace netwright {
namespace {

const std::string darts = R"(name: fashion
seed: 7
max_memory: 4GiB
data: {source: cifar10, train: 1.5k}
space: {name: darts, network: {channels: 16}}
objectives: [{metric: val_accuracy, direction: maximise}]
constraints:
  - {metric: latency_ms, at_most: 5us}
  - {metric: peak_bytes, at_most: 64MB}
  - {metric: params, at_least: 300k}
phases:
  - supernet: {epochs: 3}
  - derive
  - search: {strategy: {name: evolution, population: 20}, evaluator: command, time: 2h}
  - retrain: {best: 2, epochs: 4, learning_rate: 0.1}
)";

Config read(const std::string& text, const std::vector<std::string>& overrides = {}, const KnownNames& names = {}) {
  return read_config_text(text, "c.yaml", overrides, names);
}

std::string complaint(const std::string& text, const std::vector<std::string>& overrides = {}, const KnownNames& names = {}) {
  try {
    read(text, overrides, names);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Config, ReadsEverySection) {
  const Config c = read(darts);
  EXPECT_EQ(c.seed, 7u);
  EXPECT_EQ(c.max_memory_bytes, 4294967296.0);
  EXPECT_EQ(c.data.source, "cifar10");
  EXPECT_EQ(c.data.train, 1500);
  EXPECT_EQ(c.space.network.at("channels"), "16");
  ASSERT_EQ(c.goal.constraints.size(), 3u);
  EXPECT_NEAR(c.goal.constraints[0].at_most, 0.005, 1e-15);
  EXPECT_EQ(c.goal.constraints[1].at_most, 64e6);
  EXPECT_TRUE(c.goal.constraints[2].at_least);
  ASSERT_EQ(c.phases.size(), 4u);
  EXPECT_EQ(std::get<SupernetOptions>(c.phases[0].options).epochs, 3);
  const auto& search = std::get<SearchOptions>(c.phases[2].options);
  EXPECT_EQ(search.strategy, "evolution");
  EXPECT_EQ(search.strategy_options.at("population"), "20");
  EXPECT_EQ(search.max_seconds, 7200);
  EXPECT_EQ(std::get<RetrainOptions>(c.phases[3].options).training.epochs, 4);
}

TEST(Config, ResolvedFormReadsBackEqual) {
  const Config c = read(darts, {"data.path=/some where/\"x\"", "name=null", "phases.search.strategy.note=a: b #c"});
  const std::string once = resolved_yaml(c);
  const Config again = read(once);
  EXPECT_EQ(resolved_yaml(again), once);
  EXPECT_EQ(again.data.path, "/some where/\"x\"");
  EXPECT_EQ(std::get<SearchOptions>(again.phases[2].options).strategy_options, std::get<SearchOptions>(c.phases[2].options).strategy_options);
  EXPECT_EQ(again.goal.constraints[0].at_most, c.goal.constraints[0].at_most);
}

// What is not given must not come back as given and empty: an empty `open` closes all choices.
TEST(Config, ResolvedStagesStayWhatTheyAre) {
  const auto stages = [](const Config& c) { return std::get<SupernetOptions>(c.phases[0].options).stages; };
  const Config c = read(darts, {"phases.supernet.stages=[{epochs: 1, keep: 4}, {epochs: 1, open: {}}, {epochs: 2, open: {kernel: 2}}]"});
  const Config again = read(resolved_yaml(c));
  ASSERT_EQ(stages(again).size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(stages(again)[i].open, stages(c)[i].open) << i;
  EXPECT_FALSE(stages(again)[0].open.has_value());
  EXPECT_TRUE(stages(again)[1].open.has_value());
}

TEST(Config, ResolvedFormHoldsEveryKey) {
  const std::string text = resolved_yaml(read(commented_config()));
  for (const auto& field : training_fields()) EXPECT_NE(text.find("\n      " + field.name + ":"), std::string::npos) << field.name;
  for (const auto& field : data_fields_of({})) EXPECT_NE(text.find("\n  " + field.name + ":"), std::string::npos) << field.name;
}

TEST(Config, TextIsReadAndWrittenWithoutTheKeysOfImages) {
  const Config c = read("data: {source: text, path: a.txt, unit: char, sequence: 20, vocabulary: 1k}\nphases: [search]");
  EXPECT_EQ(c.data.unit, "char");
  EXPECT_EQ(c.data.sequence, 20);
  EXPECT_EQ(c.data.vocabulary, 1000);
  const std::string once = resolved_yaml(c);
  EXPECT_EQ(resolved_yaml(read(once)), once);
  for (const auto& field : data_fields_of(c.data)) EXPECT_NE(once.find("\n  " + field.name + ":"), std::string::npos) << field.name;
  for (const char* key : {"crop", "flip", "cutout", "size"}) EXPECT_EQ(once.find(key), std::string::npos) << key;
}

TEST(Config, CommentedExampleIsTheDefaults) {
  const Config c = read(commented_config());
  EXPECT_EQ(c.space.name, "space.yaml");
  ASSERT_EQ(c.phases.size(), 5u);
  EXPECT_EQ(std::get<SupernetOptions>(c.phases[0].options).epochs, SupernetOptions{}.epochs);
  EXPECT_NE(commented_config().find("# random horizontal flip"), std::string::npos);
}

TEST(Config, OverridesReachEveryPlace) {
  const Config c =
      read(darts, {"seed=9", "phases.0.supernet.epochs=5", "phases.retrain.best=3", "space.search.cells=4", "phases.derive.rule=strongest"});
  EXPECT_EQ(c.seed, 9u);
  EXPECT_EQ(std::get<SupernetOptions>(c.phases[0].options).epochs, 5);
  EXPECT_EQ(std::get<RetrainOptions>(c.phases[3].options).best, 3);
  EXPECT_EQ(c.space.search.at("cells"), "4");
  EXPECT_EQ(read("space: darts\nphases: [search]", {"space.network.channels=8"}).space.network.at("channels"), "8");
}

TEST(Config, FilesStandBesideTheConfig) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "config_files";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "c.yaml") << "space: mine.yaml\ndata: {path: images}\nphases: [search]\n";
  const Config c = read_config(folder / "c.yaml");
  EXPECT_EQ(c.space.name, (folder / "mine.yaml").string());
  EXPECT_EQ(c.data.path, (folder / "images").string());
}

TEST(Config, FilesOfASearchStandBesideTheConfig) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "config_search_files";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "c.yaml") << "space: darts\nphases:\n  - search: {strategy: {name: random, warm_start: first.txt}, "
                                      "evaluator: {name: any, file: a.nwt, table: b.nwt, state: states, run: ./train.sh}}\n";
  const Config c = read_config(folder / "c.yaml");
  const auto& search = std::get<SearchOptions>(c.phases[0].options);
  EXPECT_EQ(search.evaluator_options.at("file"), (folder / "a.nwt").string());
  EXPECT_EQ(search.evaluator_options.at("table"), (folder / "b.nwt").string());
  EXPECT_EQ(search.evaluator_options.at("state"), (folder / "states").string());
  EXPECT_EQ(search.evaluator_options.at("run"), "./train.sh");
  EXPECT_EQ(search.strategy_options.at("warm_start"), (folder / "first.txt").string());
}

TEST(Config, TrainingOptionsComeFromEvaluatorOptions) {
  const auto options = read_training({{"epochs", "3"}, {"optimiser", "adam"}}, {.batch = 32}, "evaluator train");
  EXPECT_EQ(options.epochs, 3);
  EXPECT_EQ(options.batch, 32);
  EXPECT_EQ(options.optimiser, "adam");
  EXPECT_THROW(read_training({{"epohcs", "3"}}, {}, "evaluator train"), UsageError);
}

struct Mistake {
  const char* text;
  std::vector<std::string> overrides;
  const char* complaint;
};

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreNamedWithTheirPlace) {
  KnownNames names{.spaces = {"darts", "nasbench201"},
                   .strategies = {{"random", {"distinct"}}, {"evolution", {"population", "sample"}}},
                   .evaluators = {{"train", {}}, {"tabular", {"metric"}}}};
  EXPECT_EQ(complaint(GetParam().text, GetParam().overrides, names), GetParam().complaint);
}

INSTANTIATE_TEST_SUITE_P(
    Config, Mistakes,
    testing::Values(
        Mistake{"phases:\n  - supernet:\n      epohcs: 3\n", {}, "c.yaml:3:7: unknown key 'epohcs' in phases[0].supernet; did you mean 'epochs'?"},
        Mistake{"sede: 3\nphases: [search]", {}, "c.yaml:1:1: unknown key 'sede'; did you mean 'seed'?"},
        Mistake{"seed: -1\nphases: [search]", {}, "c.yaml:1:7: seed must be a whole number from 0 to 18446744073709551615, not '-1'"},
        Mistake{"seed: 1\nseed: 2", {}, "c.yaml:2:1: key 'seed' is written twice"},
        Mistake{"phases:\n  - search: {trials: 0}", {}, "c.yaml:2:22: phases[0].search.trials must be a whole number >= 1, not '0'"},
        Mistake{"phases:\n  - search: {trials: many}", {}, "c.yaml:2:22: phases[0].search.trials must be a whole number >= 1, not 'many'"},
        Mistake{"phases:\n  - search: {trials: 2.5}", {}, "c.yaml:2:22: phases[0].search.trials must be a whole number >= 1, not '2.5'"},
        Mistake{"phases:\n  - search: {trials: [1]}", {}, "c.yaml:2:22: phases[0].search.trials must be a whole number >= 1, not a list"},
        Mistake{"phases:\n  - search: {time: 2 parsecs}",
                {},
                "c.yaml:2:20: phases[0].search.time must be a duration (as 90s, 10m or 2h) >= 0, not '2 parsecs'"},
        Mistake{"phases:\n  - supernet: {learning_rate: 0}", {}, "c.yaml:2:31: phases[0].supernet.learning_rate must be a number > 0, not '0'"},
        Mistake{"phases:\n  - supernet: {momentum: 1}", {}, "c.yaml:2:26: phases[0].supernet.momentum must be a number in [0, 1), not '1'"},
        Mistake{"phases:\n  - supernet: {learning_rate: nan}", {}, "c.yaml:2:31: phases[0].supernet.learning_rate must be a number > 0, not 'nan'"},
        Mistake{"phases:\n  - serach: {}", {}, "c.yaml:2:5: unknown phase 'serach' in phases[0]; did you mean 'search'?"},
        Mistake{"phases: [derive]", {}, "c.yaml:1:10: phases[0]: a derive phase needs a supernet phase before it"},
        Mistake{"phases: []", {}, "c.yaml:1:9: phases must be a list of phases (- KIND: {options}), not a list"},
        Mistake{"seed: 1", {}, "c.yaml: the config has no phases"}, Mistake{"", {}, "c.yaml: the config is empty"},
        Mistake{"device: gpu\nphases: [search]", {}, "c.yaml:1:9: device must be one of cpu, cuda, not 'gpu'; did you mean 'cpu'?"},
        Mistake{"data: {flip: maybe}\nphases: [search]", {}, "c.yaml:1:14: data.flip must be true or false, not 'maybe'"},
        Mistake{"data: {source: txt}\nphases: [search]", {}, "c.yaml:1:16: data.source must be one of fashion_mnist, cifar10, folder, text, not 'txt'; did you mean 'text'?"},
        Mistake{"data: {source: text, unit: words}\nphases: [search]", {}, "c.yaml:1:28: data.unit must be one of word, char, not 'words'; did you mean 'word'?"},
        Mistake{"data: {source: text, flip: true}\nphases: [search]", {}, "c.yaml:1:22: data.flip is about images; data.source is text"},
        Mistake{"data: {crop: 4}\nphases: [search]", {"data.source=text"}, "c.yaml:1:8: data.crop is about images; data.source is text"},
        Mistake{"data: {sequence: 4}\nphases: [search]", {}, "c.yaml:1:8: data.sequence is about text; data.source is fashion_mnist"},
        Mistake{"space: dart\nphases: [search]", {}, "c.yaml:1:8: unknown space 'dart'; did you mean 'darts'?"},
        Mistake{"phases: [search: {strategy: evolutoin}]", {}, "c.yaml:1:29: unknown strategy 'evolutoin'; did you mean 'evolution'?"},
        Mistake{"phases: [search: {strategy: {name: evolution, popluation: 3}}]",
                {},
                "c.yaml:1:47: unknown key 'popluation' in phases[0].search.strategy (evolution); did you mean 'population'?"},
        Mistake{"phases: [search: {evaluator: tablar}]", {}, "c.yaml:1:30: unknown evaluator 'tablar'; did you mean 'tabular'?"},
        Mistake{"constraints: [{metric: latency_ms, at_most: 5parsec}]\nphases: [search]",
                {},
                "c.yaml:1:45: constraints[0].at_most must be a duration (as 5ms; a bare number is milliseconds), not '5parsec'"},
        Mistake{"constraints: [{metric: params}]\nphases: [search]",
                {},
                "c.yaml:1:15: constraints[0] needs a metric and one bound: {metric: NAME, at_most: BOUND} or {metric: NAME, at_least: BOUND}"},
        Mistake{"phases:\n  - search: {constraints: [{metric: latency_ms, at_most: soon}]}",
                {},
                "c.yaml:2:58: phases[0].search.constraints[0].at_most must be a duration (as 5ms; a bare number is milliseconds), not 'soon'"},
        Mistake{"phases:\n  - supernet: {stages: [{open: {kernel: 0}}]}", {}, "c.yaml:2:41: phases[0].supernet.stages[0].open.kernel must be a whole number >= 1, not '0'"},
        Mistake{"phases:\n  - supernet: {stages: [{open: kernel}]}",
                {},
                "c.yaml:2:32: phases[0].supernet.stages[0].open must be how many choices are open, as {kernel: 3, depth: 2}, not 'kernel'"},
        Mistake{"objectives: [{metric: a, direction: up}]\nphases: [search]",
                {},
                "c.yaml:1:37: objectives[0].direction must be one of maximise, minimise, not 'up'"},
        Mistake{"max_memory: lots\nphases: [search]", {}, "c.yaml:1:13: max_memory must be a size (as 64MB or 4GiB) >= 0, not 'lots'"},
        Mistake{"phases: [search]",
                {"phases.0.search.trails=3"},
                "override 'phases.0.search.trails=3': unknown key 'trails' in phases[0].search; did you mean 'trials'?"},
        Mistake{"phases: [search]", {"phases.serach.trials=3"}, "override 'phases.serach.trials=3': no item is a 'serach'; did you mean 'search'?"},
        Mistake{"phases: [search, search]",
                {"phases.search.trials=3"},
                "override 'phases.search.trials=3': more than one item is a 'search'; write its number (0, 1, ...) instead"},
        Mistake{"phases: [search]", {"phases.4.search.trials=3"}, "override 'phases.4.search.trials=3': there is no item 4 (the list has 1)"},
        Mistake{"phases: [search]", {"seed"}, "override 'seed': write KEY=VALUE, for example seed=3 or phases.supernet.epochs=5"},
        Mistake{"phases: [search]", {"seed=x"}, "override 'seed=x': seed must be a whole number from 0 to 18446744073709551615, not 'x'"}));

TEST(Config, BrokenYamlNamesLineAndColumn) {
  EXPECT_TRUE(complaint("name: [a\nseed: 3").starts_with("c.yaml:2:")) << complaint("name: [a\nseed: 3");
  EXPECT_NE(complaint("a: 1\n  b: 2").find("this is not YAML"), std::string::npos);
}

}  // namespace
}  // namespace netwright
