#include "netwright/space/library/nasbench201.hpp"

#include <algorithm>
#include <bit>

#include "netwright/core/error.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/library/builtin.hpp"
#include "netwright/space/library/mersenne.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

enum Candidate { none, skip_connect };  // the two that structure depends on

// Where edge `to <- from` stands in a cell; from < to.
constexpr std::size_t edge_index(int to, int from) { return static_cast<std::size_t>(to * (to - 1) / 2 + from); }

std::string edge_name(int to, int from) { return "edge" + std::to_string(to) + "_" + std::to_string(from); }

Value convolve(Builder& b, Value x, std::int64_t kernel, bool affine) { return relu_conv_bn(b, x, b.channels(x), {.kernel = kernel, .affine = affine}); }

std::vector<BranchSpec> candidates(bool affine) {
  const std::vector<Body> bodies = {[](Builder& b, Value x) { return b.add("zero", x); },
                                    [](Builder& b, Value x) { return b.add("identity", x); },
                                    [affine](Builder& b, Value x) { return convolve(b, x, 1, affine); },
                                    [affine](Builder& b, Value x) { return convolve(b, x, 3, affine); },
                                    [](Builder& b, Value x) { return b.add("avg_pool", x, {{"kernel", 3}}); }};
  std::vector<BranchSpec> specs;
  for (std::size_t i = 0; i < bodies.size(); ++i) specs.push_back({nasbench201_candidates()[i], bodies[i]});
  return specs;
}

Value cell(Builder& b, Value input, bool affine) {
  std::vector<Value> nodes = {input};
  for (int to = 1; to <= 3; ++to) {
    std::vector<Value> terms;
    for (int from = 0; from < to; ++from)
      terms.push_back(b.choice(edge_name(to, from), nodes[static_cast<std::size_t>(from)], candidates(affine), edge_name(to, from)));
    nodes.push_back(terms.size() == 1 ? terms[0] : b.add("add", terms, {}, "node" + std::to_string(to)));
  }
  return nodes.back();
}

// Two ReLU-conv-BN, the first with stride 2, beside a 2x2 average pooling and a 1x1 convolution without batch norm.
Value residual_block(Builder& b, Value x, std::int64_t channels) {
  Value deep = x;
  {
    const auto scope = b.scope("conv_a");
    deep = relu_conv_bn(b, deep, channels, {.kernel = 3, .stride = 2});
  }
  {
    const auto scope = b.scope("conv_b");
    deep = relu_conv_bn(b, deep, channels, {.kernel = 3});
  }
  const auto scope = b.scope("downsample");
  Value short_cut = b.add("avg_pool", x, {{"kernel", 2}, {"stride", 2}, {"padding", 0}}, "pool");
  short_cut = b.add("conv", short_cut, {{"kernel", 1}, {"channels", channels}}, "conv");
  return b.add("add", std::vector<Value>{short_cut, deep}, {}, "sum");
}

Graph build(const SpaceInfo& info, const NetworkOptions& options) {
  const std::int64_t channels = integer_setting(info, options, "channels"), cells = integer_setting(info, options, "cells");
  Builder b;
  Value x = b.input(options.input);
  {
    const auto scope = b.scope("stem");
    x = conv_bn(b, x, channels, {.kernel = 3, .activation = ""});
  }
  for (int stage = 0; stage < 3; ++stage) {
    if (stage > 0) {
      const auto scope = b.scope("reduce" + std::to_string(stage));
      x = residual_block(b, x, channels << stage);
    }
    for (std::int64_t i = 0; i < cells; ++i) {
      const auto scope = b.scope("stage" + std::to_string(stage) + ".cell" + std::to_string(i));
      x = cell(b, x, !options.search);
    }
  }
  x = b.add("batch_norm", x, {}, "last_bn");
  x = b.add("relu", x, {}, "last_relu");
  return b.finish({classifier(b, x, options.classes)});
}

Nasbench201Cell cell_of(const DecisionTree& tree, const Architecture& architecture) {
  Nasbench201Cell cell{};
  for (int to = 1; to <= 3; ++to)
    for (int from = 0; from < to; ++from)
      cell[edge_index(to, from)] = static_cast<int>(architecture.picks[static_cast<std::size_t>(tree.find(edge_name(to, from)))]);
  return cell;
}

Architecture architecture_of(const DecisionTree& tree, const Nasbench201Cell& cell) {
  Architecture architecture{std::vector<std::int64_t>(tree.size(), Architecture::inactive)};
  for (int to = 1; to <= 3; ++to)
    for (int from = 0; from < to; ++from) architecture.picks[static_cast<std::size_t>(tree.find(edge_name(to, from)))] = cell[edge_index(to, from)];
  return architecture;
}

[[noreturn]] void malformed(std::string_view text, const std::string& why) {
  throw UsageError("'" + std::string(text) + "' is no NAS-Bench-201 cell: " + why + "; the form is |op~0|+|op~0|op~1|+|op~0|op~1|op~2|");
}

