#include "training_verbs.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "catalogue.hpp"
#include "machine.hpp"
#include "network_words.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/export/onnx.hpp"
#include "netwright/export/safetensors.hpp"
#include "netwright/graph/json.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/nn/torchscript.hpp"
#include "netwright/study/summary.hpp"
#include "netwright/trained/latency.hpp"
#include "netwright/training/device.hpp"
#include "study_words.hpp"
#include "train_data.hpp"
#include "train_phases.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The config of a single network: as given, or the defaults; a study's folder brings its own.
Config config_for(const TrainVerbOptions& options) {
  if (!options.config.empty()) return read_config(options.config, options.overrides, known_names());
  if (is_folder(options.architecture) && fs::exists(fs::path(options.architecture) / "study.db"))
    return config_of(open_study(options.architecture), options.architecture);
  return read_config_text("phases: [retrain, export]\n", "the default config", options.overrides, known_names());
}

// Settings of another space mean nothing to a network.
bool same_space(const Config& config, const Space& space) { return find_space(config.space.name)->info().name == space.info().name; }

// What find_space() calls the space of an architecture: its name, or the file that it was read from.
std::string space_name(const std::string& architecture, const Space& space) {
  const std::string name = space.info().name;
  if (std::find(space_names().begin(), space_names().end(), name) != space_names().end()) return name;
  if (is_folder(architecture) && fs::exists(fs::path(architecture) / "study.db")) return config_of(open_study(architecture), architecture).space.name;
  const bool file = architecture.ends_with(".json") || is_folder(architecture);
  if (!file) return architecture.substr(0, architecture.find(':'));
  const fs::path json = is_folder(architecture) ? fs::path(architecture) / "best.json" : fs::path(architecture);
  const std::string written = Json::parse(read_file(json)).at("space").get<std::string>();
  return fs::exists(json.parent_path() / written) ? (json.parent_path() / written).string() : written;
}

Network fresh_network(const NetworkVerbOptions& options, std::string& title) {
  const NamedNetwork named = named_network(options);
  title = named.space;
  Network network(named.graph);
  network.initialise(Seed(options.seed).derive("init"));
  network.train(false);
  return network;
}

Network best_network(const fs::path& folder, std::string& title) {
  const Study study = open_study(folder);
  const Config config = config_of(study, folder);
  std::vector<Trial> trained;
  for (const auto& trial : study.trials())
    if (trial.label == "best" && trial.state == TrialState::done) trained.push_back(trial);
  const auto chosen = best(trained, config.goal);
  if (!chosen) throw UsageError(folder.string() + " has no retrained network; netwright retrain " + folder.string() + " --out DIR trains one");
  title = config.name;
  return trained_network(config, *find_space(config.space.name), folder, *chosen);
}

double gemm_gflops() {
  const at::NoGradGuard no_grad;
  const at::Tensor a = at::randn({1024, 1024}), b = at::randn({1024, 1024});
  at::mm(a, b);
  double best_seconds = 1e9;
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    at::mm(a, b);
    best_seconds = std::min(best_seconds, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2.0 * 1024 * 1024 * 1024 / best_seconds / 1e9;
}

bool sees_cuda() {
  try {
    return open_device("cuda").is_cuda();
  } catch (const UsageError&) {
    return false;
  }
}

}  // namespace

int retrain(const TrainVerbOptions& options, std::ostream& out) {
  Config config = config_for(options);
  const Located located = locate_architecture(options.architecture);
  RetrainOptions retraining{.training = retraining_of(config).training};
  if (options.epochs > 0) retraining.training.epochs = options.epochs;
  if (options.out.empty()) throw UsageError("retrain: --out DIR says where the trained network goes");
  config.phases = {{"retrain", retraining}, {"export", ExportOptions{}}};
  if (!same_space(config, *located.space)) config.space = {};
  config.space.name = space_name(options.architecture, *located.space);
  if (options.seed != 0) config.seed = options.seed;
  if (const std::string reason = unfed(*located.space, config.data); !reason.empty()) throw UsageError("retrain: " + reason);
  const std::string text = located.space->print(located.architecture);
  return run_given(training_abilities(), config, text, options.out, out);
}

