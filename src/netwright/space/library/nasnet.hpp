#pragma once
// The spaces `nasnet` and `amoebanet`: pairwise cells (pair_cells.hpp) whose state 0 is the output of the last cell.
//
// nasnet: 13 operations, each pair added or concatenated; 5,229,943,396,058,757,337,940,161,399,357,440,000 architectures (ordered pairs).
// Zoph et al. 2018, arXiv 1707.07012. NASNet-A, 4 @ 1056: 5,289,978 parameters; 6 @ 768 on CIFAR-10: 3,346,538.
// Setting even_sizes=cropped: its reductions as the port to PyTorch pads and crops them; 4 @ 1056 then takes 568,234,858 MACs, not 563,638,816.
// amoebanet: eight operations, pairs always added. Real et al. 2019, arXiv 1802.01548. AmoebaNet-A (6, 190): 86,718,765 parameters. Its two
// mutations, of a hidden state and of an operation, are what mutate() does to a decision.
// Departures: batch norm has epsilon 1e-5 (there 1e-3); windows of stride 2 are padded on both sides alike, unless cropped; the 13 operations beyond
// those of released cells follow the form of these (pair_operations()), as no code for them was published.
#include <memory>

#include "netwright/space/library/pair_cells.hpp"

namespace netwright {

PairFamily nasnet_family();
PairFamily amoebanet_family();

std::unique_ptr<Space> make_nasnet();
std::unique_ptr<Space> make_amoebanet();

}  // namespace netwright
