#pragma once
// Runs the user's own trainer, a program in any language, once a candidate.
//
// It is started as `sh -c RUN` in a process group of its own, and finds
//   standard input          the architecture, a JSON object: {"space", "architecture" (text), "decisions": {name: pick | [picks]},
//                           "graph": the closed network (graph/json.hpp), "trial", "epochs", "seed"}
//   NETWRIGHT_ARCHITECTURE  a file with the same object
//   NETWRIGHT_EPOCHS        the fidelity's epochs; 0 = the trainer's own full measure
//   NETWRIGHT_FROM_EPOCHS   how many of these the trial that it goes on with has done; 0 = from scratch
//   NETWRIGHT_STATE, NETWRIGHT_CONTINUE   with the option state: a folder of the trial's own, and that of the trial that it goes on with (or "")
//   NETWRIGHT_SEED          the candidate's seed (64 bits, decimal); NETWRIGHT_TRIAL: its number
// It writes one JSON object a line on standard output: {"step": 1, "val_accuracy": 0.5}. Each line is an intermediate value; the last one's
// metrics are the outcome. A line without "step" takes the number of the line, counted on from NETWRIGHT_FROM_EPOCHS. Accuracies are in [0, 1]. Blank lines are skipped.
//
// Options: run (needed), timeout ("20m"; default 0 = no limit), metrics (names that the last line must have; default val_accuracy; a list "a, b"),
// state (a folder; see above).
// A listener that says stop: SIGTERM, after 5 s SIGKILL, both to the whole group; the outcome is stopped and holds the last metrics.
// Failed outcomes, with a reason of one line: exit code or signal (with the last line of standard error), time limit (SIGKILL), a line that
// is no such object, a value that is not finite, no metrics at all. The group is killed at the end of every run.
// Errors: UsageError for a bad option; Error when no process can be started or the temporary folder is full.
#include "netwright/evaluation/registry.hpp"

namespace netwright {

std::unique_ptr<Evaluator> make_command(const EvaluatorCase& evaluator_case);
EvaluatorEntry command_entry();

}  // namespace netwright
