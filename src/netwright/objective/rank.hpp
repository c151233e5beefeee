#pragma once
// How well one list of numbers orders another, and the plain statistics of a list.
#include <span>
#include <vector>

namespace netwright {

// Kendall's tau-b: (C - D) / sqrt((n0 - ties of a) (n0 - ties of b)), n0 = n (n - 1) / 2. In [-1, 1]; NaN where a list is constant.
// Cost: O(n log n) (Knight 1966, JASA 61). Errors: UsageError where the lengths differ.
double kendall_tau(std::span<const double> a, std::span<const double> b);

// Spearman's rho: Pearson's correlation of the ranks, ties at their mean rank. NaN where a list is constant. Cost: O(n log n).
// Errors: UsageError where the lengths differ.
double spearman_rho(std::span<const double> a, std::span<const double> b);

// Ranks 1..n, ties at their mean rank.
std::vector<double> ranks(std::span<const double> values);

double mean(std::span<const double> values);                // NaN for an empty list
double standard_deviation(std::span<const double> values);  // of a sample: divided by n - 1; NaN below two values
// Linear between the two nearest order statistics, position share * (n - 1); share in [0, 1]. NaN for an empty list or a
// list with a NaN; infinite where it lies at or next to an infinite value.
double quantile(std::span<const double> values, double share);

}  // namespace netwright
