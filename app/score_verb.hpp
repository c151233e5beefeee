#pragma once
// score: zero-cost proxies of one architecture. Needs torch.
#include <ostream>

#include "verbs.hpp"

namespace netwright {

// --json: {"architecture", "proxies": {name: value}, "input", "classes", "batch", "fill", "seed"}; values without a number are "nan", "inf", "-inf".
// --fill oracle: float64, labels i mod classes, inputs of seed 99991. Errors: UsageError for an unknown proxy, a batch below 2, an architecture.
int score(const NetworkVerbOptions& options, std::ostream& out);

}  // namespace netwright
