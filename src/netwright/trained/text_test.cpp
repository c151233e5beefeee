// Recurrent cells on text: searched, derived, inherited from, trained.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "netwright/core/files.hpp"
#include "netwright/space/space.hpp"
#include "netwright/trained/derivation.hpp"
#include "netwright/trained/inherit.hpp"
#include "netwright/trained/one_shot.hpp"
#include "netwright/trained/train_evaluator.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// Eight letters, equally frequent, of which each calls for one of two next ones.
std::shared_ptr<const Split> letters() {
  static const std::shared_ptr<const Split> split = [] {
    std::string pattern = (fs::temp_directory_path() / "netwright_trained_text_XXXXXX").string();
    const fs::path folder = mkdtemp(pattern.data());
    std::string text;
    Rng rng(3);
    for (int i = 0, letter = 0; i < 1200; ++i) {
      text += static_cast<char>('a' + letter);
      letter = (3 * letter + 1 + static_cast<int>(rng.below(2))) % 8;
    }
    write_file(folder / "a.txt", text);
    const DataOptions options{.source = "text", .path = (folder / "a.txt").string(), .validation = 24, .unit = "char", .sequence = 4};
    const auto opened = std::make_shared<const Split>(open_data(options, Seed(1)));
    fs::remove_all(folder);
    return opened;
  }();
  return split;
}

// Cross-entropy of the validation part under the train part's frequencies.
double loss_of_frequencies() {
  const auto split = letters();
  const auto& tokens = split->train.images->tokens;
  std::vector<double> counts(split->classes().size(), 1);
  const auto visit = [&](const Part& part, const auto& call) {
    for (const std::int64_t first : part.indices)
      for (std::int64_t step = 1; step <= split->input()[0]; ++step) call(static_cast<std::size_t>(tokens[static_cast<std::size_t>(first + step)]));
  };
  visit(split->train, [&](std::size_t token) { counts[token] += 1; });
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  double loss = 0, targets = 0;
  visit(split->validation, [&](std::size_t token) { loss -= std::log(counts[token] / total), targets += 1; });
  return loss / targets;
}

NetworkOptions options_of(bool search) {
  return {.input = {4}, .classes = static_cast<std::int64_t>(letters()->classes().size()), .search = search, .settings = {{"width", "8"}}};
}

SupernetOptions search_options() {
  return {.epochs = 3,
          .batch = 8,
          .learning_rate = 2,
          .final_learning_rate = 0.5,
          .momentum = 0,
          .weight_decay = 0,
          .gradient_clip = 1,
          .architecture_learning_rate = 0.02};
}

TEST(TextSearch, EndsBelowTheFrequenciesAndItsNetworkToo) {
  const std::shared_ptr<const Space> space = find_space("darts_rnn");
  const auto split = letters();
  const auto file = fs::temp_directory_path() / ("netwright_text_" + std::to_string(getpid()));
  SupernetOptions options = search_options();
  options.epochs = 8;   // states that go on drown the small embeddings at first
  OneShot search(space->decisions(), space->open(options_of(true)), options, Seed(2));
  const auto before = search.probabilities();
  EXPECT_EQ(search.train(*split, {}, {.checkpoint = file}), TrainEnd::done);
  EXPECT_NE(before, search.probabilities());
  const double frequencies = loss_of_frequencies();
  EXPECT_GT(frequencies, 2);
  EXPECT_LT(search.history().back().val_loss, 0.8 * frequencies);
  EXPECT_LT(search.history().back().train_loss, search.history().front().train_loss);

  const Architecture found = derive(search, {}, split->validation, Seed(4));
  const auto inherit = make_inherit_evaluator({.space = space,
                                               .network = options_of(true),
                                               .closed = options_of(false),
                                               .supernet = options,
                                               .seed = Seed(2),
                                               .checkpoint = file,
                                               .split = split});
  const Outcome shared = inherit->evaluate({.trial = 0, .architecture = found}, {}, {});
  ASSERT_EQ(shared.status, Status::done) << shared.reason;
  EXPECT_DOUBLE_EQ(shared.metrics.at("val_perplexity"), std::exp(shared.metrics.at("val_loss")));
  fs::remove(file);

  const TrainSetting setting{.split = split,
                             .training = {.epochs = 4, .batch = 8, .learning_rate = 20, .momentum = 0, .weight_decay = 0, .gradient_clip = 0.25}};
  const auto evaluator = make_train_evaluator(space, {.settings = {{"width", "8"}}}, setting);
  const Outcome trained = evaluator->evaluate({.trial = 0, .architecture = found, .seed = 7}, {}, {});
  ASSERT_EQ(trained.status, Status::done) << trained.reason;
  EXPECT_LT(trained.metrics.at("val_loss"), 0.7 * frequencies);
  EXPECT_DOUBLE_EQ(trained.metrics.at("val_perplexity"), std::exp(trained.metrics.at("val_loss")));
  EXPECT_EQ(trained.reports.back().metrics.at("val_perplexity"), trained.metrics.at("val_perplexity"));
}

