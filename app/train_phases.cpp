#include "train_phases.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "interrupt.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/units.hpp"
#include "netwright/export/safetensors.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/proxy/score_evaluator.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/study/summary.hpp"
#include "netwright/supernet/derive.hpp"
#include "netwright/trained/builtin.hpp"
#include "netwright/trained/inherit.hpp"
#include "netwright/training/trainer.hpp"
#include "network_words.hpp"
#include "train_data.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%%", 100 * share);
  return text;
}

// ---- supernet ----

std::vector<SeriesPoint> series_of(const DecisionTree& tree, const OneShotReport& report) {
  const auto at = static_cast<double>(report.epoch);
  std::vector<SeriesPoint> points{{"loss/train", at, Json(report.train_loss).dump()}, {"loss/val", at, Json(report.val_loss).dump()},
                                  {"loss/architecture", at, Json(report.architecture_loss).dump()},
                                  {"train_accuracy", at, Json(report.train_accuracy).dump()}, {"val_accuracy", at, Json(report.val_accuracy).dump()}};
  for (std::size_t d = 0; d < tree.size(); ++d)
    if (!report.probabilities[d].empty()) points.push_back({"alpha/" + tree[d].name, at, Json(report.probabilities[d]).dump()});
  return points;
}

OneShot make_one_shot(const Config& config, const Space& space, const SupernetPhase& supernet) {
  return OneShot(space.decisions(), space.open(network_options(config, true)), supernet.options, supernet.seed, place_of(config));
}

// ---- networks that are trained to be compared ----

struct Planned {
  std::string label;
  std::shared_ptr<const Space> space;
  std::string architecture;
  std::uint64_t seed = 0;
};

Graph closed_graph(const Config& config, const Space& space, const std::string& architecture, bool own_settings) {
  NetworkOptions options = network_options(config);
  if (!own_settings) options.settings.clear();
  return space.close(space.parse(architecture), options);
}

Trial appended(const PhaseContext& context, std::int64_t number, const Planned& planned, std::int64_t epochs) {
  if (const auto known = context.study.trial(context.name, number)) return *known;
  Trial trial{.number = number, .phase = context.name, .label = planned.label, .space = planned.space->info().name,
              .architecture = planned.architecture, .seed = planned.seed, .fidelity = {.epochs = epochs}};
  context.study.append(trial);
  return trial;
}

// The last epoch's outcome, and the one look at the test part.
void add_test(Trained& trained, const TrainSetting& setting) {
  if (trained.outcome.status == Status::failed) return;
  const Evaluation test = final_test(*trained.network, setting.split->test, setting.training.batch);
  trained.outcome.metrics["test_accuracy"] = test.accuracy;
  trained.outcome.metrics["test_loss"] = test.loss;
  trained.outcome.metrics["epochs"] = static_cast<double>(setting.training.epochs);
}

void train_planned(const PhaseContext& context, const Planned& planned, const Trial& waiting, const TrainSetting& setting) {
  const auto claimed = context.study.claim(context.name, "here", 86400);
  if (!claimed || claimed->number != waiting.number) throw Error("phase '" + context.name + "': trial " + std::to_string(waiting.number) + " is held by another process");
  const std::string title = context.name + " " + planned.label + " " + std::to_string(waiting.number);
  context.progress.start(title, setting.training.epochs);
  TrainHooks hooks{.interrupted = interrupted, .checkpoint = context.folder / (context.name + "_" + std::to_string(waiting.number) + ".checkpoint")};
  hooks.on_epoch = [&](const EpochReport& report) {
    context.progress.update(report.epoch, "val_accuracy " + percent(report.val_accuracy));
    return true;
  };
  const bool own = planned.space == context.space;
  Trained trained = train_graph(closed_graph(context.config, *planned.space, planned.architecture, own), setting, Seed(planned.seed), hooks);
  if (trained.interrupted) {
    context.study.release(context.name);
    throw Interrupted("interrupted while training " + title);
  }
  add_test(trained, setting);
  if (trained.network) write_safetensors(weights_file(context.folder, waiting), to_weights(trained.network->tensors()),
                                         {{"space", planned.space->info().name}, {"architecture", planned.architecture}});
  context.study.finish(*claimed, trained.outcome);
  std::filesystem::remove(hooks.checkpoint);
  const bool failed = trained.outcome.status == Status::failed;
  context.progress.finish(failed ? "failed: " + trained.outcome.reason : "test_accuracy " + percent(trained.outcome.metrics.at("test_accuracy")));
}

