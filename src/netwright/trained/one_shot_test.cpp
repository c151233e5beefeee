#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <unistd.h>

#include "netwright/core/error.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/yaml.hpp"
#include "netwright/supernet/derive.hpp"
#include "netwright/trained/inherit.hpp"
#include "netwright/trained/one_shot.hpp"
#include "netwright/training/dataset.hpp"

namespace netwright {
namespace {

// Two classes told apart by which half is bright, under noise.
Split halves_of_light(std::int64_t images, std::int64_t side) {
  Source source;
  source.train = {{1, side, side}, {}, {}, {"left", "right"}};
  Rng rng(9);
  for (std::int64_t i = 0; i < images; ++i) {
    source.train.labels.push_back(i % 2);
    for (std::int64_t p = 0; p < side * side; ++p) {
      const bool bright = (p % side >= side / 2) == (i % 2 == 1);
      source.train.pixels.push_back(static_cast<std::uint8_t>(rng.below(120) + (bright ? 90 : 0)));
    }
  }
  return split_source(std::move(source), {.validation = 32}, Seed(1));
}

NetworkOptions search_options(const Space& space, std::int64_t side) {
  NetworkOptions options{.input = {1, side, side}, .classes = 2, .search = true};
  for (const auto& setting : space.info().settings) {
    if (setting.name == "channels") options.settings["channels"] = "4";
    if (setting.name == "cells") options.settings["cells"] = space.info().name == "darts" ? "3" : "1";
  }
  return options;
}

std::filesystem::path scratch(const std::string& name) {
  const auto file = std::filesystem::temp_directory_path() / ("netwright_one_shot_" + name + "_" + std::to_string(getpid()));
  std::filesystem::remove(file);
  return file;
}

bool same(const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!a[i].tensor.equal(b[i].tensor)) return false;
  return a.size() == b.size();
}

TEST(OneShot, LearnsAndMovesTheArchitecture) {
  const auto space = find_space("minimal2");
  const Split split = halves_of_light(224, 8);
  OneShot search(space->decisions(), space->open(search_options(*space, 8)), {.epochs = 6, .batch = 16, .learning_rate = 0.1, .architecture_learning_rate = 0.02}, Seed(3));
  const auto before = search.probabilities();
  EXPECT_EQ(search.train(split, {}), TrainEnd::done);
  ASSERT_EQ(search.history().size(), 6u);
  EXPECT_LT(search.history().back().train_loss, 0.6 * search.history().front().train_loss);
  EXPECT_GT(search.history().back().val_accuracy, 0.9);
  EXPECT_NE(before, search.probabilities());
  const Architecture derived = strongest(space->decisions(), search.probabilities());
  EXPECT_NO_THROW(validate(space->decisions(), derived));
  EXPECT_GT(search.evaluate(derived, split.validation, 16).accuracy, 0.6);
}

// Fused kernels round differently; the search must not notice.
TEST(OneShot, AFirstOrderSearchFindsTheSameLoweredAndNot) {
  const auto space = find_space("darts");
  const Split split = halves_of_light(96, 8);
  const auto found = [&](const LoweringOptions& lowering) {
    OneShot search(space->decisions(), space->open(search_options(*space, 8)), {.epochs = 1, .batch = 16}, Seed(3), {}, lowering);
    search.train(split, {});
    return std::tuple{strongest(space->decisions(), search.probabilities()), search.history().back().train_loss, search.probabilities()};
  };
  const auto [genotype, loss, probabilities] = found({});
  const auto [plain_genotype, plain_loss, plain_probabilities] = found({.without = {"convolve", "pool", "normalise", "weighted_sum", "shared"}});
  EXPECT_EQ(genotype, plain_genotype);
  EXPECT_NEAR(loss, plain_loss, 1e-3);
  EXPECT_NE(probabilities, plain_probabilities);   // else nothing was lowered
}

TEST(OneShot, WarmupAndNoneKeepTheParameters) {
  const auto space = find_space("minimal");
  const Split split = halves_of_light(96, 8);
  for (const SupernetOptions& options : {SupernetOptions{.epochs = 1, .batch = 16, .warmup_epochs = 1}, SupernetOptions{.update = "none", .epochs = 1, .batch = 16}}) {
    OneShot search(space->decisions(), space->open(search_options(*space, 8)), options, Seed(3));
    const auto before = search.probabilities();
    search.train(split, {});
    EXPECT_EQ(before, search.probabilities());
  }
}

TEST(OneShot, ResumesToTheSameBits) {
  const auto space = find_space("minimal2");
  const Split split = halves_of_light(128, 8);
  const SupernetOptions options{.epochs = 4, .batch = 16};
  const Augmentation augmentation{.crop = 1, .flip = true};
  const Graph open = space->open(search_options(*space, 8));
  OneShot whole(space->decisions(), open, options, Seed(5));
  whole.train(split, augmentation);

  const auto file = scratch("resume");
  {
    OneShot first(space->decisions(), open, options, Seed(5));
    int steps = 0;
    // Stopped in the middle of the third epoch: what that epoch did is thrown away.
    EXPECT_EQ(first.train(split, augmentation, {.interrupted = [&] { return ++steps > 8; }, .checkpoint = file}), TrainEnd::interrupted);
  }
  OneShot second(space->decisions(), open, options, Seed(5));
  EXPECT_EQ(second.train(split, augmentation, {.checkpoint = file}), TrainEnd::done);
  EXPECT_TRUE(same(whole.supernet().tensors(), second.supernet().tensors()));
  EXPECT_EQ(whole.probabilities(), second.probabilities());
  EXPECT_EQ(whole.history().back().val_loss, second.history().back().val_loss);

  OneShot other(space->decisions(), open, options, Seed(6));
  EXPECT_THROW(other.train(split, augmentation, {.checkpoint = file}), UsageError);
  std::filesystem::remove(file);
}

TEST(OneShot, DivergenceIsSaid) {
  const auto space = find_space("minimal");
  const Split split = halves_of_light(480, 8);
  OneShot search(space->decisions(), space->open(search_options(*space, 8)), {.epochs = 2, .batch = 8, .learning_rate = 1e18, .gradient_clip = 0}, Seed(3));
  EXPECT_THROW(search.train(split, {}), Diverged);
}

// The same code searches every space that opens, a user's too.
class OneShotSpace : public testing::TestWithParam<std::string> {};

TEST_P(OneShotSpace, TrainsDerivesAndInherits) {
  const auto space = find_space(GetParam());
  const auto split = std::make_shared<const Split>(halves_of_light(80, 16));
  const SupernetOptions options{.epochs = 1, .batch = 8};
  NetworkOptions network = search_options(*space, 16);
  const auto file = scratch(space->info().name);
  OneShot search(space->decisions(), space->open(network), options, Seed(2));
  EXPECT_EQ(search.train(*split, {}, {.checkpoint = file}), TrainEnd::done);
  const Architecture derived = strongest(space->decisions(), search.probabilities());
  EXPECT_NO_THROW(validate(space->decisions(), derived));
  EXPECT_EQ(space->parse(space->print(derived)), derived);
  const auto inherit = make_inherit_evaluator({.space = space, .network = network, .closed = {.input = network.input, .classes = 2}, .supernet = options, .seed = Seed(2), .checkpoint = file, .split = split});
  const Outcome outcome = inherit->evaluate({.trial = 0, .architecture = derived}, {}, {});
  EXPECT_EQ(outcome.status, Status::done) << outcome.reason;
  EXPECT_EQ(outcome.metrics.at("val_accuracy"), search.evaluate(derived, split->validation, 8).accuracy);
  std::filesystem::remove(file);
}

const std::string spaces_folder = NETWRIGHT_SOURCE_DIR "/spaces/";
INSTANTIATE_TEST_SUITE_P(Spaces, OneShotSpace,
                         testing::Values("nasbench201", "darts", "minimal2", spaces_folder + "small.yaml", spaces_folder + "cell.yaml",
                                         spaces_folder + "mobile.yaml", spaces_folder + "kernel_width.yaml"));

}  // namespace
}  // namespace netwright
