#include "netwright/report/alarms.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include <nlohmann/json.hpp>

namespace netwright {
namespace {

Trial trained(std::int64_t number, const std::string& label, const std::string& architecture, double accuracy) {
  Trial trial{.number = number, .phase = "baselines", .label = label, .space = "darts", .architecture = architecture, .state = TrialState::done};
  trial.outcome.metrics["val_accuracy"] = accuracy;
  return trial;
}

// Architectures a, b, c, ... with these accuracies by the supernet and by themselves.
ReportData study(const std::vector<double>& inherited, const std::vector<double>& alone) {
  ReportData data{.record = {.space = "darts"}};
  nlohmann::json accuracies = nlohmann::json::object();
  for (std::size_t i = 0; i < inherited.size(); ++i) accuracies[std::string(1, static_cast<char>('a' + i))] = inherited[i];
  for (std::size_t i = 0; i < alone.size(); ++i)
    data.trials.push_back(trained(static_cast<std::int64_t>(i), i == 0 ? "best" : "random", std::string(1, static_cast<char>('a' + i)), alone[i]));
  data.phases = {{.name = "supernet", .kind = "supernet", .summary = "{}"},
                 {.name = "baselines", .kind = "baselines", .summary = nlohmann::json{{"inherited", {{"supernet", "supernet"}, {"val_accuracy", accuracies}}}}.dump()}};
  return data;
}

TEST(RankingGap, IsKendallsTauOverWhatHasBothNumbers) {
  ReportData data = study({0.3, 0.4, 0.2, 0.5}, {0.7, 0.8, 0.6});
  data.trials.push_back(trained(3, "best", "a", 0.9));   // a second run: a's mean is that of c and b
  data.trials.push_back(trained(4, "resnet", "depth=3", 0.99));
  data.trials.back().space = "resnet";
  const auto gap = ranking_gap(data);
  ASSERT_TRUE(gap);
  ASSERT_EQ(gap->pairs.size(), 3u);                      // d was not trained, the ResNet is no architecture of the space
  EXPECT_DOUBLE_EQ(gap->pairs[0].alone, 0.8);
  EXPECT_NEAR(gap->tau, 2 / std::sqrt(3.0 * 2.0), 1e-12);   // a and b tie: 2 pairs agree, of 3 and of 2
  EXPECT_EQ(gap->low, -1);
  EXPECT_EQ(gap->high, 1);
  EXPECT_FALSE(ranking_gap(study({0.3, 0.4}, {0.7, 0.8})));
}

TEST(RankingGap, ModelsOfTextAreRankedByTheirPerplexity) {
  ReportData data = study({}, {});
  const nlohmann::json shared{{"a", 30.0}, {"b", 40.0}, {"c", 50.0}};
  data.phases[1].summary = nlohmann::json{{"inherited", {{"supernet", "supernet"}, {"val_perplexity", shared}}}}.dump();
  for (const char* name : {"a", "b", "c"}) {
    data.trials.push_back(trained(static_cast<std::int64_t>(data.trials.size()), "random", name, 0.2));   // equal accuracies
    data.trials.back().outcome.metrics["val_perplexity"] = 10.0 + name[0];
  }
  const auto gap = ranking_gap(data);
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->metric, "val_perplexity");
  EXPECT_DOUBLE_EQ(gap->tau, 1);
}

TEST(RankingGap, TheIntervalNarrowsAndTheAlarmEnds) {
  EXPECT_EQ(kendall_interval(1, 4).low, -1);
  // Fieller, Hartley and Pearson: z = artanh(0.5) = 0.5493, reach 1.96 sqrt(0.437 / 16) = 0.3239.
  EXPECT_NEAR(kendall_interval(0.5, 20).low, std::tanh(0.549306 - 0.323916), 1e-5);
  EXPECT_NEAR(kendall_interval(0.5, 20).high, std::tanh(0.549306 + 0.323916), 1e-5);
  EXPECT_NEAR(kendall_interval(-0.5, 20).low, -kendall_interval(0.5, 20).high, 1e-12);
  EXPECT_LT(kendall_interval(1, 10).low, kendall_interval(1, 50).low);
  EXPECT_LT(kendall_interval(1, 50).low, 1);
  std::vector<double> up, down;
  for (int i = 0; i < 12; ++i) up.push_back(0.1 + 0.01 * i), down.push_back(0.9 - 0.01 * i);
  EXPECT_FALSE(alarms(study(up, up)).at(0).raised);
  EXPECT_TRUE(alarms(study(up, down)).at(0).raised);
  EXPECT_NE(alarms(study(up, down)).at(0).sentence.find("worse than chance"), std::string::npos);
  EXPECT_FALSE(alarms(study({0.1, 0.2, 0.3}, {0.3, 0.2, 0.1})).at(0).raised);   // three say nothing
  EXPECT_TRUE(alarms(study(up, std::vector<double>(12, 0.5))).at(0).raised);
}

TEST(Alarms, SkipsAndEigenvaluesAreReadOffTheSeries) {
  ReportData data;
  const auto add = [&](const std::string& name, const std::vector<double>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) data.series["supernet"].push_back({name, static_cast<double>(i + 1), nlohmann::json(values[i]).dump()});
  };
  EXPECT_TRUE(alarms(data).empty());
  add("skips", {0.9, 0.5});
  add("eigenvalue", {1, 1, 1, 1, 1});
  auto list = alarms(data);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_FALSE(list[0].raised);
  EXPECT_FALSE(list[1].raised);
  add("skips", {0.51});
  add("eigenvalue", {1.31, 1.31, 1.31, 1.31, 1.31, 1.2});
  list = alarms(data);
  EXPECT_TRUE(list[0].raised);
  EXPECT_TRUE(list[1].raised);                           // at the tenth epoch, whatever came after
  EXPECT_NE(list[1].sentence.find("1.31 times (by epoch 10)"), std::string::npos);
}

}  // namespace
}  // namespace netwright
