#pragma once
// What the phases that train share: the data, the device, and how a network is trained in this search.
#include <filesystem>
#include <memory>

#include "netwright/config/config.hpp"
#include "netwright/supernet/supernet.hpp"
#include "netwright/trained/one_shot.hpp"
#include "netwright/trained/train_evaluator.hpp"
#include "netwright/training/dataset.hpp"

namespace netwright {

// Read once a process: a second call with the same options gives the same parts.
std::shared_ptr<const Split> split_of(const Config& config);

// Sets the thread count: config.threads, or all that the process may use, shared by `together` trainings at a time.
NetworkPlace place_of(const Config& config, std::int64_t together = 1);

TrainSetting train_setting(const Config& config, const TrainingOptions& training, std::int64_t together = 1);

// The retrain phase of that name, else the config's first, the defaults where it has none.
RetrainOptions retraining_of(const Config& config, std::string_view phase = {});

// The last supernet phase before phase `before` (-1: of all). Errors: UsageError when there is none.
struct SupernetPhase {
  std::string name;
  Seed seed = Seed(0);
  SupernetOptions options;
  std::filesystem::path checkpoint;   // FOLDER/NAME.safetensors
};
SupernetPhase supernet_phase(const Config& config, const std::filesystem::path& folder, int before = -1);
// The last one before the phase of that name.
SupernetPhase supernet_before(const Config& config, const std::filesystem::path& folder, std::string_view phase);

// How well a network does on a part, in words: "val_accuracy 93.1 %", of a text "val_perplexity 55.7".
std::string result_note(const std::string& part, const Evaluation& evaluation, const Split& split);

// torch's errors come with a stack of frames: the first line says what happened.
std::string first_line(const std::exception& error);

}  // namespace netwright
