// Batches, optimisers, schedules, checkpoints and the trainer.
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "netwright/core/files.hpp"
#include "netwright/core/machine.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/training/checkpoint.hpp"
#include "netwright/training/device.hpp"
#include "netwright/training/optimiser.hpp"
#include "netwright/training/schedule.hpp"
#include "netwright/training/trainer.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// One temporary folder for the whole run.
fs::path scratch(const std::string& name) {
  static const fs::path folder = [] {
    std::string pattern = (fs::temp_directory_path() / "netwright_training_XXXXXX").string();
    return fs::path(mkdtemp(pattern.data()));
  }();
  fs::remove(folder / name);
  return folder / name;
}

nlohmann::json oracle(const std::string& id) {
  const auto file = nlohmann::json::parse(read_file(std::string(NETWRIGHT_SOURCE_DIR) + "/tests/oracles.json"));
  for (const auto& entry : file.at("cases"))
    if (entry.at("id") == id) return entry.at("expect");
  throw Error("no oracle " + id);
}

// Images of 8x8 in two classes, told apart by which half is bright, with noise.
Split two_halves(std::int64_t images, std::int64_t validation) {
  Source source{{{1, 8, 8}, {}, {}, {"left", "right"}}, {{1, 8, 8}, {}, {}, {"left", "right"}}};
  Rng rng(9);
  for (Images* part : {&source.train, &source.test}) {
    for (std::int64_t i = 0; i < images; ++i) {
      part->labels.push_back(i % 2);
      for (int p = 0; p < 64; ++p) {
        const bool bright = (p % 8 >= 4) == (i % 2 == 1);
        part->pixels.push_back(static_cast<std::uint8_t>(rng.below(120) + (bright ? 90 : 0)));
      }
    }
  }
  return split_source(std::move(source), {.validation = validation}, Seed(1));
}

Graph small_net(const Shape& input, std::int64_t classes, bool auxiliary = false, double dropout = 0.0, std::int64_t width = 8) {
  Builder b;
  Value x = conv_bn(b, b.input(input), width, {.stride = 2});
  x = conv_bn(b, x, 2 * width, {.stride = 2});
  std::vector<Value> outputs = {classifier(b, x, classes, dropout)};
  if (auxiliary) outputs.push_back(classifier(b, x, classes));
  return b.finish(outputs);
}

Network fresh(const Graph& graph) {
  Network network(graph);
  network.initialise(Seed(5).derive("init"));
  return network;
}

bool same_weights(const Network& a, const Network& b) {
  for (std::size_t i = 0; i < a.tensors().size(); ++i)
    if (!at::equal(a.tensors()[i].tensor, b.tensors()[i].tensor)) return false;
  return a.tensors().size() == b.tensors().size();
}

