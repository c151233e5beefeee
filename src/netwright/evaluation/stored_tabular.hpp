#pragma once
// Reads a candidate's numbers, its learning curve and its simulated time from a stored table (stored_table.hpp).
//
// epochs: one of the table's budgets; 0 = the largest. A trial reports at each of the table's budgets on its way, and may be stopped there;
// Outcome.seconds is what the epochs from fidelity.from_epochs on took. Where the table's budgets are trainings of their own (separate), a
// trial reports once, at its end, and pays all of its epochs, whatever it goes on with.
// Cost: about 1 us an evaluation beside printing the architecture. Errors: UsageError for a budget that the table lacks, for a table of
// another space; a failed outcome for an architecture without a row.
#include <filesystem>
#include <memory>

#include "netwright/evaluation/registry.hpp"

namespace netwright {

constexpr std::string_view stored_table_ending = ".nwt";

std::unique_ptr<Evaluator> make_stored_tabular(const EvaluatorCase& evaluator_case, const std::filesystem::path& file);

// An architecture's key in a table of its space.
struct TableSchema;
std::string table_key(const TableSchema& schema, const Space& space, const Architecture& architecture);

}  // namespace netwright
