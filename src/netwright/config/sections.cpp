#include "netwright/config/sections.hpp"

#include <algorithm>

#include "netwright/config/text.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

void check_name(const Given& given, const std::string& what, const std::map<std::string, std::vector<std::string>>& known) {
  if (known.empty() || known.contains(given.value.text)) return;
  std::vector<std::string> names;
  for (const auto& [name, options] : known) names.push_back(name);
  throw UsageError(given.value.place + ": unknown " + what + " '" + given.value.text + "'" + name_hint(given.value.text, names));
}

// NAME, or {name: NAME, option: value, ...}.
void read_named(std::string& name, Settings& options, const Given& given, const std::string& what,
                const std::map<std::string, std::vector<std::string>>& known) {
  const TreeEntry* named = given.value.find("name");
  if (given.value.kind == Tree::Kind::map && named == nullptr) refuse(given, "NAME or {name: NAME, option: value}");
  const Given word{named != nullptr ? named->value : given.value, given.path + (named != nullptr ? ".name" : "")};
  if (word.value.kind != Tree::Kind::scalar) refuse(word, "the name of a " + what);
  check_name(word, what, known);
  name = word.value.text;
  options.clear();
  const auto allowed = known.find(name);
  for (const auto& entry : given.value.entries) {
    if (entry.key == "name") continue;
    if (allowed != known.end() && !allowed->second.empty() &&
        std::find(allowed->second.begin(), allowed->second.end(), entry.key) == allowed->second.end())
      refuse_key(entry, given.path + " (" + name + ")", allowed->second);
    options[entry.key] = read_text({entry.value, below(given.path, entry.key)});
  }
}

Tree write_named(const std::string& name, const Settings& options) {
  if (options.empty()) return scalar(name);
  Tree tree = write_settings(options);
  tree.entries.insert(tree.entries.begin(), TreeEntry{.key = "name", .value = scalar(name)});
  return tree;
}

// {kernel: 3, depth: 2}
void read_open(StageOptions& stage, const Given& given) {
  stage.open.reset();
  if (given.value.kind == Tree::Kind::nothing) return;
  if (given.value.kind != Tree::Kind::map) refuse(given, "how many choices are open, as {kernel: 3, depth: 2}");
  stage.open.emplace();
  for (const auto& entry : given.value.entries) {
    (*stage.open)[entry.key] = read_whole({entry.value, below(given.path, entry.key)}, at_least(1));
  }
}

Tree write_open(const StageOptions& stage) {
  if (!stage.open) return {};
  Tree tree{.kind = Tree::Kind::map};
  for (const auto& [word, count] : *stage.open) tree.entries.push_back(TreeEntry{.key = word, .value = scalar(std::to_string(count))});
  return tree;
}

const Fields<StageOptions>& stage_fields() {
  using O = StageOptions;
  static const Fields<O> fields{
      whole("epochs", &O::epochs, at_least(1), "of the stage"),
      whole("keep", &O::keep, at_least(0), "choices left of each decision at its end; 0 = all"),
      whole("close_every", &O::close_every, at_least(0), "closes the most decided edge after every so many epochs; 0 = never"),
      number("skip_dropout", &O::skip_dropout, rate, "behind candidates that hand their input on, falling to 0 over the stage"),
      flag("fresh", &O::fresh, "weights and architecture parameters start anew"),
      settings("network", &O::network, "settings of the search network from a fresh stage on, as cells: 11"),
      {"open", "how many choices, from the last, are open, as {kernel: 3}; other decisions stay at their last; not given: all", read_open, write_open},
      whole("draws", &O::draws, at_least(1), "of the relaxation a step; their gradients add up"),
      number("learning_rate", &O::learning_rate, at_least(0), "of the weights at the start of the stage's own cosine; 0 = the phase's"),
      flag("sort_channels", &O::sort_channels, "puts the most important channels of open widths first, at its start"),
      flag("teacher", &O::teacher, "paths also learn from the largest network as it was when the first such stage began"),
  };
  return fields;
}