int derive_with_torch(const StudyOptions& options, std::ostream& out) {
  if (const int code = derive(options, out); code != hand_over) return code;
  const Config config = config_of(open_study(options.folder), options.folder);
  const auto space = find_space(config.space.name);
  const std::string text = derived_architecture(config, *space, supernet_phase(config, options.folder));
  if (options.json) out << Json{{"space", space->info().name}, {"architecture", text}}.dump(2) << "\n";
  else out << space->info().name << ":" << text << "\n";
  return done;
}

int evaluate(const TrainVerbOptions& options, std::ostream& out) {
  const Config config = config_for(options);
  const auto split = split_of(config);
  std::string title;
  const bool study = is_folder(options.architecture) && options.weights.empty();
  if (!study && options.weights.empty()) throw UsageError("evaluate: --weights FILE.safetensors names the trained weights");
  const auto loaded = [&] {
    const Located located = locate_architecture(options.architecture);
    if (const std::string reason = unfed(*located.space, config.data); !reason.empty()) throw UsageError("evaluate: " + reason);
    NetworkOptions network = network_options(config);
    if (!same_space(config, *located.space)) network.settings.clear();
    Network built(located.space->close(located.architecture, network), place_of(config));
    load_weights_file(built, options.weights);
    return built;
  };
  Network network = study ? best_network(options.architecture, title) : loaded();
  const Evaluation validation = evaluate(network, split->validation, 256), test = final_test(network, split->test, 256);
  const char* counted = split->text() ? "tokens" : "images";
  Json json = Json::object();
  for (const auto& [part, evaluation] : {std::pair{"val", &validation}, std::pair{"test", &test}}) {
    for (const auto& [name, value] : metrics_of(part, *evaluation, *split)) json[name] = value;
    json[std::string(part) + "_" + counted] = evaluation->images;
  }
  if (options.json) out << json.dump() << "\n";
  else
    for (const auto& [name, value] : json.items()) out << name << std::string(17 - name.size(), ' ') << value << "\n";
  return done;
}

int export_network(const NetworkVerbOptions& options, std::ostream& out) {
  if (options.out.empty()) throw UsageError("export: --out FILE says where; its ending (.onnx, .pt, .safetensors, .json) says what");
  std::string title;
  const bool study = is_folder(options.architecture);
  Network network = study ? best_network(options.architecture, title) : fresh_network(options, title);
  const std::string ending = fs::path(options.out).extension();
  const Weights weights = to_weights(network.tensors());
  if (ending == ".onnx") write_file(options.out, to_onnx(network.graph(), weights, {.model_name = title}));
  else if (ending == ".pt") write_torchscript(network, options.out);
  else if (ending == ".safetensors") write_safetensors(options.out, weights);
  else if (ending == ".json") write_file(options.out, to_json(network.graph()));
  else throw UsageError("export: '" + options.out + "' must end in .onnx, .pt, .safetensors or .json");
  out << "wrote " << options.out << (study ? "" : " with untrained weights (seed " + std::to_string(options.seed) + ")") << "\n";
  return done;
}

int profile_with_torch(const NetworkVerbOptions& options, std::ostream& out) {
  if (const int code = profile(options, out); code != hand_over) return code;
  const NamedNetwork named = named_network(options);
  const double latency = latency_ms(named.graph, {}, {.runs = options.latency});
  if (options.json) {
    Json json = cost_json(cost(named.graph));
    json["latency_ms"] = latency;
    out << json.dump() << "\n";
    return done;
  }
  NetworkVerbOptions counted = options;
  counted.latency = 0;
  profile(counted, out);
  out << "latency_ms          " << format_count(latency) << "   (" << at::get_num_threads() << " threads, the median of " << options.latency << " passes of one sample)\n";
  return done;
}

int doctor_with_torch(const DoctorOptions& options, std::ostream& out) {
  Json json = installation_json();
  const bool cuda = sees_cuda();
  open_device("cpu");
  json["torch"] = {{"version", NETWRIGHT_TORCH_VERSION}, {"threads", at::get_num_threads()}, {"gemm_gflops", gemm_gflops()}, {"cuda", cuda}};
  if (options.json) out << json.dump(2) << "\n";
  else
    out << installation_lines(json) << "torch      " << NETWRIGHT_TORCH_VERSION << ", " << at::get_num_threads() << " threads, "
        << static_cast<int>(json["torch"]["gemm_gflops"].get<double>()) << " GFLOP/s in a float32 matrix product, " << (cuda ? "a GPU" : "no GPU") << "\n";
  return done;
}

}  // namespace netwright
