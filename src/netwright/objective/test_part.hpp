#pragma once
// The test part is looked at once, when a search is over: no strategy, stop rule, predictor or formula may see a metric of it before.
#include <string_view>

#include "netwright/objective/objective.hpp"

namespace netwright {

// A metric of the test part is one whose name begins with test_: test_accuracy, test_loss.
bool of_test_part(std::string_view metric);

// What a search may see of a trial. Cost: a copy.
Metrics without_test_part(const Metrics& metrics);

// Errors: UsageError naming the objective or constraint that is of the test part.
void refuse_test_part(const Goal& goal);

}  // namespace netwright