void read_stages(SupernetOptions& options, const Given& given) {
  options.stages.clear();
  if (given.value.kind == Tree::Kind::nothing) return;
  if (given.value.kind != Tree::Kind::list) refuse(given, "a list of stages ({epochs: 25, keep: 5})");
  for (std::size_t i = 0; i < given.value.items.size(); ++i) {
    options.stages.emplace_back();
    read_fields(options.stages.back(), {given.value.items[i], given.path + "[" + std::to_string(i) + "]"}, stage_fields());
  }
}

Tree write_stages(const SupernetOptions& options) {
  Tree list{.kind = Tree::Kind::list};
  for (const auto& stage : options.stages) list.items.push_back(write_fields(stage, stage_fields()));
  return list;
}

void read_resolutions(SupernetOptions& options, const Given& given) {
  options.resolutions.clear();
  if (given.value.kind == Tree::Kind::nothing) return;
  if (given.value.kind != Tree::Kind::list) refuse(given, "a list of sides in pixels ([20, 24, 28])");
  for (std::size_t i = 0; i < given.value.items.size(); ++i)
    options.resolutions.push_back(read_whole({given.value.items[i], given.path + "[" + std::to_string(i) + "]"}, at_least(1)));
}

Tree write_resolutions(const SupernetOptions& options) {
  Tree list{.kind = Tree::Kind::list};
  for (const auto side : options.resolutions) list.items.push_back({.text = std::to_string(side)});
  return list;
}

void read_parts(std::vector<NamedPart>& parts, const Given& given, const std::string& what, const std::map<std::string, std::vector<std::string>>& known) {
  parts.clear();
  if (given.value.kind == Tree::Kind::nothing) return;
  if (given.value.kind != Tree::Kind::list) refuse(given, "a list of " + what + "s (NAME or {name: NAME, option: value})");
  for (std::size_t i = 0; i < given.value.items.size(); ++i) {
    parts.emplace_back();
    read_named(parts.back().name, parts.back().options, {given.value.items[i], given.path + "[" + std::to_string(i) + "]"}, what, known);
  }
}

Tree write_parts(const std::vector<NamedPart>& parts) {
  Tree list{.kind = Tree::Kind::list};
  for (const auto& part : parts) list.items.push_back(write_named(part.name, part.options));
  return list;
}

Fields<SupernetOptions> supernet_fields(const KnownNames& names) {
  using O = SupernetOptions;
  return {
      {"relaxation", "how a choice's weights are made: a name, or {name: NAME, option: value}",
       [=](O& o, const Given& g) { read_named(o.relaxation, o.relaxation_options, g, "relaxation", names.relaxations); },
       [](const O& o) { return write_named(o.relaxation, o.relaxation_options); }},
      {"update", "how the architecture parameters learn: a name, or {name: NAME, option: value}",
       [=](O& o, const Given& g) { read_named(o.update, o.update_options, g, "architecture update", names.updates); },
       [](const O& o) { return write_named(o.update, o.update_options); }},
      {"regularisers", "of the architecture loss, as [{name: beta, final_weight: 50}]",
       [=](O& o, const Given& g) { read_parts(o.regularisers, g, "regulariser", names.regularisers); },
       [](const O& o) { return write_parts(o.regularisers); }},
      {"stages", "of a progressive search, as [{epochs: 25, keep: 5}]; none = one stage of all epochs", read_stages, write_stages},
      whole("epochs", &O::epochs, at_least(1), "passes over the weights' half of the training part"),
      whole("batch", &O::batch, at_least(1), "images a step"),
      number("learning_rate", &O::learning_rate, above(0), "of the weights (SGD), at the start"),
      number("final_learning_rate", &O::final_learning_rate, at_least(0), "of the weights, at the end of the cosine"),
      number("momentum", &O::momentum, rate, "of the weights"),
      number("weight_decay", &O::weight_decay, at_least(0), "of the weights"),
      number("gradient_clip", &O::gradient_clip, at_least(0), "largest gradient norm of the weights; 0 = off"),
      number("drop_path", &O::drop_path, rate, "final rate at which paths are dropped"),
      number("architecture_learning_rate", &O::architecture_learning_rate, above(0), "of the architecture parameters (Adam)"),
      number("architecture_weight_decay", &O::architecture_weight_decay, at_least(0), "of the architecture parameters"),
      number("architecture_beta1", &O::architecture_beta1, rate, "of their Adam"),
      whole("architecture_every", &O::architecture_every, at_least(1), "steps of the weights for one of the architecture parameters"),
      whole("warmup_epochs", &O::warmup_epochs, at_least(0), "epochs before the architecture parameters move"),
      flag("search_only", &O::search_only, "candidates that are never picked (none) take part"),
      flag("edge_weights", &O::edge_weights, "selects weigh their inputs too (edge normalisation)"),
      whole("partial", &O::partial, at_least(1), "choices see 1/partial of the channels"),
      flag("kernel_transform", &O::kernel_transform, "smaller kernels go through learned matrices"),
      flag("checkpoint", &O::checkpoint, "values inside cells are computed again in backward: less memory, more time"),
      {"resolutions", "sides of the images, of which each step of the weights draws one, as [20, 24, 28]; none = the network's own", read_resolutions, write_resolutions},
      flag("distil", &O::distil, "of several paths a step the first learns from labels, the others from it"),
      number("eigenvalue_stop", &O::eigenvalue_stop, at_least(0), "ends, and goes back, where the architecture Hessian's largest eigenvalue grew by this factor; 0 = never"),
      flag("curvature", &O::curvature, "measures that eigenvalue after every epoch, where there are ten or more"),
  };
}

