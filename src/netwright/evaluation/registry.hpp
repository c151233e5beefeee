#pragma once
// The registry of evaluators. Each room that has evaluators gives a list of entries; whoever puts a program together joins them.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/evaluation/evaluator.hpp"
#include "netwright/evaluation/predictor.hpp"

namespace netwright {

// What an evaluator is made of. Options come as text (from YAML) and are checked by the evaluator's entry.
struct EvaluatorCase {
  std::shared_ptr<const Space> space;
  NetworkOptions network;  // of the networks that are judged
  std::map<std::string, std::string, std::less<>> options = {};
};

struct EvaluatorOption {
  std::string name;
  std::string fallback;
  std::string meaning;
};

// One line of the registry. `make` may hold what its room needs beside the case (a dataset, a device).
struct EvaluatorEntry {
  std::string name;
  std::string title;
  std::vector<std::string> metrics;  // what it gives by default
  std::vector<std::string> traits;   // as EvaluatorInfo's
  std::vector<EvaluatorOption> options;
  // Why it cannot judge this space with these options, or "". Null: it judges every space. Cost: below 1 ms.
  std::function<std::string(const EvaluatorCase&)> unsuited;
  std::function<std::unique_ptr<Evaluator>(const EvaluatorCase&)> make;
  bool forwards = false;  // stands around the evaluator that its option `of` names, whose options are given beside its own
};

EvaluatorInfo info_of(const EvaluatorEntry& entry);

// cost, tabular, predictor, command: those that need no torch (evaluation/builtin.cpp). Predictors of other rooms can be named too.
std::vector<EvaluatorEntry> torch_free_evaluators(const std::vector<PredictorEntry>& more_predictors = {});

// Errors: UsageError with the nearest name.
const EvaluatorEntry& find_evaluator(const std::vector<EvaluatorEntry>& entries, std::string_view name);

// The entry that judges: the named one, or that which its option `of` names where it stands around another. Null where there is none.
const EvaluatorEntry* judging(const std::vector<EvaluatorEntry>& entries, std::string_view name, const EvaluatorCase& evaluator_case);

// Errors: UsageError with the nearest name, for an option that the entry does not have; none for one that stands around another.
void check_options(const EvaluatorEntry& entry, const EvaluatorCase& evaluator_case);

// Errors: UsageError with the nearest name, for the evaluator or an option; Unsupported with the reason for a space that it cannot judge.
std::unique_ptr<Evaluator> make_evaluator(const std::vector<EvaluatorEntry>& entries, std::string_view name, const EvaluatorCase& evaluator_case);

// The option's text as given, else the entry's fallback. Errors: Error for a name that the entry does not have.
std::string option(const EvaluatorEntry& entry, const EvaluatorCase& evaluator_case, std::string_view name);

}  // namespace netwright
