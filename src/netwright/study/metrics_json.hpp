#pragma once
// Metrics as the journal writes them: a JSON object of numbers in their shortest exact form; "nan", "inf" and "-inf" as strings,
// which JSON has no numbers for. parse_metrics(metrics_json(m)) == m to the last bit.
#include <string>
#include <string_view>

#include "netwright/objective/objective.hpp"

namespace netwright {

std::string metrics_json(const Metrics& metrics);
// Errors: Error for text that is no such object.
Metrics parse_metrics(std::string_view json);

}  // namespace netwright