Fields<DeriveOptions> derive_fields(const KnownNames& names) {
  using O = DeriveOptions;
  return {{"rule", "which choice of each decision is kept: a name, or {name: NAME, option: value}",
           [=](O& o, const Given& g) { read_named(o.rule, o.rule_options, g, "derivation", names.derivations); },
           [](const O& o) { return write_named(o.rule, o.rule_options); }}};
}

Unit unit_of(const std::string& metric) {
  if (metric.ends_with("_ms")) return Unit::milliseconds;
  if (metric.ends_with("_seconds")) return Unit::seconds;
  if (metric.ends_with("_bytes")) return Unit::bytes;
  return Unit::count;
}

Constraint read_constraint(const Given& given) {
  if (given.value.kind != Tree::Kind::map) refuse(given, "{metric: NAME, at_most: BOUND} or {metric: NAME, at_least: BOUND}");
  for (const auto& entry : given.value.entries)
    if (entry.key != "metric" && entry.key != "at_most" && entry.key != "at_least") refuse_key(entry, given.path, {"metric", "at_most", "at_least"});
  const TreeEntry* metric = given.value.find("metric");
  const TreeEntry* most = given.value.find("at_most");
  const TreeEntry* least = given.value.find("at_least");
  if (metric == nullptr || (most == nullptr) == (least == nullptr))
    throw UsageError(given.value.place + ": " + given.path +
                     " needs a metric and one bound: {metric: NAME, at_most: BOUND} or {metric: NAME, at_least: BOUND}");
  const std::string name = read_text({metric->value, below(given.path, "metric")});
  if (name.empty()) refuse({metric->value, below(given.path, "metric")}, "the name of a metric");
  const TreeEntry& bound = most != nullptr ? *most : *least;
  return {.metric = name, .at_most = read_number({bound.value, below(given.path, bound.key)}, {}, unit_of(name)), .at_least = least != nullptr};
}

void read_constraints(std::vector<Constraint>& constraints, const Given& given) {
  constraints.clear();
  if (given.value.kind == Tree::Kind::nothing) return;
  if (given.value.kind != Tree::Kind::list) refuse(given, "a list of {metric, at_most} or {metric, at_least}");
  for (std::size_t i = 0; i < given.value.items.size(); ++i)
    constraints.push_back(read_constraint({given.value.items[i], given.path + "[" + std::to_string(i) + "]"}));
}

Tree write_constraints(const std::vector<Constraint>& constraints) {
  Tree list{.kind = Tree::Kind::list};
  for (const auto& constraint : constraints) {
    Tree item{.kind = Tree::Kind::map};
    item.entries.push_back({.key = "metric", .value = scalar(constraint.metric)});
    item.entries.push_back({.key = constraint.at_least ? "at_least" : "at_most", .value = scalar(write_number(constraint.at_most))});
    list.items.push_back(std::move(item));
  }
  return list;
}

