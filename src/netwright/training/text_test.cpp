// Text to parts, batches, a trained network and its perplexity.
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "netwright/core/files.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/training/trainer.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

std::string written(const std::string& name, const std::string& content) {
  static const fs::path folder = [] {
    std::string pattern = (fs::temp_directory_path() / "netwright_training_text_XXXXXX").string();
    return fs::path(mkdtemp(pattern.data()));
  }();
  write_file(folder / name, content);
  return (folder / name).string();
}

// Letters of which each calls for one of two next ones, so that a letter tells much of the next one and its frequency nothing.
std::string pairs_of_letters(int count) {
  Rng rng(5);
  std::string text;
  for (int i = 0, letter = 0; i < count; ++i) {
    text += static_cast<char>('a' + letter);
    letter = (3 * letter + 1 + static_cast<int>(rng.below(2))) % 8;
  }
  return text + "\n";
}

// Mean of -ln of the train part's frequencies over the targets of a part (one is added to every count).
double unigram_loss(const Split& split, const Part& part) {
  const auto& tokens = split.train.images->tokens;
  std::map<std::int32_t, double> counts;
  double total = 0, loss = 0, targets = 0;
  const auto visit = [&](const Part& of, auto&& call) {
    for (const std::int64_t first : of.indices)
      for (std::int64_t step = 1; step <= split.input()[0]; ++step) call(tokens[static_cast<std::size_t>(first + step)]);
  };
  visit(split.train, [&](std::int32_t token) { counts[token] += 1, total += 1; });
  total += static_cast<double>(split.classes().size());
  visit(part, [&](std::int32_t token) { loss -= std::log((counts[token] + 1) / total), targets += 1; });
  return loss / targets;
}

// Scores the next token from the present one alone.
Graph bigrams(const Split& split) {
  const auto classes = static_cast<std::int64_t>(split.classes().size());
  Builder b;
  const Value x = b.add("embedding", b.input(split.input()), {{"entries", classes}, {"features", std::int64_t{12}}}, "embedding");
  return b.finish({b.add("linear", x, {{"features", classes}}, "classifier")});
}

// h <- tanh(W [row, h]) and a classifier, step by step.
Graph recurrent(std::int64_t sequence, std::int64_t classes) {
  constexpr std::int64_t width = 6;
  Builder b;
  const Value x = b.add("embedding", b.input({sequence}), {{"entries", classes}, {"features", width}}, "embedding");
  Value start, h;
  std::vector<Value> outputs;
  for (std::int64_t step = 0; step < sequence; ++step) {
    const Value row = b.add("flatten", b.add("slice", x, {{"offset", step}, {"channels", std::int64_t{1}}}));
    if (step == 0) h = start = b.add("zero", row, {}, "start");
    Attributes weight{{"features", width}, {"bias", std::int64_t{0}}};
    if (step > 0) weight["tied"] = "w0";
    h = b.add("tanh", b.add("linear", b.add("concat", {row, h}), weight, "w" + std::to_string(step)));
    outputs.push_back(b.add("tokens", h));
  }
  b.set(start, "carried", b.name(h));
  return b.finish({b.add("linear", b.add("concat", outputs), {{"features", classes}}, "classifier")});
}

std::vector<std::vector<float>> values(const at::Tensor& batch) {
  std::vector<std::vector<float>> list;
  for (std::int64_t row = 0; row < batch.size(0); ++row)
    list.emplace_back(batch.const_data_ptr<float>() + row * batch.size(1), batch.const_data_ptr<float>() + (row + 1) * batch.size(1));
  return list;
}

// "abcdefghijk..." so that a token is its place: <unk>, <eos>, then the letters in order, for each stands once.
Split alphabet(std::int64_t sequence) {
  const std::string file = written("alphabet.txt", "abcdefghijklmnopqrstuvwxyz\n");
  return open_data({.source = "text", .path = file, .validation = 1, .test_share = 0.2, .unit = "char", .sequence = sequence}, Seed(1));
}

TEST(TextSplit, PartsHoldWindowsInOrder) {
  const Split split = alphabet(3);  // 27 tokens: 18 train, 4 validate, 5 test
  EXPECT_TRUE(split.text());
  EXPECT_EQ(split.input(), Shape{3});
  EXPECT_EQ(split.classes().size(), 20u);
  EXPECT_EQ(split.train.indices, (std::vector<std::int64_t>{0, 3, 6, 9, 12}));
  EXPECT_EQ(split.validation.indices, std::vector<std::int64_t>{18});
  EXPECT_EQ(split.test.size(), 1);
  EXPECT_EQ(alphabet(3).train.indices, open_data({.source = "text",
                                                  .path = written("alphabet.txt", "abcdefghijklmnopqrstuvwxyz\n"),
                                                  .validation = 1,
                                                  .test_share = 0.2,
                                                  .unit = "char",
                                                  .sequence = 3},
                                                 Seed(2))
                                           .train.indices);
}

