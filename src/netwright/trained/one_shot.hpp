#pragma once
// Trains a supernet and the architecture parameters together (one-shot search, bilevel).
//
//   for every step:  alpha <- alpha - Adam(gradients of update on a batch of half B)       (after the warm-up epochs)
//                    w     <- w - SGD(sum over the relaxation's paths of d L(w, path) / d w on a batch of half A)
//   at a stage's end: weak candidates are taken out, undecided edges closed (stage.hpp), all may start anew
//   with resolutions: each step of the weights draws one, to which its images are resized (bilinear, antialiased)
//   at a stage's start: choices are opened, channels sorted, a teacher is frozen; a path then learns from labels and teacher,
//     L = CE(labels) + CE(softmax(teacher)) (Once-for-All, Cai et al. 2020, arXiv 1908.09791, section 3.3, released code: ratio 1)
// The train part is cut into two disjoint halves: A for the weights, B for the architecture parameters; where these learn nothing, or from A
// (update none, single_level), A is the whole part. The validation part is looked at once an epoch and teaches nothing.
// Cost: two forward and backward passes of the supernet a step.
// Source: DARTS (Liu et al. 2019, arXiv 1806.09055, algorithm 1, order of the released code): SGD with momentum 0.9 (no Nesterov),
// cosine to 0.001, weight decay 3e-4, norm clip 5; Adam(0.5, 0.999), 3e-4, weight decay 1e-3.
// Regularisers change the loss of half B alone. An update by rewards draws architectures from the policy and scores them on half B:
// by the accuracy, of a text by 1 / perplexity (ENAS: 80 / perplexity).
// Of a text, each half's states go on from window to window on their own (batches.hpp); of several passes on one batch the last one's do, and
// after windows that no architecture step looked at the next one starts at zero. A teacher's windows start at zero, and so do those of the
// eigenvalue's.
// Departures: the cosine moves at every step, not once an epoch. A last batch of one image is left out.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "netwright/config/options.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/space/space.hpp"
#include "netwright/supernet/relaxation.hpp"
#include "netwright/supernet/supernet.hpp"
#include "netwright/trained/architecture_update.hpp"
#include "netwright/trained/regulariser.hpp"
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
  std::int64_t skips = 0;               // strongest picks that hand their input on, and all picks of choices: many are a collapse
  std::int64_t picks = 0;
  std::vector<std::vector<double>> parameters;   // a decision; kept where the eigenvalue may end the search, to go back to
  double eigenvalue = 0;                // largest of the architecture Hessian, by power iteration; 0 where it is not measured
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
  std::int64_t epochs() const;   // of all stages
  const DecisionTree& tree() const { return tree_; }
  const SupernetOptions& options() const { return options_; }
  const std::shared_ptr<const Policy>& policy() const { return policy_; }   // null where nothing learns by rewards

  // The space's open graph with such settings and inputs of that side (0: the network's own), for stages that have settings and options
  // that have resolutions. Call it before train() and load().
  void open_by(std::function<Graph(const Settings&, std::int64_t side)> open) { open_ = std::move(open); }

  // A relaxation of your own in place of the named one. Call it before train().
  void use_relaxation(std::unique_ptr<Relaxation> relaxation) { relaxation_ = std::move(relaxation); }
  void add_regulariser(std::unique_ptr<Regulariser> regulariser) { regularisers_.push_back(std::move(regulariser)); }

  // Accuracy and loss of one architecture with the weights of the supernet, batch statistics of each batch (inherit).
  Evaluation evaluate(const Architecture& architecture, const Part& part, std::int64_t batch);
  // The same by running statistics of its own, the mean over the batches of `images` of what each batch has (batch-norm recalibration).
  // Source: SPOS (Guo et al. 2020, arXiv 1904.00420), Once-for-All (arXiv 1908.09791). Departure: variances are unbiased, as torch's are.
  Evaluation evaluate_recalibrated(const Architecture& architecture, const Part& part, std::int64_t batch, const Part& images);

  // The same of the mixture under these parameters: what derivations by perturbation look at.
  Evaluation evaluate(const ArchitectureParameters& parameters, const Part& part, std::int64_t batch);

  void load(const std::filesystem::path& checkpoint);

 private:
  struct Steps;
  struct Run;
  // Where an epoch stands among the stages: which one, its options, how many epochs before it, and whether any stage starts anew.
  struct StagePlace;
  StagePlace place_of(std::int64_t epoch) const;
  double progress(std::int64_t epoch) const;
  bool run_epoch(Run& run, std::int64_t epoch, Steps& sums);    // false: interrupted
  void close_stage(std::int64_t epoch);
  void enter_stage(std::int64_t stage);
  void freeze_teacher();
  Graph opened(std::int64_t side) const;                        // with the settings of the network that there is
  // The supernet, or the teacher, at inputs of that side; 0: its own.
  Supernet& at_side(Supernet& whole, std::map<std::int64_t, Supernet>& sides, std::int64_t side);
  void start_anew(std::int64_t stage);
  void renew_policy(const Seed& seed);
  void grow(std::int64_t stage);                                // to the network of the last stage up to this one that has its own
  bool watches_curvature() const;
  bool too_curved();                                            // eigenvalue_stop: also puts the earlier parameters back
  double eigenvalue(const Batch& batch, std::int64_t epoch);
  Optimiser weight_optimiser() const;
  Optimiser architecture_optimiser() const;
  std::vector<at::Tensor> learned() const;                      // what the architecture optimiser steps
  BilevelCase bilevel_case(Run& run, const Batch& batch, const Batch& other, Rng& rng, std::int64_t epoch);
  at::Tensor architecture_loss(const Batch& batch, Rng& rng, std::int64_t epoch, CarriedStates* states);
  at::Tensor architecture_step(Run& run, const Batch& batch, const Batch& other, Rng& rng, std::int64_t epoch);
  at::Tensor lesson(const at::Tensor& inputs, std::int64_t side);
  void weight_step(Run& run, const Batch& batch, Rng& rng, Steps& sums, std::int64_t epoch);
  void count_skips(OneShotReport& report) const;
  OneShotReport close_epoch(Run& run, std::int64_t epoch, const Steps& sums, const Part& validation_part);
  void save(const std::filesystem::path& checkpoint) const;
  Evaluation evaluate(const Mixture& mixture, const Part& part, std::int64_t batch);
  Evaluation validate(const Mixture& mixture, const Part& part, std::int64_t batch, bool batch_statistics);
  void recalibrate(const Mixture& mixture, const Part& images, std::int64_t batch);
  std::vector<NamedTensor> state() const;

  const DecisionTree& tree_;
  SupernetOptions options_;
  Seed seed_;
  NetworkPlace place_;
  LoweringOptions lowering_;
  std::function<Graph(const Settings&, std::int64_t side)> open_;
  std::int64_t grown_ = 0;              // the stage whose network it is
  Supernet supernet_;
  std::unique_ptr<Supernet> teacher_;   // frozen, from the first stage on that learns from one
  std::map<std::int64_t, Supernet> sides_, teacher_sides_;   // the same at other inputs, as they are asked for
  ArchitectureParameters parameters_;
  std::vector<std::vector<bool>> out_;  // what was out at the start
  std::shared_ptr<const Policy> policy_;
  std::unique_ptr<Relaxation> relaxation_;
  std::unique_ptr<ArchitectureUpdate> update_;
  std::vector<std::unique_ptr<Regulariser>> regularisers_;
  Optimiser weights_, architecture_;
  std::vector<OneShotReport> history_;
  bool ended_ = false;                  // by an alarm: no epoch follows
};

// The search of a space in its open form, whose stages may have networks of their own. The space outlives it.
OneShot make_one_shot(const Space& space, const NetworkOptions& network, const SupernetOptions& options, const Seed& seed, NetworkPlace place = {});

}  // namespace netwright
