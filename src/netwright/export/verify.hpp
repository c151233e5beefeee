#pragma once
// Does an exported model do what the network does? Asked of programs that are not ours: onnx's checker and onnxruntime, run in a
// Python that has them.
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "netwright/graph/graph.hpp"

namespace netwright {

struct OnnxVerdict {
  bool ok = false;
  std::string reason;                  // one line where not ok
  double max_abs_difference = 0;       // of the first output
  Shape shape;                         // of the first output, with the batch
};

struct OnnxVerification {
  std::filesystem::path python;        // an interpreter with numpy, onnx and onnxruntime
  double tolerance = 1e-4;             // largest absolute difference
};

// The interpreter to ask: the environment's NETWRIGHT_PYTHON, or .venv/bin/python in the first of the folders (or in a folder
// above it) that has one; nothing when there is none.
std::optional<std::filesystem::path> find_python(const std::vector<std::filesystem::path>& folders);

// Runs the model on `input` (a batch of samples, row-major) and compares its first output with `expected` (empty: only runs it).
// Cost: 0.5-2 s, mostly imports. Errors: Error when the interpreter cannot be started or answers with nonsense; a model that
// fails is a verdict.
OnnxVerdict verify_onnx(const std::filesystem::path& model, std::span<const float> input, std::span<const float> expected, const OnnxVerification& options);

// The text of verify_onnx.py.
const char* verify_onnx_script();

}  // namespace netwright