Fields<SearchOptions> search_fields(const KnownNames& names) {
  using O = SearchOptions;
  return {
      {"strategy", "which architecture next: a name, or {name: NAME, option: value}",
       [=](O& o, const Given& g) { read_named(o.strategy, o.strategy_options, g, "strategy", names.strategies); },
       [](const O& o) { return write_named(o.strategy, o.strategy_options); }},
      {"evaluator", "how a candidate gets its numbers: a name, or {name: NAME, option: value}",
       [=](O& o, const Given& g) { read_named(o.evaluator, o.evaluator_options, g, "evaluator", names.evaluators); },
       [](const O& o) { return write_named(o.evaluator, o.evaluator_options); }},
      {"fidelity", "how long each is trained: full, or {name: hyperband, minimum: 1, maximum: 81, eta: 3}",
       [=](O& o, const Given& g) { read_named(o.fidelity, o.fidelity_options, g, "fidelity schedule", names.fidelities); },
       [](const O& o) { return write_named(o.fidelity, o.fidelity_options); }},
      {"stop", "ends a trial by its learning curve: none, or {name: median, warm_up: 3}",
       [=](O& o, const Given& g) { read_named(o.stop, o.stop_options, g, "stop rule", names.stop_rules); },
       [](const O& o) { return write_named(o.stop, o.stop_options); }},
      whole("trials", &O::trials, at_least(1), "how many evaluations; a promotion counts as one"),
      number("time", &O::max_seconds, at_least(0), "ends the phase after this long (as 2h); 0 = no limit", Unit::seconds),
      whole("window", &O::window, at_least(1), "trials asked ahead of the answers; so many workers can be busy"),
      whole("max_failures", &O::max_failures, at_least(0), "ends after so many failed trials in a row; 0 = never"),
      {"constraints", "of this phase besides the config's, as [{metric: macs, at_most: 30M}]",
       [](O& o, const Given& g) { read_constraints(o.constraints, g); }, [](const O& o) { return write_constraints(o.constraints); }},
  };
}

const Fields<RetrainOptions>& retrain_fields() {
  using O = RetrainOptions;
  static const Fields<O> fields = [] {
    Fields<O> own{
        whole("best", &O::best, at_least(1), "how many of the best architectures are trained"),
        whole("seeds", &O::seeds, at_least(1), "runs of each, with different seeds"),
        word("weights", &O::weights, {"scratch", "supernet"}, "drawn anew, or those of the supernet, whose search form is then trained"),
    };
    for (auto& field : inlined(&O::training, training_fields())) own.push_back(field);
    return own;
  }();
  return fields;
}

const Fields<BaselineOptions>& baseline_fields() {
  using O = BaselineOptions;
  static const Fields<O> fields{
      whole("random", &O::random, at_least(0), "random architectures of the same space, trained alike"),
      flag("resnet", &O::resnet, "a hand-made residual network of similar cost, trained alike"),
      whole("ranking_gap", &O::ranking_gap, at_least(0), "trains random architectures until the supernet's ranking can be compared on so many; 0 = on what is trained anyway"),
  };
  return fields;
}

const Fields<ExportOptions>& export_fields() {
  using O = ExportOptions;
  static const Fields<O> fields{
      flag("onnx", &O::onnx, "best.onnx, for any ONNX runtime"),
      flag("torchscript", &O::torchscript, "best.pt, for torch.jit.load"),
      flag("verify", &O::verify, "compares the written network with the trained one"),
  };
  return fields;
}

template <class O>
PhaseKind phase_kind(std::string name, std::string meaning, std::vector<std::string> needs, std::function<Fields<O>(const KnownNames&)> fields) {
  return {name, std::move(meaning), std::move(needs),
          [=](const Given& given, const KnownNames& names) {
            O options;
            read_fields(options, given, fields(names));
            return Phase{name, options};
          },
          [=](const Phase& phase) { return write_fields(std::get<O>(phase.options), fields({})); }};
}

Tree write_objectives(const Config& config) {
  Tree list{.kind = Tree::Kind::list};
  for (const auto& objective : config.goal.objectives) {
    Tree item{.kind = Tree::Kind::map};
    item.entries.push_back({.key = "metric", .value = scalar(objective.metric)});
    item.entries.push_back({.key = "direction", .value = scalar(objective.direction == Direction::maximise ? "maximise" : "minimise")});
    list.items.push_back(std::move(item));
  }
  return list;
}

