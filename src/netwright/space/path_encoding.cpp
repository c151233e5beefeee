#include "netwright/space/path_encoding.hpp"

#include <limits>
#include <string>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

// The number of paths with fewer than `length` operations.
std::size_t paths_below(const PathCode& code, int length) {
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
  std::size_t total = 0, power = 1;
  for (int l = 0; l < length; ++l, power *= static_cast<std::size_t>(code.operations)) {
    if (l >= code.shortest) total += power;
    if (power > most || total > most) throw Error("a path encoding of " + std::to_string(code.longest) + " operations is too long");
  }
  return total;
}

class Walk {
 public:
  Walk(const PathCode& code, int vertices, const std::vector<PathEdge>& edges)
      : code_(code), last_(vertices - 1), edges_(edges), bits_(path_encoding_length(code), 0.0F) {
    for (int l = 0; l <= code.longest; ++l) start_.push_back(paths_below(code, l));
    for (const auto& edge : edges)
      if (edge.from < 0 || edge.to <= edge.from || edge.to > last_ || edge.operation.value_or(0) >= code.operations)
        throw Error("a path encoding's edge leads to a higher vertex, by one of " + std::to_string(code.operations) + " operations");
  }

  std::vector<float> bits() {
    visit(0, 0, 0);
    return std::move(bits_);
  }

 private:
  // `number`: the operations met so far, read as digits.
  void visit(int vertex, int length, std::size_t number) {
    if (vertex == last_) {
      if (length < code_.shortest || length > code_.longest) throw Error("a path of " + std::to_string(length) + " operations is not in the code");
      bits_[start_[static_cast<std::size_t>(length)] + number] = 1.0F;
      return;
    }
    for (const auto& edge : edges_) {
      if (edge.from != vertex) continue;
      if (edge.operation) visit(edge.to, length + 1, number * static_cast<std::size_t>(code_.operations) + static_cast<std::size_t>(*edge.operation));
      else visit(edge.to, length, number);
    }
  }

  PathCode code_;
  int last_;
  const std::vector<PathEdge>& edges_;
  std::vector<std::size_t> start_;
  std::vector<float> bits_;
};

}  // namespace

std::size_t path_encoding_length(const PathCode& code) { return paths_below(code, code.longest + 1); }

std::vector<float> path_encoding(const PathCode& code, int vertices, const std::vector<PathEdge>& edges) { return Walk(code, vertices, edges).bits(); }

PathCode nasbench101_paths() { return {.operations = static_cast<int>(nasbench101_operations().size()), .shortest = 0, .longest = 5}; }

PathCode nasbench201_paths() { return {.operations = static_cast<int>(nasbench201_candidates().size()), .shortest = 1, .longest = 3}; }

std::vector<float> path_encoding(const Nasbench101Cell& whole) {
  const auto cell = pruned(whole);
  if (!cell) return std::vector<float>(path_encoding_length(nasbench101_paths()), 0.0F);
  const int count = static_cast<int>(cell->matrix.size());
  std::vector<PathEdge> edges;
  for (int from = 0; from < count; ++from)
    for (int to = from + 1; to < count; ++to) {
      if (cell->matrix[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)] == 0) continue;
      edges.push_back({from, to, to + 1 == count ? std::nullopt : std::optional(cell->ops[static_cast<std::size_t>(to)])});
    }
  return path_encoding(nasbench101_paths(), count, edges);
}

std::vector<float> path_encoding(const Nasbench201Cell& cell) {
  std::vector<PathEdge> edges;
  for (int to = 1; to <= 3; ++to)
    for (int from = 0; from < to; ++from) edges.push_back({from, to, cell[static_cast<std::size_t>(to * (to - 1) / 2 + from)]});
  return path_encoding(nasbench201_paths(), 4, edges);
}

}  // namespace netwright
