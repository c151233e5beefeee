#pragma once
// Which of several methods is better, over many runs.
#include <span>
#include <vector>

namespace netwright {

// Half the width of the 95 % interval of a mean: t(0.975, n - 1) s / sqrt(n); NaN below two values.
double mean_interval(std::span<const double> values);

// results[method][run], less is better: each method's mean over the runs of its rank among the methods (1 = best; ties share).
std::vector<double> average_ranks(const std::vector<std::vector<double>>& results);

// Average ranks that differ by more than this differ with 95 % confidence: q sqrt(k (k + 1) / (6 n)), q the 95 % quantile of the Studentised
// range of k normal values (infinite freedom) over sqrt(2), by integration, to 1e-6. Cost: about 1 ms.
// Errors: UsageError below 2 methods or without a run. Source: Nemenyi's test as in Demsar 2006, JMLR 7.
double critical_difference(std::size_t methods, std::size_t runs);

// Two-sided p of Wilcoxon's signed-rank test for pairs; 1 where no pair differs. Equal pairs are left out, equal differences share ranks.
// Up to 25 pairs that differ: exact, min(1, 2 P(W <= the smaller of the two rank sums)) over all signs; beyond: the normal approximation with
// ties, without a continuity correction. Pairs with a NaN are left out. Source: Wilcoxon 1945, Biometrics Bulletin 1(6).
double wilcoxon_p(std::span<const double> a, std::span<const double> b);

}  // namespace netwright
