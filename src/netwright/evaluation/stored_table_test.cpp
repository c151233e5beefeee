#include "netwright/evaluation/stored_table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/evaluation/registry.hpp"
#include "netwright/evaluation/stored_tabular.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

class StoredTables : public testing::Test {
 protected:
  StoredTables() {
    std::string pattern = (fs::temp_directory_path() / "netwright-table-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~StoredTables() override { fs::remove_all(folder_); }

  // Every architecture of a small space: 0.5 after one epoch, 0.6 after three, plus a hundredth of its row; ten seconds an epoch.
  TableContent content(bool separate = false) const {
    TableContent content{.schema = {.name = "toy",
                                    .space = space_->info().name,
                                    .separate = separate,
                                    .columns = {{"val_accuracy", 1},
                                                {"val_accuracy", 3},
                                                {"test_accuracy", 3},
                                                {"params", 0},
                                                {"train_seconds", 1},
                                                {"train_seconds", 3}}}};
    enumerate(space_->decisions(), [&](const Architecture& architecture) {
      const double row = static_cast<double>(content.keys.size());
      content.keys.push_back(space_->print(architecture));
      for (const double value : {0.5 + 0.01 * row, 0.6 + 0.01 * row, 0.7, 100 + row, 10.0, 30.0}) content.values.push_back(value);
      return content.keys.size() < 20;
    });
    return content;
  }

  std::unique_ptr<Evaluator> evaluator(bool separate = false) {
    const fs::path file = folder_ / "toy.nwt";
    write_table(content(separate), file);
    return make_evaluator(torch_free_evaluators(), "tabular", {.space = space_, .network = {}, .options = {{"file", file.string()}}});
  }

  Candidate candidate(std::size_t row) const { return {.architecture = space_->parse(content().keys.at(row))}; }

  std::shared_ptr<const Space> space_ = find_space("nasbench201");
  fs::path folder_;
};

TEST_F(StoredTables, GiveBackWhatWasWritten) {
  const TableContent written = content();
  write_table(written, folder_ / "t.nwt");
  const StoredTable table(folder_ / "t.nwt");
  EXPECT_EQ(table.rows(), written.keys.size());
  EXPECT_EQ(table.schema().space, "nasbench201");
  EXPECT_EQ(table.epochs(), (std::vector<std::int64_t>{1, 3}));
  for (std::size_t i = 0; i < written.keys.size(); ++i) {
    const auto row = table.find(written.keys[i]);
    ASSERT_TRUE(row.has_value());
    EXPECT_EQ(table.key(*row), written.keys[i]);
    for (std::size_t c = 0; c < 6; ++c) EXPECT_EQ(table.value(*row, c), written.values[i * 6 + c]);
  }
  EXPECT_FALSE(table.find("nobody").has_value());
}

TEST_F(StoredTables, ATrialReportsAtEachBudgetAndPaysWhatItTrains) {
  const auto tabular = evaluator();
  const Outcome whole = tabular->evaluate(candidate(4), {}, {});
  EXPECT_EQ(whole.reports.size(), 2u);
  EXPECT_DOUBLE_EQ(whole.metrics.at("val_accuracy"), 0.64);
  EXPECT_DOUBLE_EQ(whole.metrics.at("params"), 104);
  EXPECT_DOUBLE_EQ(whole.seconds, 30);
  const Outcome promoted = tabular->evaluate(candidate(4), {.epochs = 3, .from_epochs = 1}, {});
  EXPECT_DOUBLE_EQ(promoted.seconds, 20);
  EXPECT_EQ(promoted.reports.size(), 1u);
  const Outcome stopped = tabular->evaluate(candidate(4), {.epochs = 3}, [](const Report&) { return false; });
  EXPECT_EQ(stopped.status, Status::stopped);
  EXPECT_DOUBLE_EQ(stopped.metrics.at("val_accuracy"), 0.54);
  EXPECT_DOUBLE_EQ(stopped.seconds, 10);
}

TEST_F(StoredTables, SeparateTrainingsShareNothing) {
  const auto tabular = evaluator(true);
  const Outcome promoted = tabular->evaluate(candidate(2), {.epochs = 3, .from_epochs = 1}, [](const Report&) { return false; });
  EXPECT_EQ(promoted.status, Status::done);
  EXPECT_DOUBLE_EQ(promoted.seconds, 30);
  EXPECT_EQ(promoted.reports.size(), 1u);
}

TEST_F(StoredTables, TheTestPartIsNotSeenByASearch) {
  const auto tabular = evaluator();
  const Outcome outcome = tabular->evaluate(candidate(0), {}, {});
  EXPECT_FALSE(outcome.metrics.contains("test_accuracy"));
  for (const Report& report : outcome.reports) EXPECT_FALSE(report.metrics.contains("test_accuracy"));
  for (const std::string& name : tabular->info().metrics) EXPECT_NE(name, "test_accuracy");
  EXPECT_DOUBLE_EQ(tabular->test_metrics(candidate(0)).at("test_accuracy"), 0.7);
}

TEST_F(StoredTables, APredictorStandsInForTheTraining) {
  write_table(content(), folder_ / "toy.nwt");
  const auto make = [&](std::map<std::string, std::string, std::less<>> options) {
    options["table"] = (folder_ / "toy.nwt").string();
    return make_evaluator(torch_free_evaluators(), "predictor", {.space = space_, .network = {}, .options = std::move(options)});
  };
  const auto predictor = make({{"known", "15"}});
  EXPECT_EQ(predictor->info().name, "predictor");
  EXPECT_EQ(predictor->info().metrics, find_evaluator(torch_free_evaluators(), "predictor").metrics);
  const Outcome outcome = predictor->evaluate(candidate(3), {}, {});
  EXPECT_NEAR(outcome.metrics.at("val_accuracy"), 0.63, 0.05);
  EXPECT_GT(outcome.metrics.at("val_accuracy_deviation"), 0);
  EXPECT_EQ(outcome.metrics, make({{"known", "15"}})->evaluate(candidate(3), {}, {}).metrics);
  EXPECT_THROW(make({{"metric", "test_accuracy"}}), UsageError);
  EXPECT_THROW(make({{"metric", "val_acuracy"}}), UsageError);
}

TEST_F(StoredTables, SayWhatIsWrong) {
  const auto message = [](const std::function<void()>& action) -> std::string {
    try {
      action();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  const auto tabular = evaluator();
  EXPECT_NE(message([&] { tabular->evaluate(candidate(0), {.epochs = 2}, {}); }).find("has nothing after 2 epochs; it has 1, 3"), std::string::npos);
  Architecture other;
  enumerate(space_->decisions(), [&](const Architecture& a) { return other = a, true; });
  EXPECT_EQ(tabular->evaluate({.architecture = other}, {}, {}).status, Status::failed);
  const fs::path file = folder_ / "toy.nwt";
  const std::string bytes = read_file(file);
  for (const std::size_t length : {std::size_t{4}, std::size_t{40}, bytes.size() / 2, bytes.size() - 1}) {
    std::ofstream(folder_ / "cut.nwt", std::ios::binary) << bytes.substr(0, length);
    EXPECT_NE(message([&] { StoredTable(folder_ / "cut.nwt"); }), "") << length;
  }
  EXPECT_NE(message([&] { StoredTable(folder_ / "no.nwt"); }).find("cannot be read"), std::string::npos);
  const EvaluatorCase foreign{.space = find_space("minimal"), .network = {}, .options = {{"file", file.string()}}};
  EXPECT_NE(message([&] { make_evaluator(torch_free_evaluators(), "tabular", foreign); }).find("is of space nasbench201, not of"), std::string::npos);
  TableContent twice = content();
  twice.keys[1] = twice.keys[0];
  EXPECT_NE(message([&] { write_table(twice, file); }).find("stands twice"), std::string::npos);
}

}  // namespace
}  // namespace netwright
