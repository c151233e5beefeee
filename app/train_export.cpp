// Networks to files, and the proof that another runtime computes the same.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/export/onnx.hpp"
#include "netwright/export/safetensors.hpp"
#include "netwright/export/verify.hpp"
#include "netwright/graph/json.hpp"
#include "netwright/nn/tensors.hpp"
#include "netwright/nn/torchscript.hpp"
#include "train_phases.hpp"

namespace netwright {
namespace {

constexpr std::int64_t kVerifiedBatch = 4;

// The project's own environment, beside the build and above the working folder.
std::vector<std::filesystem::path> python_folders() {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return {std::filesystem::current_path(), program, program / "../..", program / "../../.."};
}

// How many numbers a network that reads tokens tells apart; 0: it reads none.
std::int64_t tokens_read(const Graph& graph) {
  const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) { return node.op == "embedding" && node.inputs.at(0) == 0; });
  return found == graph.nodes.end() ? 0 : integer(*found, "entries");
}

// The same fixed input on every machine: uniform numbers of the unit variance that normalised images have, or any tokens.
at::Tensor sample_input(const Graph& graph) {
  std::vector<std::int64_t> sizes{kVerifiedBatch};
  for (const auto size : graph.nodes.front().shape) sizes.push_back(size);
  at::Tensor input = at::empty(sizes, at::kFloat);
  Rng rng = Seed(0).derive("export").rng();
  auto* data = input.mutable_data_ptr<float>();
  const std::int64_t tokens = tokens_read(graph);
  for (std::int64_t i = 0; i < input.numel(); ++i)
    data[i] = tokens > 0 ? static_cast<float>(rng.below(static_cast<std::uint64_t>(tokens))) : static_cast<float>((2 * rng.uniform() - 1) * 1.7320508);
  return input;
}

void verify(Network& network, const std::filesystem::path& model, ExportFiles& files) {
  const auto python = find_python(python_folders());
  if (!python) {
    files.not_verified = "no Python with onnx and onnxruntime found (make deps sets one up; NETWRIGHT_PYTHON names one)";
    return;
  }
  const at::NoGradGuard no_grad;
  const at::Tensor input = sample_input(network.graph());
  const at::Tensor output = network.forward(input)[0].to(at::kCPU, at::kFloat).contiguous();
  const auto count = [](const at::Tensor& t) { return static_cast<std::size_t>(t.numel()); };
  const OnnxVerdict verdict = verify_onnx(model, {input.const_data_ptr<float>(), count(input)}, {output.const_data_ptr<float>(), count(output)}, {.python = *python});
  if (!verdict.ok) throw Error(model.string() + " does not verify: " + verdict.reason);
  files.onnx_difference = verdict.max_abs_difference;
}

}  // namespace

ExportFiles export_network_files(Network& network, const std::filesystem::path& stem, const ExportOptions& options, const std::string& name) {
  ExportFiles files;
  network.train(false);
  const Weights weights = to_weights(network.tensors());
  const auto file = [&](const char* ending) {
    files.written.push_back(stem.string() + ending);
    return files.written.back();
  };
  write_safetensors(file(".safetensors"), weights);
  write_file(file(".graph.json"), to_json(network.graph()));
  if (options.torchscript) write_torchscript(network, file(".pt"));
  if (options.onnx) {
    write_file(file(".onnx"), to_onnx(network.graph(), weights, {.model_name = name}));
    if (options.verify) verify(network, files.written.back(), files);
  }
  return files;
}

}  // namespace netwright
