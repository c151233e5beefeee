#pragma once
// Measured latency beside the metrics of another evaluator: latency_ms of the candidate's closed network, on this machine.
//
// Options: of (the evaluator, default cost; its options stand beside these), runs (timed passes, default 20; their median counts), batch
// (samples a pass, default 1). What is measured depends on what else the machine does: such a study is resumed with the numbers that it has,
// but another run has others. Measure with one worker. Cost: building the network, and runs + 2 passes.
// Errors: UsageError for a bad option.
#include <functional>

#include "netwright/evaluation/registry.hpp"
#include "netwright/graph/graph.hpp"

namespace netwright {

struct TimingOptions {
  std::int64_t runs = 20;
  std::int64_t batch = 1;
};

// Milliseconds of one pass of a closed network: the median of the runs.
using Stopwatch = std::function<double(const Graph& closed, const TimingOptions& options)>;

// The entries, and behind them one that stands around any of them. Without a stopwatch it can be named and checked, but not made.
std::vector<EvaluatorEntry> with_timing(std::vector<EvaluatorEntry> entries, const Stopwatch& stopwatch = {});

}  // namespace netwright
