#pragma once
// The train evaluator: trains each candidate's closed network from scratch and validates it.
#include <functional>
#include <memory>

#include "netwright/evaluation/evaluator.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/training/trainer.hpp"

namespace netwright {

// What every candidate is trained with.
struct TrainSetting {
  std::shared_ptr<const Split> split;
  TrainingOptions training;
  Augmentation augmentation = {};
  NetworkPlace place = {};
  double max_memory_bytes = 0;   // a network estimated above this fails before it is built; 0 = three quarters of usable_memory_bytes()
};

struct Trained {
  Outcome outcome;
  std::unique_ptr<Network> network;   // with its final weights; null when the outcome is `failed`
  bool interrupted = false;           // hooks.interrupted said so: the outcome is incomplete and no trial's result
};

// Trains one closed graph. The outcome holds val_accuracy, val_loss, train_loss and train_accuracy of the last epoch, params, macs,
// activation_bytes, peak_bytes, training_bytes (the estimate), train_seconds; and one report an epoch. Weights come from
// seed.derive("init"), everything else from seed.derive("train").
// A network that diverges, is estimated too large, or that torch cannot run or hold in memory, is a failed outcome with a one-line reason;
// this is the one place where torch's own errors are caught. What the hooks throw passes through, and so does a checkpoint's UsageError.
Trained train_graph(const Graph& closed, const TrainSetting& setting, const Seed& seed, const TrainHooks& hooks = {});

// Closes the candidate with the input shape and classes of the data and calls train_graph; a fidelity with epochs replaces
// training.epochs. An architecture whose network cannot be built is a failed outcome. `interrupted` is asked at every step; the
// outcome is `stopped` then. Errors: those of check_training, and of an unknown network setting.
std::unique_ptr<Evaluator> make_train_evaluator(std::shared_ptr<const Space> space, const NetworkOptions& network, const TrainSetting& setting,
                                                std::function<bool()> interrupted = {});

}  // namespace netwright
