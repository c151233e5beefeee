#pragma once
// What models see of an architecture: rows of numbers of one length a space.
//
//   "path": the path encoding (path_encoding.hpp), for the cell spaces that have one
//   "wl":   the Weisfeiler-Lehman histogram of the closed network, for every space
// The one-hot encoding of the decisions is encode() of variation.hpp.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "netwright/graph/graph.hpp"
#include "netwright/space/decision.hpp"

namespace netwright {

class Space;

// By name; each gives an architecture's row, in up to a millisecond. They keep the space alive.
std::map<std::string, std::function<std::vector<float>(const Architecture&)>, std::less<>> feature_maps(const std::shared_ptr<const Space>& space);

// A closed network's graph as one row, for models that read graphs: [nodes, width, width numbers a node, from, to, from, to, ...]. A node's numbers:
// its operation, one-hot over the operation table, the input and a last node that every other one has an edge to; then log2(channels) / 10 of
// its value, and its kernel / 10 and stride / 2 where it has them. Nodes are counted from 1; rows differ in length and may be filled up with zeros.
// Cost: O(nodes * operations + edges).
std::vector<float> graph_row(const Graph& graph);

// How often each label occurs in `rounds` + 1 rounds, hashed into `buckets` and scaled to length 1, so that the product of two rows is the
// normalised kernel. Round 0: a node's operation and attributes; each further round: the label and the sorted labels of its inputs.
// The graph is closed. Cost: O(rounds * edges log).
// Source: Shervashidze et al. 2011, JMLR 12; on networks Ru et al. 2021, arXiv 2006.07556. Departure: hashed, so two labels may share a
// bucket; the labels of the whole network count, not those of a cell.
std::vector<float> weisfeiler_lehman(const Graph& graph, int rounds = 2, std::size_t buckets = 512);

}  // namespace netwright
