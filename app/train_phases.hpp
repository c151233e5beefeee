#pragma once
// The phases that need torch.
#include <optional>
#include <string>
#include <vector>

#include "netwright/graph/weights.hpp"
#include "netwright/nn/network.hpp"
#include "phases.hpp"

namespace netwright {

struct SupernetPhase;

// supernet: trains it, logs losses and shares of every choice, keeps everything in FOLDER/NAME.safetensors after every epoch.
std::string run_supernet_phase(const PhaseContext& context, const Phase& phase);
// The architecture that a rule reads off a trained supernet, printed. Errors: UsageError for a checkpoint that is not there or not its own.
std::string derived_architecture(const Config& config, const Space& space, const SupernetPhase& supernet, const DeriveOptions& options = {});
// The shared weights of a trained supernet. Errors: as above.
Weights supernet_weights(const Config& config, const Space& space, const SupernetPhase& supernet);
// Each architecture with the shared weights, on the whole validation part: val_accuracy and the like. Errors: as above; Interrupted.
std::vector<Metrics> inherited_metrics(const Config& config, const Space& space, const SupernetPhase& supernet, const std::vector<std::string>& architectures);
// derive: the architecture of the supernet before it, by the phase's rule.
std::string run_derive_phase(const PhaseContext& context, const Phase& phase);
// retrain: the architectures that the phases before it found, each from scratch (from the supernet's weights where the phase asks
// for them), then the one look at the test part.
std::string run_retrain_phase(const PhaseContext& context, const Phase& phase);
// baselines: random architectures of the space, and the hand-made residual network nearest in MACs, trained as the retrain phase trains; then
// what the supernet before it says of all that was trained, for the report's comparison of both rankings.
std::string run_baselines_phase(const PhaseContext& context, const Phase& phase);
// export: the best retrained network as ONNX, TorchScript, safetensors and JSON; verified by onnx and onnxruntime.
std::string run_export_phase(const PhaseContext& context, const Phase& phase);

// Every phase and every evaluator.
Abilities training_abilities();

// The architectures that the phases before this one found, best first: a derive phase's one, or a search phase's best.
std::vector<std::string> found_architectures(const PhaseContext& context, std::int64_t count);

// FOLDER/PHASE_NUMBER.safetensors: the weights of a trained trial.
std::filesystem::path weights_file(const std::filesystem::path& folder, const Trial& trial);

// Errors: UsageError, which names the file, when it is none or of another network.
void load_weights_file(const Network& network, const std::filesystem::path& file);

// Rebuilds a trained trial's network out of its weights file. Errors: UsageError when the file is not there.
Network trained_network(const Config& config, const Space& space, const std::filesystem::path& folder, const Trial& trial);

struct ExportFiles {
  std::vector<std::string> written;
  std::optional<double> onnx_difference;   // largest absolute difference between onnxruntime's outputs and ours, where it was verified
  std::string not_verified;                // why not
};
// Writes stem.onnx, stem.pt, stem.safetensors and stem.graph.json as asked. Errors: Error when the ONNX file does not give our outputs.
ExportFiles export_network_files(Network& network, const std::filesystem::path& stem, const ExportOptions& options, const std::string& name);

}  // namespace netwright
