#pragma once
// Graphs as JSON text: the form in which they are stored, sent to other programs and written by hand.
//
//   {"netwright_graph": 1,
//    "nodes": [{"name": "input", "op": "input", "shape": [3, 32, 32]},
//              {"name": "conv", "op": "conv", "inputs": ["input"], "attributes": {"channels": 16}},
//              {"name": "edge", "op": "choice", "inputs": ["conv"], "decision": "edge",
//               "branches": [{"name": "wide", "graph": {"nodes": [...], "outputs": [...]}}, ...]}],
//    "outputs": ["edge"],
//    "labels": {"cell0": "normal"}}
//
// Values are read by node name. A branch without "graph" is the identity (in a select only). An open attribute is
// {"decision": "kernel", "values": [3, 5, 7]}. Shapes are inferred again on reading, save those of inputs.
#include <string>
#include <string_view>

#include "netwright/graph/graph.hpp"

namespace netwright {

// One node a line. Cost: about 1 us a node.
std::string to_json(const Graph& graph);

// graph_from_json(to_json(g)) equals g node by node. Errors: UsageError with line and column for text that is no JSON; otherwise
// with the node, the key and the nearest known name; for another version with both versions; and all that validate() refuses.
Graph graph_from_json(std::string_view text);

}  // namespace netwright
