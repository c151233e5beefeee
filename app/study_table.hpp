#pragma once
// A study's search trials as a table: one row an architecture, one column a metric and budget.
#include "netwright/config/config.hpp"
#include "netwright/evaluation/stored_table.hpp"
#include "netwright/study/study.hpp"

namespace netwright {

// train_seconds is what a training from scratch took until then. Errors: UsageError for a study without a finished trial, or of a space that
// is a file with decisions that a table cannot hold.
TableContent study_table(const Study& study, const Config& config);

}  // namespace netwright
