#pragma once
// Several scores of another evaluator made into one number by their ranks, as metrics of a candidate: log_rank and vote.
//
// A pool of random architectures is scored once, when the first candidate comes; a candidate's log_rank and vote are what it has when it joins
// the pool (objective/aggregate.hpp), so they do not depend on the order of a search, and a study's trials compare. A search climbs log_rank, which
// goes on beyond the pool's best; a vote ends at 1. The other evaluator's
// metrics stand beside them, for constraints (macs <= 300M).
// Options: of (the evaluator, default score; its options stand beside these), scores (needed; metrics of it with commas between, larger is
// better or "minimise NAME"), pool (how many architectures, default 256), pool_seed (which, default 0).
// The pool's architectures that fail are drawn again, up to 100 times the pool. Cost: the pool's evaluations; then one each, and O(scores pool).
// Errors: UsageError for a bad option, a score that the evaluator does not have or that is of the test part; Error where none of the pool has
// scores. A candidate without one of the scores is a failed outcome.
#include "netwright/evaluation/registry.hpp"

namespace netwright {

// The entries, and behind them one that stands around any of them.
std::vector<EvaluatorEntry> with_ranks(std::vector<EvaluatorEntry> entries);

}  // namespace netwright
