// Facts of a table, rank correlations, and traces of the optimiser and the schedule.
#include <algorithm>
#include <cstdio>
#include <numeric>

#include "netwright/evaluation/data_folder.hpp"
#include "netwright/evaluation/table.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/training/optimiser.hpp"
#include "netwright/training/schedule.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

using Values = std::vector<double>;

Values column(const Table& table, std::size_t index) {
  Values values;
  for (std::size_t row = 0; row < table.rows(); ++row) values.push_back(table.value(row, index));
  return values;
}

// "ARCH 94.373333", best first; equal ones in the table's order.
OracleJson best_rows(const Table& table, const Values& accuracy, std::size_t count) {
  std::vector<std::size_t> order(table.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return accuracy[a] > accuracy[b]; });
  OracleJson rows = OracleJson::array();
  for (std::size_t i = 0; i < std::min(count, order.size()); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, " %.6f", accuracy[order[i]]);
    rows.push_back(table.key(order[i]) + number);
  }
  return rows;
}

bool is_table_statistics(const OracleJson& c) { return id(c).starts_with("B201-stats") && has_input(c, {"file"}); }

OracleJson run_table_statistics(const OracleJson& c, const OracleJson&) {
  const std::string file = c.at("input").at("file").get<std::string>();
  const Table table(shipped_file("nb201/" + file + ".zst"), "arch", {"acc_mean"});
  const Values accuracy = column(table, 0);
  const auto count = [&](auto holds) { return std::count_if(accuracy.begin(), accuracy.end(), holds); };
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    if (key == "n") got[key] = table.rows();
    if (key == "mean") got[key] = mean(accuracy);
    if (key == "median") got[key] = quantile(accuracy, 0.5);
    if (key == "best") got[key] = best_rows(table, accuracy, value.size());
    if (key.starts_with("count_ge_")) got[key] = count([bound = number_behind(key, "_ge_", 0)](double v) { return v >= bound; });
    if (key.starts_with("count_lt_")) got[key] = count([bound = number_behind(key, "_lt_", 0)](double v) { return v < bound; });
  }
  return got;
}

bool is_table_ranks(const OracleJson& c) { return id(c).starts_with("B201-rank"); }

OracleJson run_table_ranks(const OracleJson& c, const OracleJson&) {
  const std::vector<std::string> columns = {"acc_mean", "params", "flops_m"};
  const Table table(shipped_file("nb201/nb201_cifar10_test_200ep.csv.zst"), "arch", columns);
  const Values accuracy = column(table, 0);
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items())
    for (std::size_t i = 1; i < columns.size(); ++i)
      if (columns[i].starts_with(key)) {
        const Values values = column(table, i);
        got[key] = {{"tau", kendall_tau(values, accuracy)}, {"rho", spearman_rho(values, accuracy)}};
      }
  return got;
}

// "...: a=.1,.4 b=1,3"
bool is_rank_correlation(const OracleJson& c) { return id(c).starts_with("L-rank"); }

OracleJson run_rank_correlation(const OracleJson& c, const OracleJson&) {
  const Values a = numbers_behind(title(c), "a=", {.1, .4, .35, .8, .7, .7, .2, .9}),
               b = numbers_behind(title(c), "b=", {1, 3, 2.5, 7, 8, 6, 2.5, 9});
  return {{"tau_b", kendall_tau(a, b)}, {"spearman", spearman_rho(a, b)}};
}

// "Adam lr 3e-4 betas (.5,.999) wd 1e-3, x0=.001, grads .5,-.2,.1"
bool is_adam(const OracleJson& c) { return id(c).starts_with("R-adam"); }

OracleJson run_adam(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  const Values betas = numbers_behind(words, "betas (", {.5, .999});
  const OptimiserOptions options{.name = "adam",
                                 .learning_rate = number_behind(words, "lr ", 3e-4),
                                 .beta1 = betas.at(0),
                                 .beta2 = betas.at(1),
                                 .weight_decay = number_behind(words, "wd ", 1e-3)};
  return optimiser_trace(options, number_behind(words, "x0=", .001), numbers_behind(words, "grads ", {.5, -.2, .1}));
}

// "... at epochs 0,1,10,25,49 of 50 (0.025->0.001)"
bool is_cosine(const OracleJson& c) { return id(c).starts_with("R-cosine"); }

OracleJson run_cosine(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  const double first = number_behind(words, "(", 0.025), last = number_behind(words, "->", 0.001), total = number_behind(words, " of ", 50);
  Values rates;
  for (const double epoch : numbers_behind(words, "epochs ", {0, 1, 10, 25, 49})) rates.push_back(cosine(first, last, epoch, total));
  return rates;
}

}  // namespace

std::vector<OracleKind> statistic_oracles() {
  return {{.name = "facts of the NAS-Bench-201 table", .matches = is_table_statistics, .run = run_table_statistics},
          {.name = "rank correlations in the table", .matches = is_table_ranks, .run = run_table_ranks},
          {.name = "rank correlation", .matches = is_rank_correlation, .run = run_rank_correlation},
          {.name = "Adam", .matches = is_adam, .run = run_adam},
          {.name = "cosine schedule", .matches = is_cosine, .run = run_cosine}};
}

}  // namespace netwright
