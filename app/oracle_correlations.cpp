// Scores without training over many cells of the table, and the patterns of a small perceptron.
#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <span>

#include "netwright/evaluation/data_folder.hpp"
#include "netwright/evaluation/table.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/proxy/fill.hpp"
#include "netwright/proxy/patterns.hpp"
#include "oracle_kinds.hpp"
#include "oracle_proxies.hpp"

namespace netwright {
namespace {

using Values = std::vector<double>;

bool is_correlation(const OracleJson& c) { return id(c).starts_with("Z-corr"); }

// A case of one cell, as the kind for single networks reads it.
OracleJson cell_case(const OracleJson& c, const std::string& architecture, const std::vector<std::string>& scores) {
  const std::string words = title(c);
  OracleJson one{{"id", "Z201"}, {"title", words}, {"input", {{"arch", architecture}}}, {"expect", OracleJson::object()}};
  one["input"]["C"] = static_cast<std::int64_t>(number_behind(words, "C=", 8));
  one["input"]["N"] = static_cast<std::int64_t>(number_behind(words, "N=", 1));
  one["input"]["batch"] = static_cast<std::int64_t>(number_behind(words, "batch ", 16));
  for (const std::string& score : scores) one["expect"][score] = 0;
  return one;
}

using Correlation = double (*)(std::span<const double>, std::span<const double>);

const std::map<std::string, Correlation>& correlations() {
  static const std::map<std::string, Correlation> list{{"spearman", spearman_rho}, {"kendall", kendall_tau}};
  return list;
}

// All but the parameters, which the table has.
std::vector<std::string> scores_of(const OracleJson& expect) {
  std::set<std::string> names;
  for (const auto& [kind, values] : expect.items())
    if (correlations().contains(kind))
      for (const auto& [name, value] : values.items()) names.insert(name);
  names.erase("params");
  return {names.begin(), names.end()};
}

// "... rows 0,104,208,... of the lexicographic table, disconnected (10%) cells dropped ..."; parameters as the table has them.
OracleJson run_correlation(const OracleJson& c, const OracleJson&) {
  const Table table(shipped_file("nb201/nb201_cifar10_test_200ep.csv.zst"), "arch", {"acc_mean", "params"});
  const Values rows = numbers_behind(title(c), "rows ", {0, 104});
  const double chance = number_behind(title(c), "disconnected (", 10);
  const std::vector<std::string> scores = scores_of(c.at("expect"));
  Values accuracy;
  std::map<std::string, Values> found;
  const auto first = static_cast<std::size_t>(rows.at(0)), step = static_cast<std::size_t>(rows.at(1) - rows.at(0));
  for (std::size_t row = first; row < table.rows(); row += step) {
    if (table.value(row, 0) <= chance + 1e-9) continue;
    accuracy.push_back(table.value(row, 0));
    found["params"].push_back(table.value(row, 1));
    const OracleJson values = proxy_values(cell_case(c, table.key(row), scores), at::kDouble);
    for (const std::string& score : scores) found[score].push_back(values.at(score).get<double>());
  }
  OracleJson got{{"cells", accuracy.size()}};
  for (const auto& [kind, values] : c.at("expect").items()) {
    const auto correlation = correlations().find(kind);
    if (correlation == correlations().end()) continue;
    for (const auto& [name, value] : values.items()) got[kind][name] = correlation->second(found.at(name), accuracy);
  }
  return got;
}

// ---- a perceptron: a = x W1^T, c = relu(a) W2^T + b; which of a and c are above zero ----

bool is_patterns(const OracleJson& c) { return id(c).starts_with("Z-lr-mini") && has_input(c, {"X", "W1", "W2", "b"}); }

// "LCG(9001) 40x4 times 2"
at::Tensor filled(const std::string& words, std::int64_t seed = -1, std::int64_t rows = -1) {
  const auto own_seed = static_cast<std::int64_t>(number_behind(words, "LCG(", 0));
  const auto own_rows = static_cast<std::int64_t>(number_behind(words, ") ", 1)), columns = static_cast<std::int64_t>(number_behind(words, "x", 1));
  return lcg_tensor({rows < 0 ? own_rows : rows, columns}, static_cast<std::uint32_t>(seed < 0 ? own_seed : seed), number_behind(words, "times ", 1));
}

std::vector<at::Tensor> patterns_of(const OracleJson& input, const at::Tensor& x) {
  const Values b = input.at("b").get<Values>();
  const at::Tensor a = at::matmul(x, filled(input.at("W1")).t());
  const at::Tensor c = at::matmul(at::relu(a), filled(input.at("W2")).t()) + at::tensor(b, at::kDouble);
  return {a > 0, c > 0};
}

// "hamming_kernel_row0_for_first6_of_seed_9011", "pattern_rows_seed_9011"
OracleJson run_patterns(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const std::string x = input.at("X").get<std::string>();
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    if (key == "unique_patterns") got[key] = distinct_patterns(patterns_of(input, filled(x)));
    const auto seed = static_cast<std::int64_t>(number_behind(key, "seed_", -1));
    if (seed < 0) continue;
    const auto patterns = patterns_of(input, filled(x, seed, static_cast<std::int64_t>(value.size())));
    if (key.starts_with("hamming_kernel_row0")) {
      const at::Tensor row = agreement_kernel(patterns)[0].contiguous();
      got[key] = Values(row.const_data_ptr<double>(), row.const_data_ptr<double>() + row.numel());
    }
    if (!key.starts_with("pattern_rows")) continue;
    const at::Tensor all = at::cat(patterns, 1).to(at::kLong).contiguous();
    for (std::int64_t i = 0; i < all.size(0); ++i)
      got[key].push_back(std::vector<std::int64_t>(all[i].const_data_ptr<std::int64_t>(), all[i].const_data_ptr<std::int64_t>() + all.size(1)));
  }
  return got;
}

// The file says in words that the kernel is singular where two rows coincide: then its logarithm must be minus infinity.
bool judge_patterns(const OracleJson& c, const OracleJson& got) {
  const OracleJson& expect = c.at("expect");
  if (!agrees(expect, got, c.at("tol"), {.left_out = {"slogdet"}})) return false;
  for (const auto& [key, value] : expect.items()) {
    const auto seed = static_cast<std::int64_t>(number_behind(key, "pattern_rows_seed_", -1));
    if (seed < 0 || !expect.contains("slogdet") || !expect.at("slogdet").get<std::string>().starts_with("singular")) continue;
    const auto rows = static_cast<std::int64_t>(value.size());
    const at::Tensor kernel = agreement_kernel(patterns_of(c.at("input"), filled(c.at("input").at("X").get<std::string>(), seed, rows)));
    if (log_determinant(kernel) != -std::numeric_limits<double>::infinity()) return false;
  }
  return true;
}

}  // namespace

std::vector<OracleKind> correlation_oracles() {
  return {{.name = "scores over the table", .matches = is_correlation, .run = run_correlation},
          {.name = "patterns of a perceptron", .matches = is_patterns, .run = run_patterns, .judge = judge_patterns}};
}

}  // namespace netwright
