#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "interrupt.hpp"
#include "netwright/config/text.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/units.hpp"
#include "netwright/export/safetensors.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/graph/inherited.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/search/coordinator.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/study/summary.hpp"
#include "netwright/training/trainer.hpp"
#include "network_words.hpp"
#include "train_data.hpp"
#include "train_phases.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

struct Planned {
  std::string label;
  std::shared_ptr<const Space> space;
  std::string architecture;
  std::uint64_t seed = 0;
};

// A network before its training, and where its weights stand in the supernet that it goes on from.
struct Start {
  Graph graph;
  std::optional<Origins> origins;
};

Start start_of(const Config& config, const Space& space, const std::string& text, bool own_settings, const std::string& phase) {
  const Architecture architecture = space.parse(text);
  if (own_settings && retraining_of(config, phase).weights == "supernet") {
    Start start{.origins = Origins{}};
    start.graph = close(space.open(network_options(config, true)), picks_of(space.decisions(), architecture), &*start.origins);
    return start;
  }
  NetworkOptions options = network_options(config);
  if (!own_settings) options.settings.clear();
  return {.graph = space.close(architecture, options)};
}

// Puts the supernet's weights into a network; those that it lacks stay as they were drawn.
void inherit(Network& network, const PhaseContext& context, const Origins& origins) {
  const Weights shared = supernet_weights(context.config, *context.space, supernet_before(context.config, context.folder, context.name));
  Weights weights = to_weights(network.tensors());
  const Weights found = inherited(shared, origins, weights);
  for (auto own = weights.begin(); const auto& weight : found) {
    own = std::find_if(own, weights.end(), [&](const Weight& w) { return w.name == weight.name; });
    own->values = weight.values;
  }
  load_weights(network.tensors(), weights);
  context.progress.say(context.name + ": " + std::to_string(found.size()) + " of " + std::to_string(weights.size()) + " tensors begin as the supernet's");
}

Trial appended(const PhaseContext& context, std::int64_t number, const Planned& planned, std::int64_t epochs) {
  if (const auto known = context.study.trial(context.name, number)) return *known;
  Trial trial{.number = number, .phase = context.name, .label = planned.label, .space = planned.space->info().name,
              .architecture = planned.architecture, .seed = planned.seed, .fidelity = {.epochs = epochs}};
  context.study.append(trial);
  return trial;
}

// The last epoch's outcome, and the one look at the test part.
Evaluation add_test(Trained& trained, const TrainSetting& setting) {
  if (trained.outcome.status == Status::failed) return {};
  const Evaluation test = final_test(*trained.network, setting.split->test, setting.training.batch);
  for (const auto& [name, value] : metrics_of("test", test, *setting.split)) trained.outcome.metrics[name] = value;
  trained.outcome.metrics["epochs"] = static_cast<double>(setting.training.epochs);
  return test;
}

void train_planned(const PhaseContext& context, const Planned& planned, const Trial& waiting, const TrainSetting& setting) {
  const auto claimed = context.study.claim(context.name, "here", 86400);
  if (!claimed || claimed->number != waiting.number) throw Error("phase '" + context.name + "': trial " + std::to_string(waiting.number) + " is held by another process");
  const std::string title = context.name + " " + planned.label + " " + std::to_string(waiting.number);
  context.progress.start(title, setting.training.epochs);
  TrainHooks hooks{.interrupted = interrupted, .checkpoint = context.folder / (context.name + "_" + std::to_string(waiting.number) + ".checkpoint")};
  hooks.on_epoch = [&](const EpochReport& report) {
    context.progress.update(report.epoch, result_note("val", {.accuracy = report.val_accuracy, .loss = report.val_loss}, *setting.split));
    return true;
  };
  const Start start = start_of(context.config, *planned.space, planned.architecture, planned.space == context.space, context.name);
  if (start.origins) hooks.on_start = [&](Network& network) { inherit(network, context, *start.origins); };
  Trained trained = train_graph(start.graph, setting, Seed(planned.seed), hooks);
  if (trained.interrupted) {
    context.study.release(context.name);
    throw Interrupted("interrupted while training " + title);
  }
  const Evaluation test = add_test(trained, setting);
  if (trained.network) write_safetensors(weights_file(context.folder, waiting), to_weights(trained.network->tensors()),
                                         {{"space", planned.space->info().name}, {"architecture", planned.architecture}});
  context.study.finish(*claimed, trained.outcome);
  std::filesystem::remove(hooks.checkpoint);
  const bool failed = trained.outcome.status == Status::failed;
  context.progress.finish(failed ? "failed: " + trained.outcome.reason : result_note("test", test, *setting.split));
}

