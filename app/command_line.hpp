#pragma once
// Words to verbs, and failures to exit codes: the only place that catches what a verb throws.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage or config, 130 interrupted. Each failure is one line "netwright: ..." on `err`.
#include <ostream>
#include <string>
#include <vector>

#include "verbs.hpp"

namespace netwright {

// Parses the words behind the program's name and runs the verb. Gives `hand_over` when these verbs cannot do it.
int run_command_line(const std::vector<std::string>& words, const Verbs& verbs, std::ostream& out, std::ostream& err);

}  // namespace netwright