TEST(Batches, VisitEachImageOnceNormalised) {
  const Split split = two_halves(101, 20);
  Batches batches(split.train, {.batch = 16, .shuffle = true}, Seed(2), at::kCPU);
  EXPECT_EQ(batches.steps(), 6);
  batches.start(0);
  double sum = 0, squares = 0;
  std::int64_t images = 0;
  while (const auto batch = batches.next()) {
    EXPECT_TRUE(batch->inputs.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_EQ(batch->inputs.size(0), batch->targets.size(0));
    images += batch->targets.size(0);
    sum += batch->inputs.sum().item<double>();
    squares += batch->inputs.square().sum().item<double>();
  }
  EXPECT_EQ(images, 81);
  EXPECT_NEAR(sum / (81 * 64), 0, 1e-5);
  EXPECT_NEAR(squares / (81 * 64), 1, 1e-4);
  EXPECT_EQ(Batches(split.train, {.batch = 16, .drop_single = true}, Seed(2), at::kCPU).steps(), 5);   // 81 = 5 * 16 + 1
}

TEST(Batches, DependOnSeedAndEpochAlone) {
  const Split split = two_halves(101, 20);
  const BatchOptions options{.batch = 16, .augmentation = {.crop = 2, .flip = true, .cutout = 3}, .shuffle = true};
  Batches one(split.train, options, Seed(2), at::kCPU);
  Batches two(split.train, options, Seed(2), at::kCPU);
  one.start(0);
  while (one.next()) {
  }
  one.start(3);
  one.next();
  const auto second = one.next();
  two.start(3, 1);
  const auto resumed = two.next();
  EXPECT_TRUE(at::equal(second->inputs, resumed->inputs));
  EXPECT_TRUE(at::equal(second->targets, resumed->targets));
  two.start(4, 1);
  EXPECT_FALSE(at::equal(second->inputs, two.next()->inputs));
}

TEST(Batches, ChannelsAreKeptApart) {
  Source source{{{3, 2, 2}, {}, {}, {"a", "b"}}, {}};
  for (int i = 0; i < 12; ++i) {
    source.train.labels.push_back(i % 2);
    for (int c = 0; c < 3; ++c) source.train.pixels.insert(source.train.pixels.end(), 4, static_cast<std::uint8_t>(i * (c + 1)));
  }
  const Split split = split_source(source, {.validation = 2, .test_share = 0.2}, Seed(1));
  Batches batches(split.train, {.batch = 8}, Seed(0), at::kCPU);
  batches.start(0);
  const auto batch = batches.next();
  const Normalisation& n = split.train.normalisation;
  for (std::int64_t i = 0; i < batch->targets.size(0); ++i)
    for (int c = 0; c < 3; ++c) {
      const double byte = static_cast<double>(split.train.indices[static_cast<std::size_t>(i)] * (c + 1));
      const double expected = (byte / 255 - n.mean[static_cast<std::size_t>(c)]) / n.deviation[static_cast<std::size_t>(c)];
      EXPECT_NEAR(batch->inputs.select(0, i).select(0, c).select(0, 1).select(0, 0).item<double>(), expected, 1e-5);
    }
}

// One image whose byte at (y, x) is 10 y + x + 1, so that every value names its place.
Part marked_image() {
  Images images{{1, 8, 8}, {}, std::vector<std::int64_t>(400, 0), {"a"}};
  for (int i = 0; i < 400; ++i)
    for (int p = 0; p < 64; ++p) images.pixels.push_back(static_cast<std::uint8_t>(10 * (p / 8) + p % 8 + 1));
  std::vector<std::int64_t> all(400);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  return {"train", std::make_shared<const Images>(std::move(images)), all, {{0.0}, {1.0 / 255.0}}};   // inputs are the bytes
}

std::vector<at::Tensor> augmented(const Augmentation& augmentation) {
  Batches batches(marked_image(), {.batch = 400, .augmentation = augmentation}, Seed(4), at::kCPU);
  batches.start(0);
  const at::Tensor inputs = batches.next()->inputs.round();
  std::vector<at::Tensor> images;
  for (std::int64_t i = 0; i < 400; ++i) images.push_back(inputs.select(0, i).select(0, 0).contiguous());
  return images;
}

TEST(Augmentation, CropShiftsWithBlackBorders) {
  std::set<std::pair<int, int>> shifts;
  for (const at::Tensor& image : augmented({.crop = 2})) {
    const float* value = image.data_ptr<float>();
    const int centre = static_cast<int>(value[4 * 8 + 4]) - 1;
    const int down = centre / 10 - 4, right = centre % 10 - 4;
    shifts.emplace(down, right);
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 8; ++x) {
        const int row = y + down, column = x + right;
        const bool inside = row >= 0 && row < 8 && column >= 0 && column < 8;
        ASSERT_EQ(value[y * 8 + x], inside ? 10 * row + column + 1 : 0);
      }
  }
  EXPECT_EQ(shifts.size(), 25U);
  EXPECT_EQ(shifts.begin()->first, -2);
}

TEST(Augmentation, FlipMirrorsHalfOfTheImages) {
  int mirrored = 0;
  for (const at::Tensor& image : augmented({.flip = true})) {
    const float* value = image.data_ptr<float>();
    const bool flipped = value[0] == 8;
    mirrored += flipped ? 1 : 0;
    for (int x = 0; x < 8; ++x) ASSERT_EQ(value[8 + x], 10 + (flipped ? 7 - x : x) + 1);
  }
  EXPECT_GT(mirrored, 150);
  EXPECT_LT(mirrored, 250);
}

TEST(Augmentation, CutoutErasesAClippedSquare) {
  std::set<std::int64_t> areas;
  for (const at::Tensor& image : augmented({.cutout = 4})) {
    const float* value = image.data_ptr<float>();
    int top = 8, bottom = -1, left = 8, right = -1, area = 0;
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 8; ++x) {
        if (value[y * 8 + x] != 0) continue;
        top = std::min(top, y), bottom = std::max(bottom, y), left = std::min(left, x), right = std::max(right, x);
        ++area;
      }
    ASSERT_EQ(area, (bottom - top + 1) * (right - left + 1));
    areas.insert(area);
  }
  // A centre at pixel c covers c-2 to c+1, so a side holds 2 to 4 pixels.
  EXPECT_EQ(areas, (std::set<std::int64_t>{4, 6, 8, 9, 12, 16}));
}

