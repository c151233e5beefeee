#pragma once
// What the files of fused patterns share: how nodes are recognised, and the patterns themselves, which fused.cpp lists. Inside the room.
#include <optional>

#include "netwright/kernels/convolve.hpp"
#include "netwright/nn/program.hpp"

namespace netwright {

inline std::size_t index(int node) { return static_cast<std::size_t>(node); }

// How often a value is read; an output counts as one reader more.
int readers(const Graph& graph, int node);
bool read_by_a_norm(const Graph& graph, int node);

// Convolutions without bias of square windows and even padding, that kernels take: a dense 3x3 one of 8 to 128 channels (fewer fill no vector, the
// weights of more do not stay in the cache from image to image), a depthwise one, a 1x1 one of any stride, and one that is worth it by itself.
bool is_plain_convolution(const Node& node);
bool is_dense(const Node& node, std::int64_t in_channels);
bool is_depthwise(const Node& node, std::int64_t in_channels);
bool mixes_pixels(const Node& node);
bool is_pointwise(const Node& node, std::int64_t in_channels);
// A pooling 3x3.
bool is_small_pool(const Node& node);

// A closed node of images in float32 on the CPU.
bool is_image_on_cpu(const LoweringCase& c);

// What has been run ahead for the slot, of this value.
std::optional<Convolved> taken(Frame& frame, const void* slot, const at::Tensor& value);

// A batch norm by the places of its tensors in the list.
Norm norm_of(const Node& node, const std::vector<std::size_t>& places, const std::vector<NamedTensor>& tensors, const RunMode& mode);

Pattern chain_pattern();      // chain_pattern.cpp
Pattern reduce_pattern();     // beside_patterns.cpp, as those below
Pattern pool_pattern();
Pattern concat_pattern();
Pattern identity_pattern();

}  // namespace netwright
