#include "netwright/objective/aggregate.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

TEST(Aggregates, LogRanksByHand) {
  // Ranks 1, 2, 3 and 2.5, 1, 2.5 of three.
  const auto sums = log_ranks({{-5, 0, 1e60}, {7, 3, 7}});
  EXPECT_NEAR(sums[0], std::log(1.0 / 3) + std::log(2.5 / 3), 1e-15);
  EXPECT_NEAR(sums[1], std::log(2.0 / 3) + std::log(1.0 / 3), 1e-15);
  EXPECT_NEAR(sums[2], std::log(2.5 / 3), 1e-15);
}

// The majority decides each pair: a beats b and c beats a by two scores of three, b beats c by two: no winner in a circle.
TEST(Aggregates, VotesByHand) {
  EXPECT_EQ(votes({{3, 2, 1}, {1, 3, 2}, {2, 1, 3}}), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(votes({{3, 2, 1}, {3, 2, 1}, {1, 2, 3}}), (std::vector<double>{1, 0, -1}));
  EXPECT_EQ(votes({{3, 2}, {2, 3}}), (std::vector<double>{0, 0}));  // a tie decides nothing
}

TEST(Aggregates, WhatHasNoNumberIsWorst) {
  const auto sums = log_ranks({{NAN, -INFINITY, 1}});
  EXPECT_EQ(sums[0], sums[1]);
  EXPECT_LT(sums[0], sums[2]);
  EXPECT_EQ(votes({{NAN, 0}}), (std::vector<double>{-1, 1}));
  EXPECT_THROW(votes({{1, 2}, {1}}), UsageError);
  EXPECT_THROW(log_ranks({}), UsageError);
  EXPECT_THROW(RankPool({{1, 2}}).vote(std::vector<double>{1, 2}), UsageError);
}

// Only the order within a score matters, and better by every score is never worse.
TEST(Aggregates, AreOfRanksAlone) {
  EXPECT_TRUE(rc::check("rescaled scores aggregate the same", [] {
    const auto n = *rc::gen::inRange<std::size_t>(1, 20);
    ScoreColumns scores, scaled;
    for (int k = 0; k < 3; ++k) {
      auto& column = scores.emplace_back();
      auto& other = scaled.emplace_back();
      for (std::size_t i = 0; i < n; ++i) column.push_back(*rc::gen::inRange(-4, 5)), other.push_back(std::exp(column.back()) - 100);
    }
    RC_ASSERT(log_ranks(scores) == log_ranks(scaled));
    RC_ASSERT(votes(scores) == votes(scaled));
    const auto sums = log_ranks(scores), counts = votes(scores);
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b) {
        bool everywhere = true;
        for (const auto& column : scores) everywhere = everywhere && column[a] >= column[b];
        if (everywhere) RC_ASSERT(sums[a] >= sums[b] && counts[a] >= counts[b]);
      }
  }));
}

// A search goes beyond its pool: there a log-rank still tells the better from the good, a vote does not.
TEST(Aggregates, ALogRankGoesOnBeyondThePool) {
  const RankPool pool({{1, 2, 3, 4, 5}, {10, 20, 30, 40, 50}});
  const auto of = [&](double a, double b) { return pool.log_rank(std::vector{a, b}); };
  EXPECT_DOUBLE_EQ(of(5.0 + 2, 1), std::log((6 + std::log(2.0)) / 6) + std::log(1.0 / 6));  // as far above the best as that above the median
  EXPECT_GT(of(6, 60), of(5.5, 60));
  EXPECT_GT(of(1e60, 51), of(6, 51));
  EXPECT_GT(of(5.1, 51), 0);
  EXPECT_EQ(pool.vote(std::vector{6.0, 60.0}), 1);
  EXPECT_EQ(RankPool({{2, 2, 2}}).log_rank(std::vector{9.0}), 0);
  EXPECT_EQ(RankPool({{0, 1, INFINITY}}).log_rank(std::vector<double>{INFINITY}), std::log(3.5 / 4));
}

// A pool of which the candidate is a member gives what the whole list gives.
TEST(Aggregates, APoolGivesWhatJoiningItWould) {
  EXPECT_TRUE(rc::check("pool + candidate = list", [] {
    const auto n = *rc::gen::inRange<std::size_t>(1, 15);
    ScoreColumns all, pool;
    std::vector<double> own;
    for (int k = 0; k < 4; ++k) {
      auto& column = all.emplace_back();
      for (std::size_t i = 0; i <= n; ++i) column.push_back(*rc::gen::inRange(0, 6));
      column.back() = std::min(column.back(), *std::max_element(column.begin(), column.end() - 1));  // not beyond the pool
      own.push_back(column.back());
      pool.emplace_back(column.begin(), column.end() - 1);
    }
    const RankPool ranks(pool);
    RC_ASSERT(std::abs(ranks.log_rank(own) - log_ranks(all).back()) < 1e-12);
    RC_ASSERT(std::abs(ranks.vote(own) - votes(all).back()) < 1e-12);
  }));
}

}  // namespace
}  // namespace netwright