struct ObjectiveText {
  std::string metric;
  std::string direction = "maximise";
};

void read_objectives(Config& config, const Given& given) {
  static const Fields<ObjectiveText> fields{
      text("metric", &ObjectiveText::metric, "what is measured"),
      word("direction", &ObjectiveText::direction, {"maximise", "minimise"}, "which way is better"),
  };
  if (given.value.kind != Tree::Kind::list || given.value.items.empty()) refuse(given, "a list of {metric, direction}");
  config.goal.objectives.clear();
  for (std::size_t i = 0; i < given.value.items.size(); ++i) {
    const Given item{given.value.items[i], given.path + "[" + std::to_string(i) + "]"};
    ObjectiveText objective;
    read_fields(objective, item, fields);
    if (objective.metric.empty()) refuse(item, "{metric: NAME, direction: maximise or minimise}");
    config.goal.objectives.push_back({objective.metric, objective.direction == "maximise" ? Direction::maximise : Direction::minimise});
  }
}

// The unit in which a metric's bound is written stands at the end of the metric's name.
void read_space(Config& config, const Given& given, const KnownNames& names) {
  static const Fields<SpaceOptions> fields{
      text("name", &SpaceOptions::name, "a built-in space (netwright list spaces), a .yaml file, or a stored table (.nwt)"),
      settings("network", &SpaceOptions::network, "settings of the final network, as channels: 16"),
      settings("search", &SpaceOptions::search, "settings of the supernet"),
  };
  Tree tree = given.value;
  if (tree.kind == Tree::Kind::scalar)
    tree = Tree{.kind = Tree::Kind::map, .entries = {{.key = "name", .place = tree.place, .value = given.value}}, .place = tree.place};
  config.space = {};
  read_fields(config.space, {tree, given.path}, fields);
  const std::string& name = config.space.name;
  const bool file = is_space_file(name);
  if (file || names.spaces.empty() || std::find(names.spaces.begin(), names.spaces.end(), name) != names.spaces.end()) return;
  const TreeEntry* entry = tree.find("name");
  throw UsageError((entry != nullptr ? entry->value.place : tree.place) + ": unknown space '" + name + "'" + name_hint(name, names.spaces));
}

Tree write_space(const Config& config) {
  Tree tree{.kind = Tree::Kind::map};
  tree.entries.push_back({.key = "name", .value = scalar(config.space.name), .comment = "a built-in space (netwright list spaces), or a .yaml file"});
  tree.entries.push_back(
      {.key = "network", .value = write_settings(config.space.network), .comment = "settings of the final network, as {channels: 16}"});
  tree.entries.push_back({.key = "search", .value = write_settings(config.space.search), .comment = "settings of the supernet"});
  return tree;
}

// What a key of the data is about where the source has none of it, else empty.
std::string foreign_to(const std::string& key, const DataOptions& options) {
  static const std::vector<std::string> of_images{"size", "crop", "flip", "cutout"}, of_text{"unit", "sequence", "vocabulary", "carry"};
  const bool text = holds_text(options);
  const auto& others = text ? of_images : of_text;
  return std::find(others.begin(), others.end(), key) == others.end() ? "" : text ? "images" : "text";
}

void read_data(Config& config, const Given& given) {
  read_fields(config.data, given, data_fields());
  for (const auto& entry : given.value.entries)
    if (const std::string about = foreign_to(entry.key, config.data); !about.empty())
      throw UsageError(entry.place + ": " + below(given.path, entry.key) + " is about " + about + "; data.source is " + config.data.source);
}

Phase read_phase(const Given& given, const KnownNames& names) {
  std::vector<std::string> kinds;
  for (const auto& kind : phase_kinds()) kinds.push_back(kind.name);
  const bool bare = given.value.kind == Tree::Kind::scalar;
  if (!bare && (given.value.kind != Tree::Kind::map || given.value.entries.size() != 1))
    refuse(given, "one phase, KIND: {options} (kinds: " + join(kinds, ", ") + ")");
  const std::string name = bare ? given.value.text : given.value.entries[0].key;
  const Tree nothing{.place = given.value.place};
  for (const auto& kind : phase_kinds())
    if (kind.name == name) return kind.read({bare ? nothing : given.value.entries[0].value, given.path + "." + name}, names);
  throw UsageError((bare ? given.value.place : given.value.entries[0].place) + ": unknown phase '" + name + "' in " + given.path +
                   name_hint(name, kinds));
}