Json train_all(const PhaseContext& context, const std::vector<Planned>& plan, const TrainingOptions& training) {
  const CoordinatorLock alone(context.folder / "study.db");
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

// Of the space, once each, in order: what was trained for itself and did not fail; of the phases before this one, or of this one too.
std::vector<std::string> trained_architectures(const PhaseContext& context, bool here) {
  std::vector<std::string> list;
  for (const auto& trial : context.study.trials()) {
    const bool counts = !trial.label.empty() && trial.state == TrialState::done && trial.space == context.space->info().name;
    if (counts && (here || trial.phase != context.name) && std::find(list.begin(), list.end(), trial.architecture) == list.end())
      list.push_back(trial.architecture);
  }
  return list;
}

// {"supernet": PHASE, "val_accuracy": {ARCHITECTURE: with its weights}} (of text "val_perplexity"), what the report compares rankings by; null where
// there is no supernet, or fewer than three architectures to rank.
Json inherited_ranking(const PhaseContext& context) {
  const auto architectures = trained_architectures(context, true);
  const auto is_supernet = [](const Phase& phase) { return phase.kind == "supernet"; };
  if (architectures.size() < 3 || std::none_of(context.config.phases.begin(), context.config.phases.end(), is_supernet)) return {};
  const SupernetPhase supernet = supernet_before(context.config, context.folder, context.name);
  if (!std::filesystem::exists(supernet.checkpoint)) return {};
  context.progress.say(context.name + ": what the supernet says of " + std::to_string(architectures.size()) + " trained architectures");
  const std::vector<Metrics> measured = inherited_metrics(context.config, *context.space, supernet, architectures);
  const std::string metric = holds_text(context.config.data) ? "val_perplexity" : "val_accuracy";
  Json found = Json::object();
  for (std::size_t i = 0; i < architectures.size(); ++i) found[architectures[i]] = measured[i].at(metric);
  return {{"supernet", supernet.name}, {metric, found}};
}

// What the numbers stand for that the network reads and scores: a list, in their order.
std::string write_vocabulary(const PhaseContext& context) {
  const auto file = context.folder / "best.vocabulary.json";
  write_file(file, Json(split_of(context.config)->classes()).dump(1) + "\n");
  return file.string();
}

std::optional<std::string> architecture_in(const std::string& summary) {
  const auto json = nlohmann::json::parse(summary, nullptr, false);
  if (!json.is_object() || !json.contains("architecture")) return std::nullopt;
  return json.at("architecture").get<std::string>();
}

}  // namespace

std::vector<std::string> found_architectures(const PhaseContext& context, std::int64_t count) {
  const auto phases = context.study.phases();
  const auto here = std::find_if(phases.begin(), phases.end(), [&](const PhaseRecord& p) { return p.name == context.name; });
  for (auto phase = std::make_reverse_iterator(here); phase != phases.rend(); ++phase) {
    if (phase->kind == "derive")
      if (const auto derived = architecture_in(phase->summary)) return {*derived};
    if (phase->kind != "search") continue;
    auto trials = context.study.trials(phase->name);
    std::erase_if(trials, [](const Trial& t) { return !finished(t) || t.state == TrialState::failed; });
    const Goal goal = goal_of(context.config, phase->name);
    std::stable_sort(trials.begin(), trials.end(), [&](const Trial& a, const Trial& b) { return ahead(a, b, goal); });
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
  const std::int64_t random = std::max(options.random, options.ranking_gap - static_cast<std::int64_t>(trained_architectures(context, false).size()));
  for (int tries = 0; static_cast<std::int64_t>(plan.size()) < random && tries < 1000; ++tries) {
    const std::string text = context.space->print(sample(context.space->decisions(), rng));
    if (drawn.insert(text).second) plan.push_back({"random", context.space, text, context.seed.derive("run", plan.size()).value()});
  }
  if (options.resnet) {
    const double macs = static_cast<double>(cost(start_of(context.config, *context.space, found, true, context.name).graph).macs);
    plan.push_back(nearest_resnet(context.config, macs));
    plan.back().seed = context.seed.derive("run", plan.size()).value();
  }
  Json summary = train_all(context, plan, retraining_of(context.config).training);
  if (const Json inherited = inherited_ranking(context); !inherited.empty()) summary["inherited"] = inherited;
  return summary.dump();
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
  Network network(start_of(config, space, trial.architecture, true, trial.phase).graph, place_of(config));
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
  ExportFiles files = export_network_files(network, context.folder / "best", std::get<ExportOptions>(phase.options), context.config.name);
  if (holds_text(context.config.data)) files.written.push_back(write_vocabulary(context));
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

}  // namespace netwright
