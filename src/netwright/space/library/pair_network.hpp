#pragma once
// The frame of a network of pairwise cells, whatever stands in the cells. Inside library/ only.
#include <functional>
#include <vector>

#include "netwright/space/library/pair_cells.hpp"

namespace netwright {

struct PairOutline {
  bool imagenet = false;
  std::int64_t channels = 0, cells = 0, stem = 0, classes = 0;
  bool skip_reduction_input = false, auxiliary = false, cropped = false;
  Shape input;
};

struct PairCellPlace {
  std::int64_t channels = 0;
  bool reduction = false;
  bool cropped = false;  // PairPlace::cropped, of every operation
  double depth = 1.0;    // (cell + 1) / cells
};

// Writes what a cell computes from its two input states, which have the cell's channels and one size.
using PairBody = std::function<Value(Builder&, std::vector<Value> states, const PairCellPlace& place)>;

// Errors: UsageError naming the setting and its rule.
PairOutline pair_outline(const PairFamily& family, const NetworkOptions& options);
Graph write_pair_network(const PairFamily& family, const PairOutline& outline, const PairBody& body);

}  // namespace netwright
