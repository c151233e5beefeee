#include "netwright/evaluation/tabular.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/evaluation/data_folder.hpp"
#include "netwright/evaluation/csv.hpp"
#include "netwright/evaluation/table.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

struct TextFile {
  std::filesystem::path path;
  TextFile(const std::string& name, std::string_view content)
      : path(std::filesystem::temp_directory_path() / (std::to_string(::getpid()) + "_" + name)) {
    write_file(path, content);
  }
  ~TextFile() { std::filesystem::remove(path); }
};

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

nlohmann::json oracle(const std::string& id) {
  const auto file = nlohmann::json::parse(read_file(NETWRIGHT_SOURCE_DIR "/tests/oracles.json"));
  for (const auto& entry : file.at("cases")) {
    if (entry.at("id") == id) return entry;
  }
  throw std::runtime_error("no oracle " + id);
}

std::unique_ptr<Evaluator> tabular(Options options = {}, const std::string& space = "nasbench201") {
  return make_evaluator(torch_free_evaluators(), "tabular", {.space = find_space(space), .network = {}, .options = std::move(options)});
}

// The published test accuracies as what a search sees: how the reference runs were made.
Options reference_options() {
  return {{"file", shipped_file("nb201/nb201_cifar10_test_200ep.csv.zst").string()},
          {"metrics", "val_accuracy = acc_mean * 0.01"},
          {"test", ""},
          {"seconds_per_epoch", ""}};
}

const Table& reference_table() {
  static const Table table(shipped_file("nb201/nb201_cifar10_test_200ep.csv.zst"), "arch", {"acc_mean", "params", "flops_m"});
  return table;
}

std::vector<double> column(const Table& table, std::size_t index) {
  std::vector<double> values;
  for (std::size_t row = 0; row < table.rows(); ++row) values.push_back(table.value(row, index));
  return values;
}

constexpr const char* best_cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|";

TEST(Tabular, GivesValidationTimeAndKeepsTheTestPartBack) {
  const auto space = find_space("nasbench201");
  const auto evaluator = tabular();
  const Candidate candidate{.architecture =
                                space->parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|")};
  const Outcome outcome = evaluator->evaluate(candidate, {}, nullptr);
  ASSERT_EQ(outcome.status, Status::done) << outcome.reason;
  EXPECT_EQ(outcome.metrics.size(), 1u);
  EXPECT_NEAR(outcome.metrics.at("val_accuracy"), 0.82834, 1e-12);
  EXPECT_NEAR(outcome.seconds, 12 * 21.696414, 1e-9);
  EXPECT_NEAR(evaluator->evaluate(candidate, {.epochs = 200}, nullptr).seconds, 200 * 21.696414, 1e-9);
  EXPECT_NEAR(evaluator->test_metrics(candidate).at("test_accuracy"), 0.9366, 1e-12);
}

TEST(Tabular, EveryArchitectureOfTheSpaceHasItsRow) {
  const auto evaluator = tabular();
  int done = 0;
  enumerate(find_space("nasbench201")->decisions(), [&](const Architecture& architecture) {
    done += evaluator->evaluate({.architecture = architecture}, {}, nullptr).status == Status::done;
    return true;
  });
  EXPECT_EQ(done, 15625);
}

TEST(Tabular, MapsColumnsAsAsked) {
  const auto evaluator = tabular({{"metrics", "val_accuracy = c100_val200 * 0.01, synflow = c10_logsynflow"}, {"epochs", "200"}});
  EXPECT_EQ(evaluator->info().metrics, (std::vector<std::string>{"val_accuracy", "synflow"}));
  const Outcome outcome = evaluator->evaluate({.architecture = find_space("nasbench201")->parse(best_cell)}, {}, nullptr);
  EXPECT_GT(outcome.metrics.at("val_accuracy"), 0.7);
  EXPECT_GT(outcome.metrics.at("synflow"), 1);
}

TEST(Tabular, MissingRowsAndFieldsAreFailedOutcomes) {
  const auto space = find_space("nasbench201");
  const TextFile file("part.csv", std::string("arch,acc\n") + best_cell + ",\n");
  const auto evaluator = tabular({{"file", file.path.string()}, {"metrics", "val_accuracy=acc"}, {"test", ""}, {"seconds_per_epoch", ""}});
  EXPECT_EQ(evaluator->evaluate({.architecture = space->parse(best_cell)}, {}, nullptr).reason,
            std::string("column acc of ") + best_cell + " is empty");
  const std::string other = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
  const Outcome outcome = evaluator->evaluate({.architecture = space->parse(other)}, {}, nullptr);
  EXPECT_EQ(outcome.status, Status::failed);
  EXPECT_EQ(outcome.reason, "no row of " + other + " in " + file.path.filename().string());
}

TEST(Tabular, RefusesBadOptionsAtOnce) {
  const auto message = [](Options options) { return message_of([&] { tabular(std::move(options)); }); };
  EXPECT_NE(message({{"metrics", "val_accuracy = c10_val13"}}).find("no column 'c10_val13'; did you mean 'c10_val12'?"), std::string::npos);
  EXPECT_NE(message({{"key", "arc"}}).find("no column 'arc'; did you mean 'arch'?"), std::string::npos);
  EXPECT_NE(message({{"metrics", "val_accuracy"}}).find("is not of the form NAME = COLUMN * FACTOR"), std::string::npos);
  EXPECT_NE(message({{"metrics", "a = b * c"}}).find("'c' is not a factor, a finite number"), std::string::npos);
  EXPECT_NE(message({{"metrics", ""}}).find("is not one metric at least"), std::string::npos);
  EXPECT_NE(message({{"metrics", "test_accuracy = c10_test200"}}).find("is not a metric of a search"), std::string::npos);
  EXPECT_NE(message({{"metrics", "val_accuracy = c10_test200 * 0.01"}}).find("its column is of the test part"), std::string::npos);  // as `test` reads it
  EXPECT_NE(message({{"metrics", "val_accuracy = test_accuracy"}, {"test", ""}}).find("its column is of the test part"), std::string::npos);
  EXPECT_NE(message({{"epochs", "0"}}).find("'0' is not a number of epochs above 0"), std::string::npos);
  EXPECT_NE(message({{"file", "/nowhere/t.csv"}}).find("/nowhere/t.csv"), std::string::npos);
  const std::string other_space = message_of([&] { tabular({{"file", shipped_file("nb201/nb201.csv.zst").string()}}, "minimal2"); });
  EXPECT_NE(other_space.find("is no architecture of space minimal2"), std::string::npos);
}

TEST(Tables, ReadQuotesLineEndsAndEmptyFields) {
  const TextFile file("quotes.csv", "name,\"x,y\",z\r\n\"a \"\"b\"\", c\",1.5,\r\n\r\nplain,-2e3,7");
  const Table table(file.path, "name", {"z", "x,y"});
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.find("a \"b\", c"), 0u);
  EXPECT_EQ(table.find("plain"), 1u);
  EXPECT_EQ(table.find("other"), std::nullopt);
  EXPECT_TRUE(std::isnan(table.value(0, 0)));
  EXPECT_EQ(table.value(0, 1), 1.5);
  EXPECT_EQ(table.value(1, 0), 7);
  EXPECT_EQ(table.value(1, 1), -2000);
}