Json train_all(const PhaseContext& context, const std::vector<Planned>& plan, const TrainingOptions& training) {
  const TrainSetting setting = train_setting(context.config, training);
  context.study.release(context.name);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const Trial trial = appended(context, static_cast<std::int64_t>(i), plan[i], training.epochs);
    if (!finished(trial)) train_planned(context, plan[i], trial, setting);
  }
  const auto trials = context.study.trials(context.name);
  const auto failures = std::count_if(trials.begin(), trials.end(), [](const Trial& t) { return t.state == TrialState::failed; });
  if (!trials.empty() && failures == static_cast<std::ptrdiff_t>(trials.size()))
    throw Error("phase '" + context.name + "': every training failed; the first: " + trials[0].outcome.reason);
  return {{"trained", trials.size()}, {"failed", failures}};
}

// The hand-made network whose MACs are nearest to those given, in ratio.
Planned nearest_resnet(const Config& config, double macs) {
  const auto resnet = find_space("resnet");
  Planned planned{.label = "resnet", .space = resnet};
  double nearest = INFINITY;
  NetworkOptions options = network_options(config);
  options.settings.clear();
  enumerate(resnet->decisions(), [&](const Architecture& architecture) {
    const double ratio = std::abs(std::log(static_cast<double>(cost(resnet->close(architecture, options)).macs) / macs));
    if (ratio < nearest) nearest = ratio, planned.architecture = resnet->print(architecture);
    return true;
  });
  return planned;
}

std::optional<std::string> architecture_in(const std::string& summary) {
  const auto json = nlohmann::json::parse(summary, nullptr, false);
  if (!json.is_object() || !json.contains("architecture")) return std::nullopt;
  return json.at("architecture").get<std::string>();
}

std::int64_t largest_window(const Config& config) {
  std::int64_t window = 1;
  for (const auto& phase : config.phases)
    if (const auto* search = std::get_if<SearchOptions>(&phase.options)) window = std::max(window, search->window);
  return window;
}

// The registry's train entry, whose data is read when the first candidate needs it.
EvaluatorEntry lazy_train_entry(const Config& config) {
  EvaluatorEntry entry = train_entry({});
  entry.make = [config](const EvaluatorCase& c) { return train_entry(train_setting(config, training_of(config), largest_window(config)), interrupted).make(c); };
  return entry;
}

