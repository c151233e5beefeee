#include "netwright/objective/aggregate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"

namespace netwright {
namespace {

std::size_t length_of(const ScoreColumns& scores) {
  if (scores.empty()) throw UsageError("ranks of scores: at least one score is needed");
  for (const auto& column : scores)
    if (column.size() != scores[0].size())
      throw UsageError("ranks of scores: columns of " + std::to_string(scores[0].size()) + " and " + std::to_string(column.size()) + " numbers");
  return scores[0].size();
}

double or_worst(double score) { return std::isnan(score) ? -std::numeric_limits<double>::infinity() : score; }

ScoreColumns without_nan(ScoreColumns scores) {
  for (auto& column : scores)
    for (double& score : column) score = or_worst(score);
  return scores;
}

int sign(double a, double b) { return a > b ? 1 : a < b ? -1 : 0; }

// How many more of the pool `own` beats by a majority than beat it.
template <class Own>
double decided(const ScoreColumns& pool, std::size_t size, const Own& own) {
  double sum = 0;
  for (std::size_t other = 0; other < size; ++other) {
    int wins = 0;
    for (std::size_t k = 0; k < pool.size(); ++k) wins += sign(own(k), pool[k][other]);
    sum += sign(wins, 0);
  }
  return sum;
}

}  // namespace

std::vector<double> log_ranks(const ScoreColumns& scores) {
  const std::size_t n = length_of(scores);
  std::vector<double> sums(n, 0);
  for (const auto& column : without_nan(scores)) {
    const std::vector<double> rank = ranks(column);
    for (std::size_t i = 0; i < n; ++i) sums[i] += std::log(rank[i] / static_cast<double>(n));
  }
  return sums;
}

std::vector<double> votes(const ScoreColumns& scores) {
  const std::size_t n = length_of(scores);
  const ScoreColumns pool = without_nan(scores);
  std::vector<double> result(n, 0);
  // Against itself a candidate wins nothing.
  for (std::size_t i = 0; n > 1 && i < n; ++i) result[i] = decided(pool, n, [&](std::size_t k) { return pool[k][i]; }) / static_cast<double>(n - 1);
  return result;
}

RankPool::RankPool(ScoreColumns pool) : pool_(without_nan(std::move(pool))), sorted_(pool_), size_(length_of(pool_)) {
  for (auto& column : sorted_) std::ranges::sort(column);
}

double RankPool::rank(std::size_t column, double score) const {
  const auto& sorted = sorted_[column];
  const auto equal = std::ranges::equal_range(sorted, score);
  const auto below = static_cast<double>(equal.begin() - sorted.begin());
  double beyond = 0;
  if (!sorted.empty() && score > sorted.back()) {
    const double best = sorted.back(), spread = best - quantile(sorted, 0.5);
    if (std::isfinite(spread) && spread > 0) beyond = std::log1p((score - best) / spread);
  }
  return 1 + below + static_cast<double>(equal.size()) / 2 + (std::isfinite(beyond) ? beyond : 0);
}

double RankPool::log_rank(std::span<const double> scores) const {
  if (scores.size() != pool_.size()) throw UsageError("ranks of scores: " + std::to_string(scores.size()) + " scores for " + std::to_string(pool_.size()));
  double sum = 0;
  for (std::size_t k = 0; k < scores.size(); ++k) sum += std::log(rank(k, or_worst(scores[k])) / static_cast<double>(size_ + 1));
  return sum;
}

double RankPool::vote(std::span<const double> scores) const {
  if (scores.size() != pool_.size()) throw UsageError("ranks of scores: " + std::to_string(scores.size()) + " scores for " + std::to_string(pool_.size()));
  if (size_ == 0) return 0;
  return decided(pool_, size_, [&](std::size_t k) { return or_worst(scores[k]); }) / static_cast<double>(size_);
}

}  // namespace netwright