TEST(Tables, NameTheLineOfWhatIsWrong) {
  const auto message = [](std::string_view content) {
    const TextFile file("wrong.csv", content);
    return message_of([&] { Table(file.path, "k", {"v"}); });
  };
  EXPECT_NE(message("k,v\na,1\nb\n").find("line 3: 1 fields; the header has 2"), std::string::npos);
  EXPECT_NE(message("k,v\na,many\n").find("line 2: 'many' in column v is not a number"), std::string::npos);
  EXPECT_NE(message("k,v\na,1\na,2\n").find("the key 'a' stands twice"), std::string::npos);
  EXPECT_NE(message("").find("no column 'k'"), std::string::npos);
}

TEST(Tables, RefuseCutOffAndForeignZstandardFiles) {
  const std::string packed = read_file(shipped_file("nb201/nb201_cifar10_test_200ep.csv.zst"));
  const TextFile cut("cut.csv.zst", packed.substr(0, packed.size() / 2)), foreign("foreign.csv.zst", "k,v\na,1\n");
  EXPECT_NE(message_of([&] { read_maybe_compressed(cut.path); }).find("cut off"), std::string::npos);
  EXPECT_NE(message_of([&] { read_maybe_compressed(foreign.path); }).find("not a zstandard file"), std::string::npos);
}

TEST(Reference, TableStatistics) {
  const auto expect = oracle("B201-stats").at("expect");
  const std::vector<double> accuracies = column(reference_table(), 0);
  EXPECT_EQ(accuracies.size(), expect.at("n").get<std::size_t>());
  EXPECT_NEAR(mean(accuracies), expect.at("mean").get<double>(), 1e-6);
  EXPECT_NEAR(quantile(accuracies, 0.5), expect.at("median").get<double>(), 1e-6);
  EXPECT_EQ(std::ranges::count_if(accuracies, [](double a) { return a >= 94; }), expect.at("count_ge_94").get<int>());
  EXPECT_EQ(std::ranges::count_if(accuracies, [](double a) { return a < 20; }), expect.at("count_lt_20").get<int>());
  std::vector<double> sorted = accuracies;
  std::ranges::sort(sorted, std::greater{});
  for (std::size_t i = 0; i < expect.at("best").size(); ++i) {
    const std::string line = expect.at("best")[i];
    const std::size_t space = line.find(' ');
    const auto row = reference_table().find(line.substr(0, space));
    ASSERT_TRUE(row);
    EXPECT_NEAR(reference_table().value(*row, 0), std::stod(line.substr(space)), 1e-6);
    EXPECT_NEAR(sorted[i], std::stod(line.substr(space)), 1e-6);
  }
}

