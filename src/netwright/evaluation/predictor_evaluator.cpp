#include "netwright/evaluation/predictor_evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/evaluation/predictor.hpp"
#include "netwright/evaluation/stored_table.hpp"
#include "netwright/objective/test_part.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

// The column of the metric at its largest budget.
std::size_t column_of(const TableSchema& schema, const std::string& metric) {
  std::vector<std::string> names;
  std::size_t found = schema.columns.size();
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    names.push_back(schema.columns[c].metric);
    if (names.back() == metric && (found == schema.columns.size() || schema.columns[c].epochs > schema.columns[found].epochs)) found = c;
  }
  if (of_test_part(metric)) throw UsageError("evaluator predictor, option metric: " + metric + " is of the test part, which a search must not see");
  if (found == schema.columns.size()) throw UsageError("evaluator predictor, option metric: no '" + metric + "' in the table" + name_hint(metric, names));
  return found;
}

class PredictorEvaluator : public Evaluator {
 public:
  PredictorEvaluator(const EvaluatorEntry& entry, const std::vector<PredictorEntry>& predictors, const EvaluatorCase& evaluator_case)
      : info_(info_of(entry)), space_(evaluator_case.space) {
    const auto text = [&](std::string_view name) { return trim(option(entry, evaluator_case, name)); };
    metric_ = text("metric");
    info_.metrics = {metric_, metric_ + "_deviation"};
    if (text("table").empty()) throw UsageError("evaluator predictor: the option table is missing; it is a stored table (.nwt)");
    const Seed seed(static_cast<std::uint64_t>(parse_count(text("seed"))));
    predictor_ = make_predictor(predictors, text("predictor"), {.seed = seed});
    fit(StoredTable(text("table")), static_cast<std::size_t>(parse_count(text("known"))), seed);
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity&, const Progress&) override {
    const Predicted found = predictor_->predict(features(candidate.architecture));
    return {.metrics = {{metric_, found.mean}, {metric_ + "_deviation", found.deviation}}};
  }

 private:
  FeatureRow features(const Architecture& architecture) const {
    const std::vector<float> bits = encode(space_->decisions(), architecture);
    return {bits.begin(), bits.end()};
  }

  void fit(const StoredTable& table, std::size_t known, Seed seed) {
    const TableSchema& schema = table.schema();
    const std::string& space = schema.space.empty() ? schema.name : schema.space;
    if (space != space_->info().name || schema.canonical)
      throw UsageError("table " + table.file().string() + " has no architectures of space " + space_->info().name);
    const std::size_t column = column_of(schema, metric_);
    std::vector<std::size_t> order(table.rows());
    std::iota(order.begin(), order.end(), std::size_t{0});
    Rng rng = seed.derive("known").rng();
    rng.shuffle(order);
    std::vector<FeatureRow> rows;
    std::vector<double> values;
    for (const std::size_t row : order) {
      if (!std::isfinite(table.value(row, column))) continue;
      rows.push_back(features(space_->parse(table.key(row))));
      values.push_back(table.value(row, column));
      if (rows.size() == known) break;
    }
    predictor_->fit(rows, values);
  }

  EvaluatorInfo info_;
  std::shared_ptr<const Space> space_;
  std::string metric_;
  std::unique_ptr<Predictor> predictor_;
};

std::string unsuited(const EvaluatorCase& evaluator_case) {
  const auto table = evaluator_case.options.find("table");
  return table == evaluator_case.options.end() || table->second.empty() ? "it is fitted on a stored table; name one with the option table" : "";
}

}  // namespace

EvaluatorEntry predictor_entry(const std::vector<PredictorEntry>& predictors) {
  std::vector<std::string> names;
  for (const PredictorEntry& predictor : predictors) names.push_back(predictor.name);
  EvaluatorEntry entry{.name = "predictor",
                       .title = "A predictor fitted on rows of a table",
                       .metrics = {"val_accuracy", "val_accuracy_deviation"},
                       .traits = {"deterministic"},
                       .options = {{"table", "", "stored table (.nwt) of the space"},
                                   {"predictor", "ridge", "one of " + join(names, ", ")},
                                   {"metric", "val_accuracy", "what is predicted"},
                                   {"known", "200", "rows that it is fitted on; 0 = all"},
                                   {"seed", "0", "which rows"}},
                       .unsuited = unsuited};
  entry.make = [bare = entry, predictors](const EvaluatorCase& c) -> std::unique_ptr<Evaluator> {
    return std::make_unique<PredictorEvaluator>(bare, predictors, c);
  };
  return entry;
}

}  // namespace netwright
