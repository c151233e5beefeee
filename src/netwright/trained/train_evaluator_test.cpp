// Candidates become outcomes: trained, stopped, failed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "netwright/graph/composites.hpp"
#include "netwright/trained/builtin.hpp"

namespace netwright {
namespace {

// One convolution of an open width before the classifier.
std::shared_ptr<const Space> width_space() {
  Template definition;
  definition.info = {.name = "width", .title = "one open width"};
  definition.build = [](const NetworkOptions& options) {
    Builder b;
    Value x = b.input(options.input);
    x = b.add("conv", x, {{"channels", Open{"width", {4, 8}}}, {"kernel", std::int64_t{3}}});
    x = b.add("relu", b.add("batch_norm", x));
    return b.finish({classifier(b, x, options.classes)});
  };
  return make_space(std::move(definition));
}

std::shared_ptr<const Split> bright_and_dark() {
  Source source{{{1, 6, 6}, {}, {}, {"dark", "bright"}}, {}};
  Rng rng(3);
  for (int i = 0; i < 160; ++i) {
    source.train.labels.push_back(i % 2);
    for (int p = 0; p < 36; ++p) source.train.pixels.push_back(static_cast<std::uint8_t>(rng.below(150) + (i % 2 == 1 ? 100 : 0)));
  }
  return std::make_shared<const Split>(split_source(std::move(source), {.validation = 40, .test_share = 0.2}, Seed(1)));
}

TrainSetting setting() {
  return {.split = bright_and_dark(), .training = {.epochs = 3, .batch = 11, .learning_rate = 0.1}};
}

Candidate candidate(const Space& space, const std::string& text) { return {.trial = 0, .architecture = space.parse(text), .seed = 17}; }

TEST(TrainEvaluator, ReportsEachEpochAndRepeatsItself) {
  const auto space = width_space();
  const auto evaluator = make_train_evaluator(space, {}, setting());
  std::vector<std::int64_t> steps;
  const auto watch = [&](const Report& report) { return steps.push_back(report.step), true; };
  const Outcome outcome = evaluator->evaluate(candidate(*space, "width=8"), {}, watch);
  EXPECT_EQ(outcome.status, Status::done) << outcome.reason;
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(outcome.reports.size(), 3U);
  EXPECT_GT(outcome.metrics.at("val_accuracy"), 0.9);
  for (const char* name : {"val_loss", "train_loss", "params", "macs", "peak_bytes", "training_bytes", "train_seconds"})
    EXPECT_GT(outcome.metrics.at(name), 0) << name;
  const Outcome again = evaluator->evaluate(candidate(*space, "width=8"), {}, {});
  EXPECT_EQ(again.metrics.at("val_loss"), outcome.metrics.at("val_loss"));
  EXPECT_EQ(evaluator->evaluate(candidate(*space, "width=8"), {.epochs = 1}, {}).reports.size(), 1U);
}

TEST(TrainEvaluator, StopsEarly) {
  const auto space = width_space();
  const auto evaluator = make_train_evaluator(space, {}, setting());
  const Outcome outcome = evaluator->evaluate(candidate(*space, "width=4"), {}, [](const Report&) { return false; });
  EXPECT_EQ(outcome.status, Status::stopped);
  EXPECT_EQ(outcome.reports.size(), 1U);
}

TEST(TrainEvaluator, FailuresAreOutcomes) {
  const auto space = width_space();
  TrainSetting wild = setting();
  wild.training.learning_rate = 1e30;
  wild.training.gradient_clip = 0;
  Outcome outcome = make_train_evaluator(space, {}, wild)->evaluate(candidate(*space, "width=4"), {}, {});
  EXPECT_EQ(outcome.status, Status::failed);
  EXPECT_TRUE(outcome.reason.starts_with("diverged: ")) << outcome.reason;
  TrainSetting tight = setting();
  tight.max_memory_bytes = 1000;
  outcome = make_train_evaluator(space, {}, tight)->evaluate(candidate(*space, "width=4"), {}, {});
  EXPECT_EQ(outcome.status, Status::failed);
  EXPECT_TRUE(outcome.reason.starts_with("too large: ")) << outcome.reason;
  EXPECT_GT(outcome.metrics.at("params"), 0);
}

// A folder of its own, empty.
std::filesystem::path state_folder(const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / ("netwright_state_" + name + "_" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  return folder;
}

void expect_same(const Outcome& one, const Outcome& other, std::int64_t from_epochs) {
  EXPECT_EQ(one.status, other.status);
  for (const char* name : {"val_accuracy", "val_loss", "train_loss", "train_accuracy"})
    EXPECT_EQ(one.metrics.at(name), other.metrics.at(name)) << name;
  ASSERT_EQ(one.reports.size() + static_cast<std::size_t>(from_epochs), other.reports.size());
  for (std::size_t i = 0; i < one.reports.size(); ++i) {
    const Report &a = one.reports[i], &b = other.reports[i + static_cast<std::size_t>(from_epochs)];
    EXPECT_EQ(a.step, b.step);
    EXPECT_EQ(a.metrics.at("val_loss"), b.metrics.at("val_loss"));
    EXPECT_EQ(a.metrics.at("learning_rate"), b.metrics.at("learning_rate"));
  }
}

TEST(Promotion, OneAndThenThreeEpochsAreThreeToTheBit) {
  const auto space = width_space();
  for (const char* optimiser : {"sgd", "adam"}) {
    TrainSetting with = setting();
    with.training.optimiser = optimiser;
    with.training.learning_rate = 0.02;
    with.training.ema = 0.9;
    const Outcome straight = make_train_evaluator(space, {}, with)->evaluate(candidate(*space, "width=8"), {.epochs = 3}, {});
    with.state = state_folder("promotion");
    const auto first = make_train_evaluator(space, {}, with)->evaluate(candidate(*space, "width=8"), {.epochs = 1}, {});
    EXPECT_EQ(first.reports.size(), 1U);
    EXPECT_FALSE(std::filesystem::is_empty(with.state));
    const auto another = make_train_evaluator(space, {}, with);   // another process would make another evaluator
    std::vector<std::int64_t> steps;
    const auto watch = [&](const Report& report) { return steps.push_back(report.step), true; };
    const Outcome promoted = another->evaluate(candidate(*space, "width=8"), {.epochs = 3, .from_epochs = 1}, watch);
    expect_same(promoted, straight, 1);
    EXPECT_EQ(steps, (std::vector<std::int64_t>{2, 3}));
    EXPECT_TRUE(std::filesystem::is_empty(with.state));   // nothing goes on with a training that is at its end
    expect_same(another->evaluate(candidate(*space, "width=8"), {.epochs = 3, .from_epochs = 1}, watch), straight, 1);   // the file is lost
    std::filesystem::remove_all(with.state);
  }
}

TEST(Promotion, WhatWasStoredAndNotRecordedIsReportedAgain) {
  const auto space = width_space();
  TrainSetting with = setting();
  with.training.epochs = 4;
  with.state = state_folder("again");
  const auto evaluator = make_train_evaluator(space, {}, with);
  const Outcome once = evaluator->evaluate(candidate(*space, "width=4"), {.epochs = 3}, {});
  std::vector<std::int64_t> steps;
  const auto watch = [&](const Report& report) { return steps.push_back(report.step), true; };
  expect_same(evaluator->evaluate(candidate(*space, "width=4"), {.epochs = 3}, watch), once, 0);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 2, 3}));
  const Outcome stopped = evaluator->evaluate(candidate(*space, "width=4"), {.epochs = 3}, [](const Report& report) { return report.step < 2; });
  EXPECT_EQ(stopped.status, Status::stopped);
  EXPECT_EQ(stopped.reports.size(), 2U);
  EXPECT_EQ(stopped.metrics.at("val_loss"), once.reports[1].metrics.at("val_loss"));
  EXPECT_EQ(evaluator->evaluate(candidate(*space, "width=4"), {.epochs = 2}, {}).metrics.at("val_loss"), once.reports[1].metrics.at("val_loss"));
  std::filesystem::remove_all(with.state);
}

