#include "netwright/objective/significance.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"

namespace netwright {
namespace {

// The 97.5 % quantile of Student's t: the normal one with the first three terms of its expansion (Fisher and Cornish), exact for one and two.
double student(double freedom) {
  constexpr double z = 1.959963984540054;
  if (freedom < 1.5) return 12.706204736174698;
  if (freedom < 2.5) return 4.302652729749464;
  const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom * freedom * freedom);
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
  // Studentised range at 5 % and infinite freedom, over the root of 2; from two methods on (Demsar 2006, table 5).
  constexpr std::array q = {1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164, 3.219,
                            3.268, 3.313, 3.354, 3.391, 3.426, 3.458, 3.489, 3.517, 3.544};
  if (methods < 2 || methods > q.size() + 1 || runs < 1) throw UsageError("critical difference: 2 to 20 methods and a run are needed");
  const auto k = static_cast<double>(methods);
  return q[methods - 2] * std::sqrt(k * (k + 1) / (6 * static_cast<double>(runs)));
}

double wilcoxon_p(std::span<const double> a, std::span<const double> b) {
  std::vector<double> sizes, signs;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] == b[i]) continue;
    sizes.push_back(std::abs(a[i] - b[i]));
    signs.push_back(a[i] > b[i] ? 1 : -1);
  }
  if (sizes.empty()) return 1;
  const std::vector<double> rank = ranks(sizes);
  std::map<double, double> ties;
  double sum = 0;
  for (std::size_t i = 0; i < rank.size(); ++i) sum += signs[i] > 0 ? rank[i] : 0, ++ties[sizes[i]];
  const auto n = static_cast<double>(sizes.size());
  double variance = n * (n + 1) * (2 * n + 1) / 24;
  for (const auto& [size, count] : ties) variance -= (count * count * count - count) / 48;
  return variance > 0 ? std::erfc(std::abs(sum - n * (n + 1) / 4) / std::sqrt(2 * variance)) : 1;
}

}  // namespace netwright
