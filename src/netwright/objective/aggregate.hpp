#pragma once
// Several scores made into one by the ranks that they give, not by their sizes: synflow reaches 1e60 where naswot reaches 1e3.
//
// Scores stand in columns, [score][candidate], and larger is better in all. A NaN is worse than every number.
#include <cstddef>
#include <span>
#include <vector>

namespace netwright {

using ScoreColumns = std::vector<std::vector<double>>;

// The log-rank of each candidate: sum over the scores of ln(rank / n), rank 1 (worst) to n (best), ties at their mean rank. At most 0, which is
// a candidate that is best by every score; a single bad rank costs more than a single good one brings.
// Cost: O(scores n log n). Errors: UsageError where the columns differ in length.
// Source: AZ-NAS, Lee and Ham 2024, arXiv 2403.19232, and its released code.
std::vector<double> log_ranks(const ScoreColumns& scores);

// The vote of each candidate: mean over the others of sign(sum over the scores of sign(own score - other's)). In [-1, 1]: the share that it beats
// by a majority less the share that beats it. Cost: O(scores n^2). Errors: UsageError where the columns differ in length.
// Source: the vote of Abdelfattah et al. 2021, arXiv 2101.08134, section 3.3, which decides between two networks; counting the decisions over all
// pairs (Copeland's rule) makes it an order of many.
std::vector<double> votes(const ScoreColumns& scores);

// Ranks of candidates that come one at a time, against a pool that stays: what a candidate's log-rank or vote is when it joins the pool.
// A vote of 1 beats all of the pool, and nothing is above it. A log-rank goes on, for a search has to: a score above the pool's best has the rank
// n + 1 + ln(1 + (score - best) / (best - median)) of the pool's n + 1 (n + 1 where the best is the median, or infinite).
class RankPool {
 public:
  // Errors: UsageError where the columns differ in length, or there are none.
  explicit RankPool(ScoreColumns pool);

  std::size_t size() const { return size_; }
  double log_rank(std::span<const double> scores) const;  // O(scores log n); one number a column, otherwise UsageError
  double vote(std::span<const double> scores) const;      // O(scores n)

 private:
  double rank(std::size_t column, double score) const;

  ScoreColumns pool_, sorted_;
  std::size_t size_ = 0;
};

}  // namespace netwright
