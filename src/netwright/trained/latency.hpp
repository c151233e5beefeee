#pragma once
// The time of one forward pass, measured.
#include "netwright/evaluation/timed_evaluator.hpp"
#include "netwright/nn/network.hpp"

namespace netwright {

// Milliseconds of a pass of the closed network in evaluation mode, weights and images drawn from a fixed stream (token networks read zeros):
// the median of options.runs passes, after two that are not counted, on as many threads as torch uses. On a device other than the CPU a
// pass ends when its result has been read back.
double latency_ms(const Graph& closed, const NetworkPlace& place, const TimingOptions& options = {});

}  // namespace netwright
