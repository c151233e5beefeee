// predict and correlate: what can be known of a table's or a study's architectures without training them.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/predictor.hpp"
#include "netwright/evaluation/stored_tabular.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/objective/aggregate.hpp"
#include "netwright/objective/pareto.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/objective/significance.hpp"
#include "netwright/objective/test_part.hpp"
#include "netwright/search/model_predictors.hpp"
#include "netwright/space/features.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/strategy.hpp"
#include "study_table.hpp"
#include "study_words.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;
using Values = std::vector<double>;

constexpr std::size_t most_tested = 2000;  // rows that a predictor is judged on

// The columns that speak of size: what every other score has to beat.
const std::vector<std::string>& size_columns() {
  static const std::vector<std::string> names = {"params", "macs", "flops"};
  return names;
}

// A table's rows as names and numbers: of each metric the value at its largest budget, and every column as it is.
struct Labelled {
  std::shared_ptr<const Space> space;
  std::vector<std::string> keys;
  bool canonical = false;
  std::vector<std::string> metrics;
  std::vector<Values> columns;  // [metric][row]
  std::vector<std::pair<TableColumn, Values>> budgets;

  // A metric's columns of up to so many epochs and fewer than its largest: the beginning of its learning curve.
  std::vector<const Values*> beginning(const std::string& metric, std::int64_t epochs) const {
    column(metric);  // refuses what is not there
    std::int64_t largest = 0;
    for (const auto& [column, values] : budgets)
      if (column.metric == metric) largest = std::max(largest, column.epochs);
    std::vector<const Values*> found;
    for (const auto& [column, values] : budgets)
      if (column.metric == metric && column.epochs <= epochs && column.epochs < largest) found.push_back(&values);
    if (found.empty()) throw UsageError("the table has no " + metric + " of up to " + std::to_string(epochs) + " epochs beside its largest budget");
    return found;
  }
  const Values& column(const std::string& metric) const {
    const auto found = std::ranges::find(metrics, metric);
    if (found == metrics.end()) throw UsageError("no metric '" + metric + "' in the table" + name_hint(metric, metrics));
    return columns[static_cast<std::size_t>(found - metrics.begin())];
  }
  bool has(const std::string& metric) const { return std::ranges::find(metrics, metric) != metrics.end(); }

  // The test part is no label: a predictor is part of a search.
  std::string label(const std::string& asked) const {
    if (of_test_part(asked)) throw UsageError("metric " + asked + ": nothing is fitted to the test part; use val_accuracy or the like");
    const auto first = std::ranges::find_if_not(metrics, of_test_part);
    if (asked.empty() && first == metrics.end()) throw UsageError("the table has no metric but those of the test part, and nothing is fitted to that");
    const std::string metric = !asked.empty() ? asked : has("val_accuracy") ? "val_accuracy" : *first;
    column(metric);
    return metric;
  }
};

template <class Key, class Value>
Labelled labelled(const TableSchema& schema, std::size_t rows, const Key& key, const Value& value) {
  Labelled table{.canonical = schema.canonical};
  std::vector<std::size_t> at;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    const auto found = std::ranges::find(table.metrics, schema.columns[c].metric);
    if (found == table.metrics.end()) {
      table.metrics.push_back(schema.columns[c].metric), at.push_back(c);
    } else if (std::size_t& best = at[static_cast<std::size_t>(found - table.metrics.begin())]; schema.columns[best].epochs < schema.columns[c].epochs) {
      best = c;
    }
  }
  for (std::size_t row = 0; row < rows; ++row) table.keys.emplace_back(key(row));
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    Values column;
    for (std::size_t row = 0; row < rows; ++row) column.push_back(value(row, c));
    table.budgets.emplace_back(schema.columns[c], std::move(column));
  }
  for (const std::size_t c : at) table.columns.push_back(table.budgets[c].second);
  return table;
}

Labelled read_labelled(const std::string& what) {
  if (what.ends_with(stored_table_ending)) {
    const StoredTable table(what);
    Labelled result = labelled(
        table.schema(), table.rows(), [&](std::size_t row) { return table.key(row); }, [&](std::size_t row, std::size_t c) { return table.value(row, c); });
    result.space = find_space(what);
    return result;
  }
  const Study study = open_study(what);
  const Config config = config_of(study, what);
  const TableContent content = study_table(study, config);
  const std::size_t width = content.schema.columns.size();
  Labelled result = labelled(
      content.schema, content.keys.size(), [&](std::size_t row) { return content.keys[row]; },
      [&](std::size_t row, std::size_t c) { return content.values[row * width + c]; });
  result.space = find_space(config.space.name);
  return result;
}

