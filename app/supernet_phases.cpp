#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "interrupt.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/units.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/search/coordinator.hpp"
#include "netwright/strategy/one_shot_parts.hpp"
#include "netwright/trained/derivation.hpp"
#include "network_words.hpp"
#include "train_data.hpp"
#include "train_phases.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

std::vector<SeriesPoint> series_of(const DecisionTree& tree, const OneShotReport& report, const Split& split) {
  const auto at = static_cast<double>(report.epoch);
  std::vector<SeriesPoint> points{{"loss/train", at, Json(report.train_loss).dump()}, {"loss/val", at, Json(report.val_loss).dump()},
                                  {"loss/architecture", at, Json(report.architecture_loss).dump()},
                                  {"train_accuracy", at, Json(report.train_accuracy).dump()}, {"val_accuracy", at, Json(report.val_accuracy).dump()}};
  if (split.text()) points.push_back({"val_perplexity", at, Json(std::exp(report.val_loss)).dump()});
  if (report.picks > 0) points.push_back({"skips", at, Json(static_cast<double>(report.skips) / static_cast<double>(report.picks)).dump()});
  if (report.eigenvalue > 0) points.push_back({"eigenvalue", at, Json(report.eigenvalue).dump()});
  for (std::size_t d = 0; d < tree.size(); ++d)
    if (!report.probabilities[d].empty()) points.push_back({"alpha/" + tree[d].name, at, Json(report.probabilities[d]).dump()});
  return points;
}

// Untrained.
OneShot make_one_shot(const Config& config, const Space& space, const SupernetPhase& supernet) {
  return make_one_shot(space, network_options(config, true), supernet.options, supernet.seed, place_of(config));
}

}  // namespace

std::string run_supernet_phase(const PhaseContext& context, const Phase& phase) {
  const auto& options = std::get<SupernetOptions>(phase.options);
  const CoordinatorLock alone(context.folder / "study.db");
  const SupernetPhase supernet{context.name, context.seed, options, context.folder / (context.name + ".safetensors")};
  const auto split = split_of(context.config);
  OneShot search = make_one_shot(context.config, *context.space, supernet);
  if (std::filesystem::exists(supernet.checkpoint)) search.load(supernet.checkpoint);
  // What an epoch wrote after its last checkpoint is written again.
  context.study.drop_series_after(context.name, static_cast<double>(search.history().size()));
  const std::int64_t epochs = search.epochs(), total = epochs * 100;
  context.progress.start(context.name, total, static_cast<std::int64_t>(search.history().size()) * 100);
  OneShotHooks hooks{.interrupted = interrupted, .checkpoint = supernet.checkpoint};
  std::string note;
  hooks.on_step = [&](const StepProgress& step) { context.progress.update((step.epoch - 1) * 100 + step.step * 100 / step.steps, note); };
  hooks.on_epoch = [&](const OneShotReport& report) {
    context.study.append_series(context.name, series_of(context.space->decisions(), report, *split));
    note = "epoch " + std::to_string(report.epoch) + "/" + std::to_string(epochs) + ", " + result_note("val", {.accuracy = report.val_accuracy, .loss = report.val_loss}, *split);
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
  Json summary{{"epochs", last.epoch}, {"val_accuracy", last.val_accuracy}};
  if (split->text()) summary["val_perplexity"] = std::exp(last.val_loss);
  summary["seconds"] = last.seconds;
  summary["params"] = cost(context.space->open(network_options(context.config, true))).params;
  return summary.dump();
}

Weights supernet_weights(const Config& config, const Space& space, const SupernetPhase& supernet) {
  OneShot search = make_one_shot(config, space, supernet);
  search.load(supernet.checkpoint);
  return to_weights(search.supernet().tensors());
}

std::string derived_architecture(const Config& config, const Space& space, const SupernetPhase& supernet, const DeriveOptions& options) {
  OneShot search = make_one_shot(config, space, supernet);
  search.load(supernet.checkpoint);
  // The images are read only where a rule looks at them: every rule that does has an option for how many.
  const auto& rule = find_part(derivation_parts(), "derivation", options.rule).options;
  const bool looks = std::any_of(rule.begin(), rule.end(), [](const PartOption& option) { return option.name == "images"; });
  return space.print(derive(search, options, looks ? split_of(config)->validation : Part{}, supernet.seed.derive("derive")));
}

std::vector<Metrics> inherited_metrics(const Config& config, const Space& space, const SupernetPhase& supernet, const std::vector<std::string>& architectures) {
  OneShot search = make_one_shot(config, space, supernet);
  search.load(supernet.checkpoint);
  const auto split = split_of(config);
  std::vector<Metrics> measured;
  for (const auto& text : architectures) {
    if (interrupted()) throw Interrupted("interrupted while the supernet ranked what was trained");
    measured.push_back(metrics_of("val", search.evaluate(space.parse(text), split->validation, supernet.options.batch), *split));
  }
  return measured;
}

std::string run_derive_phase(const PhaseContext& context, const Phase& phase) {
  const SupernetPhase supernet = supernet_before(context.config, context.folder, context.name);
  const std::string text = derived_architecture(context.config, *context.space, supernet, std::get<DeriveOptions>(phase.options));
  context.progress.say("derived  " + context.space->info().name + ":" + text);
  return Json{{"space", context.space->info().name}, {"architecture", text}}.dump();
}

}  // namespace netwright
