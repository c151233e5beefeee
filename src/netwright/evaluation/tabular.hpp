#pragma once
// Reads a candidate's numbers from a table: a benchmark that somebody has trained to the end.
//
// Options:
//   file               a stored table, .nwt (stored_tabular.hpp; it needs no other option), or
//                      a CSV file, .zst allowed (table.hpp); default: the NAS-Bench-201 table that comes with netwright
//   key                the column with the architecture in the space's own notation; default arch
//   metrics            "NAME = COLUMN * FACTOR, ..."; default val_accuracy = c10_val12 * 0.01 (percent to [0, 1]). FACTOR may be left out.
//   test               the same for numbers of the test part, which only test_metrics() gives; default test_accuracy = c10_test200 * 0.01
//   seconds_per_epoch  the column with the cost of training; default c10_time_epoch; "" = unknown, 0 seconds
//   epochs             how many epochs the metrics stand for, where the fidelity does not say; default 12
// Outcome.seconds = seconds_per_epoch * epochs: simulated, no time is spent. The metrics do not change with the fidelity.
// Rows of architectures that compute the same function are apart, as their trainings were.
// Cost: 20-40 ms to make for NAS-Bench-201; 1-2 us an evaluation.
// Errors: UsageError at make for a bad option, table, or a table whose first key is no architecture of the space; a failed outcome for an
// architecture without a row, or with an empty field.
// Source: Dong and Yang 2020, arXiv 2001.00326; Dong et al. 2021, arXiv 2009.00437 (the table's 12-epoch and 200-epoch schedules).
#include "netwright/evaluation/registry.hpp"

namespace netwright {

std::unique_ptr<Evaluator> make_tabular(const EvaluatorCase& evaluator_case);
EvaluatorEntry tabular_entry();

}  // namespace netwright