// Of one stream, short windows of an open graph are one long window: weights and batch norms of each step apart, which are left out here.
TEST(TextSearch, SupernetsCarryStates) {
  const auto space = find_space("darts_rnn");
  NetworkOptions options = options_of(false);
  const Graph half = space->open(options);
  options.input = {8};
  Supernet shorter(half, {.dtype = at::kDouble}), longer(space->open(options), {.dtype = at::kDouble});
  shorter.initialise(Seed(3)), longer.initialise(Seed(3));
  Rng rng(5);
  const auto parameters = ArchitectureParameters::start(space->decisions(), Seed(1), {.dtype = at::kDouble}, {.deviation = 1});
  const Mixture mixture = make_relaxation("softmax", space->decisions())->draw(parameters, rng);
  std::vector<double> numbers;
  for (int i = 0; i < 16; ++i) numbers.push_back(static_cast<double>(i % 7));
  const at::Tensor words = at::tensor(numbers, at::kDouble).view({2, 8});
  CarriedStates states;
  const at::Tensor first = shorter.forward(words.narrow(1, 0, 4), mixture, &states)[0];
  states.go_on();
  const at::Tensor second = shorter.forward(words.narrow(1, 4, 4), mixture, &states)[0];
  EXPECT_TRUE(at::cat({first, second}, 1).allclose(longer.forward(words, mixture)[0], 1e-10, 1e-12));
}

TEST(TextSearch, AForgetfulSearchIsAnother) {
  const auto space = find_space("darts_rnn");
  SupernetOptions options = search_options();
  options.epochs = 1;
  const auto loss_of = [&](bool carry, const std::string& update) {
    Split split = *letters();
    auto images = std::make_shared<Images>(*split.train.images);
    images->carry = carry;
    split.train.images = split.validation.images = images;
    options.update = update;
    OneShot search(space->decisions(), space->open(options_of(true)), options, Seed(2));
    search.train(split, {});
    return search.history().back().architecture_loss;
  };
  for (const std::string update : {"first_order", "second_order", "single_level"}) EXPECT_NE(loss_of(true, update), loss_of(false, update)) << update;
}

TEST(TextSearch, ResumesToTheSameBits) {
  const auto space = find_space("darts_rnn");
  const auto split = letters();
  SupernetOptions options = search_options();
  options.epochs = 2;
  const auto file = fs::temp_directory_path() / ("netwright_text_resume_" + std::to_string(getpid()));
  OneShot whole(space->decisions(), space->open(options_of(true)), options, Seed(2));
  whole.train(*split, {});
  {
    OneShot first(space->decisions(), space->open(options_of(true)), options, Seed(2));
    int steps = 0;
    EXPECT_EQ(first.train(*split, {}, {.interrupted = [&] { return ++steps > 17; }, .checkpoint = file}), TrainEnd::interrupted);
    EXPECT_EQ(first.history().size(), 1U);  // in the second epoch
  }
  OneShot second(space->decisions(), space->open(options_of(true)), options, Seed(2));
  EXPECT_EQ(second.train(*split, {}, {.checkpoint = file}), TrainEnd::done);
  EXPECT_EQ(second.probabilities(), whole.probabilities());
  EXPECT_EQ(second.history().back().val_loss, whole.history().back().val_loss);
  fs::remove(file);
}

// Each rule that looks at data ranks by the loss.
TEST(TextDerivation, TheBestOfSomeHasTheLowestLoss) {
  const auto space = find_space("darts_rnn");
  const auto split = letters();
  SupernetOptions options = search_options();
  options.epochs = 4;
  OneShot search(space->decisions(), space->open(options_of(true)), options, Seed(2));
  search.train(*split, {});
  const double one =
      search.evaluate(derive(search, {.rule = "best_of", .rule_options = {{"samples", "1"}}}, split->validation, Seed(4)), split->validation, 8).loss;
  const double eight =
      search.evaluate(derive(search, {.rule = "best_of", .rule_options = {{"samples", "8"}}}, split->validation, Seed(4)), split->validation, 8).loss;
  EXPECT_LT(eight, one);
  const Architecture kept = derive(search, {.rule = "perturbation", .rule_options = {{"images", "8"}}}, split->validation, Seed(4));
  EXPECT_NO_THROW(validate(space->decisions(), kept));
}

TEST(TextUpdate, RewardsOfAPolicyAreFinite) {
  const auto space = find_space("enas_rnn");
  SupernetOptions options = search_options();
  options.relaxation = "policy", options.update = "reinforce", options.update_options = {{"samples", "2"}}, options.epochs = 1;
  OneShot search(space->decisions(), space->open(options_of(true)), options, Seed(2));
  EXPECT_EQ(search.train(*letters(), {}), TrainEnd::done);
  EXPECT_TRUE(std::isfinite(search.history().back().val_loss));
}

}  // namespace
}  // namespace netwright
