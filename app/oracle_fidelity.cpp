// Multi-fidelity schedules, learning curves, predictors and measured tables.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "netwright/evaluation/csv.hpp"
#include "netwright/evaluation/data_folder.hpp"
#include "netwright/evaluation/predictor.hpp"
#include "netwright/evaluation/table.hpp"
#include "netwright/fidelity/brackets.hpp"
#include "netwright/fidelity/curve_models.hpp"
#include "netwright/fidelity/scheduler.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/gaussian_process.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

using Values = std::vector<double>;

// "eta 3" or "eta=3", from the input's own field or else the title.
double named(const OracleJson& c, const std::string& name, double fallback) {
  if (c.at("input").contains(name) && c.at("input").at(name).is_number()) return c.at("input").at(name).get<double>();
  const std::string words = title(c);
  return number_behind(words, name + "=", number_behind(words, name + " ", fallback));
}

// ---- a loss in words: "loss(i,k)=((7i+3) mod 27)/27-0.01k*((5i) mod 11)/11" ----

// Numbers, i, k, + - * / mod, brackets; two factors side by side are multiplied.
class Formula {
 public:
  Formula(std::string text, double i, double k) : text_(std::move(text)), i_(i), k_(k) {}
  double value() {
    const double result = sum();
    if (blank(), at_ < text_.size()) throw UsageError("formula: cannot read '" + text_.substr(at_) + "'");
    return result;
  }

 private:
  void blank() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view word) {
    blank();
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }
  bool factor_follows() {
    blank();
    return at_ < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at_])) != 0 || std::string_view("(.ik").find(text_[at_]) != std::string::npos);
  }
  double sum() {
    double result = product();
    while (true) {
      if (take("+")) {
        result += product();
      } else if (take("-")) {
        result -= product();
      } else {
        return result;
      }
    }
  }
  double product() {
    double result = factor();
    while (true) {
      if (take("*")) {
        result *= factor();
      } else if (take("/")) {
        result /= factor();
      } else if (take("mod")) {
        result = std::fmod(result, factor());
      } else if (factor_follows()) {
        result *= factor();
      } else {
        return result;
      }
    }
  }
  double factor() {
    if (take("-")) return -factor();
    if (take("i")) return i_;
    if (take("k")) return k_;
    if (take("(")) {
      const double result = sum();
      if (!take(")")) throw UsageError("formula: a bracket is not closed");
      return result;
    }
    std::size_t used = 0;
    const double result = std::stod(text_.substr(at_), &used);
    at_ += used;
    return result;
  }

  std::string text_;
  double i_, k_;
  std::size_t at_ = 0;
};

double loss_of(const OracleJson& c, std::int64_t i, std::int64_t k) {
  const std::string text = c.at("input").at("loss").get<std::string>();
  return Formula(text.substr(text.find('=') + 1), static_cast<double>(i), static_cast<double>(k)).value();
}

// ---- schedulers over architectures 0, 1, 2, ..., each told its loss at its rung ----

struct Step {
  std::int64_t architecture = 0, rung = 0;
};

std::vector<Step> run_schedule(const OracleJson& c, const std::string& name, const BudgetRange& range, std::int64_t first, std::size_t jobs) {
  std::vector<std::string> choices;
  for (std::int64_t i = 0; i < first; ++i) choices.push_back(std::to_string(i));
  const DecisionTree tree({{.name = "i", .choices = choices}});
  const Goal goal{.objectives = {{.metric = "loss", .direction = Direction::minimise}}};
  const auto text = [](double value) { return std::to_string(std::llround(value)); };
  SchedulerCase scheduler_case{
      .tree = tree,
      .make_strategy = [&](std::int64_t, std::int64_t) { return make_strategy("grid", {.tree = tree, .goal = goal, .seed = Seed(0)}); },
      .goal = goal,
      .options = {{"minimum", text(range.minimum)}, {"maximum", text(range.maximum)}, {"eta", text(range.eta)}}};
  if (name == "halving") scheduler_case.options["configurations"] = std::to_string(first);
  const auto scheduler = make_scheduler(name, scheduler_case);
  std::vector<Step> steps;
  while (steps.size() < jobs) {
    const Turn turn = scheduler->ask();
    if (turn.next != Next::job) break;
    const double ratio = static_cast<double>(turn.job.epochs) / range.minimum;
    const Step step{.architecture = turn.job.architecture.picks.at(0), .rung = std::llround(std::log(ratio) / std::log(range.eta))};
    scheduler->tell({.trial = static_cast<std::int64_t>(steps.size()),
                     .architecture = turn.job.architecture,
                     .metrics = {{"loss", loss_of(c, step.architecture, step.rung)}}});
    steps.push_back(step);
  }
  return steps;
}

