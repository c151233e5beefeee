#include "netwright/evaluation/stored_tabular.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "netwright/core/error.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/stored_table.hpp"
#include "netwright/evaluation/tabular.hpp"
#include "netwright/objective/test_part.hpp"

namespace netwright {
namespace {

constexpr std::string_view seconds_metric = "train_seconds";

bool of_test(const TableColumn& column) { return of_test_part(column.metric); }

class StoredTabular : public Evaluator {
 public:
  StoredTabular(const EvaluatorCase& evaluator_case, const std::filesystem::path& file)
      : info_(info_of(tabular_entry())), space_(evaluator_case.space), table_(file) {
    for (const auto& [name, value] : evaluator_case.options)
      if (name != "file" && !value.empty()) throw UsageError("evaluator tabular, option " + name + ": a stored table has its own; leave it out");
    const TableSchema& schema = table_.schema();
    const std::string& space = schema.space.empty() ? schema.name : schema.space;
    if (space != space_->info().name)
      throw UsageError("table " + file.string() + " is of space " + space + ", not of " + space_->info().name);
    info_.metrics.clear();
    for (std::size_t i = 0; i < schema.columns.size(); ++i) {
      const TableColumn& column = schema.columns[i];
      if (of_test(column) || column.metric == seconds_metric) continue;
      if (std::ranges::find(info_.metrics, column.metric) == info_.metrics.end()) info_.metrics.push_back(column.metric);
    }
    steps_ = table_.epochs();
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) override {
    const std::int64_t last = budget(fidelity.epochs);
    const std::string key = table_key(table_.schema(), *space_, candidate.architecture);
    const auto row = table_.find(key);
    if (!row) return {.status = Status::failed, .reason = "no row of " + key + " in " + table_.file().filename().string()};
    const std::int64_t from = table_.schema().separate ? 0 : fidelity.from_epochs;
    Outcome outcome{.metrics = read(*row, last, false)};
    std::int64_t reached = last;
    for (const std::int64_t step : steps_) {
      if (step <= from || step > last || (table_.schema().separate && step != last)) continue;
      outcome.reports.push_back({.step = step, .metrics = read(*row, step, false)});
      if (!progress || progress(outcome.reports.back()) || step == last) continue;
      outcome.status = Status::stopped;
      outcome.metrics = outcome.reports.back().metrics;
      reached = step;
      break;
    }
    outcome.seconds = seconds_until(*row, reached) - (from > 0 ? seconds_until(*row, from) : 0);
    return outcome;
  }

  Metrics test_metrics(const Candidate& candidate) override {
    const auto row = table_.find(table_key(table_.schema(), *space_, candidate.architecture));
    return row ? read(*row, std::numeric_limits<std::int64_t>::max(), true) : Metrics{};
  }

 private:
  std::int64_t budget(std::int64_t epochs) const {
    if (steps_.empty()) return epochs;
    if (epochs == 0) return steps_.back();
    if (std::ranges::find(steps_, epochs) != steps_.end()) return epochs;
    std::vector<std::string> known;
    for (const std::int64_t step : steps_) known.push_back(std::to_string(step));
    if (known.size() > 8) known = {known.front(), "...", known.back()};
    throw UsageError("table " + table_.file().string() + " has nothing after " + std::to_string(epochs) + " epochs; it has " + join(known, ", "));
  }

  // Of each metric the value at the most epochs that are not beyond `epochs`. The test part has one budget: its largest.
  Metrics read(std::size_t row, std::int64_t epochs, bool test) const {
    Metrics metrics;
    std::map<std::string_view, std::int64_t> at;
    for (std::size_t i = 0; i < table_.schema().columns.size(); ++i) {
      const TableColumn& column = table_.schema().columns[i];
      const double value = table_.value(row, i);
      if (of_test(column) != test || column.metric == seconds_metric || column.epochs > epochs || std::isnan(value)) continue;
      const auto [seen, fresh] = at.emplace(column.metric, column.epochs);
      if (!fresh && seen->second > column.epochs) continue;
      seen->second = column.epochs;
      metrics[column.metric] = value;
    }
    return metrics;
  }

  // 0 where the table does not know. Between two known epochs as many seconds an epoch as until the next.
  double seconds_until(std::size_t row, std::int64_t epochs) const {
    double seconds = 0;
    std::int64_t nearest = 0;
    for (std::size_t i = 0; i < table_.schema().columns.size(); ++i) {
      const TableColumn& column = table_.schema().columns[i];
      if (column.metric != seconds_metric || std::isnan(table_.value(row, i))) continue;
      if (nearest >= epochs && (column.epochs < epochs || column.epochs > nearest)) continue;
      nearest = column.epochs;
      seconds = table_.value(row, i);
    }
    return nearest > 0 && epochs > 0 ? seconds * static_cast<double>(epochs) / static_cast<double>(nearest) : seconds;
  }

  EvaluatorInfo info_;
  std::shared_ptr<const Space> space_;
  StoredTable table_;
  std::vector<std::int64_t> steps_;
};

}  // namespace

std::string table_key(const TableSchema& schema, const Space& space, const Architecture& architecture) {
  return schema.canonical ? hex(space.canonical(architecture)) : space.print(architecture);
}

std::unique_ptr<Evaluator> make_stored_tabular(const EvaluatorCase& evaluator_case, const std::filesystem::path& file) {
  return std::make_unique<StoredTabular>(evaluator_case, file);
}

}  // namespace netwright
