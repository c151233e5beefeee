#pragma once
// NAS-Bench-201's cells, as its tables and its strings see them: six operations each, in the order of the edges
// 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2 (Dong and Yang 2020, arXiv 2001.00326; the topology space of NATS-Bench).
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

// Indices into nasbench201_candidates().
using Nasbench201Cell = std::array<int, 6>;

// none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3.
const std::vector<std::string>& nasbench201_candidates();

// |op~0|+|op~0|op~1|+|op~0|op~1|op~2|
std::string print_nasbench201(const Nasbench201Cell& cell);
// Errors: UsageError naming the node, the edge, the bad operation and the nearest name.
Nasbench201Cell parse_nasbench201(std::string_view text);

// A string that isomorphic cells share: skips are contracted, sums do not mind the order of their terms, and with `zeros` an edge
// that carries `none`, or that starts at a value known to be zero, reads "#". A sum of several "#" is kept as such, as in the
// released code: of the 15,625 cells, 12,751 differ without `zeros` and 6,466 with.
std::string unique_text(const Nasbench201Cell& cell, bool zeros);

// Whether a path without `none` leads from the input to the output (15,284 cells).
bool connected(const Nasbench201Cell& cell);

// All cells in the order of the benchmark's indices 0..15624: the last edge runs fastest, then Python 3's random.seed(88) and
// random.shuffle. Cost: about 1 ms.
std::vector<Nasbench201Cell> benchmark_order();

}  // namespace netwright
