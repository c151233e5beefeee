#include "netwright/trained/builtin.hpp"

#include "netwright/config/config.hpp"

namespace netwright {

EvaluatorEntry train_entry(const TrainSetting& setting, const std::function<bool()>& interrupted) {
  EvaluatorEntry entry{.name = "train",
                       .title = "Trains each candidate from scratch and validates it",
                       .metrics = {"val_accuracy", "val_loss", "val_perplexity", "train_loss", "train_accuracy", "params", "macs", "train_seconds"},
                       .traits = {"deterministic", "needs data"}};
  for (const auto& name : training_option_names()) entry.options.push_back({name, "", "as in a retrain phase"});
  entry.make = [setting, interrupted](const EvaluatorCase& evaluator_case) {
    TrainSetting own = setting;
    own.training = read_training(evaluator_case.options, setting.training, "evaluator train");
    return make_train_evaluator(evaluator_case.space, evaluator_case.network, own, interrupted);
  };
  return entry;
}

}  // namespace netwright
