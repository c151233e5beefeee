#pragma once
// Vision transformers whose width, depth, heads and expansion are searched.
//
// 16x16 patches, class token, learned positions; blocks of  x + W_o attention(norm x)  and  x + W_2 gelu(W_1 norm x)  with heads of 64
// features and relative positions up to 14 rows and columns away; a norm, the mean over the patches, one linear layer.
// Source: Chen, Peng, Fu, Ling 2021, arXiv 2107.00651, and its released code for the relative positions and the mean over patches.
// Departure: query, key and value are three layers, not one; the parameters are the same.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/space/space.hpp"

namespace netwright {

// One network: blocks are as many as there are heads. As JSON: {"E": 192, "heads": [3, 3, ...], "ratio": [3.5, 4, ...]}.
struct VisionTransformer {
  std::int64_t width = 0;
  std::vector<std::int64_t> heads;
  std::vector<std::int64_t> percent;  // hidden features of a block in percent of the width, rounded down: ratio 3.5 = 350
  bool operator==(const VisionTransformer&) const = default;
};

// Errors: UsageError naming the key, its value and the rule.
VisionTransformer parse_vision_transformer(std::string_view json);
std::string print(const VisionTransformer& network);

// {3, h, w} -> {classes}; h and w are multiples of 16, and equal. E = 192 of the paper's AutoFormer-T at 3x224x224 and 1000 classes:
// 5,867,944 parameters. Errors: UsageError for another input.
Graph vision_transformer(const VisionTransformer& network, const NetworkOptions& options);

// The choices of a space. Heads and ratio are chosen block by block; a block is there where the depth reaches it.
struct VisionTransformerChoices {
  std::string name;
  std::vector<std::int64_t> widths, heads, percents, depths;  // ascending
};

// Decisions: width, depth, blockI.heads, blockI.ratio. Elastic parts share one weight in the open graph, from its first row and column on.
std::unique_ptr<Space> make_autoformer(const VisionTransformerChoices& choices);
std::unique_ptr<Space> make_autoformer_tiny();   // width 192, 216, 240; heads 3, 4; ratio 3.5, 4; depth 12 to 14
std::unique_ptr<Space> make_autoformer_small();  // width 320, 384, 448; heads 5, 6, 7; ratio 3, 3.5, 4; depth 12 to 14
std::unique_ptr<Space> make_autoformer_base();   // width 528, 576, 624; heads 8, 9, 10; ratio 3, 3.5, 4; depth 14 to 16

}  // namespace netwright