std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> names;
  for (const std::string& name : split(text, ','))
    if (!trim(name).empty()) names.push_back(trim(name));
  return names;
}

// ---- correlate ----

struct Correlation {
  std::string score;
  std::size_t rows = 0;
  double spearman = 0, kendall = 0;
};

Correlation correlation_of(const std::string& score, const Values& scores, const Values& labels) {
  Values a, b;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (std::isfinite(scores[i]) && std::isfinite(labels[i])) a.push_back(scores[i]), b.push_back(labels[i]);
  return {.score = score, .rows = a.size(), .spearman = spearman_rho(a, b), .kendall = kendall_tau(a, b)};
}

// Parameters and multiply-accumulates of the space's usual networks, where the table has neither.
std::vector<std::pair<std::string, Values>> counted_sizes(const Labelled& table) {
  if (table.canonical || std::ranges::any_of(size_columns(), [&](const std::string& name) { return table.has(name); })) return {};
  Values params, macs;
  const NetworkOptions network{.input = table.space->info().input, .classes = table.space->info().classes};
  try {
    for (const std::string& key : table.keys) {
      const Cost counted = cost(table.space->close(table.space->parse(key), network));
      params.push_back(static_cast<double>(counted.params)), macs.push_back(static_cast<double>(counted.macs));
    }
  } catch (const Unsupported&) {
    return {};  // decisions alone: there is nothing to count
  }
  return {{"params", params}, {"macs", macs}};
}

// Beyond so many rows, votes are against so many of them.
constexpr std::size_t most_voters = 4096;

Values votes_of(const ScoreColumns& scores) {
  const std::size_t rows = scores[0].size();
  if (rows <= most_voters) return votes(scores);
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Rng rng = Seed(0).derive("voters").rng();
  rng.shuffle(order);
  ScoreColumns pool(scores.size());
  for (std::size_t k = 0; k < scores.size(); ++k)
    for (std::size_t i = 0; i < most_voters; ++i) pool[k].push_back(scores[k][order[i]]);
  const RankPool voters(std::move(pool));
  Values result, own(scores.size());
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t k = 0; k < scores.size(); ++k) own[k] = scores[k][row];
    result.push_back(voters.vote(own));
  }
  return result;
}

// The asked scores as one: over the rows that have a number for each of them and for the metric.
std::vector<Correlation> aggregated(const Labelled& table, const Values& labels, const std::vector<Objective>& asked) {
  if (asked.size() < 2) return {};
  ScoreColumns scores(asked.size());
  Values known;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto has = [&](const Objective& score) { return std::isfinite(table.column(score.metric)[row]); };
    if (!std::isfinite(labels[row]) || !std::ranges::all_of(asked, has)) continue;
    known.push_back(labels[row]);
    for (std::size_t k = 0; k < asked.size(); ++k) {
      const double value = table.column(asked[k].metric)[row];
      scores[k].push_back(asked[k].direction == Direction::maximise ? value : -value);
    }
  }
  if (known.empty()) return {};
  return {correlation_of("log_rank of these", log_ranks(scores), known), correlation_of("vote of these", votes_of(scores), known)};
}

std::vector<Correlation> correlations(const Labelled& table, const std::string& metric, const std::vector<std::string>& asked) {
  const Values& labels = table.column(metric);
  std::vector<Correlation> sizes, scores;
  for (const auto& [name, values] : counted_sizes(table)) sizes.push_back(correlation_of(name, values, labels));
  for (const std::string& name : size_columns())
    if (table.has(name) && name != metric) sizes.push_back(correlation_of(name, table.column(name), labels));
  for (const std::string& name : asked.empty() ? table.metrics : asked) {
    const bool size = std::ranges::find(size_columns(), name) != size_columns().end();
    if (size || name == metric || (asked.empty() && (of_test_part(name) || name.starts_with("val_")))) continue;
    scores.push_back(correlation_of(name, table.column(name), labels));
  }
  std::ranges::stable_sort(scores, std::greater<>(), [](const Correlation& c) { return std::isnan(c.spearman) ? -1 : std::abs(c.spearman); });
  sizes.insert(sizes.end(), scores.begin(), scores.end());
  return sizes;
}

