// Strategies on a toy and on the table of NAS-Bench-201: averages over many seeds, through the real strategies and evaluator.
#include <algorithm>
#include <cmath>
#include <map>

#include "netwright/evaluation/data_folder.hpp"
#include "netwright/evaluation/registry.hpp"
#include "netwright/evaluation/table.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/space/space.hpp"
#include "netwright/strategy/strategy.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

using StrategyOptions = std::map<std::string, std::string, std::less<>>;
using Values = std::vector<double>;

StrategyOptions evolution_options(double population, double sample, bool remove_worst) {
  return {{"population", std::to_string(std::lround(population))},
          {"sample", std::to_string(std::lround(sample))},
          {"removal", remove_worst ? "worst" : "oldest"},
          {"identity", "0"}};
}

// ---- the toy: a string of bits, whose accuracy is the share of ones ----

struct Toy {
  std::int64_t bits = 100, evaluations = 1000, seeds = 100;
  double noise = 0.01;  // standard deviation; the measured accuracy is cut to [0, 1]
};

Toy toy_of(const std::string& words) {
  Toy toy;
  toy.bits = std::lround(number_before(words, "-bit", static_cast<double>(toy.bits)));
  toy.evaluations = std::lround(number_before(words, " evaluations", static_cast<double>(toy.evaluations)));
  toy.seeds = std::lround(number_before(words, " seeds", static_cast<double>(toy.seeds)));
  toy.noise = number_behind(words, "noise ", toy.noise);
  return toy;
}

DecisionTree bit_string(std::int64_t bits) {
  std::vector<Decision> decisions;
  for (std::int64_t i = 0; i < bits; ++i) decisions.push_back({.name = "bit" + std::to_string(i), .choices = {"0", "1"}});
  return DecisionTree(decisions);
}

struct ToyBest {
  double noisy = 0, clean = 0;  // the best of the history
};

ToyBest run_toy(const Toy& toy, const DecisionTree& tree, const std::string& name, const StrategyOptions& options, Seed seed) {
  const auto strategy = make_strategy(name, {.tree = tree, .goal = {}, .seed = seed, .options = options});
  Rng noise = seed.derive("noise").rng();
  ToyBest best;
  for (std::int64_t trial = 0; trial < toy.evaluations; ++trial) {
    Architecture architecture = strategy->ask().value();
    const auto ones = std::count(architecture.picks.begin(), architecture.picks.end(), 1);
    const double clean = static_cast<double>(ones) / static_cast<double>(toy.bits);
    const double noisy = std::clamp(clean + toy.noise * noise.normal(), 0.0, 1.0);
    best = {.noisy = std::max(best.noisy, noisy), .clean = std::max(best.clean, clean)};
    strategy->tell({.trial = trial, .architecture = std::move(architecture), .metrics = {{"val_accuracy", noisy}}});
  }
  return best;
}

struct ToyBests {
  Values noisy, clean;  // one a seed
};

ToyBests run_toys(const Toy& toy, const std::string& name, const StrategyOptions& options) {
  const DecisionTree tree = bit_string(toy.bits);
  ToyBests bests;
  for (std::int64_t i = 0; i < toy.seeds; ++i) {
    const ToyBest best = run_toy(toy, tree, name, options, Seed(0).derive("oracle", static_cast<std::uint64_t>(i)));
    bests.noisy.push_back(best.noisy), bests.clean.push_back(best.clean);
  }
  return bests;
}

OracleJson toy_evolution(const Toy& toy, const StrategyOptions& options) {
  const ToyBests bests = run_toys(toy, "evolution", options);
  return {{"best_noisy_mean", mean(bests.noisy)},
          {"best_noisy_sd", standard_deviation(bests.noisy)},
          {"best_true_mean", mean(bests.clean)},
          {"best_true_sd", standard_deviation(bests.clean)},
          {"runs", toy.seeds}};
}

