// The verbs that need torch, in one list.
#include "netwright/core/error.hpp"
#include "oracle.hpp"
#include "phases.hpp"
#include "score_verb.hpp"
#include "train_phases.hpp"
#include "training_verbs.hpp"
#include "verbs.hpp"

namespace netwright {

void add_training_verbs(Verbs& verbs) {
  verbs.search = [](const SearchVerbOptions& options, std::ostream& out) { return search(training_abilities(), options, out); };
  verbs.resume = [](const ResumeOptions& options, std::ostream& out) { return resume(training_abilities(), options, out); };
  verbs.worker = [](const WorkerOptions& options, std::ostream& out) { return worker(training_abilities(), options, out); };
  verbs.derive = derive_with_torch;
  verbs.retrain = retrain;
  verbs.evaluate = evaluate;
  verbs.export_network = export_network;
  verbs.doctor = doctor_with_torch;
  verbs.oracle = [](const OracleOptions& options, std::ostream& out) { return oracle(options, out); };
  verbs.profile = profile_with_torch;
  verbs.score = [](const NetworkVerbOptions& options, std::ostream& out) { return score(options, out); };
}

}  // namespace netwright
