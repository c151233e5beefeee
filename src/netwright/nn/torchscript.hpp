#pragma once
// A trained network as a TorchScript file, which torch.jit.load in Python and torch::jit::load in C++ run without netwright.
//
//   write_torchscript(network, "best.pt");          # Python: torch.jit.load("best.pt")(images)
//
// Inference form, whatever mode the network is in: running statistics, no dropout; train() on the loaded module changes nothing.
// Reads {batch, ...shape} of any batch, gives the first output; a recurrent network starts every window at zero. Tensors keep their names:
// state_dict() of the loaded module has a key node name + "." + parameter name for every tensor of the network, those of the auxiliary head too.
// The file names no device: map_location and to() move it. Made by tracing Network::forward once, so an operation needs no third
// implementation; kernels must not bake the batch into what they compute (torchscript_test.cpp holds the whole table to that).
// Cost: one forward pass of two samples, and a copy of the weights. Errors: UsageError where one tensor's name is the beginning of
// another's ("a.weight", "a.weight.bias"); Error when the file cannot be written.
#include <filesystem>

#include "netwright/nn/network.hpp"

namespace netwright {

void write_torchscript(Network& network, const std::filesystem::path& file);

}  // namespace netwright