TEST(Schedule, CosineMeetsTheOracle) {
  const auto expected = oracle("R-cosine");
  const std::vector<double> epochs = {0, 1, 10, 25, 49};
  for (std::size_t i = 0; i < epochs.size(); ++i) EXPECT_NEAR(cosine(0.025, 0.001, epochs[i], 50), expected[i].get<double>(), 1e-12);
}

TEST(Schedule, WarmupThenCosineToTheFinalRate) {
  TrainingOptions options{.epochs = 10, .learning_rate = 0.4, .final_learning_rate = 0.1, .warmup_epochs = 2};
  EXPECT_DOUBLE_EQ(learning_rate(options, 0), 0);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(options, 2), 0.4);
  EXPECT_DOUBLE_EQ(learning_rate(options, 6), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(options, 10), 0.1);
  options.schedule = "constant";
  EXPECT_DOUBLE_EQ(learning_rate(options, 9), 0.4);
  EXPECT_DOUBLE_EQ(drop_path_rate(0.2, 5, 10), 0.1);
}

TEST(Optimiser, AdamMeetsTheOracle) {
  const auto expected = oracle("R-adam");
  const auto got = optimiser_trace({.name = "adam", .learning_rate = 3e-4, .beta1 = 0.5, .weight_decay = 1e-3}, 0.001, {0.5, -0.2, 0.1});
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i].get<double>(), 1e-12);
}

TEST(Optimiser, SgdAndAdamwByHand) {
  const double rate = 0.1, momentum = 0.9, decay = 0.01;
  double x = 2, v = 0;
  std::vector<double> nesterov;
  for (const double gradient : {1.0, -3.0, 0.5}) {
    const double g = gradient + decay * x;
    v = momentum * v + g;
    x -= rate * (g + momentum * v);
    nesterov.push_back(x);
  }
  const auto got = optimiser_trace({.learning_rate = rate, .momentum = momentum, .weight_decay = decay}, 2, {1.0, -3.0, 0.5});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(got[i], nesterov[i], 1e-14);
  EXPECT_DOUBLE_EQ(optimiser_trace({.learning_rate = 0.5, .momentum = 0}, 2, {1.0})[0], 1.5);
  // The first step of AdamW: decoupled decay, then a step of the rate in the gradient's direction.
  EXPECT_NEAR(optimiser_trace({.name = "adamw", .learning_rate = 0.1, .weight_decay = 0.5}, 2, {-7.0})[0], 2 * (1 - 0.05) + 0.1, 1e-9);
  EXPECT_THROW(Optimiser({}, {.name = "adma"}), UsageError);
}

TEST(Optimiser, ParametersWithoutGradientStay) {
  at::Tensor used = at::full({2}, 1.0, at::TensorOptions(at::kFloat)), unused = at::full({2}, 1.0, at::TensorOptions(at::kFloat));
  Optimiser optimiser({used, unused}, {.name = "adam", .learning_rate = 0.1, .weight_decay = 0.1});
  used.mutable_grad() = at::full({2}, 1.0, at::TensorOptions(at::kFloat));
  optimiser.step();
  EXPECT_TRUE(at::equal(unused, at::full({2}, 1.0, at::TensorOptions(at::kFloat))));
  EXPECT_FALSE(at::equal(used, unused));
}

TEST(ClipGradients, ScalesTheJointNorm) {
  at::Tensor a = at::full({1}, 0.0, at::TensorOptions(at::kFloat)), b = a.clone();
  a.mutable_grad() = at::full({1}, 3.0, at::TensorOptions(at::kFloat));
  b.mutable_grad() = at::full({1}, 4.0, at::TensorOptions(at::kFloat));
  clip_gradients({a, b}, 10);
  EXPECT_FLOAT_EQ(a.grad().item<float>(), 3);
  clip_gradients({a, b}, 1);
  EXPECT_NEAR(a.grad().item<float>(), 0.6, 1e-6);
  EXPECT_NEAR(b.grad().item<float>(), 0.8, 1e-6);
}

TEST(CheckpointFile, RoundTripAndDefects) {
  const fs::path file = scratch("round.ckpt");
  save_checkpoint(file, {{{"a", at::full({2, 3}, 1.25, at::TensorOptions(at::kFloat))}, {"n", at::full({}, 7, at::TensorOptions(at::kLong))}}, "{}"});
  const Checkpoint loaded = load_checkpoint(file);
  EXPECT_EQ(loaded.note, "{}");
  EXPECT_TRUE(at::equal(loaded.tensors.at("a"), at::full({2, 3}, 1.25, at::TensorOptions(at::kFloat))));
  EXPECT_EQ(loaded.tensors.at("n").item<std::int64_t>(), 7);
  const std::string whole = read_file(file);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{5}, std::size_t{40}, whole.size() - 1}) {
    write_file(file, whole.substr(0, bytes));
    EXPECT_THROW(load_checkpoint(file), UsageError) << bytes;
  }
  EXPECT_THROW(load_checkpoint(scratch("none.ckpt")), UsageError);
}

