#pragma once
// Trains a supernet and the architecture parameters together (one-shot search, bilevel).
//
//   for every step:  alpha <- alpha - Adam(gradients of update on a batch of half B)       (after the warm-up epochs)
//                    w     <- w - SGD(d L(w, alpha) / d w on a batch of half A)
// The train part is cut into two disjoint halves: A for the weights, B for the architecture parameters. The validation part is
// looked at once an epoch and teaches nothing. Cost: two forward and backward passes of the supernet a step.
// Source: DARTS (Liu et al. 2019, arXiv 1806.09055, algorithm 1, order of the released code): SGD with momentum 0.9 (no Nesterov),
// cosine to 0.001, weight decay 3e-4, norm clip 5; Adam(0.5, 0.999), 3e-4, weight decay 1e-3.
// Departures: the cosine moves at every step, not once an epoch. A last batch of one image is left out.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "netwright/config/options.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/space/space.hpp"
#include "netwright/supernet/relaxation.hpp"
#include "netwright/supernet/supernet.hpp"
#include "netwright/training/optimiser.hpp"
#include "netwright/training/trainer.hpp"

namespace netwright {

struct OneShotReport {
  std::int64_t epoch = 0;               // done: 1, 2, ...
  double train_loss = 0;                // on half A, mean of the epoch
  double train_accuracy = 0;
  double architecture_loss = 0;         // on half B, mean of the epoch
  double val_accuracy = 0;              // of the mixture, on the validation part
  double val_loss = 0;
  double seconds = 0;
  std::vector<std::vector<double>> probabilities;   // a decision, empty where it has none
};

struct OneShotHooks {
  std::function<bool(const OneShotReport&)> on_epoch;      // false: stop
  std::function<void(const StepProgress&)> on_step;
  std::function<bool()> interrupted;
  std::filesystem::path checkpoint;     // everything is written here after every epoch: weights, parameters, both optimisers, the history
};

// A supernet with all that its training changes.
class OneShot {
 public:
  // Errors: UsageError for options that make no sense or a graph without open places.
  OneShot(const DecisionTree& tree, const Graph& open, const SupernetOptions& options, const Seed& seed, NetworkPlace place = {},
          const LoweringOptions& lowering = {});

  // Trains to options.epochs, from the checkpoint where one exists, to the same bits as without interruption.
  // Errors: Diverged; UsageError for a checkpoint of another search.
  TrainEnd train(const Split& split, const Augmentation& augmentation, const OneShotHooks& hooks = {});

  std::vector<std::vector<double>> probabilities() const;
  const std::vector<OneShotReport>& history() const { return history_; }
  Supernet& supernet() { return supernet_; }
  const ArchitectureParameters& parameters() const { return parameters_; }

  // Accuracy and loss of one architecture with the weights of the supernet, batch statistics of each batch (inherit).
  Evaluation evaluate(const Architecture& architecture, const Part& part, std::int64_t batch);

  void load(const std::filesystem::path& checkpoint);

 private:
  struct Steps;
  struct Run;
  bool run_epoch(Run& run, std::int64_t epoch, Steps& sums);    // false: interrupted
  at::Tensor architecture_step(Run& run, const Batch& batch, const Batch& other, Rng& rng);
  void weight_step(Run& run, const Batch& batch, Rng& rng, Steps& sums);
  OneShotReport close_epoch(const Run& run, std::int64_t epoch, const Steps& sums, const Part& validation_part);
  void save(const std::filesystem::path& checkpoint) const;
  Evaluation evaluate(const Mixture& mixture, const Part& part, std::int64_t batch);
  std::vector<NamedTensor> state() const;

  const DecisionTree& tree_;
  SupernetOptions options_;
  Seed seed_;
  NetworkPlace place_;
  Supernet supernet_;
  ArchitectureParameters parameters_;
  std::unique_ptr<Relaxation> relaxation_;
  Optimiser weights_, architecture_;
  std::vector<OneShotReport> history_;
};

}  // namespace netwright
