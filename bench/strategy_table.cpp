// Strategies on the NAS-Bench-201 table of CIFAR-10: the best accuracy after so many evaluations, against regularized evolution with the
// same number of evaluations. One line a strategy: mean, standard error, and the two-sided p of Welch's test and of the rank-sum test.
//   strategy_table [EVALUATIONS = 150] [SEEDS = 200] [STRATEGY ...]     (STRATEGY: name, or name,option=value,...)
#include <algorithm>
#include <cmath>
#include <iostream>
#include <unordered_map>

#include "measure.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/registry.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright::bench {
namespace {

using Values = std::vector<double>;

struct Setting {
  std::shared_ptr<const Space> space = find_space("nasbench201");
  std::unique_ptr<Evaluator> evaluator = make_evaluator(torch_free_evaluators(), "tabular", {.space = space});
  std::unordered_map<std::uint64_t, Metrics> known = {};  // a table look-up is slower than a hash

  const Metrics& metrics(const Architecture& architecture) {
    const auto [place, fresh] = known.try_emplace(hash(architecture));
    if (fresh) place->second = evaluator->evaluate({.trial = 0, .architecture = architecture}, {}, nullptr).metrics;
    return place->second;
  }
};

StrategyCase case_of(const Setting& setting, const std::string& words, std::uint64_t seed) {
  StrategyCase result{.tree = setting.space->decisions(), .goal = {}, .seed = Seed(seed), .options = {}};
  const auto parts = split(words, ',');
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto pair = split(parts[i], '=');
    result.options[pair.at(0)] = pair.at(1);
  }
  return result;
}

double best_of(Setting& setting, const std::string& words, std::uint64_t seed, std::int64_t evaluations) {
  const auto strategy = make_strategy(split(words, ',').front(), case_of(setting, words, seed));
  double best = 0;
  for (std::int64_t trial = 0; trial < evaluations; ++trial) {
    const auto asked = strategy->ask();
    if (!asked) break;
    const Metrics& metrics = setting.metrics(*asked);
    best = std::max(best, metrics.at("val_accuracy"));
    strategy->tell({.trial = trial, .architecture = *asked, .metrics = metrics});
  }
  return 100 * best;
}

double two_sided(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

double welch_p(const Values& a, const Values& b) {
  const auto error = [](const Values& values) { return standard_deviation(values) / std::sqrt(static_cast<double>(values.size())); };
  return two_sided((mean(a) - mean(b)) / std::hypot(error(a), error(b)));
}

// Mann and Whitney's test by its normal limit; ties make it a little too careful.
double rank_sum_p(const Values& a, const Values& b) {
  Values all = a;
  all.insert(all.end(), b.begin(), b.end());
  const Values order = ranks(all);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += order[i];
  const double n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
  return two_sided((sum - n * (n + m + 1) / 2) / std::sqrt(n * m * (n + m + 1) / 12));
}

void run(std::int64_t evaluations, std::uint64_t seeds, const std::vector<std::string>& strategies) {
  Setting setting;
  Values reference;
  for (const std::string& words : strategies) {
    const double start = now_seconds();
    Values best;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) best.push_back(best_of(setting, words, seed, evaluations));
    if (reference.empty()) reference = best;
    report("strategy_table", {{"strategy", words},
                              {"evaluations", evaluations},
                              {"seeds", seeds},
                              {"mean_best_val_accuracy", mean(best)},
                              {"standard_error", standard_deviation(best) / std::sqrt(static_cast<double>(seeds))},
                              {"median", quantile(best, 0.5)},
                              {"welch_p", welch_p(best, reference)},
                              {"rank_sum_p", rank_sum_p(best, reference)},
                              {"seconds_a_search", (now_seconds() - start) / static_cast<double>(seeds)}});
  }
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  try {
    std::vector<std::string> strategies = {"evolution", "random", "local_search", "genetic", "annealing", "tpe", "bayesian", "bananas", "npenas"};
    if (count > 3) strategies.assign(words + 3, words + count);
    netwright::bench::run(count > 1 ? std::stoll(words[1]) : 150, count > 2 ? std::stoull(words[2]) : 200, strategies);
  } catch (const std::exception& error) {
    std::cerr << "strategy_table: " << error.what() << '\n';
    return 1;
  }
}
