#include "netwright/evaluation/registry.hpp"

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {

void check_options(const EvaluatorEntry& entry, const EvaluatorCase& evaluator_case) {
  if (entry.forwards) return;  // the inner evaluator checks what is not its own
  std::vector<std::string> known;
  for (const EvaluatorOption& option : entry.options) known.push_back(option.name);
  for (const auto& [name, value] : evaluator_case.options) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string hint = known.empty() ? "; it has no options" : name_hint(name, known);
    throw UsageError("evaluator " + entry.name + ": unknown option '" + name + "'" + hint);
  }
}

EvaluatorInfo info_of(const EvaluatorEntry& entry) {
  return {.name = entry.name, .title = entry.title, .metrics = entry.metrics, .traits = entry.traits};
}

const EvaluatorEntry& find_evaluator(const std::vector<EvaluatorEntry>& entries, std::string_view name) {
  const auto found = std::ranges::find(entries, name, &EvaluatorEntry::name);
  if (found != entries.end()) return *found;
  std::vector<std::string> names;
  for (const EvaluatorEntry& entry : entries) names.push_back(entry.name);
  throw UsageError("unknown evaluator '" + std::string(name) + "'" + name_hint(name, names));
}

const EvaluatorEntry* judging(const std::vector<EvaluatorEntry>& entries, std::string_view name, const EvaluatorCase& evaluator_case) {
  const auto found = std::ranges::find(entries, name, &EvaluatorEntry::name);
  if (found == entries.end()) return nullptr;
  if (!found->forwards) return &*found;
  const auto inner = std::ranges::find(entries, option(*found, evaluator_case, "of"), &EvaluatorEntry::name);
  return inner == entries.end() || inner->forwards ? nullptr : &*inner;
}

std::unique_ptr<Evaluator> make_evaluator(const std::vector<EvaluatorEntry>& entries, std::string_view name, const EvaluatorCase& evaluator_case) {
  const EvaluatorEntry& entry = find_evaluator(entries, name);
  check_options(entry, evaluator_case);
  const std::string reason = entry.unsuited ? entry.unsuited(evaluator_case) : "";
  if (!reason.empty()) throw Unsupported("evaluator " + entry.name + ": " + reason);
  return entry.make(evaluator_case);
}

std::string option(const EvaluatorEntry& entry, const EvaluatorCase& evaluator_case, std::string_view name) {
  const auto given = evaluator_case.options.find(name);
  if (given != evaluator_case.options.end()) return given->second;
  const auto known = std::ranges::find(entry.options, name, &EvaluatorOption::name);
  if (known == entry.options.end()) throw Error("evaluator " + entry.name + " has no option '" + std::string(name) + "'");
  return known->fallback;
}

}  // namespace netwright
