#pragma once
// Trains a network by gradient descent on a classification loss, and measures it.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "netwright/config/options.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/training/batches.hpp"
#include "netwright/training/dataset.hpp"

namespace netwright {

// A loss that is no finite number: "diverged: loss is nan in epoch 2, step 17" (both counted from 1).
class Diverged : public Error {
 public:
  using Error::Error;
};

struct Evaluation {
  double accuracy = 0;        // top-1, in [0, 1]; of a text the share of right next tokens
  double loss = 0;            // mean cross-entropy without label smoothing, nats; of a text the mean over all steps of all windows
  std::int64_t images = 0;    // targets: of a text one a step
};

// What ranks architectures by one number, larger is better: the accuracy; of a text minus the loss, the order of the perplexity.
double merit(const Evaluation& evaluation, const Part& part);

// {PART_accuracy, PART_loss}, and of a text PART_perplexity = exp(loss), in [1, inf).
std::map<std::string, double, std::less<>> metrics_of(const std::string& part, const Evaluation& evaluation, const Split& split);
// The names of those of the validation part, and `others` behind them.
std::vector<std::string> measured_metrics(const Split& split, const std::vector<std::string>& others);

struct EpochReport {
  std::int64_t epoch = 0;     // epochs done: 1, 2, ...
  double learning_rate = 0;   // of the epoch's first step
  double train_loss = 0;      // mean over the epoch's steps, as trained (smoothing and auxiliary head included)
  double train_accuracy = 0;  // under augmentation, in [0, 1]
  double val_accuracy = 0;
  double val_loss = 0;
  double seconds = 0;         // since the start of the training, resumed parts included
};

struct StepProgress {
  std::int64_t epoch = 0;     // running: 1, 2, ...
  std::int64_t epochs = 0;
  std::int64_t step = 0;      // done in this epoch
  std::int64_t steps = 0;
  double images_per_second = 0;
  double remaining_seconds = 0;
};

struct TrainHooks {
  std::function<void(Network&)> on_start;                // the weights are drawn: it may put others in their place
  std::function<bool(const EpochReport&)> on_epoch;      // false: stop here
  std::function<void(const StepProgress&)> on_step;
  std::function<bool()> interrupted;                     // asked at every step
  std::filesystem::path checkpoint;                      // empty: none; written every `checkpoint_epochs` and at the end
  std::int64_t checkpoint_epochs = 1;
  bool repeat_reports = false;                           // on_epoch is asked about the checkpoint's epochs too, and the result ends where that does
  std::int64_t until_epoch = 0;                          // ends here, `done`, on the way along the schedule of options.epochs; 0: at its end
};

enum class TrainEnd { done, stopped, interrupted };      // all epochs; on_epoch said stop; interrupted() said so

struct TrainResult {
  TrainEnd end = TrainEnd::done;
  std::vector<EpochReport> epochs;
  double seconds = 0;
};

// Errors: UsageError for options that make no sense: no epochs, a batch below 1, an unknown optimiser or schedule, rates out of range.
void check_training(const TrainingOptions& options);

// Trains the network as it stands (initialise it first) for options.epochs on split.train; after every epoch measures split.validation.
// Loss: cross-entropy with label smoothing, plus auxiliary_weight times that of a second output. Order of a step: gradients, clip by
// norm, optimiser, average of the weights.
// drop_path > 0 sets the rate of every drop-path node to drop_path * epoch / epochs; 0 leaves the network its own rates.
// ema > 0: e = d e + (1 - d) w over weights and running statistics, d = min(ema, (1 + step) / (10 + step)); the averages are what is
// measured, and what the network holds at the end.
// Order, augmentation and noise come from the seed. Where hooks.checkpoint exists already, the training goes on from it, to the same
// bits as an uninterrupted one (same device and thread count). The loss is looked at every 20 steps: no other step waits for a device.
// Errors: Diverged; UsageError for a checkpoint of another training.
TrainResult train(Network& network, const Split& split, const TrainingOptions& options, const Augmentation& augmentation, const Seed& seed,
                  const TrainHooks& hooks = {});

// Measures the first output on a part, without augmentation, in evaluation mode. `batch` images at a time; of a text that carries states in at
// most 10 streams, as DARTS' language models are measured.
Evaluation evaluate(Network& network, const Part& part, std::int64_t batch);

}  // namespace netwright
