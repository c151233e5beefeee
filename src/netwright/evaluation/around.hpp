#pragma once
// What evaluators share that stand around another, whose options are given beside their own: `of` names it.
#include "netwright/evaluation/registry.hpp"

namespace netwright {

// The option's text without blanks around it, or the entry's fallback.
std::string trimmed_option(const EvaluatorEntry& entry, const EvaluatorCase& outer, std::string_view name);
// Errors: UsageError "evaluator E, option NAME: 'x' is not a whole number RULE" outside of [least, most].
std::int64_t whole_option(const EvaluatorEntry& entry, const EvaluatorCase& outer, const std::string& name, double least, double most, const std::string& rule);

// The case of the inner evaluator: without the entry's own options.
EvaluatorCase inner_case(const EvaluatorEntry& entry, const EvaluatorCase& outer);
// Why the inner evaluator cannot judge. Errors: UsageError for its name or options.
std::string inner_unsuited(const std::vector<EvaluatorEntry>& entries, const EvaluatorEntry& entry, const EvaluatorCase& outer);
// Errors: those of make_evaluator.
std::unique_ptr<Evaluator> make_inner(const std::vector<EvaluatorEntry>& entries, const EvaluatorEntry& entry, const EvaluatorCase& outer);

}  // namespace netwright
