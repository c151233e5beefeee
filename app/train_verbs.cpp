// The verbs that need torch, in one list.
#include "phases.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

// What netwright-train runs: the phases of the program without torch, and those that train.
Program training_program_list() { return plain_program(); }

}  // namespace

void add_training_verbs(Verbs& verbs) {
  verbs.search = [](const SearchVerbOptions& options, std::ostream& out) { return search(training_program_list(), options, out); };
  verbs.resume = [](const ResumeOptions& options, std::ostream& out) { return resume(training_program_list(), options, out); };
  verbs.worker = [](const WorkerOptions& options, std::ostream& out) { return worker(training_program_list(), options, out); };
}

}  // namespace netwright
