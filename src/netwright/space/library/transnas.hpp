#pragma once
// TransNAS-Bench-101: one backbone for seven vision tasks, searched by its cell (micro) or by its outline (macro).
// Source: Duan et al. 2021, arXiv 2105.11871, and its released code.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/space/space.hpp"

namespace netwright {

// none, skip_connect, nor_conv_1x1, nor_conv_3x3.
const std::vector<std::string>& transnas_candidates();

// "64-41414-1_02_333": channels of the stem, a module type a digit, operations of the edges 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2;
// "64-1234-basic" has residual blocks instead of cells.
// Module types: 1 as before, 2 doubles the channels, 3 halves the resolution, 4 both.
struct TransnasCode {
  std::int64_t channels = 64;
  std::vector<int> modules = {4, 1, 4, 1, 4};
  std::optional<std::array<int, 6>> cell;
  bool operator==(const TransnasCode&) const = default;
};
std::string print(const TransnasCode& code);
// Any code of the notation, in the two spaces or not. Errors: UsageError naming the part, its value and the rule.
TransnasCode parse_transnas(std::string_view text);

// The network of any code. Stem: conv 3x3 stride 2 (half the channels) - BN - ReLU - conv 3x3 stride 2 - BN; each module twice the cell
// or block, the first with the module's stride and channels. `head` (a setting): "classifier", global average pooling and a linear
// layer; "none", the feature map itself, for the heads of other tasks.
// 64-41414-1_02_333 at 3x256x256: 22,520,608 parameters and 4,585,947,136 multiply-accumulates without the head.
Graph transnas_network(const TransnasCode& code, const NetworkOptions& options);

// `transnas_micro`: six edges with four operations, in modules 41414; 4,096 architectures, an open graph.
// Decisions 1<-0 ... 3<-2. Printed as 64-41414-...; the settings `channels` and `modules` change the network, not the code.
std::unique_ptr<Space> make_transnas_micro();
// `transnas_macro`: 4 to 6 modules of residual blocks, 1 to 3 of which double the channels and 1 to 4 halve the resolution; 3,256
// architectures. Decisions: modules; doubleN and halveN (which of the N modules), active at that length. No open graph.
std::unique_ptr<Space> make_transnas_macro();

}  // namespace netwright
