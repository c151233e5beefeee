#pragma once
// Whether a supernet can be trusted: known failures of weight sharing, each looked for in the journal alone.
#include <optional>
#include <string>
#include <vector>

#include "netwright/report/report.hpp"

namespace netwright {

struct Alarm {
  std::string name;        // "skips", "eigenvalue", "ranking"
  std::string phase;       // of the supernet
  bool raised = false;
  std::string sentence;    // what was measured, and what it means
};

// Of each supernet phase, as far as its journal has the numbers:
//   skips       the strongest picks that hand their input on; raised where they are more than half (departure: no paper gives a bound for
//               all spaces; DARTS+, Liang et al. 2019, arXiv 1909.06035, stops at two in a cell)
//   eigenvalue  the architecture Hessian's largest: the mean of 5 epochs over that of the 5 before; raised above 1.3 in any epoch from the
//               tenth on (RobustDARTS, Zela et al. 2020, arXiv 1909.09656, released code)
//   ranking     ranking_gap(); raised where the interval of 5 architectures or more reaches 0: its order is not shown to be better than chance
std::vector<Alarm> alarms(const ReportData& data);

// One architecture as the supernet judged it and as its own training did.
struct RankedTwice {
  std::string architecture;
  double inherited = 0;    // the gap's metric with the shared weights
  double alone = 0;        // that of networks trained from scratch, mean over runs
};

// How well a supernet orders the architectures that were trained for themselves: Kendall's tau with its 95 % interval.
struct RankingGap {
  std::string supernet;    // phase
  std::string metric;      // "val_accuracy", of text "val_perplexity"
  std::vector<RankedTwice> pairs;
  double tau = 0;          // NaN where all of one side are equal
  double low = -1, high = 1;
};

// Read off the phases' summaries, {"inherited": {"supernet": PHASE, METRIC: {ARCHITECTURE: number}}}, and the labelled trials; nothing
// where fewer than 3 architectures have both numbers.
std::optional<RankingGap> ranking_gap(const ReportData& data);

// The 95 % interval of Kendall's tau over n pairs: tanh(artanh(tau) +- 1.96 sqrt(0.437 / (n - 4))), tau being kept half a step from +-1, where
// the transformation ends; [-1, 1] for n <= 4 and for NaN. Source: Fieller, Hartley and Pearson 1957, Biometrika 44 (normal data).
struct Interval {
  double low = -1, high = 1;
};
Interval kendall_interval(double tau, std::size_t n);

}  // namespace netwright