// "naswot, minimise ntk_cond".
std::vector<Objective> scores_of(const std::string& text) {
  if (trim(text).empty()) return {};
  const Goal goal = parse_goal(text);
  if (!goal.constraints.empty()) throw UsageError("correlate: --scores: '" + text + "' has a bound; names with commas between are needed");
  return goal.objectives;
}

// ---- predict ----

struct Contestant {
  std::string name;
  std::function<FeatureRow(std::size_t)> row;  // features of an architecture, by its row in the table
  std::function<std::unique_ptr<Predictor>(Seed)> make;
};

constexpr std::string_view graph_features = "graph";  // for predictors that read graphs

// What is read off an architecture, by name: one_hot, and those of the space (path, wl).
std::map<std::string, FeatureMap, std::less<>> encodings(const std::shared_ptr<const Space>& space) {
  auto maps = feature_maps(space);
  maps["one_hot"] = [space](const Architecture& architecture) { return encode(space->decisions(), architecture); };
  return maps;
}

void add_encoding(std::vector<FeatureRow>& rows, const Labelled& table, const std::string& name, const FeatureMap& encoding) {
  if (table.canonical) throw UsageError("features " + name + ": the table keeps classes of isomorphic architectures, no architectures");
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::vector<float> values = encoding(table.space->parse(table.keys[row]));
    rows[row].insert(rows[row].end(), values.begin(), values.end());
  }
}

// METRIC@EPOCHS: the beginning of a learning curve.
bool is_beginning(const std::string& name) { return name.find('@') != std::string::npos; }

std::vector<const Values*> beginning(const Labelled& table, const std::string& name) {
  const std::string metric = name.substr(0, name.find('@')), epochs = name.substr(name.find('@') + 1);
  if (of_test_part(metric)) throw UsageError("features " + name + ": nothing is fitted to the test part");
  std::int64_t most = 0;
  const auto [end, error] = std::from_chars(epochs.data(), epochs.data() + epochs.size(), most);
  if (error != std::errc() || end != epochs.data() + epochs.size() || most < 1)
    throw UsageError("features " + name + ": '" + epochs + "' is not a whole number of epochs; METRIC@EPOCHS is needed");
  return table.beginning(metric, most);
}

// A column that a predictor may read: neither the test part nor what it is to predict.
const Values& feature_column(const Labelled& table, const std::string& name, const std::string& metric) {
  if (of_test_part(name)) throw UsageError("features " + name + ": nothing is fitted to the test part");
  if (name == metric) throw UsageError("features " + name + ": that is what is predicted");
  return table.column(name);
}

// Over its deviation, around 0: bits and parameters by the million stand side by side. What has no number is the mean.
void add_standardised(std::vector<FeatureRow>& rows, const Values& column) {
  Values known;
  std::ranges::copy_if(column, std::back_inserter(known), [](double value) { return std::isfinite(value); });
  const double middle = mean(known), width = standard_deviation(known);
  for (std::size_t row = 0; row < rows.size(); ++row) rows[row].push_back(std::isfinite(column[row]) && width > 0 ? (column[row] - middle) / width : 0);
}

std::vector<FeatureRow> features(const Labelled& table, const std::vector<std::string>& names, const std::string& metric) {
  std::vector<FeatureRow> rows(table.keys.size());
  const auto maps = encodings(table.space);
  for (const std::string& name : names) {
    if (const auto encoding = maps.find(name); encoding != maps.end()) {
      add_encoding(rows, table, name, encoding->second);
      continue;
    }
    const std::vector<const Values*> columns = is_beginning(name) ? beginning(table, name) : std::vector{&feature_column(table, name, metric)};
    for (const Values* column : columns) add_standardised(rows, *column);
  }
  return rows;
}

