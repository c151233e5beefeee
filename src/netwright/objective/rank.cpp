#include "netwright/objective/rank.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

void check_lengths(std::span<const double> a, std::span<const double> b) {
  if (a.size() == b.size()) return;
  throw UsageError("rank correlation: lists of " + std::to_string(a.size()) + " and " + std::to_string(b.size()) + " numbers; they must be equal");
}

std::vector<std::size_t> order(std::span<const double> values) {
  std::vector<std::size_t> result(values.size());
  std::iota(result.begin(), result.end(), std::size_t{0});
  std::ranges::stable_sort(result, {}, [&](std::size_t i) { return values[i]; });
  return result;
}

// Pairs within runs of equal neighbours, by `equal(i, i + 1)` over n positions.
template <class Equal>
double tied_pairs(std::size_t n, const Equal& equal) {
  double pairs = 0;
  for (std::size_t first = 0, last = 0; first < n; first = last) {
    for (last = first + 1; last < n && equal(last - 1, last);) ++last;
    const double run = static_cast<double>(last - first);
    pairs += run * (run - 1) / 2;
  }
  return pairs;
}

// Sorts and counts the exchanges that a bubble sort would make. Equal values make none.
double sort_counting(std::span<double> values, std::span<double> scratch) {
  if (values.size() < 2) return 0;
  const std::size_t half = values.size() / 2;
  double exchanges = sort_counting(values.first(half), scratch.first(half)) + sort_counting(values.subspan(half), scratch.subspan(half));
  std::size_t left = 0, right = half;
  for (double& slot : scratch) {
    const bool from_left = right == values.size() || (left < half && values[left] <= values[right]);
    if (!from_left) exchanges += static_cast<double>(half - left);
    slot = values[from_left ? left++ : right++];
  }
  std::ranges::copy(scratch, values.begin());
  return exchanges;
}

}  // namespace

double kendall_tau(std::span<const double> a, std::span<const double> b) {
  check_lengths(a, b);
  std::vector<std::size_t> by_both(a.size());
  std::iota(by_both.begin(), by_both.end(), std::size_t{0});
  std::ranges::sort(by_both, [&](std::size_t i, std::size_t j) { return a[i] != a[j] ? a[i] < a[j] : b[i] < b[j]; });
  std::vector<double> sorted(a.size()), scratch(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sorted[i] = b[by_both[i]];

  const auto same_a = [&](std::size_t i, std::size_t j) { return a[by_both[i]] == a[by_both[j]]; };
  const double tied_a = tied_pairs(a.size(), same_a);
  const double tied_both = tied_pairs(a.size(), [&](std::size_t i, std::size_t j) { return same_a(i, j) && sorted[i] == sorted[j]; });
  const double discordant = sort_counting(sorted, scratch);
  const double tied_b = tied_pairs(a.size(), [&](std::size_t i, std::size_t j) { return sorted[i] == sorted[j]; });

  const double n = static_cast<double>(a.size());
  const double pairs = n * (n - 1) / 2;
  const double scale = std::sqrt(pairs - tied_a) * std::sqrt(pairs - tied_b);
  return scale == 0 ? nothing : (pairs - tied_a - tied_b + tied_both - 2 * discordant) / scale;
}

std::vector<double> ranks(std::span<const double> values) {
  const std::vector<std::size_t> by_value = order(values);
  std::vector<double> result(values.size());
  for (std::size_t first = 0, last = 0; first < by_value.size(); first = last) {
    for (last = first + 1; last < by_value.size() && values[by_value[last]] == values[by_value[first]];) ++last;
    const double middle = static_cast<double>(first + last + 1) / 2;
    for (std::size_t i = first; i < last; ++i) result[by_value[i]] = middle;
  }
  return result;
}

double spearman_rho(std::span<const double> a, std::span<const double> b) {
  check_lengths(a, b);
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double middle = static_cast<double>(a.size() + 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - middle) * (y[i] - middle);
    xx += (x[i] - middle) * (x[i] - middle);
    yy += (y[i] - middle) * (y[i] - middle);
  }
  return xx == 0 || yy == 0 ? nothing : xy / std::sqrt(xx * yy);
}

double mean(std::span<const double> values) {
  if (values.empty()) return nothing;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return nothing;
  const double middle = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - middle) * (value - middle);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double quantile(std::span<const double> values, double share) {
  if (values.empty() || std::ranges::any_of(values, [](double value) { return std::isnan(value); })) return nothing;
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  const double position = std::clamp(share, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto above = std::min(below + 1, sorted.size() - 1);
  const double share_above = position - static_cast<double>(below);
  if (share_above == 0 || sorted[below] == sorted[above]) return sorted[below];  // infinities have no difference
  return sorted[below] + share_above * (sorted[above] - sorted[below]);
}

}  // namespace netwright
