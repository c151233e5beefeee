#pragma once
// Evaluates the same architecture at the same fidelity once.
//
// The key is the architecture itself (as its printed form: equal picks, equal text) and the number of epochs. A hit gives the first
// outcome again, with its reports, and 0 seconds. Failed and stopped outcomes are not kept: they may go otherwise the next time.
// Only for evaluators whose outcome does not depend on the candidate's seed, or where the first draw may stand for all.
// Not for calls from several threads at once.
#include <memory>

#include "netwright/evaluation/evaluator.hpp"

namespace netwright {

std::unique_ptr<Evaluator> cached(std::unique_ptr<Evaluator> evaluator);

}  // namespace netwright
