#include "netwright/trained/one_shot.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/trained/architecture_update.hpp"
#include "netwright/training/checkpoint.hpp"
#include "netwright/training/device.hpp"
#include "netwright/training/schedule.hpp"

namespace netwright {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t kLossCheckSteps = 20;   // how often a loss is read back from the device

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void check(const SupernetOptions& o) {
  if (o.epochs < 1) throw UsageError("supernet: epochs is " + std::to_string(o.epochs) + "; at least 1 is needed");
  if (o.batch < 2) throw UsageError("supernet: batch is " + std::to_string(o.batch) + "; batch statistics need at least 2");
  if (o.learning_rate <= 0 || o.architecture_learning_rate <= 0) throw UsageError("supernet: learning rates must be above 0");
}

nlohmann::json to_json(const OneShotReport& r) {
  return {{"epoch", r.epoch}, {"train_loss", r.train_loss}, {"train_accuracy", r.train_accuracy}, {"architecture_loss", r.architecture_loss},
          {"val_accuracy", r.val_accuracy}, {"val_loss", r.val_loss}, {"seconds", r.seconds}, {"probabilities", r.probabilities}};
}

OneShotReport from_json(const nlohmann::json& j) {
  OneShotReport r;
  r.epoch = j.at("epoch"), r.train_loss = j.at("train_loss"), r.train_accuracy = j.at("train_accuracy"), r.architecture_loss = j.at("architecture_loss");
  r.val_accuracy = j.at("val_accuracy"), r.val_loss = j.at("val_loss"), r.seconds = j.at("seconds");
  r.probabilities = j.at("probabilities").get<std::vector<std::vector<double>>>();
  return r;
}

}  // namespace

// The running sums of one epoch; they stay on the device until they are read.
struct OneShot::Steps {
  at::Tensor loss, architecture_loss, hits;
  std::int64_t steps = 0, images = 0, architecture_steps = 0;

  explicit Steps(at::Device device) {
    const at::NoGradGuard no_grad;
    loss = at::zeros({}, at::TensorOptions(at::kDouble).device(device));
    architecture_loss = at::zeros_like(loss), hits = at::zeros_like(loss);
  }

  void add(const at::Tensor& step_loss, const at::Tensor& logits, const at::Tensor& targets) {
    const at::NoGradGuard no_grad;
    loss += step_loss.detach();
    hits += logits.detach().argmax(1).eq(targets).sum();
    ++steps, images += targets.size(0);
  }

  void add_architecture(const at::Tensor& step_loss) {
    const at::NoGradGuard no_grad;
    architecture_loss += step_loss;
    ++architecture_steps;
  }

  void check(std::int64_t epoch) const {
    if (!std::isfinite(loss.item<double>()) || !std::isfinite(architecture_loss.item<double>()))
      throw Diverged("diverged: loss is no finite number in epoch " + std::to_string(epoch) + ", by step " + std::to_string(steps));
  }
};

OneShot::OneShot(const DecisionTree& tree, const Graph& open, const SupernetOptions& options, const Seed& seed, NetworkPlace place, const LoweringOptions& lowering)
    : tree_(tree),
      options_((check(options), options)),
      seed_(seed),
      place_(place),
      supernet_(open, place, lowering),
      parameters_(ArchitectureParameters::start(tree, seed, place)),
      relaxation_(make_relaxation(options.relaxation, tree)),
      weights_(supernet_.parameters(), {.name = "sgd", .learning_rate = options.learning_rate, .momentum = options.momentum, .nesterov = false,
                                        .weight_decay = options.weight_decay}),
      architecture_(parameters_.defined(), {.name = "adam", .learning_rate = options.architecture_learning_rate, .beta1 = 0.5, .beta2 = 0.999,
                                            .weight_decay = options.architecture_weight_decay}) {
  if (tree.size() == 0) throw UsageError("the space has no decision: there is nothing to search");
  supernet_.initialise(seed.derive("weights"));
}

// What one call of train() works with.
struct OneShot::Run {
  Batches weight_batches, architecture_batches;
  std::unique_ptr<ArchitectureUpdate> update;
  std::vector<at::Tensor> parameters, architecture;
  const OneShotHooks& hooks;
  Clock::time_point start = Clock::now();
  double before = 0;           // seconds that earlier runs spent
  std::int64_t images = 0;

  void tell(const SupernetOptions& o, std::int64_t epoch, std::int64_t step) const {
    if (!hooks.on_step) return;
    const std::int64_t steps = weight_batches.steps();
    const double rate = static_cast<double>(images) / seconds_since(start);
    const double left = static_cast<double>(((o.epochs - epoch + 1) * steps - step) * 2 * o.batch);
    hooks.on_step({epoch, o.epochs, step, steps, rate, left / rate});
  }
};

