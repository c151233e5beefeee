#pragma once
// Mobile networks as lists of block strings, the notation of MnasNet and EfficientNet, and their compound scaling.
//
//   "r2_k3_s22_e6_i16_o24_se0.25"
//   r repeats, k kernel, s stride (once for each side), e expansion, i input and o output channels, se squeeze-excite as a part of
//   the block's input channels; "noskip" = never a residual. Only the first of the repeats strides and changes the channels.
// Source: Tan et al. 2019, arXiv 1807.11626 (strings), Tan and Le 2019, arXiv 1905.11946 (scaling).
#include <string>
#include <string_view>
#include <vector>

#include "netwright/graph/builder.hpp"
#include "netwright/space/space.hpp"

namespace netwright {

struct MobileBlock {
  std::int64_t repeats = 1, kernel = 3, stride = 1;
  std::int64_t expansion = 1, input = 0, output = 0;
  double squeeze = 0;      // part of the input channels; 0 = none
  bool skip = true;
  bool operator==(const MobileBlock&) const = default;
};

std::string print(const MobileBlock& block);
// Errors: UsageError naming the string, the part and the rule.
MobileBlock parse_mobile_block(std::string_view text);
// A JSON list of strings, or strings separated by commas or blanks. Errors: also where a block's input is not the last one's output.
std::vector<MobileBlock> parse_mobile_blocks(std::string_view text);
std::string print(const std::vector<MobileBlock>& blocks);

struct MobileNetwork {
  std::vector<MobileBlock> blocks;      // the stem, 3x3 with stride 2, gives the first one's input
  std::int64_t head = 1280;             // channels of the 1x1 convolution before the pooling
  std::string activation = "relu";      // of all but the projections
  std::string squeeze_activation = "relu";
  double dropout = 0.2;
  double drop_path = 0;                 // of the last block; growing evenly from 0
};
// ---- compound scaling, of any network that is such a list ----

// Factors of the channels, of the repeats and of the input's side.
struct Scaling {
  double width = 1, depth = 1, resolution = 1;
};

// Channels rounded to a multiple of 8, never below 90 % of the product; factor 1 changes nothing.
std::int64_t scaled_width(std::int64_t channels, double factor);
// ceil(factor * repeats).
std::int64_t scaled_depth(std::int64_t repeats, double factor);
std::vector<MobileBlock> scaled(std::vector<MobileBlock> blocks, const Scaling& scaling);
MobileNetwork scaled(MobileNetwork network, const Scaling& scaling);   // blocks, stem and head

// The network at one scaling or, where there are several factors, open: decision `width` picks the factor of all channels, decision
// `depth` that of all repeats. Nodes are called as in torchvision's EfficientNet: "features.1.0.block.0.0", "classifier.1".
struct ScalingFactors {
  std::vector<std::string> widths = {"1"}, depths = {"1"};   // numbers, as the decisions' choices are called
};
Graph mobile_network(const MobileNetwork& network, const NetworkOptions& options, const ScalingFactors& factors = {});

// How depth, width and resolution grow with the budget: alpha^phi, beta^phi, gamma^phi.
struct Compound {
  double alpha = 1.2, beta = 1.1, gamma = 1.15;
  double product() const { return alpha * beta * beta * gamma * gamma; }   // by which the FLOPs grow a unit of phi, about
  Scaling at(double phi) const;
};

// All (alpha, beta, gamma) of the grid 1, 1 + step, ..., `most` whose product is within `tolerance` of `growth`: the candidates of the
// grid search at phi = 1. Cost: ((most - 1) / step)^3. Errors: UsageError for a step that is not positive.
struct CompoundGrid {
  double step = 0.05, most = 2.0;
  double growth = 2.0, tolerance = 0.1;
};
std::vector<Compound> compound_candidates(const CompoundGrid& grid);

}  // namespace netwright
