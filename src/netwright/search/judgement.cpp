#include "netwright/search/judgement.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <new>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Outcome failed(const std::string& reason) { return {.status = Status::failed, .reason = reason}; }

Outcome guarded(Evaluator& evaluator, const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) {
  try {
    return evaluator.evaluate(candidate, fidelity, progress);
  } catch (const UsageError&) {
    throw;
  } catch (const std::bad_alloc&) {
    return failed("out of memory");
  } catch (const std::exception& failure) {
    return failed(failure.what());
  }
}

// What makes the metrics unusable; empty when nothing does.
std::string flaw(const Goal& goal, const Metrics& metrics) {
  for (const auto& [name, value] : metrics)
    if (std::isnan(value)) return name + " is nan";
  for (const Objective& objective : goal.objectives) {
    const auto found = metrics.find(objective.metric);
    if (found == metrics.end()) return "the evaluator gave no " + objective.metric;
    if (std::isinf(found->second)) return objective.metric + " is infinite";
  }
  return "";
}

}  // namespace

Outcome judge(Evaluator& evaluator, const Candidate& candidate, const Fidelity& fidelity, const Goal& goal, const Progress& progress,
              const std::function<bool()>& interrupted) {
  // The journal's own troubles must not look like the candidate's: they wait here until the evaluator is through.
  std::exception_ptr trouble;
  std::vector<Report> reports;
  const Progress shielded = [&](const Report& report) {
    reports.push_back(report);
    if (trouble || !progress) return !trouble;
    try {
      return progress(report);
    } catch (...) {
      trouble = std::current_exception();
      return false;
    }
  };
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome = guarded(evaluator, candidate, fidelity, shielded);
  if (trouble) std::rethrow_exception(trouble);
  if (outcome.reports.size() < reports.size()) outcome.reports = std::move(reports);
  if (outcome.seconds == 0 && !simulates_time(evaluator))
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const bool half_measured = outcome.status == Status::stopped && interrupted && interrupted();
  if (outcome.status != Status::failed && !half_measured) {
    const std::string problem = flaw(goal, outcome.metrics);
    if (!problem.empty()) {
      outcome.status = Status::failed;
      outcome.reason = problem;
    }
  }
  outcome.reason = first_line(outcome.reason);
  if (outcome.status == Status::failed && outcome.reason.empty()) outcome.reason = "failed without a reason";
  return outcome;
}

bool simulates_time(const Evaluator& evaluator) {
  const auto& traits = evaluator.info().traits;
  return std::find(traits.begin(), traits.end(), "simulated time") != traits.end();
}

}  // namespace netwright