TrainEnd OneShot::train(const Split& split, const Augmentation& augmentation, const OneShotHooks& hooks) {
  if (!hooks.checkpoint.empty() && std::filesystem::exists(hooks.checkpoint)) load(hooks.checkpoint);
  const auto [first, second] = halves(split.train, seed_.derive("halves"));
  const BatchOptions batching{.batch = options_.batch, .augmentation = augmentation, .shuffle = true, .drop_single = true};
  Run run{Batches(first, batching, seed_.derive("weight_batches"), place_.device),
          Batches(second, batching, seed_.derive("architecture_batches"), place_.device),
          make_architecture_update(options_.update), supernet_.parameters(), parameters_.defined(), hooks};
  if (!history_.empty()) run.before = history_.back().seconds;
  for (auto epoch = static_cast<std::int64_t>(history_.size()) + 1; epoch <= options_.epochs; ++epoch) {
    seed_torch(seed_.derive("torch", static_cast<std::uint64_t>(epoch)));
    Steps sums(place_.device);
    if (!run_epoch(run, epoch, sums)) return TrainEnd::interrupted;
    history_.push_back(close_epoch(run, epoch, sums, split.validation));
    if (!hooks.checkpoint.empty()) save(hooks.checkpoint);
    if (hooks.on_epoch && !hooks.on_epoch(history_.back())) return TrainEnd::stopped;
  }
  return TrainEnd::done;
}

bool OneShot::run_epoch(Run& run, std::int64_t epoch, Steps& sums) {
  Rng rng = seed_.derive("relaxation", static_cast<std::uint64_t>(epoch)).rng();
  supernet_.train(true);
  run.weight_batches.start(epoch);
  run.architecture_batches.start(epoch);
  while (auto batch = run.weight_batches.next()) {
    if (run.hooks.interrupted && run.hooks.interrupted()) return false;
    const auto other = run.architecture_batches.next();
    if (!other) break;
    if (epoch > options_.warmup_epochs) sums.add_architecture(architecture_step(run, *batch, *other, rng));
    const double done = static_cast<double>(sums.steps) / static_cast<double>(run.weight_batches.steps());
    weights_.set_learning_rate(cosine(options_.learning_rate, options_.final_learning_rate, static_cast<double>(epoch - 1) + done, static_cast<double>(options_.epochs)));
    weight_step(run, *batch, rng, sums);
    run.images += 2 * batch->targets.size(0);
    if (sums.steps % kLossCheckSteps == 0) sums.check(epoch);
    run.tell(options_, epoch, sums.steps);
  }
  sums.check(epoch);
  return true;
}

at::Tensor OneShot::architecture_step(Run& run, const Batch& batch, const Batch& other, Rng& rng) {
  const auto loss_on = [&](const Batch& data) {
    return at::cross_entropy_loss(supernet_.forward(data.inputs, relaxation_->draw(parameters_, rng))[0], data.targets);
  };
  const at::Tensor loss = run.update->gradients({[&] { return loss_on(other); }, [&] { return loss_on(batch); }, run.architecture, run.parameters});
  architecture_.step();
  architecture_.clear_gradients();
  return loss;
}

// The mixture is cut off from the architecture parameters: they learn nothing from this half, and their gradients cost nothing.
void OneShot::weight_step(Run& run, const Batch& batch, Rng& rng, Steps& sums) {
  Mixture mixture = relaxation_->draw(parameters_, rng);
  for (auto& [name, entry] : mixture) entry.weights = entry.weights.detach();
  weights_.clear_gradients();
  const at::Tensor logits = supernet_.forward(batch.inputs, mixture)[0];
  const at::Tensor loss = at::cross_entropy_loss(logits, batch.targets);
  loss.backward();
  if (options_.gradient_clip > 0) clip_gradients(run.parameters, options_.gradient_clip);
  weights_.step();
  sums.add(loss, logits, batch.targets);
}

