#include "netwright/objective/test_part.hpp"

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

void refuse(const char* part, const std::string& metric) {
  if (of_test_part(metric)) throw UsageError(std::string(part) + " " + metric + ": a search must not look at the test part; use val_accuracy or the like");
}

}  // namespace

bool of_test_part(std::string_view metric) { return metric.starts_with("test_"); }

Metrics without_test_part(const Metrics& metrics) {
  Metrics seen;
  for (const auto& metric : metrics)
    if (!of_test_part(metric.first)) seen.insert(seen.end(), metric);
  return seen;
}

void refuse_test_part(const Goal& goal) {
  for (const Objective& objective : goal.objectives) refuse("objective", objective.metric);
  for (const Constraint& constraint : goal.constraints) refuse("constraint", constraint.metric);
}

}  // namespace netwright
