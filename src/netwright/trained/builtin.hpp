#pragma once
// The registry's entries of evaluators that train.
#include <functional>

#include "netwright/evaluation/registry.hpp"
#include "netwright/trained/train_evaluator.hpp"

namespace netwright {

// "train": the options of a candidate's training are those of the setting, replaced by the evaluator's own where it names them.
EvaluatorEntry train_entry(const TrainSetting& setting, const std::function<bool()>& interrupted = {});

}  // namespace netwright