EvaluatorEntry inherit_entry(const Config& config, const std::filesystem::path& folder) {
  EvaluatorEntry entry{.name = "inherit", .title = "Validates each candidate with the weights of a trained supernet",
                       .metrics = {"val_accuracy", "val_loss", "params", "macs"}, .traits = {"deterministic", "needs data", "needs open graph"},
                       .options = {{"images", "0", "validation images; 0 = all"}}};
  const EvaluatorOption images = entry.options[0];
  entry.make = [config, folder, images](const EvaluatorCase& c) {
    const SupernetPhase supernet = supernet_phase(config, folder);
    const auto given = c.options.find(images.name);
    const auto count = static_cast<std::int64_t>(parse_count(given == c.options.end() ? images.fallback : given->second));
    return make_inherit_evaluator({.space = c.space, .network = network_options(config, true), .closed = c.network, .supernet = supernet.options, .seed = supernet.seed,
                                   .checkpoint = supernet.checkpoint, .split = split_of(config), .place = place_of(config, largest_window(config)), .images = count});
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

std::string run_supernet_phase(const PhaseContext& context, const Phase& phase) {
  const auto& options = std::get<SupernetOptions>(phase.options);
  const SupernetPhase supernet{context.name, context.seed, options, context.folder / (context.name + ".safetensors")};
  const auto split = split_of(context.config);
  OneShot search = make_one_shot(context.config, *context.space, supernet);
  if (std::filesystem::exists(supernet.checkpoint)) search.load(supernet.checkpoint);
  // What an epoch wrote after its last checkpoint is written again.
  context.study.drop_series_after(context.name, static_cast<double>(search.history().size()));
  const std::int64_t total = options.epochs * 100;
  context.progress.start(context.name, total, static_cast<std::int64_t>(search.history().size()) * 100);
  OneShotHooks hooks{.interrupted = interrupted, .checkpoint = supernet.checkpoint};
  std::string note;
  hooks.on_step = [&](const StepProgress& step) { context.progress.update((step.epoch - 1) * 100 + step.step * 100 / step.steps, note); };
  hooks.on_epoch = [&](const OneShotReport& report) {
    context.study.append_series(context.name, series_of(context.space->decisions(), report));
    note = "epoch " + std::to_string(report.epoch) + "/" + std::to_string(options.epochs) + ", val_accuracy " + percent(report.val_accuracy);
    return true;
  };
  try {
    if (search.train(*split, augmentation(context.config.data), hooks) == TrainEnd::interrupted) throw Interrupted("interrupted in phase '" + context.name + "'");
  } catch (const Diverged& error) {
    throw Error("phase '" + context.name + "': " + error.what());
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error("phase '" + context.name + "': " + first_line(error));
  }
  context.progress.finish(note);
  context.study.put_artefact({.name = context.name + ".safetensors", .kind = "checkpoint", .path = context.name + ".safetensors"});
  const OneShotReport& last = search.history().back();
  return Json{{"epochs", last.epoch}, {"val_accuracy", last.val_accuracy}, {"seconds", last.seconds},
              {"params", cost(context.space->open(network_options(context.config, true))).params}}.dump();
}

std::string strongest_architecture(const Config& config, const Space& space, const SupernetPhase& supernet) {
  OneShot search = make_one_shot(config, space, supernet);
  search.load(supernet.checkpoint);
  return space.print(strongest(space.decisions(), search.probabilities()));
}

std::string run_derive_phase(const PhaseContext& context, const Phase&) {
  const auto names = phase_names(context.config);
  const int index = static_cast<int>(std::find(names.begin(), names.end(), context.name) - names.begin());
  const SupernetPhase supernet = supernet_phase(context.config, context.folder, index);
  const std::string text = strongest_architecture(context.config, *context.space, supernet);
  context.progress.say("derived  " + context.space->info().name + ":" + text);
  return Json{{"space", context.space->info().name}, {"architecture", text}}.dump();
}

std::vector<std::string> found_architectures(const PhaseContext& context, std::int64_t count) {
  const auto phases = context.study.phases();
  const auto here = std::find_if(phases.begin(), phases.end(), [&](const PhaseRecord& p) { return p.name == context.name; });
  for (auto phase = std::make_reverse_iterator(here); phase != phases.rend(); ++phase) {
    if (phase->kind == "derive")
      if (const auto derived = architecture_in(phase->summary)) return {*derived};
    if (phase->kind != "search") continue;
    auto trials = context.study.trials(phase->name);
    std::erase_if(trials, [](const Trial& t) { return !finished(t) || t.state == TrialState::failed; });
    std::stable_sort(trials.begin(), trials.end(), [&](const Trial& a, const Trial& b) { return better(context.config.goal, a.outcome.metrics, b.outcome.metrics); });
    std::vector<std::string> found;
    for (const auto& trial : trials)
      if (static_cast<std::int64_t>(found.size()) < count && std::find(found.begin(), found.end(), trial.architecture) == found.end()) found.push_back(trial.architecture);
    if (!found.empty()) return found;
  }
  throw UsageError("phase '" + context.name + "': no phase before it found an architecture (a derive or a search phase)");
}

std::string run_retrain_phase(const PhaseContext& context, const Phase& phase) {
  const auto& options = std::get<RetrainOptions>(phase.options);
  std::vector<Planned> plan;
  for (const auto& architecture : found_architectures(context, options.best))
    for (std::int64_t run = 0; run < options.seeds; ++run)
      plan.push_back({"best", context.space, architecture, context.seed.derive("run", static_cast<std::uint64_t>(run)).value()});
  return train_all(context, plan, options.training).dump();
}

std::string run_baselines_phase(const PhaseContext& context, const Phase& phase) {
  const auto& options = std::get<BaselineOptions>(phase.options);
  const std::string found = found_architectures(context, 1).at(0);
  std::vector<Planned> plan;
  Rng rng = context.seed.derive("random").rng();
  std::set<std::string> drawn{found};
  for (int tries = 0; static_cast<std::int64_t>(plan.size()) < options.random && tries < 1000; ++tries) {
    const std::string text = context.space->print(sample(context.space->decisions(), rng));
    if (drawn.insert(text).second) plan.push_back({"random", context.space, text, context.seed.derive("run", plan.size()).value()});
  }
  if (options.resnet) {
    const double macs = static_cast<double>(cost(closed_graph(context.config, *context.space, found, true)).macs);
    plan.push_back(nearest_resnet(context.config, macs));
    plan.back().seed = context.seed.derive("run", plan.size()).value();
  }
  return train_all(context, plan, training_of(context.config)).dump();
}

std::filesystem::path weights_file(const std::filesystem::path& folder, const Trial& trial) {
  return folder / (trial.phase + "_" + std::to_string(trial.number) + ".safetensors");
}

void load_weights_file(const Network& network, const std::filesystem::path& file) {
  const Safetensors content = read_safetensors(file);
  try {
    load_weights(network.tensors(), content.weights);
  } catch (const UsageError& error) {
    throw UsageError(file.string() + ": " + error.what());
  }
}

Network trained_network(const Config& config, const Space& space, const std::filesystem::path& folder, const Trial& trial) {
  const auto file = weights_file(folder, trial);
  if (!std::filesystem::exists(file)) throw UsageError(file.string() + " is not there: only retrained networks have weights");
  Network network(closed_graph(config, space, trial.architecture, true), place_of(config));
  load_weights_file(network, file);
  network.train(false);
  return network;
}

std::string run_export_phase(const PhaseContext& context, const Phase& phase) {
  std::vector<Trial> trained;
  for (const auto& trial : context.study.trials())
    if (trial.label == "best" && trial.state == TrialState::done) trained.push_back(trial);
  const auto chosen = best(trained, context.config.goal);
  if (!chosen) throw UsageError("phase '" + context.name + "': nothing was retrained before it");
  Network network = trained_network(context.config, *context.space, context.folder, *chosen);
  const ExportFiles files = export_network_files(network, context.folder / "best", std::get<ExportOptions>(phase.options), context.config.name);
  Json summary{{"phase", chosen->phase}, {"trial", chosen->number}, {"files", files.written}};
  for (const auto& file : files.written) {
    const std::filesystem::path name = std::filesystem::path(file).filename();
    context.study.put_artefact({.name = name.string(), .kind = name.extension().string().substr(1), .path = name.string()});
    context.progress.say("wrote  " + file);
  }
  if (files.onnx_difference) {
    summary["onnx_max_abs_difference"] = *files.onnx_difference;
    context.progress.say("onnxruntime gives the same outputs (largest difference " + format_count(*files.onnx_difference) + ")");
  } else if (!files.not_verified.empty()) {
    summary["not_verified"] = files.not_verified;
    context.progress.say("not verified: " + files.not_verified);
  }
  return summary.dump();
}

Abilities training_abilities() {
  Abilities program = plain_abilities();
  program.runners.insert(program.runners.end(), {{"supernet", run_supernet_phase}, {"derive", run_derive_phase}, {"retrain", run_retrain_phase},
                                                 {"baselines", run_baselines_phase}, {"export", run_export_phase}});
  program.evaluators = [](const Config& config, const std::filesystem::path& folder) {
    auto entries = torch_free_evaluators();
    entries.push_back(lazy_train_entry(config));
    entries.push_back(inherit_entry(config, folder));
    entries.push_back(lazy_score_entry(config));
    return entries;
  };
  return program;
}

}  // namespace netwright
