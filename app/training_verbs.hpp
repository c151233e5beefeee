#pragma once
// Verbs about single networks: train, test, write to a file; and what torch has on this machine.
#include <ostream>

#include "verbs.hpp"

namespace netwright {

// Trains one architecture from scratch as a study of its own (derive done, retrain, export): the same code, files and resume as a search.
int retrain(const TrainVerbOptions& options, std::ostream& out);
// derive(), and where a study ends with its supernet: the architecture that this one means.
int derive_with_torch(const StudyOptions& options, std::ostream& out);
// Accuracy of trained weights on the validation part and, once, on the test part.
int evaluate(const TrainVerbOptions& options, std::ostream& out);
// An architecture with fresh weights (by seed), or a study's best network with its trained ones, to .onnx, .pt, .safetensors or .json.
int export_network(const NetworkVerbOptions& options, std::ostream& out);
int doctor_with_torch(const DoctorOptions& options, std::ostream& out);
int profile_with_torch(const NetworkVerbOptions& options, std::ostream& out);

}  // namespace netwright
