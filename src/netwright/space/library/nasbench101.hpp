#pragma once
// NAS-Bench-101: cells of at most 7 vertices and 9 edges, each vertex between input and output one of three operations.
// Source: Ying et al. 2019, arXiv 1902.09635, and its released code.
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/space/space.hpp"

namespace netwright {

// A directed acyclic graph: vertex 0 is the input, the last one the output, edges lead from lower to higher vertices.
struct Nasbench101Cell {
  std::vector<std::vector<int>> matrix;  // [from][to], 0 or 1
  std::vector<int> ops;                  // of each vertex, an index into nasbench101_operations(); first and last are not looked at
  bool operator==(const Nasbench101Cell&) const = default;
};

// conv3x3-bn-relu, conv1x1-bn-relu, maxpool3x3.
const std::vector<std::string>& nasbench101_operations();

// {"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}, on one line. Errors: UsageError naming the entry, the rule and the
// nearest operation: 2 to 7 vertices, upper triangular, at most 9 edges.
std::string print_nasbench101(const Nasbench101Cell& cell);
Nasbench101Cell parse_nasbench101(std::string_view json);

// Without the vertices that lie on no path from input to output; none where there is no such path.
std::optional<Nasbench101Cell> pruned(const Nasbench101Cell& cell);

// The name under which the benchmark knows a (pruned) cell: each vertex starts with the MD5 of (out-degree, in-degree, operation) and
// takes up its neighbours' as often as there are vertices; the cell's name is the MD5 of what they then have, sorted.
std::string nasbench101_hash(const Nasbench101Cell& cell);

// Channels of each vertex of a pruned cell: what enters the output is shared out, the remainder going to the first vertices; backwards,
// every other vertex has the most of those that it feeds.
std::vector<std::int64_t> vertex_channels(std::int64_t input, std::int64_t output, const Nasbench101Cell& cell);

// The network of a cell (pruned here): 3x3 stem; stacks of modules, the channels doubled behind a 2x2 max pooling between stacks; global
// average pooling and a linear layer. Settings as those of the space. 3x32x32 and 10 classes, paper's best: 2,694,282 parameters for
// the cell of an Inception module. Errors: UsageError for a cell without a path, or more ways into the output than channels.
Graph nasbench101_network(const Nasbench101Cell& cell, const NetworkOptions& options);

// How many different cells there are of each number of vertices, all of them on a path from input to output, at most `edges` edges:
// 423,624 for 7 and 9. Cells count as one where the benchmark's hash is equal; the hash runs on 64-bit words here, and each graph is
// taken once. Cost: a few seconds.
std::map<int, std::int64_t> count_nasbench101(int vertices = 7, int edges = 9);

// The space `nasbench101`. Decisions: `edges`, 1 to 9 of the 21 pairs of 7 vertices, and op1..op5; its rule is that a path leads from
// input to output. Uniform over these, not over the different cells. open() is Unsupported: the channels of every vertex follow from
// the whole adjacency matrix. A smaller cell is read with its output as vertex 6. Canonical form: the benchmark's hash of the pruned cell.
std::unique_ptr<Space> make_nasbench101();

}  // namespace netwright
