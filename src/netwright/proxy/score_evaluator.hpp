#pragma once
// The score evaluator: zero-cost proxies as a candidate's metrics.
//
// Options: proxies (names with commas between, or all), batch (samples, default 16), fill (random | oracle).
// Metrics: the proxies by name, and params and macs in any case. All candidates see one batch, that of the evaluator; a candidate's weights come
// from its own seed. fill=oracle: weights and inputs by rule (fill.hpp), in float64.
// A candidate whose network cannot be built, or that torch cannot run, is a failed outcome; an infinite or undefined score is kept as it is
// (objectives read it as the worst). Errors: UsageError at make for a bad option.
#include <cstdint>
#include <functional>

#include "netwright/evaluation/registry.hpp"
#include "netwright/proxy/proxy.hpp"

namespace netwright {

// Gives so many labelled images of the training part; called once an evaluator.
using BatchSource = std::function<LabelledBatch(std::int64_t count)>;

// Without a source, inputs are standard normal, drawn from `seed`, and labels i mod classes.
EvaluatorEntry score_entry(const NetworkPlace& place, std::uint64_t seed, const BatchSource& data = {});

}  // namespace netwright
