#pragma once
// The path encoding of a cell: one bit for each sequence of operations along which the input may reach the output.
//
// Bit of a path o_1 ... o_l of `operations` kinds: the number of shorter paths, plus o_1 ... o_l read as a number to that base. A cell
// sets the bit of each path that it has, so isomorphic cells have one encoding.
// Source: White, Neiswanger, Savani 2021, arXiv 1910.11858, section 4.
#include <cstdint>
#include <optional>
#include <vector>

#include "netwright/space/library/nasbench101.hpp"
#include "netwright/space/library/nasbench201.hpp"

namespace netwright {

// An edge of a cell, with the operation met along it; none: nothing is met (operations stand on vertices, or the end is the output).
struct PathEdge {
  int from = 0;
  int to = 0;                    // above from
  std::optional<int> operation;  // 0 .. operations - 1
};

// Which paths there may be: those of `shortest` to `longest` operations. Paths of a cell are taken from vertex 0 to the last one.
struct PathCode {
  int operations = 1;
  int shortest = 0;
  int longest = 1;
};
// The sum of operations^l: 364 for NAS-Bench-101 (3 operations, 0 to 5), 155 for NAS-Bench-201 (5 operations, 1 to 3). Errors: Error
// for a length beyond 2^31.
std::size_t path_encoding_length(const PathCode& code);
// Zeros and ones. Cost: one step a path of the cell. Errors: Error for an edge or a path that the code does not have.
std::vector<float> path_encoding(const PathCode& code, int vertices, const std::vector<PathEdge>& edges);

PathCode nasbench101_paths();
PathCode nasbench201_paths();
// Of the pruned cell (a cell without a path sets no bit).
std::vector<float> path_encoding(const Nasbench101Cell& cell);
// An edge that carries `none` is a path's operation like any other, as in the released code.
std::vector<float> path_encoding(const Nasbench201Cell& cell);

}  // namespace netwright
