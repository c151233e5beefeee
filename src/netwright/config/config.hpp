#pragma once
// A search, written as YAML, read into typed options with the place of every mistake.
//
//   name: fashion                    data: {source: fashion_mnist}      space: space.yaml  (or {name, network: {}, search: {}})
//   seed: 0                          objectives: [{metric: val_accuracy, direction: maximise}]
//   device: cpu                      constraints: [{metric: params, at_most: 300k}]
//   phases:
//     - supernet: {epochs: 8}
//     - derive
//     - search: {strategy: evolution, evaluator: {name: train, epochs: 3}, trials: 50, time: 2h}
//     - retrain: {best: 1, epochs: 20}
//     - baselines: {random: 2}
//     - export
//
// Files named in a config (a space, data, an evaluator's `file`) stand relative to the config's own folder. Whole numbers and sizes carry units where that makes sense
// (50k, 5ms, 2h, 4GiB); a constraint's bound takes the unit of its metric (latency_ms: 5ms, peak_bytes: 64MB, macs: 300M).
//
// Errors: UsageError, one line "FILE:LINE:COL: PATH must be RULE, not 'VALUE'" or "FILE:LINE:COL: unknown key 'epohcs' in
// phases[0].supernet; did you mean 'epochs'?". What comes from an override names the override instead of the file.
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/config/options.hpp"

namespace netwright {

// Names that other rooms register. An empty list checks nothing; a strategy or evaluator maps to the names of its options, where
// an empty list takes any.
struct KnownNames {
  std::vector<std::string> spaces;
  std::map<std::string, std::vector<std::string>> strategies;
  std::map<std::string, std::vector<std::string>> evaluators;
  // Parts of one-shot search.
  std::map<std::string, std::vector<std::string>> relaxations = {};
  std::map<std::string, std::vector<std::string>> updates = {};
  std::map<std::string, std::vector<std::string>> regularisers = {};
  std::map<std::string, std::vector<std::string>> derivations = {};
  std::map<std::string, std::vector<std::string>> fidelities;
  std::map<std::string, std::vector<std::string>> stop_rules;
};

Config read_config(const std::filesystem::path& file, const std::vector<std::string>& overrides = {}, const KnownNames& names = {});
Config read_config_text(std::string_view text, const std::string& origin, const std::vector<std::string>& overrides = {},
                        const KnownNames& names = {});

// The files and folders that a search phase names, to be changed in place: an evaluator's `file`, `table` and `state`, a strategy's
// `warm_start`.
std::vector<std::string*> files_in(SearchOptions& search);
// Whether a space's name is that of a file: YAML, or a stored table.
bool is_space_file(std::string_view name);

// Every key, as YAML that reads back equal.
std::string resolved_yaml(const Config& config);

// A config that runs as it stands beside a space.yaml: a DARTS search on Fashion-MNIST, every key with its meaning behind it.
std::string commented_config();

// The options of a stand-alone training in evaluator options: what the settings name over the given defaults.
// Errors: UsageError "ORIGIN: ..." for an unknown name or a value out of range.
TrainingOptions read_training(const Settings& settings, const TrainingOptions& defaults, const std::string& origin);
std::vector<std::string> training_option_names();

}  // namespace netwright