// The cost of every cell, by the graph: cells with the same numbers of each convolution cost the same, so each pair is built once.
TEST(Reference, ParametersAndMultiplyAccumulatesRankTheCells) {
  const auto space = find_space("nasbench201");
  std::map<std::pair<std::ptrdiff_t, std::ptrdiff_t>, Cost> costs;
  std::vector<double> params, macs;
  const auto count = [](const std::string& text, const std::string& op) {
    std::ptrdiff_t found = 0;
    for (std::size_t at = 0; (at = text.find(op, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  for (std::size_t row = 0; row < reference_table().rows(); ++row) {
    const std::string& key = reference_table().key(row);
    const std::pair pair(count(key, "nor_conv_1x1"), count(key, "nor_conv_3x3"));
    if (!costs.contains(pair)) costs[pair] = cost(space->close(space->parse(key), {}));
    params.push_back(static_cast<double>(costs[pair].params));
    macs.push_back(static_cast<double>(costs[pair].macs));
    EXPECT_EQ(params.back(), reference_table().value(row, 1)) << key;
  }
  const auto expect = oracle("B201-rank").at("expect");
  const std::vector<double> accuracies = column(reference_table(), 0);
  for (const auto& [name, values] : {std::pair("params", &params), std::pair("flops", &macs)}) {
    EXPECT_NEAR(kendall_tau(*values, accuracies), expect.at(name).at("tau").get<double>(), 1e-6) << name;
    EXPECT_NEAR(spearman_rho(*values, accuracies), expect.at(name).at("rho").get<double>(), 1e-6) << name;
  }
}

// The best of each of 500 runs, percent; and how often it was the best of the table.
struct Runs {
  std::vector<double> best;
  double hit_rate = 0;
};

Runs search(const std::string& strategy_name, const Options& options, std::int64_t evaluations) {
  const auto space = find_space("nasbench201");
  const auto evaluator = tabular(reference_options());
  const double optimum = std::ranges::max(column(reference_table(), 0)) / 100;
  Runs runs;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto strategy = make_strategy(strategy_name, {.tree = space->decisions(), .goal = {}, .seed = Seed(seed), .options = options});
    double best = 0;
    for (std::int64_t trial = 0; trial < evaluations; ++trial) {
      const Architecture asked = *strategy->ask();
      const Outcome outcome = evaluator->evaluate({.trial = trial, .architecture = asked}, {}, nullptr);
      best = std::max(best, outcome.metrics.at("val_accuracy"));
      strategy->tell({.trial = trial, .architecture = asked, .metrics = outcome.metrics, .failed = outcome.status == Status::failed});
    }
    runs.best.push_back(100 * best);
    runs.hit_rate += (best > optimum - 1e-9) / 500.0;
  }
  return runs;
}

TEST(Reference, ExpectedBestOfRandomDraws) {
  const auto expect = oracle("B201-random").at("expect");
  std::vector<double> sorted = column(reference_table(), 0);
  std::ranges::sort(sorted);
  const double n = static_cast<double>(sorted.size());
  for (const auto& [draws, value] : expect.at("expected_best").items()) {
    const double k = std::stod(draws);
    double best = 0;  // draws with replacement: P(best is among the i lowest) = (i / n)^k
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      best += sorted[i] * (std::pow((static_cast<double>(i) + 1) / n, k) - std::pow(static_cast<double>(i) / n, k));
    }
    EXPECT_NEAR(best, value.get<double>(), 1e-6);
  }
  const Runs runs = search("random", {{"replacement", "true"}}, 100);
  EXPECT_NEAR(mean(runs.best), expect.at("sim_100").at("mean").get<double>(), 0.04);
}

TEST(Reference, AgingEvolutionOnTheTable) {
  const auto expect = oracle("B201-rea").at("expect");
  for (const auto& [evaluations, value] : expect.items()) {
    const Runs runs = search("evolution", {{"population", "10"}, {"sample", "3"}}, std::stoll(evaluations));
    EXPECT_NEAR(mean(runs.best), value.at("mean").get<double>(), 0.05) << evaluations;
    EXPECT_NEAR(runs.hit_rate, value.at("hit").get<double>(), 0.1) << evaluations;
  }
}

}  // namespace
}  // namespace netwright