TEST(Promotion, HalfAFileIsAsGoodAsNone) {
  const auto space = width_space();
  TrainSetting with = setting();
  with.state = state_folder("half");
  const auto evaluator = make_train_evaluator(space, {}, with);
  evaluator->evaluate(candidate(*space, "width=8"), {.epochs = 1}, {});
  for (const auto& file : std::filesystem::directory_iterator(with.state)) std::filesystem::resize_file(file.path(), 100);
  const Outcome promoted = evaluator->evaluate(candidate(*space, "width=8"), {.epochs = 3, .from_epochs = 1}, {});
  with.state.clear();
  expect_same(promoted, make_train_evaluator(space, {}, with)->evaluate(candidate(*space, "width=8"), {.epochs = 3}, {}), 1);
  std::filesystem::remove_all(state_folder("half"));
}

TEST(TrainEntry, OptionsReplaceTheSettingsOwn) {
  const auto space = width_space();
  const EvaluatorEntry entry = train_entry(setting());
  const auto evaluator = entry.make({.space = space, .network = {}, .options = {{"epochs", "2"}, {"optimiser", "adam"}, {"learning_rate", "0.01"}}});
  EXPECT_EQ(evaluator->evaluate(candidate(*space, "width=4"), {}, {}).reports.size(), 2U);
  EXPECT_THROW(entry.make({.space = space, .network = {}, .options = {{"epohcs", "2"}}}), UsageError);
}

}  // namespace
}  // namespace netwright
