#pragma once
// The cell space of DARTS, and the networks that any genotype of its notation means.
//
// A genotype names, for a normal and a reduction cell, (operation, input) pairs: two a node, nodes in order; states 0 and 1 are the
// outputs of the previous two cells, state 2 + i is node i. As JSON:
//   {"normal": [["sep_conv_3x3", 0], ...], "normal_concat": [2, 3, 4, 5], "reduce": [...], "reduce_concat": [...]}
// Source: Liu, Simonyan, Yang 2019, arXiv 1806.09055. Sparse genotypes, whose nodes have any number of inputs, are written with triples
// ["sep_conv_3x3", node, input] (node counted as a state: 2 is the first): Chu et al. 2020, arXiv 1911.12126.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/space/space.hpp"

namespace netwright {

struct GenotypeEdge {
  std::string op;  // an entry of genotype_operations()
  int input = 0;   // the state that is read
  int node = 2;    // the state that it is added to
  bool operator==(const GenotypeEdge&) const = default;
};

struct Genotype {
  std::vector<GenotypeEdge> normal;
  std::vector<int> normal_concat;
  std::vector<GenotypeEdge> reduce;
  std::vector<int> reduce_concat;
  bool operator==(const Genotype&) const = default;
};

// The operations that a genotype may name: the eight candidates of the space and those that published genotypes use besides.
const std::vector<std::string>& genotype_operations();

// Errors: UsageError naming the entry, its value and the rule or the nearest name. `concat` stands for both concat lists.
Genotype parse_genotype(std::string_view json);
// One line of JSON, in the notation above; triples only where a node has not exactly two inputs.
std::string print(const Genotype& genotype);

// The evaluation network of any genotype, in the space or not: affine batch norm, none behind pooling, a drop_path (rate 0) behind
// every operation that is no identity and not none. Settings as those of the space `darts`, from one cell on, and on CIFAR with any
// number of channels; options.search is not looked at.
// Registration order: stem; cells (preprocess0, preprocess1, operations in genotype order); auxiliary head; classifier.
// DARTS_V2, C = 36, 20 cells, 3x32x32, 10 classes: 3,349,342 parameters, 528,359,040 MACs.
// Errors: UsageError for a bad setting, and for an input that the auxiliary head does not fit (it needs 8x8 behind the reductions).
Graph genotype_network(const Genotype& genotype, const NetworkOptions& options);

// How the cells of a search network may differ from those of the space `darts`.
struct SearchCells {
  int nodes = 4;                 // intermediate ones; node i reads i + 2 states
  int joined = 4;                // of the nodes, the last ones that are concatenated
  std::int64_t stem_factor = 3;  // the stem has this many times C channels
};
// The search network of `darts` with such cells. Errors: UsageError for a bad setting or number.
Graph darts_search_network(const SearchCells& cells, const NetworkOptions& options);

// Between genotypes and architectures of the space `darts`, whose decisions are `tree`. Errors: UsageError naming the rule that a
// genotype breaks: eight operations, two different inputs for each of four nodes, all four nodes concatenated.
Genotype genotype_of(const DecisionTree& tree, const Architecture& architecture);
Architecture architecture_of(const DecisionTree& tree, const Genotype& genotype);

// The space `darts`: decisions normal.nodeI.edges (2 of the I + 2 earlier states), normal.nodeI.edgeJ (one of 7), and reduce....;
// 1,076,746,950,455,072,400 architectures. open(search = true) is the published search network: C = 16, 8 cells, 1,930,618
// parameters and 300,255,744 MACs at 3x32x32, 8 candidates an edge in the published order, `none` for the supernet only.
std::unique_ptr<Space> make_darts();

}  // namespace netwright