// A phase that builds on what an earlier one found must have one before it.
void check_order(const std::vector<Phase>& before, const Phase& phase, const Given& given) {
  for (const auto& kind : phase_kinds()) {
    if (kind.name != phase.kind || kind.needs.empty()) continue;
    if (std::none_of(before.begin(), before.end(),
                     [&](const Phase& p) { return std::find(kind.needs.begin(), kind.needs.end(), p.kind) != kind.needs.end(); }))
      throw UsageError(given.value.place + ": " + given.path + ": a " + phase.kind + " phase needs a " + join(kind.needs, " or ") +
                       " phase before it");
  }
  const bool supernet_before = std::any_of(before.begin(), before.end(), [](const Phase& p) { return p.kind == "supernet"; });
  const auto* search = std::get_if<SearchOptions>(&phase.options);
  if (search != nullptr && search->evaluator == "inherit" && !supernet_before)
    throw UsageError(given.value.place + ": " + given.path + ": the evaluator 'inherit' needs a supernet phase before it");
  const auto* retrain = std::get_if<RetrainOptions>(&phase.options);
  if (retrain != nullptr && retrain->weights == "supernet" && !supernet_before)
    throw UsageError(given.value.place + ": " + given.path + ": weights 'supernet' need a supernet phase before it");
  const auto* baselines = std::get_if<BaselineOptions>(&phase.options);
  if (baselines != nullptr && baselines->ranking_gap > 0 && !supernet_before)
    throw UsageError(given.value.place + ": " + given.path + ": a ranking_gap needs a supernet phase before it");
}

void read_phases(Config& config, const Given& given, const KnownNames& names) {
  if (given.value.kind != Tree::Kind::list || given.value.items.empty()) refuse(given, "a list of phases (- KIND: {options})");
  config.phases.clear();
  for (std::size_t i = 0; i < given.value.items.size(); ++i) {
    const Given item{given.value.items[i], given.path + "[" + std::to_string(i) + "]"};
    Phase phase = read_phase(item, names);
    check_order(config.phases, phase, item);
    config.phases.push_back(std::move(phase));
  }
}

Tree write_phases(const Config& config) {
  Tree list{.kind = Tree::Kind::list};
  for (const auto& phase : config.phases)
    for (const auto& kind : phase_kinds())
      if (kind.name == phase.kind)
        list.items.push_back({.kind = Tree::Kind::map, .entries = {{.key = kind.name, .value = kind.write(phase), .comment = kind.meaning}}});
  return list;
}

}  // namespace

const Fields<DataOptions>& data_fields() {
  using O = DataOptions;
  static const Fields<O> fields{
      word("source", &O::source, data_sources(), "fashion_mnist, cifar10, folder (one sub-folder a class) or text"),
      text("path", &O::path, "where the files are; empty = the usual place of the source"),
      whole("train", &O::train, at_least(0), "images to train on; 0 = all that are left"),
      whole("validation", &O::validation, at_least(1), "images set aside to compare architectures"),
      whole("test", &O::test, at_least(0), "images of the test part, read once at the end; 0 = all"),
      whole("size", &O::size, at_least(1), "folder: pixels a side after resizing"),
      number("test_share", &O::test_share, {.low = 0, .high = 1, .above_low = true, .below_high = true},
             "folder without train/ and test/: share set aside for the test"),
      whole("crop", &O::crop, at_least(0), "random crop: pixels of padding; 0 = off"),
      flag("flip", &O::flip, "random horizontal flip"),
      whole("cutout", &O::cutout, at_least(0), "side of the erased square; 0 = off"),
      word("unit", &O::unit, text_units(), "text: what a token is, word or char"),
      whole("sequence", &O::sequence, at_least(1), "text: tokens of a window; train, validation and test count windows"),
      whole("vocabulary", &O::vocabulary, at_least(0), "text: most entries, others are <unk>; 0 = all of the train part"),
      flag("carry", &O::carry, "text: a window starts with the state in which the one before ended; false = at zero"),
  };
  return fields;
}

