#pragma once
// Chains of inverted residuals in which every layer is chosen by itself: ProxylessNAS and FBNet.
//
// A layer is written as in the field: "ir_k3_e6", "ir_k3_s2" (expansion 1 with two groups), "mb_k7_e3", "k5e6", "skip" (also "zero"),
// and, for networks beyond the space, with its channels and its stride: "k5e6 32 s2".
// A network is a list of layers, separated by commas, or a JSON list of strings.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/graph/builder.hpp"
#include "netwright/space/space.hpp"

namespace netwright {

struct ChainLayer {
  bool skip = false;              // the identity where shapes agree, else a 1x1 convolution with batch norm and activation
  std::int64_t kernel = 3, expansion = 1, groups = 1;
  std::int64_t channels = 0;      // 0 = as the layer before
  std::int64_t stride = 1;
  bool placed = false;            // channels or stride were written: beyond the space
  bool operator==(const ChainLayer&) const = default;
};

// Errors: UsageError naming the layer, the word and the form.
ChainLayer parse_chain_layer(std::string_view text);
std::vector<ChainLayer> parse_chain(std::string_view text);

// What stands around the layers, and what they have in common.
struct ChainForm {
  std::int64_t stem = 16;         // channels of the 3x3 convolution of stride 2
  std::int64_t first = 0;         // channels of a fixed layer k3e1 behind it; 0 = none
  std::int64_t head = 1280;       // channels of the 1x1 convolution before the pooling
  std::string activation = "relu6";
  bool biases = false;            // convolutions before a batch norm have one
  double dropout = 0;
};
Graph chain_network(const ChainForm& form, const std::vector<ChainLayer>& layers, const NetworkOptions& options);

// ProxylessNAS: 21 layers in six stages, kernel 3, 5 or 7 and expansion 3 or 6, or, but for a stage's first, none: 6^6 * 7^15.
// Source: Cai, Zhu, Han 2019, arXiv 1812.00332. Departure: where the paper mixes candidates beside a residual, here each candidate
// holds its residual; weights that sum to one give the same function.
std::unique_ptr<Space> make_proxylessnas();

// FBNet: 22 layers, kernel 3 or 5 with expansion 1, 1 in two groups, 3 or 6, or none: 9^22.
// Source: Wu et al. 2019, arXiv 1812.03443; the official definition gives every convolution a bias (setting `biases`). As there, layers
// of expansion 1 have no expansion layer, those of two groups neither: their projection alone is in two groups.
std::unique_ptr<Space> make_fbnet();

}  // namespace netwright
