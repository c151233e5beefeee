#include "netwright/training/trainer.hpp"

#include <ATen/core/Reduction.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "netwright/core/hash.hpp"
#include "netwright/core/names.hpp"
#include "netwright/training/checkpoint.hpp"
#include "netwright/training/device.hpp"
#include "netwright/training/optimiser.hpp"
#include "netwright/training/schedule.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

Json pack(const EpochReport& r) {
  return Json::array({r.epoch, r.learning_rate, r.train_loss, r.train_accuracy, r.val_accuracy, r.val_loss, r.seconds});
}

EpochReport unpack(const Json& json) { return {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4), json.at(5), json.at(6)}; }

constexpr std::int64_t steps_between_looks = 20;   // a look at the loss waits for the device
constexpr std::int64_t streams_measured = 10;       // of a text: the fewer, the fewer windows start at zero

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

at::Tensor correct(const at::Tensor& logits, const at::Tensor& targets) { return rows(logits).argmax(1).eq(targets).sum(); }

OptimiserOptions optimiser_options(const TrainingOptions& options) {
  return {.name = options.optimiser, .learning_rate = options.learning_rate, .momentum = options.momentum, .weight_decay = options.weight_decay};
}

// Equal for trainings of which one may go on from the other's checkpoint.
std::string fingerprint(const Network& network, const Split& split, const TrainingOptions& o, const Augmentation& a, const Seed& seed) {
  Json all = {canonical_hash(network.graph()), split.train.indices, split.validation.indices, o.epochs, o.batch, o.optimiser,
                    o.learning_rate, o.final_learning_rate, o.schedule, o.warmup_epochs, o.momentum, o.weight_decay, o.gradient_clip,
                    o.label_smoothing, o.drop_path, o.auxiliary_weight, o.ema, a.crop, a.flip, a.cutout, seed.value()};
  if (split.text()) all.push_back(split.train.images->carry);
  return hex(hash_text(all.dump()));
}

// The weights' moving average, and the exchange of it with the network's own.
class Average {
 public:
  Average(const Network& network, double decay) : decay_(decay) {
    if (decay <= 0) return;
    for (const NamedTensor& named : network.tensors()) {
      tensors_.push_back(named.tensor);
      averages_.push_back(named.tensor.detach().clone());
    }
  }

  void update(std::int64_t step) {
    const at::NoGradGuard no_grad;
    const double decay = std::min(decay_, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (averages_[i].is_floating_point()) averages_[i].lerp_(tensors_[i], 1.0 - decay);
      else averages_[i].copy_(tensors_[i]);
    }
  }

  void exchange() {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const at::Tensor own = tensors_[i].detach().clone();
      tensors_[i].detach().copy_(averages_[i]);
      averages_[i].copy_(own);
    }
  }

  const std::vector<at::Tensor>& tensors() const { return averages_; }

 private:
  double decay_;
  std::vector<at::Tensor> tensors_;
  std::vector<at::Tensor> averages_;
};

