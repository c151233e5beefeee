#pragma once
// Which open graphs one network of shared weights can run.
#include <string>

#include "netwright/graph/graph.hpp"

namespace netwright {

// Why no supernet can run the graph, at any depth; empty: one can.
//   open numbers: kernel, channels and features of maps and vectors; features, channels, percent and heads of sequences {steps, features};
//   kernels of one decision are all odd or all even, so that each is the centre of the largest.
std::string no_sharing(const Graph& open);

// Why only whole architectures may run in it, one at a time; empty: mixtures may too. A select that concatenates some of its inputs has no
// sum of them.
std::string no_mixing(const Graph& open);

}  // namespace netwright
