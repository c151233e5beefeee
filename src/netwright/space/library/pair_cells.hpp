#pragma once
// Cells of pairwise combinations: the cells of NASNet, AmoebaNet and ENAS, and the networks around them.
//
// A cell has two input states and blocks; a block applies one operation to each of two states (the same one twice is legal) and adds
// or concatenates the results, which is a further state. Blocks that nobody reads are concatenated as the output. As JSON:
//   {"normal": [["sep_conv_5x5", 0, "sep_conv_3x3", 1], ...], "normal_concat": [1, 2, 3, 4, 5, 6], "reduce": [...], "reduce_concat": [...]}
// with a fifth word "add" or "concat" where a family has that choice. The concat lists may be left out: the loose ends. Or, as the
// official code lists them: {"normal": {"operations": [...], "inputs": [...], "used": [1, 0, ...]}, "reduce": {...}}, two entries a
// block, `used` saying which states are not concatenated.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/graph/builder.hpp"
#include "netwright/space/space.hpp"

namespace netwright {

struct PairTerm {
  std::string op;
  int input = 0;  // 0 and 1: the cell's inputs; 2 + i: block i
  bool operator==(const PairTerm&) const = default;
};

struct PairBlock {
  PairTerm first, second;
  bool concat = false;  // else added
  bool operator==(const PairBlock&) const = default;
};

struct PairCell {
  std::vector<PairBlock> blocks;
  std::vector<int> joined;  // the states that are concatenated as the output, ascending
  bool operator==(const PairCell&) const = default;
};

struct PairCells {
  PairCell normal, reduce;
  bool operator==(const PairCells&) const = default;
};

// Where an operation stands. It gives `channels` channels whatever it reads.
struct PairPlace {
  std::int64_t channels = 0;
  std::int64_t stride = 1;
  bool cropped = false;  // separable convolutions and strided windows: one more row and column of zeros before, of results cut off behind
};

struct PairOperation {
  std::string name;
  std::function<Value(Builder&, Value, PairPlace)> write;
  bool dropped = true;  // by drop path; identities never are
};

struct PairDefaults {
  std::int64_t cifar_channels, cifar_cells, imagenet_channels, imagenet_cells;
};
// Settings network (cifar, imagenet), channels, cells, stem, skip_reduction_input, auxiliary.
std::vector<Setting> pair_settings(const PairDefaults& defaults);
// Setting even_sizes (centred, cropped): where the windows of a reduction cell stand on an even size. Centred: around its even rows and
// columns. Cropped: around its odd ones, as TensorFlow has them, by a row and column of zeros more before and one of results cut off
// behind. The ports of NASNet-A to PyTorch do that for all separable convolutions of the cell, and multiply the cut results too.
Setting cropping_setting();

// What one space of pairwise cells has of its own.
struct PairFamily {
  SpaceInfo info;       // with the settings of pair_settings()
  PairDefaults defaults;
  std::vector<PairOperation> operations;  // those of the space first, then those that only published relatives use
  std::size_t pickable = 0;                 // how many are of the space
  int blocks = 5;
  bool combiner = false;         // add or concat is a decision; else always add
  bool newest_first = true;      // state 0 is the output of the last cell, state 1 that of the one before
  bool always_fits_last = true;  // the last cell's output passes a 1x1 even where its channels fit
  bool first_reads_stem = true;  // where there is only the stem before a cell, its second input is the stem as it is
  bool odd_channel = true;       // a factorized reduction to 2n + 1 channels convolves n + 1 in its second half; else the last is zero
  bool crops = false;            // has the setting `even_sizes` (cropping_setting())
  bool late_auxiliary = false;   // the auxiliary head stands one cell after the second reduction; else one before it
  std::string no_supernet;       // why there is no open graph; empty: there is one
  // Another notation of the field; none where the text is not written in it.
  std::function<std::optional<Architecture>(const DecisionTree&, std::string_view)> parse_other = {};
};

// The operations of the field under their usual names: identity, avg_pool_3x3, max_pool_3x3, 5x5 and 7x7, max_pool_2x2 (only where a
// reduction cell reads its inputs), conv_1x1, conv_3x3, conv_1x3_3x1, conv_1x7_7x1, dil_conv_3x3, sep_conv_3x3, 5x5 and 7x7. Convolutions
// wider than 1x1 stand between a 1x1 to a quarter of the channels and a 1x1 back; separable ones are applied twice; dilated ones (dilation
// 2) are separable and applied once; what follows pooling, and stands for an identity, is a 1x1 where channels or size change. Errors:
// UsageError with the nearest name.
std::vector<PairOperation> pair_operations(const std::vector<std::string>& names);

// Errors: UsageError naming cell, block, value and rule or nearest name. Names of the official code (separable_5x5_2, none) and short ones
// (sep5, avg3) are read too.
PairCells parse_pair_cells(const PairFamily& family, std::string_view json);
std::string print(const PairFamily& family, const PairCells& cells);

// The network of any cells of the family, in its space or not. A drop_path (rate 0) stands behind each operation; its `depth` is the
// cell's place, (cell + 1) / cells with reductions and stem cells counted, as ScheduledDropPath asks.
// The stem: a 3x3 convolution; for imagenet with stride 2 and no padding, and two reduction cells at a quarter and a half of the channels.
// Errors: UsageError for a bad setting.
Graph pair_network(const PairFamily& family, const PairCells& cells, const NetworkOptions& options);

// The space: decisions normal.blockI.inputJ, normal.blockI.opJ and normal.blockI.combine, and reduce..., all one_of and always active.
// Its open graph, where it has one, differs from the closed ones in the output of a cell: all blocks are concatenated and brought to
// the cell's channels by ReLU, 1x1 and batch norm, as which states are loose ends is no choice of one place (ENAS does so while searching).
std::unique_ptr<Space> make_pair_space(PairFamily family);

}  // namespace netwright
