#include "netwright/core/units.hpp"
#include "netwright/evaluation/rank_evaluator.hpp"
#include "netwright/proxy/score_evaluator.hpp"
#include "netwright/search/model_predictors.hpp"
#include "netwright/trained/builtin.hpp"
#include "netwright/trained/inherit.hpp"
#include "netwright/trained/latency.hpp"
#include "interrupt.hpp"
#include "network_words.hpp"
#include "train_data.hpp"
#include "train_phases.hpp"

namespace netwright {
namespace {

std::int64_t largest_window(const Config& config) {
  std::int64_t window = 1;
  for (const auto& phase : config.phases)
    if (const auto* search = std::get_if<SearchOptions>(&phase.options)) window = std::max(window, search->window);
  return window;
}

// The registry's train entry, whose data is read when the first candidate needs it.
EvaluatorEntry lazy_train_entry(const Config& config, const std::filesystem::path& folder) {
  EvaluatorEntry entry = train_entry({});
  entry.make = [config, folder](const EvaluatorCase& c) {
    TrainSetting setting = train_setting(config, retraining_of(config).training, largest_window(config));
    setting.state = state_folder(folder);
    return train_entry(setting, interrupted).make(c);
  };
  return entry;
}

EvaluatorEntry inherit_entry(const Config& config, const std::filesystem::path& folder, const std::string& phase) {
  EvaluatorEntry entry{.name = "inherit", .title = "Validates each candidate with the weights of a trained supernet",
                       .metrics = {"val_accuracy", "val_loss", "val_perplexity", "params", "macs"}, .traits = {"deterministic", "needs data", "needs open graph"},
                       .options = {{"images", "0", "validation images; 0 = all"}, {"recalibrate", "0", "training images for statistics of its own; 0 = those of each batch"}}};
  entry.make = [config, folder, phase, entry](const EvaluatorCase& c) {
    const SupernetPhase supernet = supernet_before(config, folder, phase);
    const auto count = [&](const char* name) { return static_cast<std::int64_t>(parse_count(option(entry, c, name))); };
    return make_inherit_evaluator({.space = c.space, .network = network_options(config, true), .closed = c.network, .supernet = supernet.options, .seed = supernet.seed,
                                   .checkpoint = supernet.checkpoint, .split = split_of(config), .place = place_of(config, largest_window(config)), .images = count("images"),
                                   .recalibrate = count("recalibrate")});
  };
  return entry;
}

// Scores on the first images of the train part, without augmentation.
EvaluatorEntry lazy_score_entry(const Config& config) {
  EvaluatorEntry entry = score_entry({}, config.seed);
  entry.make = [config](const EvaluatorCase& c) {
    const NetworkPlace place = place_of(config, largest_window(config));
    const BatchSource images = [config, place](std::int64_t count) {
      Batches batches(split_of(config)->train, {.batch = count}, Seed(config.seed).derive("score"), place.device);
      batches.start(0);
      const auto batch = batches.next();
      return LabelledBatch{batch->inputs, batch->targets};
    };
    return score_entry(place, config.seed, images).make(c);
  };
  return entry;
}

}  // namespace

Abilities training_abilities() {
  Abilities program = plain_abilities();
  program.runners.insert(program.runners.end(), {{"supernet", run_supernet_phase}, {"derive", run_derive_phase}, {"retrain", run_retrain_phase},
                                                 {"baselines", run_baselines_phase}, {"export", run_export_phase}});
  program.evaluators = [](const Config& config, const std::filesystem::path& folder, const std::string& phase) {
    auto entries = plain_evaluators();
    entries.push_back(lazy_train_entry(config, folder));
    entries.push_back(inherit_entry(config, folder, phase));
    entries.push_back(lazy_score_entry(config));
    return with_timing(with_ranks(std::move(entries)), [config](const Graph& closed, const TimingOptions& options) {
      return latency_ms(closed, place_of(config, largest_window(config)), options);
    });
  };
  return program;
}

}  // namespace netwright
