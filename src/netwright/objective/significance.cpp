#include "netwright/objective/significance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"

namespace netwright {
namespace {

constexpr std::size_t most_exact = 25;  // pairs of the signed-rank test

// The 97.5 % quantile of Student's t: the normal one with the first three terms of its expansion (Fisher and Cornish), exact for one and two.
double student(double freedom) {
  constexpr double z = 1.959963984540054;
  if (freedom < 1.5) return 12.706204736174698;
  if (freedom < 2.5) return 4.302652729749464;
  const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom * freedom * freedom);
}

double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }
double normal_share(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

// P(the range of k normal values < width) = k integral of density(x) (share(x) - share(x - width))^(k - 1), by Simpson's rule.
double range_share(double width, double k) {
  constexpr int steps = 2000;
  constexpr double low = -8, high = 8, step = (high - low) / steps;
  double sum = 0;
  for (int i = 0; i <= steps; ++i) {
    const double x = low + i * step, weight = i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2;
    // The largest value stands at x, all others between x - width and x.
    sum += weight * normal_density(x) * std::pow(normal_share(x) - normal_share(x - width), k - 1);
  }
  return k * sum * step / 3;
}

double studentised_range(double share, double k) {
  double low = 0, high = 20;
  while (high - low > 1e-8) {
    const double middle = (low + high) / 2;
    (range_share(middle, k) < share ? low : high) = middle;
  }
  return (low + high) / 2;
}

// Two-sided, over all signs of the ranks. Twice the ranks are whole numbers, so their sums can be counted.
double exact_signed_rank(const std::vector<double>& ranks, double sum) {
  std::vector<double> ways{1};
  for (const double rank : ranks) {
    const auto twice = static_cast<std::size_t>(std::llround(2 * rank));
    ways.resize(ways.size() + twice, 0);
    for (std::size_t total = ways.size(); total-- > twice;) ways[total] += ways[total - twice];
  }
  const double total = static_cast<double>(ways.size() - 1) / 2, smaller = std::min(sum, total - sum);
  double below = 0;
  for (std::size_t twice = 0; twice <= static_cast<std::size_t>(std::llround(2 * smaller)); ++twice) below += ways[twice];
  return std::min(1.0, 2 * below / std::pow(2.0, static_cast<double>(ranks.size())));
}

}  // namespace

double mean_interval(std::span<const double> values) {
  if (values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(values.size());
  return student(n - 1) * standard_deviation(values) / std::sqrt(n);
}

std::vector<double> average_ranks(const std::vector<std::vector<double>>& results) {
  std::vector<double> average(results.size(), 0);
  const std::size_t runs = results.empty() ? 0 : results[0].size();
  for (std::size_t run = 0; run < runs; ++run) {
    std::vector<double> column;
    for (const auto& result : results) column.push_back(result.at(run));
    const std::vector<double> of_run = ranks(column);
    for (std::size_t i = 0; i < average.size(); ++i) average[i] += of_run[i];
  }
  for (double& sum : average) sum /= static_cast<double>(runs);
  return average;
}

double critical_difference(std::size_t methods, std::size_t runs) {
  if (methods < 2 || runs < 1) throw UsageError("critical difference: at least 2 methods and a run are needed");
  const auto k = static_cast<double>(methods);
  return studentised_range(0.95, k) / std::numbers::sqrt2 * std::sqrt(k * (k + 1) / (6 * static_cast<double>(runs)));
}

double wilcoxon_p(std::span<const double> a, std::span<const double> b) {
  std::vector<double> sizes, signs;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] == b[i] || std::isnan(a[i]) || std::isnan(b[i])) continue;
    sizes.push_back(std::abs(a[i] - b[i]));
    signs.push_back(a[i] > b[i] ? 1 : -1);
  }
  if (sizes.empty()) return 1;
  const std::vector<double> rank = ranks(sizes);
  std::map<double, double> ties;
  double sum = 0;
  for (std::size_t i = 0; i < rank.size(); ++i) sum += signs[i] > 0 ? rank[i] : 0, ++ties[sizes[i]];
  if (sizes.size() <= most_exact) return exact_signed_rank(rank, sum);
  const auto n = static_cast<double>(sizes.size());
  double variance = n * (n + 1) * (2 * n + 1) / 24;
  for (const auto& [size, count] : ties) variance -= (count * count * count - count) / 48;
  return std::erfc(std::abs(sum - n * (n + 1) / 4) / std::sqrt(2 * variance));
}

}  // namespace netwright
