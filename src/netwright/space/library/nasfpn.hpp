#pragma once
// Feature pyramids made of merging cells, found by search.
//
// A pool starts with the backbone's layers of levels 3 to 7 (level l has 1/2^l of the image's height and width). Each of 7 cells merges
// two layers of the pool at a level, then ReLU - 3x3 convolution - batch norm, and the result joins the pool. The last five cells are
// the pyramid's outputs, one a level; layers that nothing read are added to the output of their level. The merge is a sum, or
// attention: a + b * sigmoid(global maximum of a), where a is the earlier layer of the pool. Layers are brought to a level by
// max pooling downwards and by the nearest pixel upwards. The pyramid is stacked, each on the outputs of the one before.
// Source: Ghiasi, Lin, Le 2019, arXiv 1904.07392, and its released code for merging and resampling.
// Departures: of two layers the earlier one is always a; levels 6 and 7 are pooled from the narrowed level 5.
// Until there are detection heads the network ends in a classifier of all five levels, or (setting head) in the five of them.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/space/space.hpp"

namespace netwright {

// As JSON in a list: [4, "attention", 1, 3]: level, merge, and the two layers by their places in the pool (0 to 4 are levels 3 to 7).
struct MergingCell {
  int level = 3;
  bool attention = false;
  int first = 0, second = 0;
  bool operator==(const MergingCell&) const = default;
};

// Errors: UsageError naming the cell, its value and the rule.
std::vector<MergingCell> parse_merging_cells(std::string_view json);
std::string print(const std::vector<MergingCell>& cells);

// {channels, h, w} -> {classes}; h and w are multiples of 32, at least 128. The last five cells give one output for each level.
Graph feature_pyramid_network(const std::vector<MergingCell>& cells, const NetworkOptions& options);

// The space `nasfpn`: decisions mergeI.inputs (2 of the layers before), mergeI.op, merge0.level, merge1.level, and outputs (the order of
// the five levels). It has no open graph: the size of what a cell reads depends on other decisions.
std::unique_ptr<Space> make_nasfpn();

}  // namespace netwright