Fields<DataOptions> data_fields_of(const DataOptions& options) {
  Fields<DataOptions> fields;
  for (const auto& field : data_fields())
    if (foreign_to(field.name, options).empty()) fields.push_back(field);
  return fields;
}

const Fields<TrainingOptions>& training_fields() {
  using O = TrainingOptions;
  static const Fields<O> fields{
      whole("epochs", &O::epochs, at_least(1), "passes over the training part"),
      whole("batch", &O::batch, at_least(1), "images a step"),
      word("optimiser", &O::optimiser, {"sgd", "adam", "adamw"}, "sgd (Nesterov), adam or adamw"),
      number("learning_rate", &O::learning_rate, above(0), "at the start"),
      number("final_learning_rate", &O::final_learning_rate, at_least(0), "at the end of the schedule"),
      word("schedule", &O::schedule, {"cosine", "constant"}, "cosine or constant"),
      number("warmup_epochs", &O::warmup_epochs, at_least(0), "the rate grows linearly from 0 over so many epochs"),
      number("momentum", &O::momentum, rate, "of sgd"),
      number("weight_decay", &O::weight_decay, at_least(0), "pull of the weights to zero"),
      number("gradient_clip", &O::gradient_clip, at_least(0), "largest gradient norm; 0 = off"),
      number("label_smoothing", &O::label_smoothing, rate, "share of each label spread over all classes"),
      number("drop_path", &O::drop_path, rate, "final rate at which paths are dropped"),
      number("auxiliary_weight", &O::auxiliary_weight, weight, "of the auxiliary head's loss, where there is one"),
      number("ema", &O::ema, rate, "decay of averaged weights; 0 = off"),
      flag("checkpoint", &O::checkpoint, "values inside cells are computed again in backward: less memory, more time"),
  };
  return fields;
}

const std::vector<PhaseKind>& phase_kinds() {
  static const std::vector<PhaseKind> kinds{
      phase_kind<SupernetOptions>("supernet", "trains all architectures at once in one network that shares weights", {},
                                  supernet_fields),
      phase_kind<DeriveOptions>("derive", "reads the architecture off the supernet", {"supernet"}, derive_fields),
      phase_kind<SearchOptions>("search", "tries architectures one by one", {}, search_fields),
      // Needs no phase: a retraining of its own is given its architecture by hand.
      phase_kind<RetrainOptions>("retrain", "trains the best from scratch and tests it once", {}, [](const KnownNames&) { return retrain_fields(); }),
      phase_kind<BaselineOptions>("baselines", "what the search has to beat", {"retrain"}, [](const KnownNames&) { return baseline_fields(); }),
      phase_kind<ExportOptions>("export", "writes the best trained network", {"retrain"}, [](const KnownNames&) { return export_fields(); }),
  };
  return kinds;
}

Fields<Config> config_fields(const KnownNames& names) {
  return {
      text("name", &Config::name, "of the study"),
      {"seed", "everything random comes from it", [](Config& c, const Given& g) { c.seed = read_seed(g); },
       [](const Config& c) { return scalar(std::to_string(c.seed)); }},
      word("device", &Config::device, {"cpu", "cuda"}, "cpu or cuda"),
      whole("threads", &Config::threads, at_least(0), "0 = all that the process may use"),
      number("max_memory", &Config::max_memory_bytes, at_least(0),
             "a candidate estimated above this fails at once (as 4GiB); 0 = three quarters of the machine", Unit::bytes),
      {"data", "", read_data, [](const Config& c) { return write_fields(c.data, data_fields_of(c.data)); }},
      {"space", "", [=](Config& c, const Given& g) { read_space(c, g, names); }, write_space},
      {"objectives", "the first one ranks the trials", read_objectives, write_objectives},
      {"constraints", "as {metric: params, at_most: 300k}", [](Config& c, const Given& g) { read_constraints(c.goal.constraints, g); },
       [](const Config& c) { return write_constraints(c.goal.constraints); }},
      {"phases", "run in this order", [=](Config& c, const Given& g) { read_phases(c, g, names); }, write_phases},
  };
}

}  // namespace netwright
