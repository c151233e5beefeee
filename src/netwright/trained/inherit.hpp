#pragma once
// The inherit evaluator: an architecture's accuracy with the weights of a trained supernet, without training anything.
#include <filesystem>
#include <memory>
#include <string>

#include "netwright/config/options.hpp"
#include "netwright/evaluation/evaluator.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/training/dataset.hpp"

namespace netwright {

struct InheritCase {
  std::shared_ptr<const Space> space;
  NetworkOptions network;                 // the supernet's (search form)
  NetworkOptions closed;                  // of the networks whose params and macs are told
  SupernetOptions supernet;               // as it was trained
  Seed seed = Seed(0);                    // of the supernet's phase
  std::filesystem::path checkpoint;
  std::shared_ptr<const Split> split;
  NetworkPlace place;
  std::int64_t images = 0;                // of the validation part; 0 = all
  std::int64_t recalibrate = 0;           // images of the train part, without augmentation, for statistics of its own; 0 = those of each batch
};

// Metrics: val_accuracy, val_loss, of a text val_perplexity, params and macs of the closed network.
// Errors: UsageError when the checkpoint is missing or belongs to another search.
std::unique_ptr<Evaluator> make_inherit_evaluator(const InheritCase& inherit_case);

}  // namespace netwright