OneShotReport OneShot::close_epoch(const Run& run, std::int64_t epoch, const Steps& sums, const Part& validation_part) {
  Rng rng = seed_.derive("validation", static_cast<std::uint64_t>(epoch)).rng();
  Mixture mixture;
  {
    const at::NoGradGuard no_grad;
    mixture = relaxation_->draw(parameters_, rng);
  }
  const Evaluation validation = evaluate(mixture, validation_part, options_.batch);
  const auto mean = [](const at::Tensor& sum, std::int64_t count) { return count > 0 ? sum.item<double>() / static_cast<double>(count) : 0.0; };
  return {.epoch = epoch,
          .train_loss = mean(sums.loss, sums.steps),
          .train_accuracy = mean(sums.hits, sums.images),
          .architecture_loss = mean(sums.architecture_loss, sums.architecture_steps),
          .val_accuracy = validation.accuracy,
          .val_loss = validation.loss,
          .seconds = run.before + seconds_since(run.start),
          .probabilities = probabilities()};
}

std::vector<std::vector<double>> OneShot::probabilities() const { return relaxation_->probabilities(parameters_); }

Evaluation OneShot::evaluate(const Architecture& architecture, const Part& part, std::int64_t batch) {
  return evaluate(one_hot(tree_, architecture, place_), part, batch);
}

// Batch statistics, as in training: running statistics of shared weights belong to no single architecture. They are put back.
Evaluation OneShot::evaluate(const Mixture& mixture, const Part& part, std::int64_t batch) {
  const at::NoGradGuard no_grad;
  std::vector<std::pair<at::Tensor, at::Tensor>> buffers;
  for (const auto& named : supernet_.tensors())
    if (!named.trainable) buffers.emplace_back(named.tensor, named.tensor.clone());
  Batches batches(part, {.batch = batch, .drop_single = true}, seed_.derive("evaluation"), place_.device);
  supernet_.train(true);
  supernet_.set_noise(false);
  batches.start(0);
  double loss = 0;
  std::int64_t hits = 0, images = 0;
  while (auto data = batches.next()) {
    const at::Tensor logits = supernet_.forward(data->inputs, mixture)[0];
    loss += at::cross_entropy_loss(logits, data->targets).item<double>() * static_cast<double>(data->targets.size(0));
    hits += logits.argmax(1).eq(data->targets).sum().item<std::int64_t>();
    images += data->targets.size(0);
  }
  supernet_.set_noise(true);
  for (auto& [buffer, value] : buffers) buffer.copy_(value);
  return {static_cast<double>(hits) / static_cast<double>(images), loss / static_cast<double>(images), images};
}

std::vector<NamedTensor> OneShot::state() const {
  std::vector<NamedTensor> list;
  for (auto named : supernet_.tensors()) named.name = "weights/" + named.name, list.push_back(named);
  for (std::size_t d = 0; d < tree_.size(); ++d)
    if (parameters_.vectors[d].defined()) list.push_back({"architecture/" + tree_[d].name, parameters_.vectors[d], true, ""});
  for (auto named : weights_.state()) named.name = "weight_optimiser/" + named.name, list.push_back(named);
  for (auto named : architecture_.state()) named.name = "architecture_optimiser/" + named.name, list.push_back(named);
  return list;
}

void OneShot::save(const std::filesystem::path& file) const {
  Checkpoint checkpoint;
  for (const auto& named : state()) checkpoint.tensors[named.name] = named.tensor.detach();
  nlohmann::json note{{"history", nlohmann::json::array()}, {"seed", seed_.value()}, {"graph", hex(canonical_hash(supernet_.graph()))}};
  for (const auto& report : history_) note["history"].push_back(to_json(report));
  checkpoint.note = note.dump();
  save_checkpoint(file, checkpoint);
}

void OneShot::load(const std::filesystem::path& file) {
  const Checkpoint checkpoint = load_checkpoint(file);
  const auto note = nlohmann::json::parse(checkpoint.note);
  if (note.at("seed") != seed_.value() || note.at("graph") != hex(canonical_hash(supernet_.graph())))
    throw UsageError("checkpoint " + file.string() + " belongs to another search (its seed or its space differs)");
  const at::NoGradGuard no_grad;
  std::vector<NamedTensor> weight_state, architecture_state;
  for (const auto& named : state()) {
    const auto found = checkpoint.tensors.find(named.name);
    if (found == checkpoint.tensors.end()) throw UsageError("checkpoint " + file.string() + " has no tensor '" + named.name + "'");
    at::Tensor target = named.tensor;
    target.copy_(found->second);
  }
  for (auto named : weights_.state()) named.tensor = checkpoint.tensors.at("weight_optimiser/" + named.name), weight_state.push_back(named);
  for (auto named : architecture_.state()) named.tensor = checkpoint.tensors.at("architecture_optimiser/" + named.name), architecture_state.push_back(named);
  weights_.load(weight_state);
  architecture_.load(architecture_state);
  history_.clear();
  for (const auto& report : note.at("history")) history_.push_back(from_json(report));
}

}  // namespace netwright
