#pragma once
// A trained network as an ONNX model: one protobuf file that other programs run.
//
// Inference form: running statistics, no dropout. Inputs and outputs are float32 {batch, ...shape}; they are called "input" (after
// the graph's input node), "output" and "auxiliary". Weights keep their names (node name + "." + parameter name), values are named
// after their nodes. A recurrent network reads one window and starts it at zero. Opset 17, IR version 8; opset 19, IR version 9 where an
// average pooling is dilated (no earlier opset has it).
// Cost: a copy of the weights. Source: the public onnx.proto and operator pages of onnx.ai.
#include <map>
#include <string>

#include "netwright/graph/graph.hpp"
#include "netwright/graph/weights.hpp"

namespace netwright {

struct OnnxOptions {
  std::string model_name = "network";
  std::int64_t batch = 0;           // 0 = any batch size (a dimension called "batch")
  bool auxiliary = false;           // also exports the auxiliary output, where there is one
  std::map<std::string, std::string, std::less<>> metadata = {};   // metadata_props: architecture, space, class names
};

// The bytes of the .onnx file. Errors: UsageError for an open graph, for a weight that is missing or has another shape (with the
// nearest name), and for a value whose shape the operation cannot take in ONNX; Error beyond protobuf's limit of 2 GB.
std::string to_onnx(const Graph& closed, const Weights& weights, const OnnxOptions& options = {});

}  // namespace netwright
