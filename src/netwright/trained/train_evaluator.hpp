#pragma once
// The train evaluator: trains each candidate's closed network from scratch and validates it.
#include <filesystem>
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
  std::filesystem::path state = {};   // the folder of trainings that may go on; empty: each one starts from scratch
};

struct Trained {
  Outcome outcome;
  std::unique_ptr<Network> network;   // with its final weights; null when the outcome is `failed`
  bool interrupted = false;           // hooks.interrupted said so: the outcome is incomplete and no trial's result
};

// Trains one closed graph. The outcome holds val_accuracy, val_loss, train_loss and train_accuracy of the last epoch (of a text val_perplexity too), params, macs,
// activation_bytes, peak_bytes, training_bytes (the estimate), train_seconds; and one report an epoch. Weights come from
// seed.derive("init"), everything else from seed.derive("train").
// A network that diverges, is estimated too large, or that torch cannot run or hold in memory, is a failed outcome with a one-line reason;
// this is the one place where torch's own errors are caught. What the hooks throw passes through, and so does a checkpoint's UsageError.
Trained train_graph(const Graph& closed, const TrainSetting& setting, const Seed& seed, const TrainHooks& hooks = {});

// Closes the candidate with the input shape and classes of the data and calls train_graph. An architecture whose network cannot be built
// is a failed outcome. `interrupted` is asked at every step; the outcome is `stopped` then.
// A fidelity of e epochs is the first e of training.epochs (of e, where that is more): the schedule keeps its full length, so that 1 and
// then 3 epochs are the same training as 3. Reports and seconds are those of the epochs after from_epochs.
// Weights, optimiser and history of such a training stand in setting.state, one file a seed and architecture, written whole when a trial
// ends; the next trial of the chain, in whatever process, goes on from there. Without the file (or with one that cannot be read) it trains
// from scratch, to the same bits. The file goes when the training is at its end or has failed.
// Errors: those of check_training, and of an unknown network setting.
std::unique_ptr<Evaluator> make_train_evaluator(std::shared_ptr<const Space> space, const NetworkOptions& network, const TrainSetting& setting,
                                                std::function<bool()> interrupted = {});

}  // namespace netwright