TEST(OpenDevice, KnowsItsNames) {
  EXPECT_TRUE(open_device("cpu", 2).is_cpu());
  EXPECT_THROW(open_device("gpu"), UsageError);
  EXPECT_THROW(open_device("cpu", -1), UsageError);
  EXPECT_GE(usable_threads(), 1);
  try {
    EXPECT_TRUE(open_device("cuda", 2).is_cuda());   // where there is a GPU
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "device 'cuda': this torch sees no GPU; use device: cpu");
  }
}

TEST(Train, SeparatesTwoClasses) {
  const Split split = two_halves(300, 60);
  Network network = fresh(small_net(split.input(), 2));
  std::vector<std::int64_t> told;
  TrainHooks hooks;
  hooks.on_epoch = [&](const EpochReport& report) { return told.push_back(report.epoch), true; };
  std::int64_t steps = 0;
  hooks.on_step = [&](const StepProgress& progress) { steps += progress.step <= progress.steps ? 1 : 0; };
  const TrainResult result = train(network, split, {.epochs = 3, .batch = 24, .learning_rate = 0.1}, {}, Seed(7), hooks);
  EXPECT_EQ(result.end, TrainEnd::done);
  EXPECT_EQ(told, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(steps, 30);
  EXPECT_GT(result.epochs.back().val_accuracy, 0.95);
  EXPECT_LT(result.epochs.back().train_loss, result.epochs.front().train_loss);
  EXPECT_DOUBLE_EQ(result.epochs.front().learning_rate, 0.1);
  const Evaluation again = evaluate(network, split.validation, 7);
  EXPECT_NEAR(again.accuracy, result.epochs.back().val_accuracy, 1e-12);
  EXPECT_NEAR(again.loss, result.epochs.back().val_loss, 1e-5);
  EXPECT_TRUE(network.training());
  EXPECT_GT(final_test(network, split.test, 64).accuracy, 0.95);
}

class Resume : public testing::TestWithParam<std::string> {};

TEST_P(Resume, GivesTheBitsOfAnUninterruptedTraining) {
  const Split split = two_halves(120, 30);
  const TrainingOptions options{.epochs = 4, .batch = 20, .optimiser = GetParam(), .learning_rate = 0.01, .label_smoothing = 0.1, .ema = 0.9};
  const Augmentation augmentation{.crop = 1, .flip = true, .cutout = 2};
  const Graph graph = small_net(split.input(), 2, true, 0.3);
  Network whole = fresh(graph);
  const TrainResult expected = train(whole, split, options, augmentation, Seed(7));

  TrainHooks hooks{.checkpoint = scratch("resume.ckpt")};
  int asked = 0;
  hooks.interrupted = [&] { return ++asked > 13; };   // within the third epoch
  Network cut = fresh(graph);
  EXPECT_EQ(train(cut, split, options, augmentation, Seed(7), hooks).end, TrainEnd::interrupted);
  hooks.interrupted = nullptr;
  Network resumed(graph);   // other weights: everything comes from the checkpoint
  const TrainResult result = train(resumed, split, options, augmentation, Seed(7), hooks);
  EXPECT_TRUE(same_weights(whole, resumed));
  ASSERT_EQ(result.epochs.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(result.epochs[i].val_loss, expected.epochs[i].val_loss);

  Network finished(graph);   // a training that is over gives its weights at once
  train(finished, split, options, augmentation, Seed(7), hooks);
  EXPECT_TRUE(same_weights(whole, finished));
  EXPECT_THROW(train(finished, split, options, augmentation, Seed(8), hooks), UsageError);
}
INSTANTIATE_TEST_SUITE_P(Optimisers, Resume, testing::Values("sgd", "adam", "adamw"));

TEST(Train, StopsWhenTold) {
  const Split split = two_halves(60, 10);
  Network network = fresh(small_net(split.input(), 2));
  TrainHooks hooks;
  hooks.on_epoch = [](const EpochReport& report) { return report.epoch < 2; };
  const TrainResult result = train(network, split, {.epochs = 9, .batch = 20}, {}, Seed(7), hooks);
  EXPECT_EQ(result.end, TrainEnd::stopped);
  EXPECT_EQ(result.epochs.size(), 2U);
}

TEST(Train, AveragedWeightsAreWhatIsMeasuredAndKept) {
  const Split split = two_halves(60, 20);
  const Graph graph = small_net(split.input(), 2);
  const TrainingOptions plain{.epochs = 1, .batch = 25, .learning_rate = 0.05, .schedule = "constant", .gradient_clip = 0};
  TrainingOptions averaging = plain;
  averaging.ema = 0.999;
  Network start = fresh(graph), raw = fresh(graph), averaged = fresh(graph);
  train(raw, split, plain, {}, Seed(7));
  const TrainResult result = train(averaged, split, averaging, {}, Seed(7));
  EXPECT_EQ(evaluate(averaged, split.validation, 20).loss, result.epochs[0].val_loss);
  // Two steps (25 + 15 images), decays 2/11 and 3/12: e = 3/12 (2/11 w0 + 9/11 w1) + 9/12 w2. The one-step training gives w1.
  Network once = fresh(graph);
  int asked = 0;
  TrainHooks hooks;
  hooks.interrupted = [&] { return ++asked > 1; };
  train(once, split, plain, {}, Seed(7), hooks);
  for (std::size_t i = 0; i < raw.tensors().size(); ++i) {
    const at::Tensor w0 = start.tensors()[i].tensor.detach(), w1 = once.tensors()[i].tensor.detach(), w2 = raw.tensors()[i].tensor.detach();
    const at::Tensor expected = w0.mul(2.0 / 11.0).add(w1, 9.0 / 11.0).mul(0.25).add(w2, 0.75);
    EXPECT_TRUE(averaged.tensors()[i].tensor.detach().allclose(expected, 1e-4, 1e-6)) << raw.tensors()[i].name;
  }
}

TEST(Train, AnAuxiliaryHeadChangesTheTrainingByItsWeight) {
  const Split split = two_halves(60, 20);
  const Graph graph = small_net(split.input(), 2, true);
  Network with = fresh(graph), without = fresh(graph);
  const TrainResult a = train(with, split, {.epochs = 1, .batch = 20, .auxiliary_weight = 0.4}, {}, Seed(7));
  const TrainResult b = train(without, split, {.epochs = 1, .batch = 20, .auxiliary_weight = 0}, {}, Seed(7));
  EXPECT_GT(a.epochs[0].train_loss, 1.2 * b.epochs[0].train_loss);
  EXPECT_FALSE(same_weights(with, without));
}

TEST(Train, DivergenceIsNamedWithItsPlace) {
  const Split split = two_halves(120, 20);
  Network network = fresh(small_net(split.input(), 2));
  try {
    train(network, split, {.epochs = 50, .batch = 10, .learning_rate = 1e9, .gradient_clip = 0}, {}, Seed(7));
    FAIL() << "no error";
  } catch (const Diverged& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("diverged: ")) << text;
    EXPECT_NE(text.find(" epoch "), std::string::npos) << text;
  }
}

TEST(Train, ImpossibleOptionsAreNamed) {
  const auto expect = [](const TrainingOptions& options, const std::string& text) {
    try {
      check_training(options);
      ADD_FAILURE() << text;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  };
  expect({.epochs = 0}, "epochs: 0; at least 1");
  expect({.batch = 0}, "batch: 0");
  expect({.optimiser = "agd"}, "did you mean 'sgd'?");
  expect({.schedule = "cosin"}, "did you mean 'cosine'?");
  expect({.learning_rate = 0}, "learning_rate: 0");
  expect({.momentum = 1}, "momentum: 1");
  expect({.label_smoothing = 1.5}, "label_smoothing: 1.5");
  expect({.drop_path = 1}, "drop_path: 1");
  expect({.ema = -0.5}, "ema: -0.5");
}

TEST(FashionMnist, TwoEpochsBeatChanceClearly) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")) GTEST_SKIP() << "package dataset-fashion-mnist is not there";
  const DataOptions data{.train = 600, .validation = 400, .test = 400};
  const Split split = open_data(data, Seed(0));
  EXPECT_EQ(split.input(), (Shape{1, 28, 28}));
  EXPECT_NEAR(split.train.normalisation.mean[0], 0.286, 0.02);
  Network network = fresh(small_net(split.input(), 10, false, 0.0, 24));
  const TrainResult result = train(network, split, {.epochs = 2, .batch = 10, .learning_rate = 0.1}, {.flip = true}, Seed(7));
  EXPECT_GT(result.epochs.back().val_accuracy, 0.4);
  EXPECT_GT(final_test(network, split.test, 100).accuracy, 0.4);
}

}  // namespace
}  // namespace netwright
