#include "netwright/evaluation/around.hpp"

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"

namespace netwright {

std::string trimmed_option(const EvaluatorEntry& entry, const EvaluatorCase& outer, std::string_view name) { return trim(option(entry, outer, name)); }

std::int64_t whole_option(const EvaluatorEntry& entry, const EvaluatorCase& outer, const std::string& name, double least, double most, const std::string& rule) {
  const std::string given = trimmed_option(entry, outer, name);
  const double value = parse_count(given);
  if (!(value >= least) || value > most || value != static_cast<double>(static_cast<std::int64_t>(value)))
    throw UsageError("evaluator " + entry.name + ", option " + name + ": '" + given + "' is not a whole number " + rule);
  return static_cast<std::int64_t>(value);
}

EvaluatorCase inner_case(const EvaluatorEntry& entry, const EvaluatorCase& outer) {
  EvaluatorCase inner = outer;
  for (const EvaluatorOption& own : entry.options) inner.options.erase(own.name);
  return inner;
}

std::string inner_unsuited(const std::vector<EvaluatorEntry>& entries, const EvaluatorEntry& entry, const EvaluatorCase& outer) {
  const EvaluatorEntry& inner = find_evaluator(entries, trimmed_option(entry, outer, "of"));
  const EvaluatorCase own = inner_case(entry, outer);
  check_options(inner, own);
  return inner.unsuited ? inner.unsuited(own) : "";
}

std::unique_ptr<Evaluator> make_inner(const std::vector<EvaluatorEntry>& entries, const EvaluatorEntry& entry, const EvaluatorCase& outer) {
  return make_evaluator(entries, trimmed_option(entry, outer, "of"), inner_case(entry, outer));
}

}  // namespace netwright
