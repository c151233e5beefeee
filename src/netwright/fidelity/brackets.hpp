#pragma once
// Brackets of multi-fidelity search: how many architectures are measured after how many epochs.
//
// A bracket is a list of rungs; the best of a rung go on to the next, where each is trained `eta` times as long. Budgets are epochs
// counted from scratch; a promoted architecture pays the difference alone.
#include <cstdint>
#include <vector>

namespace netwright {

struct Rung {
  std::int64_t count = 0;  // architectures
  double epochs = 0;       // of each, from scratch
  bool operator==(const Rung&) const = default;
};

struct Bracket {
  std::int64_t s = 0;  // how often it may still promote: rungs - 1
  std::vector<Rung> rungs;
  bool operator==(const Bracket&) const = default;
};

struct BudgetRange {
  double minimum = 1;  // epochs of the first rung, > 0
  double maximum = 81;
  double eta = 3;      // > 1
};

// s_max = floor(log_eta(maximum / minimum)), exact where the quotient is a power of eta. Errors: UsageError for a bad range.
std::int64_t rungs_above_first(const BudgetRange& range);

// Successive halving: n architectures after `minimum` epochs, then the floor(n / eta) best after eta times as many, until `maximum`
// or until none would be left. Source: Jamieson and Talwalkar 2016, arXiv 1502.07943.
Bracket halving_bracket(std::int64_t count, const BudgetRange& range);

// Hyperband: for s = s_max .. 0 a bracket of n = ceil((s_max + 1) eta^s / (s + 1)) architectures, from r = maximum eta^-s epochs on;
// rung i has floor(n eta^-i) at r eta^i. Source: Li et al. 2018, JMLR 18(185), algorithm 1.
std::vector<Bracket> hyperband_brackets(const BudgetRange& range);

// The brackets of BOHB: n = floor((s_max + 1) / (s + 1)) eta^s instead.
// Source: Falkner et al. 2018, arXiv 1807.01774, in the form of their published program.
std::vector<Bracket> bohb_brackets(const BudgetRange& range);

// Whole epochs: to the nearest, at least 1.
std::int64_t whole_epochs(double epochs);

}  // namespace netwright
