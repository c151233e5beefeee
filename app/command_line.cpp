#include "command_line.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "interrupt.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "version.hpp"

namespace netwright {
namespace {

constexpr auto examples = R"(Examples:
  netwright init && netwright check netwright.yaml
  netwright search netwright.yaml --out run seed=3 phases.retrain.epochs=20
  netwright top run
  netwright profile 'nasbench201:|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|'
  netwright matrix --space darts

An architecture is written SPACE:TEXT, or is a JSON file or a published one (netwright list architectures). Settings of a network follow it as key=value.
Exit codes: 0 done, 1 failed, 2 wrong usage or config, 130 interrupted.)";

// Everything that the parser fills, alive while a verb runs.
struct Parsed {
  InitOptions init;
  CheckOptions check;
  SearchVerbOptions search;
  ResumeOptions resume;
  WorkerOptions worker;
  StudyOptions study;
  ShowOptions show;
  NetworkVerbOptions network;
  ScaleOptions scale;
  TrainVerbOptions train;
  OracleOptions oracle;
  TableVerbOptions table;
  CompareOptions compare;
  PredictOptions predict;
  CorrelateOptions correlate;
  ListOptions list;
  DoctorOptions doctor;
  std::function<int(std::ostream&)> run;
};

template <class Options>
CLI::App* add(CLI::App& app, Parsed& parsed, const char* group, const char* name, const char* meaning, const Verb<Options>& verb, Options& options) {
  CLI::App* sub = app.add_subcommand(name, meaning)->group(group);
  sub->callback([&parsed, &options, verb] { parsed.run = [&options, verb](std::ostream& out) { return verb ? verb(options, out) : hand_over; }; });
  return sub;
}

void add_json(CLI::App* sub, bool& json) { sub->add_flag("--json", json, "print JSON"); }

void add_overrides(CLI::App* sub, std::vector<std::string>& overrides) {
  sub->add_option("overrides", overrides, "key=value over the config's keys, as seed=3 or phases.supernet.epochs=5")->type_name("KEY=VALUE");
}

void add_config_verbs(CLI::App& app, Parsed& p, const Verbs& verbs) {
  const char* group = "Start";
  CLI::App* sub = add(app, p, group, "init", "write a commented config that runs as it stands, and a space.yaml", verbs.init, p.init);
  sub->add_option("file", p.init.file, "where to write it")->capture_default_str();
  sub->add_flag("--force", p.init.force, "overwrite files that exist");

  sub = add(app, p, group, "check", "validate a config or a space before any work: size, costs, constraints", verbs.check, p.check);
  sub->add_option("file", p.check.file, "a config, a space file, or a space's name")->required();
  add_overrides(sub, p.check.overrides);
  sub->add_option("--draw", p.check.draw, "FILE.svg or FILE.dot: draws the open graph, in the form that a supernet trains");
  add_json(sub, p.check.json);

  sub = add(app, p, group, "doctor", "what this machine and this installation have", verbs.doctor, p.doctor);
  add_json(sub, p.doctor.json);
}

void add_search_verbs(CLI::App& app, Parsed& p, const Verbs& verbs) {
  const char* group = "Search";
  CLI::App* sub = add(app, p, group, "search", "run a config's phases; DIR gets study.db, report.html, best.json, ...", verbs.search, p.search);
  sub->add_option("config", p.search.config, "the config")->required();
  sub->add_option("--out", p.search.out, "the folder of the study")->required()->type_name("DIR");
  sub->add_option("--workers", p.search.workers, "processes that evaluate trials; never changes the result")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub->add_option("--seed", p.search.seed, "over the config's seed");
  add_overrides(sub, p.search.overrides);

  sub = add(app, p, group, "resume", "go on with a study that was stopped", verbs.resume, p.resume);
  sub->add_option("dir", p.resume.folder, "the folder of the study")->required();
  sub->add_option("--workers", p.resume.workers, "processes that evaluate trials")->check(CLI::PositiveNumber)->capture_default_str();

  sub = add(app, p, "", "worker", "evaluate trials of a phase (started by search)", verbs.worker, p.worker);
  sub->add_option("dir", p.worker.folder, "the folder of the study")->required();
  sub->add_option("phase", p.worker.phase, "the phase's name")->required();
  sub->add_option("name", p.worker.name, "the worker's name")->required();
}

void add_study_verbs(CLI::App& app, Parsed& p, const Verbs& verbs) {
  const char* group = "Read a study";
  const auto study = [&](const char* name, const char* meaning, const Verb<StudyOptions>& verb) {
    CLI::App* sub = add(app, p, group, name, meaning, verb, p.study);
    sub->add_option("dir", p.study.folder, "the folder of the study")->required();
    add_json(sub, p.study.json);
    return sub;
  };
  study("status", "phases, trials and the best so far", verbs.status);
  study("top", "the best trials", verbs.top)->add_option("--count", p.study.count, "how many")->check(CLI::PositiveNumber)->capture_default_str();
  study("derive", "the architecture that a trained supernet means", verbs.derive);
  study("report", "write the report again from the journal", verbs.report)->add_option("--out", p.study.file, "where to write it")->type_name("FILE");

  CLI::App* sub = add(app, p, group, "show", "an architecture, or a trial of a study: decisions and costs", verbs.show, p.show);
  sub->add_option("what", p.show.what, "an architecture, or the folder of a study")->required();
  sub->add_option("settings", p.show.settings, "of an architecture: key=value; of a study: a trial (NUMBER or PHASE/NUMBER)")
      ->type_name("KEY=VALUE|TRIAL");
  sub->add_option("--input", p.show.input, "shape of the input, as 3x32x32");
  sub->add_option("--classes", p.show.classes, "number of classes")->check(CLI::PositiveNumber);
  add_json(sub, p.show.json);
}

CLI::App* add_network(CLI::App& app, Parsed& p, const char* name, const char* meaning, const Verb<NetworkVerbOptions>& verb) {
  CLI::App* sub = add(app, p, "Networks", name, meaning, verb, p.network);
  sub->add_option("architecture", p.network.architecture, "SPACE:TEXT, SPACE/NAME@NETWORK (see list architectures) or a JSON file")->required()->type_name("ARCH");
  sub->add_option("settings", p.network.settings, "settings of the network, as channels=36 auxiliary=true")->type_name("KEY=VALUE");
  sub->add_option("--input", p.network.input, "shape of the input, as 3x32x32");
  sub->add_option("--classes", p.network.classes, "number of classes")->check(CLI::PositiveNumber);
  sub->add_flag("--search", p.network.search, "the form that a supernet trains");
  return sub;
}

void add_scale(CLI::App& app, Parsed& p, const Verbs& verbs) {
  CLI::App* sub = add(app, p, "Networks", "scale", "the grid search of compound scaling: what each (alpha, beta, gamma) makes of a base network", verbs.scale, p.scale);
  sub->add_option("settings", p.scale.settings, "settings of the space efficientnet, as base=r1_k3_s11_e1_i16_o16,... head=200")->type_name("KEY=VALUE");
  sub->add_option("--input", p.scale.input, "shape of the base's input, as 3x32x32");
  sub->add_option("--classes", p.scale.classes, "number of classes")->check(CLI::PositiveNumber);
  sub->add_option("--phi", p.scale.phi, "the power to which each is raised")->check(CLI::NonNegativeNumber)->capture_default_str();
  sub->add_option("--step", p.scale.step, "of the grid, which begins at 1")->check(CLI::Range(0.001, 1.0))->capture_default_str();
  sub->add_option("--most", p.scale.most, "where the grid ends")->check(CLI::Range(1.0, 10.0))->capture_default_str();
  sub->add_option("--growth", p.scale.growth, "alpha * beta^2 * gamma^2 wanted")->check(CLI::PositiveNumber)->capture_default_str();
  sub->add_option("--tolerance", p.scale.tolerance, "how far from it")->check(CLI::NonNegativeNumber)->capture_default_str();
  add_json(sub, p.scale.json);
}

void add_network_verbs(CLI::App& app, Parsed& p, const Verbs& verbs) {
  CLI::App* profiled = add_network(app, p, "profile", "parameters, multiply-accumulates and memory of a network", verbs.profile);
  profiled->add_option("--latency", p.network.latency, "measure latency_ms on this machine, as the median of so many passes of one sample")->check(CLI::Range(1, 1000000));
  add_json(profiled, p.network.json);
  add_scale(app, p, verbs);

  CLI::App* sub = add_network(app, p, "draw", "a network or a space (its open graph) as DOT or SVG", verbs.draw);
  sub->add_option("--out", p.network.out, "FILE.svg or FILE.dot; otherwise DOT is printed")->type_name("FILE");
  sub->add_option("--scope", p.network.scope, "draw what stands in this scope, as cell0");
  sub->add_option("--depth", p.network.depth, "name components shown; 0 = every node")->check(CLI::NonNegativeNumber)->capture_default_str();

  sub = add_network(app, p, "score", "scores without training", verbs.score);
  sub->add_option("--proxies", p.network.proxies, "names with commas between, or all")->capture_default_str();
  sub->add_option("--fill", p.network.fill, "weights and data: random or oracle (a fixed pattern, for checks)")
      ->check(CLI::IsMember({"random", "oracle"}))
      ->capture_default_str();
  sub->add_option("--seed", p.network.seed, "of the random fill");
  sub->add_option("--batch", p.network.batch, "images")->check(CLI::PositiveNumber)->capture_default_str();
  add_json(sub, p.network.json);

  sub = add_network(app, p, "export", "write a network as ONNX, TorchScript, JSON or DOT", verbs.export_network);
  sub->add_option("--out", p.network.out, "the file; its ending says the format")->required()->type_name("FILE");
  sub->add_option("--seed", p.network.seed, "of the weights where none are given");

  const auto train = [&](const char* name, const char* meaning, const Verb<TrainVerbOptions>& verb) {
    CLI::App* trainer = add(app, p, "Networks", name, meaning, verb, p.train);
    trainer->add_option("architecture", p.train.architecture, "SPACE:TEXT, a JSON file, or the folder of a study (its best)")
        ->required()
        ->type_name("ARCH");
    add_overrides(trainer, p.train.overrides);
    trainer->add_option("--config", p.train.config, "a config whose data and training are used")->type_name("FILE");
    trainer->add_option("--seed", p.train.seed, "of weights and data order");
    add_json(trainer, p.train.json);
    return trainer;
  };
  sub = train("retrain", "train an architecture from scratch and test it once", verbs.retrain);
  sub->add_option("--out", p.train.out, "where the trained network goes")->type_name("DIR");
  sub->add_option("--epochs", p.train.epochs, "over the config's")->check(CLI::PositiveNumber);
  sub = train("evaluate", "test a trained network", verbs.evaluate);
  sub->add_option("--weights", p.train.weights, "a safetensors file")->type_name("FILE");
}

void add_list_verbs(CLI::App& app, Parsed& p, const Verbs& verbs) {
  const char* group = "What there is";
  CLI::App* sub = add(app, p, group, "list", "what netwright knows: spaces, strategies, relaxations, proxies, published architectures, ...", verbs.list, p.list);
  sub->add_option("what", p.list.what, "spaces | strategies | evaluators | schedules | stop_rules | predictors | relaxations | updates | regularisers | derivations | proxies | operations | architectures")->required();
  add_json(sub, p.list.json);
  sub = add(app, p, group, "space", "a space: its size, decisions and traits", verbs.space, p.list);
  sub->add_option("space", p.list.space, "a name or a YAML file")->required();
  add_json(sub, p.list.json);
  sub = add(app, p, group, "matrix", "which space, strategy and evaluator go together, and why others do not", verbs.matrix, p.list);
  sub->add_option("--space", p.list.space, "only this one");
  add_json(sub, p.list.json);
  sub = add(app, p, group, "oracle", "run a file of known answers through the real code", verbs.oracle, p.oracle);
  sub->add_option("file", p.oracle.file, "the JSON file")->required();
  sub->add_option("--only", p.oracle.only, "only cases whose id starts so")->type_name("ID-PREFIX");
  add_json(sub, p.oracle.json);
}

void add_table_verbs(CLI::App& app, Parsed& p, const Verbs& verbs) {
  const char* group = "Tables and comparisons";
  CLI::App* sub = add(app, p, group, "table", "a published table or a study as a stored table: import, export, show", verbs.table, p.table);
  sub->add_option("action", p.table.action, "import | export | show")->required();
  sub->add_option("what", p.table.what, "import: a description (YAML); export: the folder of a study; show: FILE.nwt")->required();
  sub->add_option("--out", p.table.out, "where the table goes")->type_name("FILE.nwt");
  sub->add_option("--data", p.table.data, "import: the folder of the description's files; default: its own")->type_name("DIR");
  add_json(sub, p.table.json);

  sub = add(app, p, group, "compare", "strategies over many seeds on a virtual clock: regret, ranks, figure", verbs.compare, p.compare);
  sub->add_option("config", p.compare.config, "the config; its first search phase is run")->required();
  sub->add_option("--strategies", p.compare.strategies, "names with commas between; NAME+SCHEDULE, as tpe+hyperband")->capture_default_str();
  sub->add_option("--seeds", p.compare.seeds, "runs of each")->check(CLI::PositiveNumber)->capture_default_str();
  sub->add_option("--workers", p.compare.workers, "virtual workers")->check(CLI::PositiveNumber)->capture_default_str();
  sub->add_option("--hours", p.compare.hours, "simulated hours shown; 0 = until the last run ends")->check(CLI::NonNegativeNumber)->capture_default_str();
  sub->add_option("--out", p.compare.out, "folder for comparison.svg and comparison.json")->type_name("DIR");
  add_overrides(sub, p.compare.overrides);
  add_json(sub, p.compare.json);

  sub = add(app, p, group, "predict", "how well predictors order the architectures of a table or a study", verbs.predict, p.predict);
  sub->add_option("table", p.predict.table, "FILE.nwt, or the folder of a study")->required();
  sub->add_option("--predictors", p.predict.predictors, "names with commas between, or all")->capture_default_str();
  sub->add_option("--features", p.predict.features, "one_hot, wl, path (where the space has one), graph (for gcn), columns of the table, METRIC@EPOCHS (the beginning of a curve); commas between")->capture_default_str();
  sub->add_option("--metric", p.predict.metric, "what is predicted; default: val_accuracy, or the table's first");
  sub->add_option("--sizes", p.predict.sizes, "how many architectures are known, commas between")->capture_default_str();
  sub->add_option("--seeds", p.predict.seeds, "draws of those")->check(CLI::PositiveNumber)->capture_default_str();
  sub->add_option("--top", p.predict.top, "k of the top-k regret")->check(CLI::PositiveNumber)->capture_default_str();
  add_json(sub, p.predict.json);

  sub = add(app, p, group, "correlate", "rank correlation of every score in a table or study with an accuracy", verbs.correlate, p.correlate);
  sub->add_option("table", p.correlate.table, "FILE.nwt, or the folder of a study")->required();
  sub->add_option("--metric", p.correlate.metric, "what is correlated with; default: val_accuracy, or the table's first");
  sub->add_option("--scores", p.correlate.scores, "columns with commas between ('minimise NAME' where smaller is better); two or more are also joined by log_rank and vote; default: all others");
  add_json(sub, p.correlate.json);
}

std::vector<std::string> verb_names(CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; }))
    if (!sub->get_group().empty()) names.push_back(sub->get_name());
  return names;
}

