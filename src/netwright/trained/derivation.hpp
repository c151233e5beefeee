#pragma once
// From a trained one-shot search to one architecture, by any of the rules of derivation_parts().
//
//   strongest     strongest() of the probabilities; `limit`, `at_most`, `within`: while a choice is picked more often than that, its
//                 weakest pick is taken away and all is derived again (P-DARTS' limit on skips, Chen et al. 2019, arXiv 1904.12760)
//   threshold     strongest(), but of a select with a free number of inputs those that reach the bound (FairDARTS, arXiv 1911.12126);
//                 departure: never fewer than the space asks for
//   perturbation  decision by decision, in a seeded order: each choice is taken out alone, and the one whose absence costs the most
//                 validation accuracy is kept (DARTS-PT, Wang et al. 2021, arXiv 2108.04392, without the tuning between decisions); inputs
//                 of selects follow by their strength
//   best_of       of some architectures drawn from the policy or the probabilities the best by inherited accuracy (ENAS, arXiv 1802.03268)
// Of a text the loss stands in place of the accuracy (merit() of trainer.hpp).
// Cost: perturbation looks at the validation part once a choice, best_of once a sample. The search's parameters are left as they were.
#include "netwright/trained/one_shot.hpp"

namespace netwright {

// `validation` is read by the rules that look at accuracies. Errors: UsageError with the nearest name, for a rule or an option.
Architecture derive(OneShot& search, const DeriveOptions& options, const Part& validation, const Seed& seed);

// strongest() where `choice` is picked at most `most` times by decisions whose names start with `within`.
Architecture strongest_with_limit(const DecisionTree& tree, std::vector<std::vector<double>> probabilities, const std::string& choice, int most,
                                  const std::string& within);

}  // namespace netwright