// The graph of a row's network, made anew each time: kept for a whole table it would fill the memory. With one cell a stage where the space
// has such a setting, for the others repeat it.
std::function<FeatureRow(std::size_t)> graph_rows(const Labelled& table) {
  if (table.canonical) throw UsageError("features graph: the table keeps classes of isomorphic architectures, no architectures");
  NetworkOptions small{.input = table.space->info().input, .classes = table.space->info().classes};
  const Architecture first = table.space->parse(table.keys.at(0));
  try {
    small.settings = {{"cells", "1"}};
    table.space->close(first, small);
  } catch (const UsageError&) {
    small.settings.clear();
    table.space->close(first, small);  // refuses a space that builds no networks
  }
  return [&table, small](std::size_t row) {
    const std::vector<float> graph = graph_row(table.space->close(table.space->parse(table.keys[row]), small));
    return FeatureRow(graph.begin(), graph.end());
  };
}

// All: those of this build that can read what there is.
std::vector<std::string> predictor_names(const PredictOptions& options, bool graphs, bool numbers) {
  if (options.predictors != "all") return listed(options.predictors);
  std::vector<std::string> names;
  for (const PredictorEntry& entry : all_predictors())
    if (entry.missing.empty() && (entry.graphs ? graphs : numbers)) names.push_back(entry.name);
  return names;
}

std::vector<Contestant> contestants(const Labelled& table, const PredictOptions& options) {
  std::vector<Contestant> list;
  const std::string metric = table.label(options.metric);
  const auto linear = [](Seed) { return make_predictor(plain_predictors(), "ridge", {.options = {{"lambda", "0"}, {"bias", "true"}}}); };
  std::vector<std::pair<std::string, Values>> sizes = counted_sizes(table);
  for (const std::string& name : size_columns())
    if (table.has(name)) sizes.emplace_back(name, table.column(name));
  for (const auto& [name, values] : sizes) {
    if (name == metric) continue;
    list.push_back({.name = name, .row = [own = values](std::size_t row) { return FeatureRow{own[row]}; }, .make = linear});
  }
  std::vector<std::string> feature_names = listed(options.features);
  if (feature_names.empty()) throw UsageError("predict: --features needs names with commas between, as one_hot");
  const bool graphs = std::erase(feature_names, graph_features) > 0, numbers = !feature_names.empty();
  const auto of_numbers = std::make_shared<const std::vector<FeatureRow>>(features(table, feature_names, metric));
  const auto entries = all_predictors();
  for (const std::string& name : predictor_names(options, graphs, numbers)) {
    make_predictor(entries, name, {});  // refuses before any work
    Contestant contestant{.name = name, .make = [entries, name](Seed seed) { return make_predictor(entries, name, {.seed = seed}); }};
    if (std::ranges::find(entries, name, &PredictorEntry::name)->graphs) {
      if (!graphs) throw UsageError("predict: predictor " + name + " reads graphs: add graph to --features");
      contestant.row = graph_rows(table);
    } else {
      if (!numbers) throw UsageError("predict: predictor " + name + " reads numbers: add one_hot or the like to --features");
      contestant.row = [of_numbers](std::size_t row) { return (*of_numbers)[row]; };
    }
    list.push_back(std::move(contestant));
  }
  return list;
}

PredictionQuality judged(const Contestant& contestant, const Values& labels, const std::vector<std::size_t>& order, std::size_t known, std::size_t top, Seed seed) {
  std::vector<FeatureRow> rows;
  Values values, predicted, truth;
  for (std::size_t i = 0; i < known; ++i) rows.push_back(contestant.row(order[i])), values.push_back(labels[order[i]]);
  const auto predictor = contestant.make(seed);
  predictor->fit(rows, values);
  for (std::size_t i = known; i < std::min(order.size(), known + most_tested); ++i) {
    predicted.push_back(predictor->predict(contestant.row(order[i])).mean);
    truth.push_back(labels[order[i]]);
  }
  return quality(predicted, truth, top);
}

struct Line {
  std::string predictor;
  std::size_t known = 0;
  std::vector<PredictionQuality> runs;
};

