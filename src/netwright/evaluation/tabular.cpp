#include "netwright/evaluation/tabular.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/data_folder.hpp"
#include "netwright/evaluation/stored_tabular.hpp"
#include "netwright/evaluation/table.hpp"
#include "netwright/objective/test_part.hpp"

namespace netwright {
namespace {

struct Reading {
  std::string metric;
  std::string column;
  double factor = 1;
};

[[noreturn]] void refuse(std::string_view option, std::string_view value, std::string_view rule) {
  throw UsageError("evaluator tabular, option " + std::string(option) + ": '" + std::string(value) + "' is not " + std::string(rule));
}

double parse_number(std::string_view option, const std::string& text, std::string_view rule) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) refuse(option, text, rule);
  return value;
}

Reading parse_reading(std::string_view option, const std::string& text) {
  const std::vector<std::string> sides = split(text, '=');
  if (sides.size() != 2 || trim(sides[0]).empty()) refuse(option, trim(text), "of the form NAME = COLUMN * FACTOR");
  const std::vector<std::string> terms = split(sides[1], '*');
  if (terms.size() > 2 || trim(terms[0]).empty()) refuse(option, trim(text), "of the form NAME = COLUMN * FACTOR");
  return {.metric = trim(sides[0]),
          .column = trim(terms[0]),
          .factor = terms.size() == 2 ? parse_number(option, trim(terms[1]), "a factor, a finite number") : 1};
}

std::vector<Reading> parse_readings(std::string_view option, const std::string& text) {
  std::vector<Reading> readings;
  if (trim(text).empty()) return readings;
  for (const std::string& part : split(text, ',')) readings.push_back(parse_reading(option, part));
  return readings;
}

struct TabularOptions {
  std::string file, key, seconds_column;
  std::vector<Reading> metrics, test;
  double epochs = 0;

  explicit TabularOptions(const EvaluatorCase& evaluator_case) {
    const EvaluatorEntry entry = tabular_entry();
    const auto text = [&](std::string_view name) { return trim(option(entry, evaluator_case, name)); };
    file = text("file");
    key = text("key");
    seconds_column = text("seconds_per_epoch");
    metrics = parse_readings("metrics", text("metrics"));
    test = parse_readings("test", text("test"));
    epochs = parse_number("epochs", text("epochs"), "a number of epochs above 0");
    if (epochs <= 0) refuse("epochs", text("epochs"), "a number of epochs above 0");
    if (metrics.empty()) refuse("metrics", "", "one metric at least");
    for (const Reading& reading : metrics) {
      // A search that could see the test part would be judged by what it has fitted.
      if (of_test_part(reading.metric)) refuse("metrics", reading.metric, "a metric of a search; name it under test");
      const bool of_test = of_test_part(reading.column) || std::ranges::find(test, reading.column, &Reading::column) != test.end();
      if (of_test) refuse("metrics", reading.metric + " = " + reading.column, "a metric of a search: its column is of the test part");
    }
  }

  std::vector<std::string> columns() const {
    std::vector<std::string> names;
    for (const Reading& reading : metrics) names.push_back(reading.column);
    for (const Reading& reading : test) names.push_back(reading.column);
    if (!seconds_column.empty()) names.push_back(seconds_column);
    return names;
  }
};

class Tabular : public Evaluator {
 public:
  explicit Tabular(const EvaluatorCase& evaluator_case)
      : info_(info_of(tabular_entry())),
        space_(evaluator_case.space),
        options_(evaluator_case),
        table_(options_.file.empty() ? shipped_file("nb201/nb201.csv.zst") : std::filesystem::path(options_.file), options_.key, options_.columns()) {
    info_.metrics.clear();
    for (const Reading& reading : options_.metrics) info_.metrics.push_back(reading.metric);
    check_keys();
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress&) override {
    const std::optional<std::size_t> row = table_.find(space_->print(candidate.architecture));
    if (!row) return failed("no row of " + space_->print(candidate.architecture) + " in " + table_.file().filename().string());
    Outcome outcome{.metrics = read(options_.metrics, *row, 0)};
    for (const Reading& reading : options_.metrics) {
      if (!outcome.metrics.contains(reading.metric)) return failed("column " + reading.column + " of " + table_.key(*row) + " is empty");
    }
    outcome.seconds = seconds_per_epoch(*row) * (fidelity.epochs > 0 ? static_cast<double>(fidelity.epochs) : options_.epochs);
    return outcome;
  }

  Metrics test_metrics(const Candidate& candidate) override {
    const std::optional<std::size_t> row = table_.find(space_->print(candidate.architecture));
    return row ? read(options_.test, *row, options_.metrics.size()) : Metrics{};
  }

 private:
  static Outcome failed(std::string reason) { return {.status = Status::failed, .reason = std::move(reason)}; }

  // The columns from `first` on, without the empty ones.
  Metrics read(const std::vector<Reading>& readings, std::size_t row, std::size_t first) const {
    Metrics metrics;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      const double value = table_.value(row, first + i);
      if (!std::isnan(value)) metrics.emplace(readings[i].metric, value * readings[i].factor);
    }
    return metrics;
  }

  double seconds_per_epoch(std::size_t row) const {
    if (options_.seconds_column.empty()) return 0;
    const double seconds = table_.value(row, options_.metrics.size() + options_.test.size());
    return std::isnan(seconds) ? 0 : seconds;
  }

  // A table of another space would fail every candidate; that is the user's mistake, and is said before the first one.
  void check_keys() const {
    if (table_.rows() == 0) throw UsageError("table " + table_.file().string() + " has no rows");
    try {
      space_->parse(table_.key(0));
    } catch (const UsageError& error) {
      throw UsageError("table " + table_.file().string() + ": its first key '" + table_.key(0) + "' is no architecture of space " +
                       space_->info().name + " (" + error.what() + ")");
    }
  }

  EvaluatorInfo info_;
  std::shared_ptr<const Space> space_;
  TabularOptions options_;
  Table table_;
};

// The shipped table speaks of one space; a space says of itself that there is a table of it.
std::string unsuited(const EvaluatorCase& evaluator_case) {
  const SpaceInfo& space = evaluator_case.space->info();
  if (evaluator_case.options.contains("file") || std::ranges::find(space.traits, "tabular") != space.traits.end()) return "";
  return "no table of space " + space.name + " comes with netwright; name one with the option file";
}

}  // namespace

std::unique_ptr<Evaluator> make_tabular(const EvaluatorCase& evaluator_case) {
  const auto file = evaluator_case.options.find("file");
  if (file != evaluator_case.options.end() && file->second.ends_with(stored_table_ending)) return make_stored_tabular(evaluator_case, file->second);
  return std::make_unique<Tabular>(evaluator_case);
}

EvaluatorEntry tabular_entry() {
  return {.name = "tabular",
          .title = "Numbers from a table of trained networks",
          .metrics = {"val_accuracy"},
          .traits = {"deterministic", "simulated time"},
          .options = {{"file", "", "stored table (.nwt), or CSV file, .zst allowed; empty: the NAS-Bench-201 table that comes with netwright"},
                      {"key", "arch", "column with the architecture's text"},
                      {"metrics", "val_accuracy = c10_val12 * 0.01", "NAME = COLUMN * FACTOR, ..."},
                      {"test", "test_accuracy = c10_test200 * 0.01", "as metrics, for the one look at the test part after the search"},
                      {"seconds_per_epoch", "c10_time_epoch", "column with the cost of an epoch; empty: unknown"},
                      {"epochs", "12", "epochs that the metrics stand for"}},
          .unsuited = unsuited,
          .make = make_tabular};
}

}  // namespace netwright