// Puts the network back into the mode that it was in.
class EvaluationMode {
 public:
  explicit EvaluationMode(Network& network) : network_(network), before_(network.training()) { network.train(false); }
  ~EvaluationMode() { network_.train(before_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Network& network_;
  bool before_;
};

// Losses of the running epoch, looked at in groups.
class LossLog {
 public:
  LossLog(std::int64_t epoch, at::Device device) : epoch_(epoch), correct_(at::zeros({}, at::TensorOptions(at::kLong).device(device))) {}

  void add(const at::Tensor& loss, const at::Tensor& correct, std::int64_t images) {
    pending_.push_back(loss);
    correct_ += correct;
    images_ += images;
    if (static_cast<std::int64_t>(pending_.size()) == steps_between_looks) look();
  }

  void look() {
    if (pending_.empty()) return;
    const at::Tensor losses = at::stack(pending_).to(at::kCPU, at::kDouble);
    for (std::int64_t i = 0; i < losses.size(0); ++i) {
      const double loss = losses.data_ptr<double>()[i];
      ++steps_;
      if (!std::isfinite(loss))
        throw Diverged(std::string("diverged: loss is ") + (std::isnan(loss) ? "nan" : "infinite") + " in epoch " + std::to_string(epoch_) +
                       ", step " + std::to_string(steps_));
      sum_ += loss;
    }
    pending_.clear();
  }

  double loss() const { return sum_ / static_cast<double>(std::max<std::int64_t>(1, steps_)); }
  double accuracy() const { return static_cast<double>(correct_.item<std::int64_t>()) / static_cast<double>(std::max<std::int64_t>(1, images_)); }

 private:
  std::int64_t epoch_;
  std::vector<at::Tensor> pending_;
  at::Tensor correct_;
  std::int64_t images_ = 0;
  std::int64_t steps_ = 0;
  double sum_ = 0;
};

class Training {
 public:
  Training(Network& network, const Split& split, const TrainingOptions& options, const Augmentation& augmentation, const Seed& seed,
           const TrainHooks& hooks)
      : network_(network), split_(split), options_(options), hooks_(hooks), seed_(seed),
        batches_(split.train, {options.batch, augmentation, true, true}, seed.derive("data"), network.place().device),
        parameters_(network.parameters()), optimiser_(parameters_, optimiser_options(options)), average_(network, options.ema),
        fingerprint_(fingerprint(network, split, options, augmentation, seed)) {}

  TrainResult run() {
    resume();
    TrainEnd end = hooks_.repeat_reports ? repeat_reports() : TrainEnd::done;
    while (end == TrainEnd::done && done() < last_epoch()) end = epoch();
    if (end != TrainEnd::interrupted) average_.exchange();   // the network keeps the weights that were measured
    return {end, history_, seconds()};
  }

 private:
  std::int64_t done() const { return static_cast<std::int64_t>(history_.size()); }
  std::int64_t last_epoch() const { return hooks_.until_epoch > 0 ? std::min(hooks_.until_epoch, options_.epochs) : options_.epochs; }
  double seconds() const { return seconds_before_ + since(started_); }

  // What a trial stored and did not record: it ends where it would have ended then.
  TrainEnd repeat_reports() {
    history_.resize(static_cast<std::size_t>(std::min(done(), last_epoch())));
    for (std::size_t i = 0; i < history_.size(); ++i)
      if (hooks_.on_epoch && !hooks_.on_epoch(history_[i])) return history_.resize(i + 1), TrainEnd::stopped;
    return TrainEnd::done;
  }

  TrainEnd epoch() {
    EpochReport report{.epoch = done() + 1};
    report.learning_rate = rate_at(0);
    LossLog log(report.epoch, network_.place().device);
    if (!steps(log)) return TrainEnd::interrupted;
    log.look();
    report.train_loss = log.loss();
    report.train_accuracy = log.accuracy();
    average_.exchange();
    const Evaluation measured = evaluate(network_, split_.validation, std::max<std::int64_t>(options_.batch, 256));
    average_.exchange();
    if (!std::isfinite(measured.loss)) throw Diverged("diverged: validation loss is not finite after epoch " + std::to_string(report.epoch));
    report.val_accuracy = measured.accuracy;
    report.val_loss = measured.loss;
    report.seconds = seconds();
    history_.push_back(report);
    const bool go_on = !hooks_.on_epoch || hooks_.on_epoch(report);
    const bool last = !go_on || done() == last_epoch();
    if (!hooks_.checkpoint.empty() && (last || done() % std::max<std::int64_t>(1, hooks_.checkpoint_epochs) == 0)) save();
    return go_on ? TrainEnd::done : TrainEnd::stopped;
  }

  // All steps of an epoch; false when interrupted.
  bool steps(LossLog& log) {
    seed_torch(seed_.derive("noise", static_cast<std::uint64_t>(done())));
    network_.train(true);
    if (options_.drop_path > 0) network_.set_drop_path(drop_path_rate(options_.drop_path, done(), options_.epochs));
    batches_.start(done());
    while (const auto batch = batches_.next()) {
      if (hooks_.interrupted && hooks_.interrupted()) return false;
      step(*batch, log);
      if (hooks_.on_step) hooks_.on_step(progress(batch->targets.size(0)));
    }
    return true;
  }

  void step(const Batch& batch, LossLog& log) {
    optimiser_.set_learning_rate(rate_at(batches_.position() - 1));
    const std::vector<at::Tensor> outputs = network_.forward(batch.inputs, batches_.states());
    at::Tensor loss = cross_entropy(outputs[0], batch.targets);
    if (outputs.size() > 1 && options_.auxiliary_weight > 0)
      loss = loss.add(cross_entropy(outputs[1], batch.targets), options_.auxiliary_weight);
    optimiser_.clear_gradients();
    loss.backward();
    if (options_.gradient_clip > 0) clip_gradients(parameters_, options_.gradient_clip);
    optimiser_.step();
    average_.update(done() * batches_.steps() + batches_.position());
    log.add(loss.detach(), correct(outputs[0].detach(), batch.targets), batch.targets.size(0));
  }

  at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& targets) const {
    return at::cross_entropy_loss(rows(logits), targets, {}, at::Reduction::Mean, -100, options_.label_smoothing);
  }

  double rate_at(std::int64_t step) const {
    return learning_rate(options_, static_cast<double>(done()) + static_cast<double>(step) / static_cast<double>(batches_.steps()));
  }

  StepProgress progress(std::int64_t images) {
    images_seen_ += images;
    ++steps_seen_;
    const double elapsed = since(started_);
    const std::int64_t left = (last_epoch() - done()) * batches_.steps() - batches_.position();
    return {done() + 1, last_epoch(), batches_.position(), batches_.steps(), static_cast<double>(images_seen_) / elapsed,
            static_cast<double>(left) * elapsed / static_cast<double>(steps_seen_)};
  }

  // Every tensor that the next epoch depends on, shared with its owner.
  std::map<std::string, at::Tensor> state() const {
    std::map<std::string, at::Tensor> all;
    const auto& named = network_.tensors();
    for (std::size_t i = 0; i < named.size(); ++i) {
      all["network." + named[i].name] = named[i].tensor.detach();
      if (!average_.tensors().empty()) all["average." + named[i].name] = average_.tensors()[i];
    }
    for (const NamedTensor& own : optimiser_.state()) all["optimiser." + own.name] = own.tensor;
    return all;
  }

  void save() const {
    Json note = {{"training", fingerprint_}, {"seconds", seconds()}, {"history", Json::array()}};
    for (const EpochReport& report : history_) note["history"].push_back(pack(report));
    save_checkpoint(hooks_.checkpoint, {state(), note.dump()});
  }

  void resume() {
    if (hooks_.checkpoint.empty() || !std::filesystem::exists(hooks_.checkpoint)) return;
    const at::NoGradGuard no_grad;
    const Checkpoint checkpoint = load_checkpoint(hooks_.checkpoint);
    const Json note = Json::parse(checkpoint.note, nullptr, false);
    if (!note.is_object() || note.value("training", "") != fingerprint_)
      throw UsageError(hooks_.checkpoint.string() +
                       ": a checkpoint of another training (network, data, options or seed differ); remove it to start anew");
    std::vector<NamedTensor> optimiser;
    for (auto& [name, tensor] : state()) {
      const auto found = checkpoint.tensors.find(name);
      if (found == checkpoint.tensors.end()) throw UsageError(hooks_.checkpoint.string() + ": lacks '" + name + "'");
      if (name.starts_with("optimiser.")) optimiser.push_back({name.substr(10), found->second, false, ""});
      else tensor.copy_(found->second);
    }
    optimiser_.load(optimiser);
    for (const Json& report : note.at("history")) history_.push_back(unpack(report));
    seconds_before_ = note.at("seconds").get<double>();
  }

  Network& network_;
  const Split& split_;
  const TrainingOptions& options_;
  const TrainHooks& hooks_;
  Seed seed_;
  Batches batches_;
  std::vector<at::Tensor> parameters_;
  Optimiser optimiser_;
  Average average_;
  std::string fingerprint_;
  std::vector<EpochReport> history_;
  double seconds_before_ = 0;
  Clock::time_point started_ = Clock::now();
  std::int64_t images_seen_ = 0;
  std::int64_t steps_seen_ = 0;
};

void require(bool good, const std::string& name, double value, const std::string& rule) {
  if (good) return;
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  throw UsageError(name + ": " + text + "; " + rule);
}

}  // namespace