// The labelled rows, in an order of each seed's own: the first are known, the next are tested.
std::vector<Line> lines_of(const PredictOptions& options, const Labelled& table, const Values& labels, const std::vector<std::size_t>& sizes) {
  std::vector<std::size_t> usable;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (std::isfinite(labels[i])) usable.push_back(i);
  std::vector<Line> lines;
  const std::vector<Contestant> all = contestants(table, options);
  for (const std::size_t known : sizes) {
    if (known + 2 > usable.size())
      throw UsageError("predict: size " + std::to_string(known) + " leaves none of the " + std::to_string(usable.size()) + " labelled rows to test");
    for (const Contestant& contestant : all) {
      Line line{.predictor = contestant.name, .known = known};
      for (std::int64_t s = 0; s < options.seeds; ++s) {
        const Seed seed = Seed(0).derive("predict", static_cast<std::uint64_t>(s));
        Rng rng = seed.derive("rows").rng();
        std::vector<std::size_t> order = usable;
        rng.shuffle(order);
        line.runs.push_back(judged(contestant, labels, order, known, static_cast<std::size_t>(options.top), seed));
      }
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

Values of(const Line& line, double PredictionQuality::*member) {
  Values values;
  for (const PredictionQuality& run : line.runs) values.push_back(run.*member);
  return values;
}

std::vector<std::size_t> sizes_of(const PredictOptions& options) {
  std::vector<std::size_t> sizes;
  for (const std::string& text : listed(options.sizes)) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || end != text.data() + text.size() || size < 2) throw UsageError("predict: --sizes: '" + text + "' is not a whole number of at least 2");
    sizes.push_back(size);
  }
  if (sizes.empty()) throw UsageError("predict: --sizes needs numbers with commas between, as 20,100");
  return sizes;
}

Json summary(const Values& values) { return {{"mean", mean(values)}, {"interval", mean_interval(values)}}; }

}  // namespace

int correlate(const CorrelateOptions& options, std::ostream& out) {
  const Labelled table = read_labelled(options.table);
  const std::string metric = table.label(options.metric);
  const std::vector<Objective> scores = scores_of(options.scores);
  std::vector<std::string> names;
  for (const Objective& score : scores) names.push_back(score.metric);
  auto list = correlations(table, metric, names);
  for (Correlation& aggregate : aggregated(table, table.column(metric), scores)) list.push_back(std::move(aggregate));
  if (options.json) {
    Json json = Json::array();
    for (const Correlation& c : list) json.push_back({{"score", c.score}, {"rows", c.rows}, {"spearman", c.spearman}, {"kendall", c.kendall}});
    out << Json{{"metric", metric}, {"scores", json}}.dump(2) << "\n";
    return done;
  }
  out << "with " << metric << "          rows  spearman   kendall\n";
  char text[128];
  for (const Correlation& c : list) {
    std::snprintf(text, sizeof text, "%-24s %6zu %9.4f %9.4f\n", c.score.c_str(), c.rows, c.spearman, c.kendall);
    out << text;
  }
  return done;
}

int predict(const PredictOptions& options, std::ostream& out) {
  const Labelled table = read_labelled(options.table);
  const std::string metric = table.label(options.metric);
  const auto lines = lines_of(options, table, table.column(metric), sizes_of(options));
  if (options.json) {
    Json json = Json::array();
    for (const Line& line : lines)
      json.push_back({{"predictor", line.predictor},
                      {"known", line.known},
                      {"kendall_tau", summary(of(line, &PredictionQuality::kendall_tau))},
                      {"spearman", summary(of(line, &PredictionQuality::spearman))},
                      {"mean_absolute_error", summary(of(line, &PredictionQuality::mean_absolute_error))},
                      {"top_regret", summary(of(line, &PredictionQuality::top_regret))}});
    out << Json{{"metric", metric}, {"features", options.features}, {"seeds", options.seeds}, {"top", options.top}, {"lines", json}}.dump(2) << "\n";
    return done;
  }
  out << "known  predictor           tau  +-95 %  spearman       mae  top-" << options.top << " regret   (" << metric << ", " << options.seeds << " seeds)\n";
  char text[160];
  for (const Line& line : lines) {
    const Values tau = of(line, &PredictionQuality::kendall_tau);
    std::snprintf(text, sizeof text, "%5zu  %-16s %6.3f %7.3f %9.3f %9.5f %13.5f\n", line.known, line.predictor.c_str(), mean(tau), mean_interval(tau),
                  mean(of(line, &PredictionQuality::spearman)), mean(of(line, &PredictionQuality::mean_absolute_error)), mean(of(line, &PredictionQuality::top_regret)));
    out << text;
  }
  return done;
}

}  // namespace netwright