// The verb's parser; nullptr when the word is no verb.
const CLI::App* find_verb(CLI::App& app, const std::string& word) {
  for (const CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; }))
    if (sub->get_name() == word) return sub;
  return nullptr;
}

void check_verb(CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty()) throw UsageError("no verb; see netwright --help (most used: init, check, search, top)");
  if (words[0].starts_with("-") || find_verb(app, words[0]) != nullptr) return;
  throw UsageError("unknown verb '" + words[0] + "'" + name_hint(words[0], verb_names(app)));
}

// The first word that looks like a flag and is none of the verb's.
void check_flags(CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* sub = find_verb(app, words[0]);
  if (sub == nullptr) sub = &app;
  std::vector<std::string> known;
  for (const CLI::Option* option : sub->get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  for (const std::string& word : words) {
    const std::string flag = word.substr(0, word.find('='));
    if (flag.starts_with("--") && flag.size() > 2 && std::find(known.begin(), known.end(), flag) == known.end())
      throw UsageError("unknown flag '" + flag + "'" + (sub == &app ? "" : " of " + words[0]) + name_hint(flag, known));
  }
}

int parse_and_run(const std::vector<std::string>& words, const Verbs& verbs, std::ostream& out) {
  CLI::App app("Finds a neural network for your data and your hardware, and hands it back trained and exported.", "netwright");
  Parsed parsed;
  app.require_subcommand(1);
  app.set_version_flag("--version", version_line());
  app.footer(examples);
  add_config_verbs(app, parsed, verbs);
  add_search_verbs(app, parsed, verbs);
  add_study_verbs(app, parsed, verbs);
  add_network_verbs(app, parsed, verbs);
  add_table_verbs(app, parsed, verbs);
  add_list_verbs(app, parsed, verbs);
  check_verb(app, words);
  check_flags(app, words);
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const auto used = app.get_subcommands();
    out << (used.empty() ? app.help() : used.front()->help());
    return done;
  } catch (const CLI::CallForVersion& version) {
    out << version.what() << "\n";
    return done;
  } catch (const CLI::ParseError& error) {
    throw UsageError(words[0] + ": " + error.what() + " (see netwright " + words[0] + " --help)");
  }
  return parsed.run(out);
}

// One line, whatever the message holds. What libraries throw goes on with frames of their code: its first line says it.
std::string one_line(const std::exception& error) {
  std::string text = error.what();
  if (dynamic_cast<const Error*>(&error) == nullptr) text = text.substr(0, text.find('\n'));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

int run_command_line(const std::vector<std::string>& words, const Verbs& verbs, std::ostream& out, std::ostream& err) {
  try {
    const int code = parse_and_run(words, verbs, out);
    out.flush();
    if (code == done && !out) throw Error("cannot write the output (is the disk full?)");
    return code;
  } catch (const UsageError& error) {
    err << "netwright: " << one_line(error) << "\n";
    return wrong_usage;
  } catch (const std::exception& error) {
    if (interrupted()) {
      err << "netwright: interrupted; finished trials are kept\n";
      return interrupted_by_user;
    }
    err << "netwright: " << one_line(error) << "\n";
    return failed;
  }
}

}  // namespace netwright