double merit(const Evaluation& evaluation, const Part& part) { return part.images->text() ? -evaluation.loss : evaluation.accuracy; }

std::map<std::string, double, std::less<>> metrics_of(const std::string& part, const Evaluation& evaluation, const Split& split) {
  std::map<std::string, double, std::less<>> metrics{{part + "_accuracy", evaluation.accuracy}, {part + "_loss", evaluation.loss}};
  if (split.text()) metrics[part + "_perplexity"] = std::exp(evaluation.loss);
  return metrics;
}

std::vector<std::string> measured_metrics(const Split& split, const std::vector<std::string>& others) {
  std::vector<std::string> names;
  for (const auto& [name, value] : metrics_of("val", {}, split)) names.push_back(name);
  names.insert(names.end(), others.begin(), others.end());
  return names;
}

void check_training(const TrainingOptions& options) {
  require(options.epochs >= 1, "epochs", static_cast<double>(options.epochs), "at least 1 is needed");
  require(options.batch >= 1, "batch", static_cast<double>(options.batch), "at least 1 is needed");
  const auto one_of = [](const std::string& place, const std::string& word, const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), word) == known.end())
      throw UsageError(place + ": unknown " + place + " '" + word + "'" + name_hint(word, known));
  };
  one_of("optimiser", options.optimiser, optimiser_names());
  one_of("schedule", options.schedule, {"cosine", "constant"});
  require(options.learning_rate > 0 && std::isfinite(options.learning_rate), "learning_rate", options.learning_rate, "it must be positive");
  require(options.final_learning_rate >= 0, "final_learning_rate", options.final_learning_rate, "it cannot be negative");
  require(options.momentum >= 0 && options.momentum < 1, "momentum", options.momentum, "0 <= momentum < 1");
  require(options.weight_decay >= 0, "weight_decay", options.weight_decay, "it cannot be negative");
  require(options.warmup_epochs >= 0, "warmup_epochs", options.warmup_epochs, "it cannot be negative");
  require(options.gradient_clip >= 0, "gradient_clip", options.gradient_clip, "0 (off) or a positive norm");
  require(options.label_smoothing >= 0 && options.label_smoothing < 1, "label_smoothing", options.label_smoothing, "0 <= label_smoothing < 1");
  require(options.drop_path >= 0 && options.drop_path < 1, "drop_path", options.drop_path, "0 <= drop_path < 1");
  require(options.auxiliary_weight >= 0, "auxiliary_weight", options.auxiliary_weight, "it cannot be negative");
  require(options.ema >= 0 && options.ema < 1, "ema", options.ema, "0 (off) <= ema < 1");
}

