#pragma once
// Which open graphs one network of shared weights can run.
#include <cstddef>
#include <map>
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

// How many values each decision of open attributes has, at any depth.
std::map<std::string, std::size_t> open_numbers(const Graph& open);

// The graph in which every place of such a decision takes its value of that index. Errors: UsageError where its shapes no longer fit.
Graph with_number(Graph open, const std::string& decision, std::size_t index);

// Why the cost of each number cannot be counted by changing one decision in the open graph; empty: it can. (Layers of different widths,
// one of which a select picks, fit together as masks alone.)
std::string no_counting(const Graph& open);

}  // namespace netwright