TEST(TextBatches, StreamsRunSideBySideAndTargetsAreTheNextTokens) {
  const Split split = alphabet(3);
  Batches batches(split.train, {.batch = 2, .shuffle = true}, Seed(3), at::kCPU);
  EXPECT_EQ(batches.steps(), 3);
  batches.start(4);
  const auto first = batches.next(), second = batches.next(), third = batches.next();
  EXPECT_EQ(values(first->inputs), (std::vector<std::vector<float>>{{2, 3, 4}, {8, 9, 10}}));     // abc, ghi
  EXPECT_TRUE(at::equal(first->targets, at::tensor({3, 4, 5, 9, 10, 11}, at::kLong)));            // bcd, hij
  EXPECT_EQ(values(second->inputs), (std::vector<std::vector<float>>{{5, 6, 7}, {11, 12, 13}}));  // def, jkl: where they ended
  EXPECT_TRUE(at::equal(second->targets, at::tensor({6, 7, 8, 12, 13, 14}, at::kLong)));
  EXPECT_EQ(values(third->inputs), (std::vector<std::vector<float>>{{14, 15, 16}}));  // what is left: mno
  EXPECT_TRUE(at::equal(third->targets, at::tensor({15, 16, 17}, at::kLong)));
  EXPECT_FALSE(batches.next().has_value());
}

TEST(TextBatches, EpochsResumeAtAnyPosition) {
  const Split split = alphabet(2);
  Batches one(split.train, {.batch = 3}, Seed(3), at::kCPU), two(split.train, {.batch = 3}, Seed(4), at::kCPU);
  one.start(0);
  one.next();
  two.start(7, 1);
  EXPECT_TRUE(at::equal(one.next()->inputs, two.next()->inputs));
}

TEST(TextBatches, UnknownTokensOfLaterPartsAreUnk) {
  const Split split = alphabet(3);
  Batches batches(split.validation, {.batch = 4}, Seed(0), at::kCPU);
  batches.start(0);
  const auto batch = batches.next();
  EXPECT_EQ(values(batch->inputs), (std::vector<std::vector<float>>{{0, 0, 0}}));  // stu, which the train part lacks
}

TEST(TextSplit, HalvesShareNoTarget) {
  const Split split = alphabet(3);
  const auto [weights, architecture] = halves(split.train, Seed(5));
  EXPECT_EQ(weights.indices, (std::vector<std::int64_t>{0, 3}));
  EXPECT_EQ(architecture.indices, (std::vector<std::int64_t>{6, 9, 12}));
}

TEST(Rows, AreOneATarget) {
  EXPECT_EQ(rows(at::zeros({4, 7})).sizes(), (at::IntArrayRef{4, 7}));
  EXPECT_EQ(rows(at::zeros({4, 3, 7})).sizes(), (at::IntArrayRef{12, 7}));
}

TEST(TextTraining, EndsBelowTheFrequenciesOfTokens) {
  const std::string file = written("letters.txt", pairs_of_letters(3000));
  const Split split = open_data({.source = "text", .path = file, .validation = 40, .unit = "char", .sequence = 10}, Seed(1));
  Network network(bigrams(split));
  network.initialise(Seed(5).derive("init"));
  const TrainResult result = train(network, split, {.epochs = 6, .batch = 8, .learning_rate = 0.5}, {}, Seed(2));
  const double frequencies = unigram_loss(split, split.validation), chain = std::log(2);  // one of two next letters
  EXPECT_GT(frequencies, 1.8);
  EXPECT_LT(result.epochs.back().val_loss, 0.6 * frequencies);
  EXPECT_GT(result.epochs.back().val_loss, 0.95 * chain);
  EXPECT_GT(result.epochs.back().train_accuracy, 0.4);

  const Evaluation measured = evaluate(network, split.validation, 16);
  EXPECT_EQ(measured.images, 400);  // targets
  EXPECT_NEAR(measured.loss, evaluate(network, split.validation, 7).loss, 1e-6);
  const auto metrics = metrics_of("val", measured, split);
  EXPECT_DOUBLE_EQ(metrics.at("val_perplexity"), std::exp(measured.loss));
  EXPECT_DOUBLE_EQ(merit(measured, split.validation), -measured.loss);
  EXPECT_EQ(measured_metrics(split, {"params"}), (std::vector<std::string>{"val_accuracy", "val_loss", "val_perplexity", "params"}));
}

// ---- states go on ----

Split story(std::int64_t sequence, bool carry) {
  const std::string file = written("story.txt", pairs_of_letters(800));
  return open_data({.source = "text", .path = file, .validation = 144 / sequence, .unit = "char", .sequence = sequence, .carry = carry}, Seed(1));
}