int parse_edge(std::string_view text, const std::string& part, int to, int from) {
  const std::string place = "node " + std::to_string(to) + ", edge " + std::to_string(from);
  const auto tilde = part.find('~');
  if (tilde == std::string::npos || part.substr(tilde + 1) != std::to_string(from)) malformed(text, place + " is '" + part + "' and must end in ~" + std::to_string(from));
  const std::string word = part.substr(0, tilde);
  const auto& known = nasbench201_candidates();
  const auto found = std::find(known.begin(), known.end(), word);
  if (found == known.end()) throw UsageError("NAS-Bench-201 cell, " + place + ": there is no operation '" + word + "'" + name_hint(word, known));
  return static_cast<int>(found - known.begin());
}

std::string edge_text(const std::string& source, int candidate, bool zeros) {
  if (zeros && (candidate == none || source == "#")) return "#";
  if (candidate == skip_connect) return source;
  return "(" + source + ")@" + nasbench201_candidates()[static_cast<std::size_t>(candidate)];
}

}  // namespace

const std::vector<std::string>& nasbench201_candidates() {
  static const std::vector<std::string> names = {"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"};
  return names;
}

std::string print_nasbench201(const Nasbench201Cell& cell) {
  std::string text;
  for (int to = 1; to <= 3; ++to) {
    text += to > 1 ? "+|" : "|";
    for (int from = 0; from < to; ++from)
      text += nasbench201_candidates().at(static_cast<std::size_t>(cell[edge_index(to, from)])) + "~" + std::to_string(from) + "|";
  }
  return text;
}

Nasbench201Cell parse_nasbench201(std::string_view text) {
  const auto nodes = split(trim(text), '+');
  if (nodes.size() != 3) malformed(text, "it has " + std::to_string(nodes.size()) + " nodes, not 3");
  Nasbench201Cell cell{};
  for (int to = 1; to <= 3; ++to) {
    const auto parts = split(nodes[static_cast<std::size_t>(to - 1)], '|');
    const std::string place = "node " + std::to_string(to);
    if (parts.size() < 2 || !parts.front().empty() || !parts.back().empty()) malformed(text, place + " must start and end with |");
    if (parts.size() != static_cast<std::size_t>(to) + 2) malformed(text, place + " has " + std::to_string(parts.size() - 2) + " edges, not " + std::to_string(to));
    for (int from = 0; from < to; ++from) cell[edge_index(to, from)] = parse_edge(text, parts[static_cast<std::size_t>(from) + 1], to, from);
  }
  return cell;
}

std::string unique_text(const Nasbench201Cell& cell, bool zeros) {
  std::vector<std::string> nodes = {"0"};
  for (int to = 1; to <= 3; ++to) {
    std::vector<std::string> terms;
    for (int from = 0; from < to; ++from) terms.push_back(edge_text(nodes[static_cast<std::size_t>(from)], cell[edge_index(to, from)], zeros));
    std::sort(terms.begin(), terms.end());
    nodes.push_back(join(terms, "+"));
  }
  return nodes.back();
}

bool connected(const Nasbench201Cell& cell) {
  std::array<bool, 4> reached = {true};
  for (int to = 1; to <= 3; ++to)
    for (int from = 0; from < to; ++from)
      if (reached[static_cast<std::size_t>(from)] && cell[edge_index(to, from)] != none) reached[static_cast<std::size_t>(to)] = true;
  return reached[3];
}

std::vector<Nasbench201Cell> benchmark_order() {
  std::vector<Nasbench201Cell> cells(15625);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    auto rest = static_cast<int>(i);
    for (std::size_t edge = 6; edge-- > 0; rest /= 5) cells[i][edge] = rest % 5;
  }
  MersenneTwister python(88);
  for (std::size_t i = cells.size(); i-- > 1;) {
    // random.shuffle draws below i + 1 by rejection, from just enough high bits.
    const int bits = std::bit_width(i + 1);
    std::size_t j = python.next() >> (32 - bits);
    while (j > i) j = python.next() >> (32 - bits);
    std::swap(cells[i], cells[j]);
  }
  return cells;
}

std::unique_ptr<Space> make_nasbench201() {
  SpaceInfo info{.name = "nasbench201",
                 .title = "one cell of 6 edges and 5 operations, repeated in 3 stages",
                 .paper = "Dong and Yang 2020, arXiv 2001.00326",
                 .traits = {"cell", "open", "tabular", "uniform"},
                 .settings = {{"channels", "16", "channels of the first stage; doubled in each further one"}, {"cells", "5", "cells a stage"}}};
  return make_space({.info = info,
                     .build = [info](const NetworkOptions& options) { return build(info, options); },
                     .print = [](const DecisionTree& tree, const Architecture& a) { return print_nasbench201(cell_of(tree, a)); },
                     .parse = [](const DecisionTree& tree, std::string_view text) {
                       const bool object = trim(text).starts_with('{');
                       return object ? parse(tree, text) : architecture_of(tree, parse_nasbench201(text));
                     },
                     .canonical = [](const DecisionTree& tree, const Architecture& a) { return hash_text(unique_text(cell_of(tree, a), true)); }});
}

}  // namespace netwright