TrainResult train(Network& network, const Split& split, const TrainingOptions& options, const Augmentation& augmentation, const Seed& seed,
                  const TrainHooks& hooks) {
  check_training(options);
  return Training(network, split, options, augmentation, seed, hooks).run();
}

Evaluation evaluate(Network& network, const Part& part, std::int64_t batch) {
  const at::NoGradGuard no_grad;
  const EvaluationMode mode(network);
  const at::Device device = network.place().device;
  at::Tensor loss = at::zeros({}, at::TensorOptions(at::kDouble).device(device));
  at::Tensor hits = at::zeros({}, at::TensorOptions(at::kLong).device(device));
  std::int64_t targets = 0;
  Batches batches(part, {.batch = part.images->carry ? std::min(batch, streams_measured) : batch}, Seed(0), device);
  batches.start(0);
  while (const auto next = batches.next()) {
    const at::Tensor logits = network.forward(next->inputs, batches.states())[0];
    loss += at::cross_entropy_loss(rows(logits), next->targets, {}, at::Reduction::Sum);
    hits += correct(logits, next->targets);
    targets += next->targets.size(0);
  }
  const auto count = static_cast<double>(std::max<std::int64_t>(1, targets));
  return {static_cast<double>(hits.item<std::int64_t>()) / count, loss.item<double>() / count, targets};
}

Evaluation final_test(Network& network, const TestPart& test, std::int64_t batch) {
  return evaluate(network, test.open(FinalEvaluation()), batch);
}

}  // namespace netwright
