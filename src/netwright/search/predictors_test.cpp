#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/search/model_predictors.hpp"

namespace netwright {
namespace {

std::vector<PredictorEntry> of_numbers() {
  std::vector<PredictorEntry> entries = all_predictors();
  std::erase_if(entries, [](const PredictorEntry& entry) { return entry.graphs || !entry.missing.empty(); });
  return entries;
}

struct Data {
  std::vector<FeatureRow> rows;
  std::vector<double> values;
};

// A smooth function of four features, far from zero.
Data data(std::size_t count, std::uint64_t seed) {
  Rng rng = Seed(seed).rng();
  Data data;
  for (std::size_t i = 0; i < count; ++i) {
    FeatureRow row;
    for (int j = 0; j < 4; ++j) row.push_back(rng.uniform());
    data.values.push_back(90 + 3 * row[0] - 2 * row[1] + 0.5 * row[2] * row[3]);
    data.rows.push_back(std::move(row));
  }
  return data;
}

TEST(Predictors, EveryOneOrdersWhatItHasNotSeen) {
  const Data known = data(80, 1), unseen = data(60, 2);
  for (const PredictorEntry& entry : of_numbers()) {
    const auto predictor = make_predictor(all_predictors(), entry.name, {.seed = Seed(3), .options = {}});
    predictor->fit(known.rows, known.values);
    std::vector<double> predicted;
    for (const FeatureRow& row : unseen.rows) {
      const Predicted found = predictor->predict(row);
      predicted.push_back(found.mean);
      EXPECT_GE(found.deviation, 0) << entry.name;
    }
    const PredictionQuality judged = quality(predicted, unseen.values, 5);
    EXPECT_GT(judged.kendall_tau, 0.6) << entry.name;
    EXPECT_LT(judged.mean_absolute_error, 0.6) << entry.name;
    EXPECT_GE(judged.top_regret, 0) << entry.name;
  }
}

TEST(Predictors, AreFunctionsOfTheirSeedAndData) {
  const Data known = data(40, 1), unseen = data(5, 2);
  for (const PredictorEntry& entry : of_numbers()) {
    const auto once = make_predictor(all_predictors(), entry.name, {.seed = Seed(3)}), again = make_predictor(all_predictors(), entry.name, {.seed = Seed(3)});
    once->fit(known.rows, known.values), again->fit(known.rows, known.values);
    for (const FeatureRow& row : unseen.rows) EXPECT_EQ(once->predict(row).mean, again->predict(row).mean) << entry.name;
  }
}

TEST(Predictors, OneOfGraphsReadsGraphsAlone) {
  const auto predictor = make_predictor(all_predictors(), "gcn", {.seed = Seed(1), .options = {}});
  // One node or two, with one feature each: [nodes, width, features, edge].
  const std::vector<FeatureRow> rows{{1, 1, 1}, {2, 1, 1, 0, 1, 2}, {2, 1, 0, 1, 1, 2}, {1, 1, 0}};
  const std::vector<double> values{1, 2, 3, 4};
  EXPECT_THROW(predictor->predict(rows[0]), Error);
  predictor->fit(rows, values);
  std::vector<double> predicted;
  for (const FeatureRow& row : rows) predicted.push_back(predictor->predict(row).mean);
  EXPECT_GT(spearman_rho(predicted, values), 0.7);
  EXPECT_THROW(predictor->fit(std::vector<FeatureRow>{{0.5, 0.25}, {1, 0}}, std::vector<double>{1, 2}), UsageError);
}

TEST(Predictors, RefuseWhatCannotBe) {
  for (const PredictorEntry& entry : of_numbers()) {
    const auto predictor = make_predictor(all_predictors(), entry.name, {});
    EXPECT_THROW(predictor->predict(FeatureRow{1, 2}), Error) << entry.name;
    EXPECT_THROW(predictor->fit(std::vector<FeatureRow>{{1}, {1, 2}}, std::vector<double>{1, 2}), UsageError) << entry.name;
    EXPECT_THROW(predictor->fit(std::vector<FeatureRow>{{1}}, std::vector<double>{1}), UsageError) << entry.name;
  }
  EXPECT_THROW(make_predictor(all_predictors(), "rigde", {}), UsageError);
  EXPECT_THROW(make_predictor(all_predictors(), "ridge", {.options = {{"lambda", "-1"}}}), UsageError);
}

// Without XGBoost its name is known, and says what is to be done.
TEST(Predictors, OneThatIsMissingSaysHowToBuildIt) {
  const auto entries = all_predictors();
  const auto xgboost = std::ranges::find(entries, "xgboost", &PredictorEntry::name);
  ASSERT_NE(xgboost, entries.end());
  if (xgboost->missing.empty()) {
    EXPECT_NO_THROW(make_predictor(entries, "xgboost", {}));
    return;
  }
  try {
    make_predictor(entries, "xgboost", {});
    FAIL() << "made";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "predictor xgboost: this build links no XGBoost; install it (Debian: libxgboost-dev), then build with cmake -DNETWRIGHT_XGBOOST=ON");
  }
}

// Linear data: ridge without penalty is exact, and the quality of a perfect prediction is perfect.
TEST(Predictors, LeastSquaresAreExactOnALine) {
  std::vector<FeatureRow> rows;
  std::vector<double> values, predicted;
  for (int i = 0; i < 12; ++i) rows.push_back({static_cast<double>(i), static_cast<double>(i * i)}), values.push_back(3 + 2.0 * i - 0.5 * i * i);
  const auto linear = make_predictor(all_predictors(), "ridge", {.options = {{"lambda", "0"}, {"bias", "true"}}});
  linear->fit(rows, values);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    predicted.push_back(linear->predict(rows[i]).mean);
    EXPECT_NEAR(predicted[i], values[i], 1e-9);
  }
  const PredictionQuality judged = quality(predicted, values, 1);
  EXPECT_NEAR(judged.kendall_tau, 1, 1e-12);
  EXPECT_EQ(judged.top_regret, 0);
}

}  // namespace
}  // namespace netwright
