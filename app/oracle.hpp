#pragma once
// The verb `oracle`: runs a file of known answers through the real code and says which cases hold.
//
// The file (tests/oracles.json is one) holds `cases`, each with id, input, expect and tol, and `genotypes` that inputs may name. A case
// belongs to the first kind of oracle_kinds.hpp that matches it; its input comes from its own fields, or, where it is given in words,
// from its title and its id. Expected values come from `expect`, tolerances from `tol`.
#include <ostream>
#include <string>

#include <nlohmann/json.hpp>

#include "verbs.hpp"

namespace netwright {

// {"id", "verdict": "pass" | "fail" | "unknown", "expected", "got"}. unknown: no kind matches, or its case needs a part that is not built.
// A case that cannot be run (it is malformed, a field is missing, the input is impossible) fails, with {"error": reason} in `got`.
// A fifth key `not_computed` lists expected values that are not answered. They fail the case, but for words: what a paper printed
// ("published"), and what a kind's own judge reads.
nlohmann::ordered_json run_oracle_case(const nlohmann::ordered_json& oracle_case, const nlohmann::ordered_json& file);

// Integers of more than 19 digits become marked text (oracle_kinds.hpp), so that none is rounded; oracle() prints them as numbers again.
// Python's NaN and Infinity become the texts nan, inf and -inf.
// Cases get an empty `input` and `tol` where they have none. A malformed case stays, as one that run_oracle_case fails.
// Errors: UsageError for text that is no such file.
nlohmann::ordered_json parse_oracle_file(const std::string& text, const std::string& name);

// Prints an array of verdicts, or a line a case and a summary. Exit code 1 when a case fails.
// Cost: tests/oracles.json below a minute on one core. Errors: UsageError for the file, or when no id starts with options.only.
int oracle(const OracleOptions& options, std::ostream& out);

}  // namespace netwright