bool is_toy_evolution(const OracleJson& c) { return id(c).starts_with("E-rea_P"); }

// The id says population, sample and what leaves: E-rea_P100_S10_aging.
OracleJson run_toy_evolution(const OracleJson& c, const OracleJson&) {
  const std::string name = id(c);
  const bool remove_worst = !name.ends_with("_aging");
  return toy_evolution(toy_of(title(c)), evolution_options(number_behind(name, "_P", 100), number_behind(name, "_S", 10), remove_worst));
}

bool is_toy_worst(const OracleJson& c) { return id(c).starts_with("E-killworst"); }
OracleJson run_toy_worst(const OracleJson& c, const OracleJson&) { return toy_evolution(toy_of(title(c)), evolution_options(100, 10, true)); }

bool is_toy_random(const OracleJson& c) { return id(c).starts_with("E-random"); }

OracleJson run_toy_random(const OracleJson& c, const OracleJson&) {
  Toy toy = toy_of(title(c));
  toy.evaluations = std::lround(number_behind(title(c), "best of ", static_cast<double>(toy.evaluations)));
  const ToyBests bests = run_toys(toy, "random", {{"replacement", "true"}});
  return {{"mean", mean(bests.clean)}, {"sd", standard_deviation(bests.clean)}, {"runs", toy.seeds}};
}

// Every mean within so many of its deviations; the file's own values come from 100 seeds.
bool judge_toy(const OracleJson& c, const OracleJson& got) {
  constexpr double expected_runs = 100;
  const OracleJson& expect = c.at("expect");
  const double k = c.at("tol").at("mean_within_sd_of_mean").get<double>();
  bool holds = false;
  for (const auto& [key, value] : expect.items()) {
    const std::size_t at = key.rfind("mean");
    if (at == std::string::npos || at + 4 != key.size()) continue;
    const std::string deviation = key.substr(0, at) + "sd";
    holds = same_mean({value.get<double>(), expect.at(deviation).get<double>(), expected_runs},
                      {got.at(key).get<double>(), got.at(deviation).get<double>(), got.at("runs").get<double>()}, k);
    if (!holds) return false;
  }
  return holds;
}

// ---- the table ----

constexpr const char* kTable = "nb201/nb201_cifar10_test_200ep.csv.zst";

// The best accuracy in percent, and how often it is the table's best.
struct Bests {
  Values accuracy;
  double hits = 0;
  void add(double best, double highest) { accuracy.push_back(best), hits += best > highest - 1e-9 ? 1 : 0; }
  OracleJson json() const {
    return {{"mean", mean(accuracy)}, {"sd", standard_deviation(accuracy)}, {"hit", hits / static_cast<double>(accuracy.size())}};
  }
};

Values sorted_accuracies() {
  const Table table(shipped_file(kTable), "arch", {"acc_mean"});
  Values values;
  for (std::size_t row = 0; row < table.rows(); ++row) values.push_back(table.value(row, 0));
  std::sort(values.begin(), values.end());
  return values;
}

std::unique_ptr<Evaluator> table_evaluator(const std::shared_ptr<const Space>& space) {
  EvaluatorCase evaluator_case{.space = space, .network = {}};
  evaluator_case.options["file"] = shipped_file(kTable).string();
  evaluator_case.options["metrics"] = "val_accuracy = acc_mean * 0.01";
  evaluator_case.options["test"] = "";
  evaluator_case.options["seconds_per_epoch"] = "";
  return make_evaluator(torch_free_evaluators(), "tabular", evaluator_case);
}