Network recurrent_network_of(const Split& split) {
  Network network(recurrent(split.input()[0], static_cast<std::int64_t>(split.classes().size())));
  network.initialise(Seed(5));
  for (const auto& named : network.tensors())
    if (named.name.starts_with("w0")) at::Tensor(named.tensor).detach().mul_(3);   // that remembers
  return network;
}

TEST(CarriedStates, GoOnWithTheStreamsOfAnEpoch) {
  const Split split = story(4, true);
  const std::int64_t batch = split.train.size() / 3 - 1;   // three whole steps, and what is left
  Batches batches(split.train, {.batch = batch}, Seed(3), at::kCPU);
  const auto left_behind = [&] { batches.states()->after["h"] = at::ones({batch, 1}); };
  for (int epoch = 0; epoch < 2; ++epoch) {
    batches.start(epoch);
    batches.next();
    EXPECT_TRUE(batches.states()->before.empty());
    left_behind();
    batches.next();
    EXPECT_EQ(batches.states()->before.count("h"), 1U);
    batches.next();                                        // no pass has run on the batch before: there is no state
    EXPECT_TRUE(batches.states()->before.empty());
    left_behind();
    EXPECT_LT(batches.next()->inputs.size(0), batch);
    EXPECT_TRUE(batches.states()->before.empty());         // its rows follow others
    left_behind();
  }
  Batches none(story(4, false).train, {.batch = batch}, Seed(3), at::kCPU);
  EXPECT_EQ(none.states(), nullptr);
}

// One stream of short windows is one of long ones: the text read in one go.
TEST(CarriedStates, APerplexityIsThatOfOneLongRun) {
  const Split windows = story(4, true), whole = story(144, true), forgetful = story(4, false);
  ASSERT_EQ(windows.validation.indices.front(), whole.validation.indices.front());
  ASSERT_EQ(windows.validation.size() * 4, whole.validation.size() * 144);
  Network network = recurrent_network_of(windows), longer = recurrent_network_of(whole);
  const double loss = evaluate(network, windows.validation, 1).loss;
  EXPECT_NEAR(loss, evaluate(longer, whole.validation, 1).loss, 1e-5);
  EXPECT_GT(std::abs(loss - evaluate(network, forgetful.validation, 1).loss), 1e-4);
  EXPECT_EQ(evaluate(network, windows.validation, 256).loss, evaluate(network, windows.validation, 10).loss);   // ten streams at most
}

TEST(CarriedStates, TrainingGoesOnWhereTheRowsEnded) {
  const auto trained = [&](bool carry) {
    const Split split = story(4, carry);
    Network network = recurrent_network_of(split);
    train(network, split, {.epochs = 1, .batch = 8, .learning_rate = 0.5, .momentum = 0, .weight_decay = 0}, {}, Seed(2));
    return network.parameters()[0].detach().clone();
  };
  EXPECT_FALSE(trained(true).equal(trained(false)));
  EXPECT_TRUE(trained(true).equal(trained(true)));
}

TEST(CarriedStates, AResumedTrainingHasTheSameBits) {
  const Split split = story(4, true);
  const TrainingOptions options{.epochs = 3, .batch = 8, .learning_rate = 0.5};
  Network whole = recurrent_network_of(split), parts = recurrent_network_of(split);
  train(whole, split, options, {}, Seed(2));
  const auto file = fs::temp_directory_path() / ("netwright_carried_" + std::to_string(getpid()));
  int steps = 0;
  EXPECT_EQ(train(parts, split, options, {}, Seed(2), {.interrupted = [&] { return ++steps > 25; }, .checkpoint = file}).end, TrainEnd::interrupted);
  Network resumed = recurrent_network_of(split);
  EXPECT_EQ(train(resumed, split, options, {}, Seed(2), {.checkpoint = file}).end, TrainEnd::done);
  for (std::size_t i = 0; i < whole.tensors().size(); ++i) EXPECT_TRUE(whole.tensors()[i].tensor.equal(resumed.tensors()[i].tensor)) << whole.tensors()[i].name;
  Split forgetful = story(4, false);
  EXPECT_THROW(train(resumed, forgetful, options, {}, Seed(2), {.checkpoint = file}), UsageError);   // another training
  fs::remove(file);
}

// A network that knows nothing has the perplexity of its vocabulary.
TEST(TextTraining, EqualScoresHaveThePerplexityOfTheVocabulary) {
  const Split split = alphabet(3);
  Network network(bigrams(split));
  for (const auto& p : network.parameters()) p.detach().zero_();
  EXPECT_NEAR(metrics_of("val", evaluate(network, split.train, 4), split).at("val_perplexity"), 20.0, 1e-4);
}

}  // namespace
}  // namespace netwright
