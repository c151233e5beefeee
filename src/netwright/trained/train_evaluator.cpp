#include "netwright/trained/train_evaluator.hpp"

#include <c10/util/Exception.h>

#include <new>

#include "netwright/core/hash.hpp"
#include "netwright/core/machine.hpp"
#include "netwright/core/units.hpp"
#include "netwright/evaluation/cost_evaluator.hpp"

namespace netwright {
namespace {

Outcome failed(const std::string& reason) { return {.status = Status::failed, .reason = reason.substr(0, reason.find('\n'))}; }

Report report_of(const EpochReport& r, const Split& split) {
  Report report{r.epoch, metrics_of("val", {.accuracy = r.val_accuracy, .loss = r.val_loss}, split)};
  report.metrics.insert({{"train_loss", r.train_loss}, {"train_accuracy", r.train_accuracy}, {"learning_rate", r.learning_rate}, {"train_seconds", r.seconds}});
  return report;
}

void train_into(Trained& trained, const Graph& closed, const TrainSetting& setting, const Seed& seed, const TrainHooks& hooks) {
  trained.network = std::make_unique<Network>(closed, setting.place, LoweringOptions{.checkpoint = setting.training.checkpoint});
  trained.network->initialise(seed.derive("init"));
  if (hooks.on_start) hooks.on_start(*trained.network);
  const TrainResult result = train(*trained.network, *setting.split, setting.training, setting.augmentation, seed.derive("train"), hooks);
  Outcome& outcome = trained.outcome;
  for (const EpochReport& epoch : result.epochs) outcome.reports.push_back(report_of(epoch, *setting.split));
  if (!outcome.reports.empty()) outcome.metrics = outcome.reports.back().metrics;
  outcome.metrics.erase("learning_rate");
  outcome.metrics["train_seconds"] = result.seconds;
  outcome.status = result.end == TrainEnd::stopped ? Status::stopped : Status::done;
  trained.interrupted = result.end == TrainEnd::interrupted;
}

// Runs the training and turns what a candidate can do wrong into its outcome.
void guarded(Trained& trained, const std::function<void()>& training) {
  try {
    training();
    return;
  } catch (const Diverged& error) {
    trained.outcome = failed(error.what());
  } catch (const c10::OutOfMemoryError& error) {
    trained.outcome = failed(std::string("out of memory: ") + error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    const bool memory = text.find("not enough memory") != std::string::npos;
    trained.outcome = failed((memory ? "out of memory: " : "torch: ") + text);
  } catch (const std::bad_alloc&) {
    trained.outcome = failed("out of memory");
  }
  trained.network.reset();
}

// Leaves the reports of the epochs after from_epochs, and the seconds of these.
void keep_part(Outcome& outcome, std::int64_t from_epochs) {
  double before = 0;
  for (const Report& report : outcome.reports)
    if (report.step == from_epochs) before = report.metrics.at("train_seconds");
  std::erase_if(outcome.reports, [&](const Report& report) { return report.step <= from_epochs; });
  if (outcome.reports.empty()) return;
  outcome.metrics["train_seconds"] = outcome.seconds = outcome.reports.back().metrics.at("train_seconds") - before;
}

class TrainEvaluator : public Evaluator {
 public:
  TrainEvaluator(std::shared_ptr<const Space> space, const NetworkOptions& network, const TrainSetting& setting, std::function<bool()> interrupted)
      : space_(std::move(space)), network_(network), setting_(setting), interrupted_(std::move(interrupted)) {
    network_.input = setting.split->input();
    network_.classes = static_cast<std::int64_t>(setting.split->classes().size());
    check_settings(space_->info(), network_);
    check_training(setting.training);
    info_ = {.name = "train",
             .title = "Trains each candidate from scratch and validates it",
             .metrics = measured_metrics(*setting.split, {"train_loss", "train_accuracy", "params", "macs", "train_seconds"}),
             .traits = {"deterministic", "needs data"}};
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) override {
    Graph graph;
    try {
      graph = space_->close(candidate.architecture, network_);
    } catch (const UsageError& error) {
      return failed(error.what());
    }
    TrainHooks hooks{.interrupted = interrupted_};
    if (progress) hooks.on_epoch = [&](const EpochReport& report) { return report.epoch <= fidelity.from_epochs || progress(report_of(report, *setting_.split)); };
    Trained trained = fidelity.epochs > 0 ? rung(graph, candidate, fidelity, hooks) : train_graph(graph, setting_, Seed(candidate.seed), hooks);
    if (trained.interrupted) trained.outcome.status = Status::stopped;
    return std::move(trained.outcome);
  }

 private:
  // The file of the training that this candidate is a part of.
  std::filesystem::path state_of(const Candidate& candidate) const {
    return setting_.state / (hex(candidate.seed) + "_" + hex(hash(candidate.architecture)) + ".safetensors");
  }

  Trained rung(const Graph& graph, const Candidate& candidate, const Fidelity& fidelity, TrainHooks hooks) const {
    TrainSetting setting = setting_;
    setting.training.epochs = std::max(setting.training.epochs, fidelity.epochs);
    hooks.until_epoch = fidelity.epochs;
    if (!setting.state.empty()) {
      std::filesystem::create_directories(setting.state);
      hooks.checkpoint = state_of(candidate);
      hooks.checkpoint_epochs = setting.training.epochs;
      hooks.repeat_reports = true;
    }
    Trained trained = from_state(graph, setting, Seed(candidate.seed), hooks);
    const bool over = trained.outcome.status == Status::failed || (!trained.interrupted && fidelity.epochs == setting.training.epochs);
    std::error_code missing;
    if (over && !hooks.checkpoint.empty()) std::filesystem::remove(hooks.checkpoint, missing);
    keep_part(trained.outcome, fidelity.from_epochs);
    return trained;
  }

  // A file of another training, or half a file, is as good as none.
  static Trained from_state(const Graph& graph, const TrainSetting& setting, const Seed& seed, const TrainHooks& hooks) {
    try {
      return train_graph(graph, setting, seed, hooks);
    } catch (const UsageError&) {
      if (hooks.checkpoint.empty() || !std::filesystem::remove(hooks.checkpoint)) throw;
    }
    return train_graph(graph, setting, seed, hooks);
  }

  std::shared_ptr<const Space> space_;
  NetworkOptions network_;
  TrainSetting setting_;
  std::function<bool()> interrupted_;
  EvaluatorInfo info_;
};

}  // namespace

Trained train_graph(const Graph& closed, const TrainSetting& setting, const Seed& seed, const TrainHooks& hooks) {
  Trained trained;
  const Cost counted = cost(closed);
  const double needed = training_bytes(counted, setting.training.batch);
  const double allowed = setting.max_memory_bytes > 0 ? setting.max_memory_bytes : 0.75 * usable_memory_bytes();
  if (needed > allowed) trained.outcome = failed("too large: training is estimated to take " + format_bytes(needed) + " of memory, " +
                                                 format_bytes(allowed) + " are allowed");
  else guarded(trained, [&] { train_into(trained, closed, setting, seed, hooks); });
  for (const auto& [name, value] : cost_metrics(counted)) trained.outcome.metrics[name] = value;
  trained.outcome.metrics["training_bytes"] = needed;
  if (const auto seconds = trained.outcome.metrics.find("train_seconds"); seconds != trained.outcome.metrics.end())
    trained.outcome.seconds = seconds->second;
  return trained;
}

std::unique_ptr<Evaluator> make_train_evaluator(std::shared_ptr<const Space> space, const NetworkOptions& network, const TrainSetting& setting,
                                                std::function<bool()> interrupted) {
  return std::make_unique<TrainEvaluator>(std::move(space), network, setting, std::move(interrupted));
}

}  // namespace netwright