bool is_halving(const OracleJson& c) { return id(c).starts_with("M-sha") && has_input(c, {"loss"}); }

OracleJson run_halving(const OracleJson& c, const OracleJson&) {
  const double eta = named(c, "eta", 3), n = named(c, "n", 27);
  const double rungs = std::floor(std::log(n) / std::log(eta) + 1e-9);
  const BudgetRange range{.minimum = 1, .maximum = std::pow(eta, rungs), .eta = eta};
  std::size_t jobs = 0;
  for (const Rung& rung : halving_bracket(std::llround(n), range).rungs) jobs += static_cast<std::size_t>(rung.count);
  OracleJson got = OracleJson::array();
  for (const Step& step : run_schedule(c, "halving", range, std::llround(n), jobs)) {
    while (got.size() <= static_cast<std::size_t>(step.rung)) got.push_back(OracleJson::array());
    got[static_cast<std::size_t>(step.rung)].push_back(step.architecture);
  }
  return got;
}

bool is_asha(const OracleJson& c) { return id(c).starts_with("M-asha") && has_input(c, {"loss", "jobs"}); }

OracleJson run_asha(const OracleJson& c, const OracleJson&) {
  const auto jobs = c.at("input").at("jobs").get<std::int64_t>();
  // Rung 0 has r * eta^s.
  const double eta = named(c, "eta", 3), early = c.at("input").value("s", number_behind(title(c), " s=", 0));
  const BudgetRange range{.minimum = named(c, "r", 1) * std::pow(eta, early), .maximum = named(c, "R", 27), .eta = eta};
  OracleJson trace = OracleJson::array();
  std::vector<std::int64_t> counts(static_cast<std::size_t>(rungs_above_first(range)) + 1, 0);
  for (const Step& step : run_schedule(c, "asha", range, jobs, static_cast<std::size_t>(jobs))) {
    trace.push_back({step.architecture, step.rung});
    ++counts.at(static_cast<std::size_t>(step.rung));
  }
  return {{"trace", trace}, {"counts", counts}};
}

bool is_brackets(const OracleJson& c) { return id(c).starts_with("M-hyperband") || id(c).starts_with("M-bohb-brackets"); }

// "R=81 eta=3", or "budgets 1..81, eta 3".
OracleJson run_brackets(const OracleJson& c, const OracleJson&) {
  const bool bohb = id(c).starts_with("M-bohb");
  const BudgetRange range{.minimum = bohb ? number_behind(title(c), "budgets ", 1) : named(c, "r", 1),
                          .maximum = bohb ? number_behind(title(c), "..", 81) : named(c, "R", 81),
                          .eta = named(c, "eta", 3)};
  OracleJson got = OracleJson::array();
  for (const Bracket& bracket : bohb ? bohb_brackets(range) : hyperband_brackets(range)) {
    OracleJson rungs = OracleJson::array();
    for (const Rung& rung : bracket.rungs) rungs.push_back({rung.count, rung.epochs});
    got.push_back({bracket.s, rungs});
  }
  return got;
}

// ---- learning curves ----

bool is_curves(const OracleJson& c) { return id(c).starts_with("L-lce") && has_input(c, {"defaults"}); }

// "... at x=1,10,100 ..."
OracleJson run_curves(const OracleJson& c, const OracleJson&) {
  // What the authors' program calls some of them and their parameters.
  const std::map<std::string, std::string> ours{{"dr_hill_zero_background", "hill3"}, {"hill_3", "hill3"}, {"logPower", "log_power"}};
  const std::map<std::string, std::map<std::string, std::string>> parameter{{"hill3", {{"theta", "ymax"}}},
                                                                            {"janoschek", {{"a", "alpha"}, {"k", "kappa"}}}};
  OracleJson got;
  for (const auto& [name, given] : c.at("input").at("defaults").items()) {
    const CurveModel& model = find_curve_model(ours.contains(name) ? ours.at(name) : name);
    Values parameters = model.start;
    for (const auto& [key, value] : given.items()) {
      const auto known = parameter.find(model.name);
      const std::string own = known != parameter.end() && known->second.contains(key) ? known->second.at(key) : key;
      const auto found = std::find(model.parameters.begin(), model.parameters.end(), own);
      if (found == model.parameters.end()) throw UsageError(name + " has no parameter '" + key + "'");
      parameters[static_cast<std::size_t>(found - model.parameters.begin())] = value.get<double>();
    }
    for (const double x : numbers_behind(title(c), "x=", {1, 10, 100})) got[name].push_back(model.value(x, parameters));
  }
  return got;
}

