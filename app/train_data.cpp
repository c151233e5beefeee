#include "train_data.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "netwright/core/error.hpp"
#include "netwright/core/machine.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/training/device.hpp"
#include "phases.hpp"

namespace netwright {

std::shared_ptr<const Split> split_of(const Config& config) {
  static std::mutex mutex;
  static std::string held_for;
  static std::shared_ptr<const Split> held;
  const std::string key = resolved_yaml(Config{.seed = config.seed, .data = config.data, .phases = {}});
  const std::lock_guard lock(mutex);
  if (!held || held_for != key) held = std::make_shared<const Split>(open_data(config.data, Seed(config.seed).derive("data"))), held_for = key;
  return held;
}

NetworkPlace place_of(const Config& config, std::int64_t together) {
  const std::int64_t threads = config.threads > 0 ? config.threads : std::max<std::int64_t>(1, usable_threads() / together);
  return {.device = open_device(config.device, threads)};
}

TrainSetting train_setting(const Config& config, const TrainingOptions& training, std::int64_t together) {
  return {.split = split_of(config),
          .training = training,
          .augmentation = augmentation(config.data),
          .place = place_of(config, together),
          .max_memory_bytes = config.max_memory_bytes};
}

RetrainOptions retraining_of(const Config& config, std::string_view name) {
  const auto names = phase_names(config);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const auto* retrain = std::get_if<RetrainOptions>(&config.phases[i].options); retrain != nullptr && names[i] == name) return *retrain;
  for (const auto& phase : config.phases)
    if (const auto* retrain = std::get_if<RetrainOptions>(&phase.options)) return *retrain;
  return {};
}

SupernetPhase supernet_phase(const Config& config, const std::filesystem::path& folder, int before) {
  const auto names = phase_names(config);
  const int count = before < 0 ? static_cast<int>(config.phases.size()) : before;
  for (int i = count - 1; i >= 0; --i) {
    const auto index = static_cast<std::size_t>(i);
    if (const auto* options = std::get_if<SupernetOptions>(&config.phases[index].options))
      return {names[index], Seed(config.seed).derive("phase", index), *options, folder / (names[index] + ".safetensors")};
  }
  throw UsageError("there is no supernet phase before the one that needs its weights");
}

SupernetPhase supernet_before(const Config& config, const std::filesystem::path& folder, std::string_view phase) {
  const auto names = phase_names(config);
  return supernet_phase(config, folder, static_cast<int>(std::find(names.begin(), names.end(), phase) - names.begin()));
}

std::string result_note(const std::string& part, const Evaluation& evaluation, const Split& split) {
  if (split.text()) return part + "_perplexity " + format_count(std::exp(evaluation.loss));
  return part + "_accuracy " + format_percent(evaluation.accuracy);
}

std::string first_line(const std::exception& error) { return split(error.what(), '\n').at(0); }

}  // namespace netwright
