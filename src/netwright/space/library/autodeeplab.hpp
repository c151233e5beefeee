#pragma once
// Networks for dense prediction, searched on two levels: a cell, and the path of resolutions along which it is repeated.
//
// The stem divides height and width by 4. Each of 12 layers is the cell at stride 4, 8, 16 or 32; the first is at 4, and each further one
// at a neighbouring stride of the layer before, or the same. The cell is that of DARTS with five nodes: a node adds two of the earlier
// states, each through one of seven operations; states 0 and 1 are the outputs of the last layer but one and of the last, resized
// smoothly and narrowed by a 1x1 convolution; all five nodes are concatenated. At stride s a node has channels * s / 4 channels.
// Source: Liu et al. 2019, arXiv 1901.02985. Paths of 11 steps: 28,657, as in the paper.
// Departures: the cell's count leaves out `none` and two equal inputs (as derivation does), so it is smaller than the paper's; the open
// graph mixes what a cell reads, by one decision a layer, where the paper mixes the cells' outputs by one for each layer and stride.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/space/library/darts.hpp"
#include "netwright/space/space.hpp"

namespace netwright {

// As JSON: {"path": [4, 4, 8, ...], "cell": [["sep_conv_3x3", 0], ...]}: a stride for each layer, two pairs for each node as in a genotype.
struct DenseNetwork {
  std::vector<int> path;
  std::vector<GenotypeEdge> cell;
  bool operator==(const DenseNetwork&) const = default;
};

// Errors: UsageError naming the key, its value and the rule.
DenseNetwork parse_dense_network(std::string_view json);
std::string print(const DenseNetwork& network);

// {channels, h, w} -> {classes}, or with head=dense {classes, h, w}. Any number of layers and nodes.
Graph dense_network(const DenseNetwork& network, const NetworkOptions& options);

// The decisions of a path of `steps` steps, layer2.stride and so on, with their rule: neighbouring strides follow each other.
DecisionTree path_decisions(int steps);

// The space `autodeeplab`: decisions nodeI.edges (2 of the I + 2 earlier states), nodeI.edgeJ (one of 7), layerL.stride.
std::unique_ptr<Space> make_autodeeplab();

}  // namespace netwright