// ---- predictors ----

bool is_predictors(const OracleJson& c) { return id(c).starts_with("B201-pred") && has_input(c, {"ridge"}); }

OracleJson judged(const Values& predicted, const Values& truth, std::size_t known) {
  const PredictionQuality found = quality(predicted, truth);
  return {{"n_train", known}, {"tau", found.kendall_tau}, {"rho", found.spearman}, {"mae", found.mean_absolute_error}};
}

FeatureRows rows_of(const std::vector<FeatureRow>& rows) {
  FeatureRows all{.width = rows.at(0).size()};
  for (const FeatureRow& row : rows) all.values.insert(all.values.end(), row.begin(), row.end());
  return all;
}

// "k=var(y_train)*exp(-hamming/2), noise 1": half the squared distance of one-hot rows is the Hamming distance. Centred targets.
Values process_predictions(const std::string& words, const std::vector<FeatureRow>& train, Values labels, const std::vector<FeatureRow>& test) {
  const double middle = mean(labels), count = static_cast<double>(labels.size());
  for (double& label : labels) label -= middle;
  const double signal = standard_deviation(labels) * std::sqrt((count - 1) / count);
  GaussianProcess process({.length = std::sqrt(number_behind(words, "hamming/", 2)), .signal = signal, .noise = std::sqrt(number_behind(words, "noise ", 1))});
  process.fit(rows_of(train), labels);
  Values predicted = process.predict(rows_of(test)).mean;
  for (double& value : predicted) value += middle;
  return predicted;
}

// "train rows 0,61,122,...": every so manyth row of the table is a label, the others are the test.
OracleJson run_predictors(const OracleJson& c, const OracleJson&) {
  const auto space = find_space("nasbench201");
  const Table table(shipped_file("nb201/nb201_cifar10_test_200ep.csv.zst"), "arch", {"acc_mean"});
  const Values rows = numbers_behind(title(c), "train rows ", {0, 61});
  const auto first = static_cast<std::size_t>(rows.at(0)), step = static_cast<std::size_t>(rows.at(1) - rows.at(0));
  std::vector<FeatureRow> train, test;
  Values labels, truth, predicted;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::vector<float> bits = encode(space->decisions(), space->parse(table.key(row)));
    const bool label = row >= first && (row - first) % step == 0;
    (label ? train : test).emplace_back(bits.begin(), bits.end());
    (label ? labels : truth).push_back(table.value(row, 0));
  }
  const double lambda = number_behind(c.at("input").at("ridge").get<std::string>(), "lambda ", 1);
  const auto ridge = make_predictor(plain_predictors(), "ridge", {.options = {{"lambda", std::to_string(lambda)}}});
  ridge->fit(train, labels);
  for (const FeatureRow& row : test) predicted.push_back(ridge->predict(row).mean);
  OracleJson got{{"ridge", judged(predicted, truth, train.size())}};
  if (c.at("expect").contains("gp"))
    got["gp"] = judged(process_predictions(c.at("input").at("gp").get<std::string>(), train, labels, test), truth, train.size());
  return got;
}

// ---- tables ----

Values column(const Table& table, std::size_t index) {
  Values values;
  for (std::size_t row = 0; row < table.rows(); ++row) values.push_back(table.value(row, index));
  return values;
}

bool is_macro(const OracleJson& c) { return id(c).starts_with("BM-stats") && has_input(c, {"file"}); }