// The best after each of the asked numbers of evaluations, over `runs` searches.
std::map<std::int64_t, Bests> search_table(const std::string& name, const StrategyOptions& options, const std::vector<std::int64_t>& lengths,
                                           std::int64_t runs) {
  const auto space = find_space("nasbench201");
  const auto evaluator = table_evaluator(space);
  const double highest = sorted_accuracies().back();
  std::map<std::int64_t, Bests> bests;
  for (std::int64_t run = 0; run < runs; ++run) {
    const Seed seed = Seed(0).derive("oracle", static_cast<std::uint64_t>(run));
    const auto strategy = make_strategy(name, {.tree = space->decisions(), .goal = {}, .seed = seed, .options = options});
    double best = 0;
    for (std::int64_t trial = 0; trial < *std::max_element(lengths.begin(), lengths.end()); ++trial) {
      const Candidate candidate{.trial = trial, .architecture = strategy->ask().value()};
      const Outcome outcome = evaluator->evaluate(candidate, {}, {});
      best = std::max(best, 100 * outcome.metrics.at("val_accuracy"));
      strategy->tell({.trial = trial, .architecture = candidate.architecture, .metrics = outcome.metrics});
      if (std::find(lengths.begin(), lengths.end(), trial + 1) != lengths.end()) bests[trial + 1].add(best, highest);
    }
  }
  return bests;
}

bool is_table_evolution(const OracleJson& c) { return id(c).starts_with("B201-rea"); }

OracleJson run_table_evolution(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  std::vector<std::int64_t> lengths;
  for (const auto& [key, value] : c.at("expect").items()) lengths.push_back(std::stoll(key));
  const auto options = evolution_options(number_behind(words, ": P", 10), number_behind(words, " S", 3), false);
  OracleJson got;
  for (const auto& [length, bests] : search_table("evolution", options, lengths, std::lround(number_before(words, " runs", 500))))
    got[std::to_string(length)] = bests.json();
  return got;
}

bool judge_means(const OracleJson& c, const OracleJson& got) { return agrees(c.at("expect"), got, c.at("tol"), {.lenient = true}); }

// The mean of the highest of n values drawn with replacement: sum of x_(i) ((i / N)^n - ((i - 1) / N)^n).
double expected_highest(const Values& ascending, double n) {
  double sum = 0;
  const double count = static_cast<double>(ascending.size());
  for (std::size_t i = 0; i < ascending.size(); ++i)
    sum += ascending[i] * (std::pow(static_cast<double>(i + 1) / count, n) - std::pow(static_cast<double>(i) / count, n));
  return sum;
}

bool is_table_random(const OracleJson& c) { return id(c).starts_with("B201-random"); }

OracleJson run_table_random(const OracleJson& c, const OracleJson&) {
  constexpr std::string_view simulated = "sim_";
  const Values ascending = sorted_accuracies();
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    if (key == "expected_best")
      for (const auto& [n, best] : value.items()) got[key][n] = expected_highest(ascending, std::stod(n));
    if (!key.starts_with(simulated)) continue;
    const std::int64_t length = std::stoll(key.substr(simulated.size()));
    const auto runs = std::lround(number_before(c.value("kind", std::string()), " runs", 500));
    got[key] = search_table("random", {{"replacement", "true"}}, {length}, runs).at(length).json();
  }
  return got;
}

bool judge_table_random(const OracleJson& c, const OracleJson& got) {
  OracleJson tol = c.at("tol");
  tol["expected_best_abs"] = tol.at("exact_formula_abs");
  return agrees(c.at("expect"), got, tol, {.lenient = true});
}

}  // namespace

std::vector<OracleKind> search_oracles() {
  return {{.name = "evolution on the toy", .matches = is_toy_evolution, .run = run_toy_evolution, .judge = judge_toy},
          {.name = "evolution without ageing on the toy", .matches = is_toy_worst, .run = run_toy_worst, .judge = judge_toy},
          {.name = "random search on the toy", .matches = is_toy_random, .run = run_toy_random, .judge = judge_toy},
          {.name = "evolution on the table", .matches = is_table_evolution, .run = run_table_evolution, .judge = judge_means},
          {.name = "random search on the table", .matches = is_table_random, .run = run_table_random, .judge = judge_table_random}};
}

}  // namespace netwright