OracleJson run_macro(const OracleJson& c, const OracleJson&) {
  const Table table(shipped_file("nbmacro/" + c.at("input").at("file").get<std::string>() + ".zst"), "arch", {"acc_mean", "params", "flops"});
  const Values accuracy = column(table, 0);
  const auto ranks_of = [&](std::size_t index) -> OracleJson {
    const Values values = column(table, index);
    return {{"tau", kendall_tau(values, accuracy)}, {"rho", spearman_rho(values, accuracy)}};
  };
  std::vector<std::size_t> order(table.rows());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return accuracy[a] > accuracy[b]; });
  OracleJson got{{"macro_n", table.rows()}, {"macro_mean", mean(accuracy)}, {"macro_rank_params", ranks_of(1)}, {"macro_rank_flops", ranks_of(2)}};
  for (const auto& [key, value] : c.at("expect").items()) {
    if (!key.starts_with("macro_top")) continue;
    got[key] = OracleJson::array();
    for (std::size_t i = 0; i < std::min(value.size(), order.size()); ++i) got[key].push_back({table.key(order[i]), accuracy[order[i]]});
  }
  return got;
}

bool is_latency(const OracleJson& c) { return id(c).starts_with("BH-"); }

struct Latencies {
  std::vector<FeatureRow> rows;
  Values ms;
};

// The rows of the set that the id names; each feature by its largest value. Features: what stands before the latencies.
Latencies latencies(const std::string& set) {
  const Csv table(shipped_file("hw/hat_transformer_latency.csv.zst"));
  const std::size_t encoder = table.column("lat_enc_ms"), decoder = table.column("lat_dec_ms");
  Latencies found;
  FeatureRow largest(encoder - 1, 0);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.field(row, 0) != set) continue;
    FeatureRow values;
    for (std::size_t i = 0; i < largest.size(); ++i) {
      values.push_back(table.number(row, i + 1));
      largest[i] = std::max(largest[i], values.back());
    }
    found.rows.push_back(std::move(values));
    found.ms.push_back(table.number(row, encoder) + table.number(row, decoder));
  }
  if (found.rows.empty()) throw UsageError("the latency table has no set '" + set + "'");
  for (FeatureRow& row : found.rows)
    for (std::size_t i = 0; i < row.size(); ++i) row[i] /= largest[i];
  return found;
}

double pearson(const Values& a, const Values& b) {
  const double ma = mean(a), mb = mean(b);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) ab += (a[i] - ma) * (b[i] - mb), aa += (a[i] - ma) * (a[i] - ma), bb += (b[i] - mb) * (b[i] - mb);
  return ab / std::sqrt(aa * bb);
}

// "... on rows 0..1599, test on the last 400 ..."
OracleJson run_latency(const OracleJson& c, const OracleJson&) {
  const Latencies all = latencies(id(c).substr(3));
  const auto train = static_cast<std::size_t>(number_behind(title(c), "rows 0..", 1599)) + 1;
  const std::size_t test = all.rows.size() - static_cast<std::size_t>(number_behind(title(c), "the last ", 400));
  const auto linear = make_predictor(plain_predictors(), "ridge", {.options = {{"lambda", "0"}, {"bias", "true"}}});
  linear->fit(std::span(all.rows).first(train), std::span(all.ms).first(train));
  const Values truth(all.ms.begin() + static_cast<std::ptrdiff_t>(test), all.ms.end());
  Values predicted;
  double squares = 0, shares = 0;
  const auto count = static_cast<double>(truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    predicted.push_back(linear->predict(all.rows[test + i]).mean);
    squares += std::pow(predicted[i] - truth[i], 2), shares += std::abs(predicted[i] - truth[i]) / truth[i];
  }
  return {{"n", all.rows.size()},
          {"mean", mean(all.ms)},
          {"rmse", std::sqrt(squares / count)},
          {"mapd", shares / count},
          {"pearson", pearson(predicted, truth)},
          {"sd_test", standard_deviation(truth) * std::sqrt((count - 1) / count)}};
}

}  // namespace

std::vector<OracleKind> fidelity_oracles() {
  return {{.name = "successive halving", .matches = is_halving, .run = run_halving},
          {.name = "ASHA", .matches = is_asha, .run = run_asha},
          {.name = "brackets", .matches = is_brackets, .run = run_brackets},
          {.name = "learning curves", .matches = is_curves, .run = run_curves},
          {.name = "predictors on the table", .matches = is_predictors, .run = run_predictors},
          {.name = "facts of the NAS-Bench-Macro table", .matches = is_macro, .run = run_macro},
          {.name = "linear latency model", .matches = is_latency, .run = run_latency}};
}

}  // namespace netwright
