#include "netwright/space/library/nasbench101.hpp"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "netwright/core/error.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/core/md5.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/closed_form.hpp"
#include "netwright/space/library/builtin.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Json = nlohmann::ordered_json;

constexpr int kVertices = 7;
constexpr int kEdges = 9;
constexpr int kOperations = 3;

int vertices(const Nasbench101Cell& cell) { return static_cast<int>(cell.matrix.size()); }
bool joined(const Nasbench101Cell& cell, int from, int to) { return cell.matrix[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)] != 0; }

// ---- text ----

[[noreturn]] void fail(const std::string& why) { throw UsageError("NAS-Bench-101 cell: " + why); }

std::vector<std::vector<int>> parse_matrix(const Json& json) {
  if (!json.is_array() || json.size() < 2 || json.size() > kVertices) fail("'matrix' must be a list of 2 to 7 rows");
  std::vector<std::vector<int>> matrix;
  int edges = 0;
  for (std::size_t from = 0; from < json.size(); ++from) {
    const std::string row = "matrix[" + std::to_string(from) + "]";
    if (!json[from].is_array() || json[from].size() != json.size()) fail(row + " must have " + std::to_string(json.size()) + " entries, as there are rows");
    matrix.emplace_back();
    for (std::size_t to = 0; to < json.size(); ++to) {
      const Json& entry = json[from][to];
      if (entry != 0 && entry != 1) fail(row + "[" + std::to_string(to) + "] is " + entry.dump() + "; it must be 0 or 1");
      matrix.back().push_back(entry.get<int>());
      if (entry == 1 && to <= from) fail(row + "[" + std::to_string(to) + "] is 1; edges lead from lower to higher vertices");
      edges += entry.get<int>();
    }
  }
  if (edges > kEdges) fail("has " + std::to_string(edges) + " edges; at most 9 are allowed");
  return matrix;
}

std::vector<int> parse_ops(const Json& json, std::size_t count) {
  if (!json.is_array() || json.size() != count) fail("'ops' must be a list of " + std::to_string(count) + " operations, one a vertex");
  std::vector<int> ops;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string place = "ops[" + std::to_string(i) + "]", word = json[i].is_string() ? json[i].get<std::string>() : json[i].dump();
    if (i == 0 || i + 1 == count) {
      const std::string due = i == 0 ? "input" : "output";
      if (word != due) fail(place + " is '" + word + "'; it must be '" + due + "'");
      ops.push_back(0);
      continue;
    }
    const auto& known = nasbench101_operations();
    const auto found = std::find(known.begin(), known.end(), word);
    if (found == known.end()) fail(place + " names the unknown operation '" + word + "'" + name_hint(word, known));
    ops.push_back(static_cast<int>(found - known.begin()));
  }
  return ops;
}

// ---- the iterated hash, on MD5 or on words ----

struct Md5Hash {
  using Word = std::string;
  static Word start(int out, int in, int label) { return md5("(" + std::to_string(out) + ", " + std::to_string(in) + ", " + std::to_string(label) + ")"); }
  static Word next(const std::vector<Word>& in, const std::vector<Word>& out, const Word& own) { return md5(join(in, "") + "|" + join(out, "") + "|" + own); }
  static Word finish(const std::vector<Word>& all) { return md5("['" + join(all, "', '") + "']"); }
};

struct WordHash {
  using Word = std::uint64_t;
  static Word start(int out, int in, int label) { return mix(static_cast<Word>(out * 100 + in), static_cast<Word>(label + kOperations)); }
  static Word folded(const std::vector<Word>& words) {
    Word h = words.size();
    for (const Word word : words) h = mix(h, word);
    return h;
  }
  static Word next(const std::vector<Word>& in, const std::vector<Word>& out, Word own) { return mix(mix(folded(in), folded(out)), own); }
  static Word finish(const std::vector<Word>& all) { return folded(all); }
};

template <class Hash>
typename Hash::Word start_of(const Nasbench101Cell& cell, int v) {
  int in = 0, out = 0;
  for (int w = 0; w < vertices(cell); ++w) in += joined(cell, w, v) ? 1 : 0, out += joined(cell, v, w) ? 1 : 0;
  const int label = v == 0 ? -1 : v + 1 == vertices(cell) ? -2 : cell.ops[static_cast<std::size_t>(v)];
  return Hash::start(out, in, label);
}

template <class Hash>
typename Hash::Word iterated_hash(const Nasbench101Cell& cell) {
  using Words = std::vector<typename Hash::Word>;
  const int count = vertices(cell);
  Words words, next(static_cast<std::size_t>(count)), in, out;
  for (int v = 0; v < count; ++v) words.push_back(start_of<Hash>(cell, v));
  for (int round = 0; round < count; ++round) {
    for (int v = 0; v < count; ++v) {
      in.clear(), out.clear();
      for (int w = 0; w < count; ++w) {
        if (joined(cell, w, v)) in.push_back(words[static_cast<std::size_t>(w)]);
        if (joined(cell, v, w)) out.push_back(words[static_cast<std::size_t>(w)]);
      }
      std::sort(in.begin(), in.end());
      std::sort(out.begin(), out.end());
      next[static_cast<std::size_t>(v)] = Hash::next(in, out, words[static_cast<std::size_t>(v)]);
    }
    words.swap(next);
  }
  std::sort(words.begin(), words.end());
  return Hash::finish(words);
}

// ---- paths ----

// The vertices that are reached from the input and reach the output.
std::vector<bool> on_a_path(const Nasbench101Cell& cell) {
  const int count = vertices(cell);
  std::vector<bool> ahead(static_cast<std::size_t>(count)), back = ahead;
  ahead.front() = back.back() = true;
  for (int v = 0; v < count; ++v)
    for (int w = v + 1; w < count; ++w)
      if (ahead[static_cast<std::size_t>(v)] && joined(cell, v, w)) ahead[static_cast<std::size_t>(w)] = true;
  for (int v = count; v-- > 0;)
    for (int w = v + 1; w < count; ++w)
      if (back[static_cast<std::size_t>(w)] && joined(cell, v, w)) back[static_cast<std::size_t>(v)] = true;
  for (std::size_t v = 0; v < ahead.size(); ++v) ahead[v] = ahead[v] && back[v];
  return ahead;
}

// ---- cells as bit masks: pair (from, to) of `count` vertices, row by row ----

std::vector<std::pair<int, int>> pairs_of(int count) {
  std::vector<std::pair<int, int>> pairs;
  for (int from = 0; from < count; ++from)
    for (int to = from + 1; to < count; ++to) pairs.emplace_back(from, to);
  return pairs;
}

Nasbench101Cell cell_of_mask(std::uint64_t mask, int count) {
  const auto pairs = pairs_of(count);
  Nasbench101Cell cell;
  cell.matrix.assign(static_cast<std::size_t>(count), std::vector<int>(static_cast<std::size_t>(count)));
  cell.ops.assign(static_cast<std::size_t>(count), 0);
  for (std::size_t i = 0; i < pairs.size(); ++i)
    if ((mask >> i & 1) != 0) cell.matrix[static_cast<std::size_t>(pairs[i].first)][static_cast<std::size_t>(pairs[i].second)] = 1;
  return cell;
}

// Whether every vertex but the last leads on and every one but the first is led to: then all are on a path.
bool is_full(std::uint64_t mask, const std::vector<std::pair<int, int>>& pairs, int count) {
  unsigned leads = 0, led = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    if ((mask >> i & 1) != 0) leads |= 1U << pairs[i].first, led |= 1U << pairs[i].second;
  const unsigned all = (1U << count) - 1;
  return leads == (all & ~(1U << (count - 1))) && led == (all & ~1U);
}

// Whether no order of the inner vertices writes the same graph as a smaller mask: one mask a graph is so.
bool is_first_of_its_graph(std::uint64_t mask, const std::vector<std::pair<int, int>>& pairs, int count) {
  std::vector<int> order;
  for (int v = 0; v < count; ++v) order.push_back(v);
  std::vector<std::vector<int>> bit(static_cast<std::size_t>(count), std::vector<int>(static_cast<std::size_t>(count), -1));
  for (std::size_t i = 0; i < pairs.size(); ++i) bit[static_cast<std::size_t>(pairs[i].first)][static_cast<std::size_t>(pairs[i].second)] = static_cast<int>(i);
  do {
    std::uint64_t moved = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if ((mask >> i & 1) == 0) continue;
      const int place = bit[static_cast<std::size_t>(order[static_cast<std::size_t>(pairs[i].first)])][static_cast<std::size_t>(order[static_cast<std::size_t>(pairs[i].second)])];
      if (place < 0) { moved = ~std::uint64_t{0}; break; }  // an edge would lead backwards
      moved |= std::uint64_t{1} << place;
    }
    if (moved < mask) return false;
  } while (std::next_permutation(order.begin() + 1, order.end() - 1));
  return true;
}

// All ways to give operations to the inner vertices.
void add_hashes(Nasbench101Cell cell, std::unordered_set<std::uint64_t>& hashes) {
  Int labellings = 1;
  for (int v = 1; v + 1 < vertices(cell); ++v) labellings *= kOperations;
  for (Int i = 0; i < labellings; ++i) {
    Int rest = i;
    for (int v = 1; v + 1 < vertices(cell); ++v, rest /= kOperations) cell.ops[static_cast<std::size_t>(v)] = static_cast<int>(rest % kOperations);
    hashes.insert(iterated_hash<WordHash>(cell));
  }
}

// ---- network ----

Value projection(Builder& b, Value x, Int channels, const std::string& name) {
  const auto scope = b.scope(name, "projection");
  return conv_bn(b, x, channels, {.kernel = 1});
}

Value operate(Builder& b, Value x, int op, Int channels) {
  if (op == 2) return b.add("max_pool", x, {{"kernel", 3}}, "pool");
  return conv_bn(b, x, channels, {.kernel = op == 0 ? 3 : 1});
}

Value summed(Builder& b, const std::vector<Value>& terms, const std::string& name) { return terms.size() == 1 ? terms[0] : b.add("add", terms, {}, name); }

// Vertices differ by at most one channel from those they feed; the last one is cut off.
Value truncated(Builder& b, Value x, Int channels) { return b.channels(x) == channels ? x : b.add("slice", x, {{"channels", channels}}, "cut"); }

Value vertex(Builder& b, const std::vector<Value>& values, const Nasbench101Cell& cell, int v, Int channels) {
  const auto scope = b.scope("vertex" + std::to_string(v), nasbench101_operations()[static_cast<std::size_t>(cell.ops[static_cast<std::size_t>(v)])]);
  std::vector<Value> terms;
  for (int from = 1; from < v; ++from)
    if (joined(cell, from, v)) terms.push_back(truncated(b, values[static_cast<std::size_t>(from)], channels));
  if (joined(cell, 0, v)) terms.push_back(projection(b, values[0], channels, "projection"));
  return operate(b, summed(b, terms, "sum"), cell.ops[static_cast<std::size_t>(v)], channels);
}

Value module(Builder& b, Value input, const Nasbench101Cell& cell, Int channels) {
  const int last = vertices(cell) - 1;
  const auto widths = vertex_channels(b.channels(input), channels, cell);
  std::vector<Value> values = {input}, ends;
  for (int v = 1; v < last; ++v) {
    values.push_back(vertex(b, values, cell, v, widths[static_cast<std::size_t>(v)]));
    if (joined(cell, v, last)) ends.push_back(values.back());
  }
  if (ends.empty()) return projection(b, input, channels, "projection");
  Value out = ends.size() == 1 ? ends[0] : b.add("concat", ends, {}, "concat");
  if (joined(cell, 0, last)) out = b.add("add", std::vector<Value>{out, projection(b, input, channels, "projection")}, {}, "output");
  return out;
}

SpaceInfo space_info() {
  return {.name = "nasbench101",
          .title = "one cell of up to 7 vertices and 9 edges, 3 operations, in 3 stacks of 3 modules",
          .paper = "Ying et al. 2019, arXiv 1902.09635",
          .traits = {"cell", "uniform"},
          .settings = {{"channels", "128", "channels of the first stack; doubled in each further one"}, {"stacks", "3", "stacks"}, {"modules", "3", "modules a stack"}}};
}

// ---- the space ----

std::vector<Decision> decision_list() {
  Decision edges{.name = "edges", .kind = Kind::k_of_n, .minimum = 1, .maximum = kEdges};
  for (const auto& [from, to] : pairs_of(kVertices)) edges.choices.push_back(std::to_string(from) + "-" + std::to_string(to));
  std::vector<Decision> list = {edges};
  for (int v = 1; v + 1 < kVertices; ++v) list.push_back({.name = "op" + std::to_string(v), .choices = nasbench101_operations()});
  return list;
}

// Bit w of the reach is set where vertex w is reached from the input.
bool reaches_output(std::uint64_t mask) {
  static const auto pairs = pairs_of(kVertices);
  unsigned reach = 1;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    if ((mask >> i & 1) != 0 && (reach >> pairs[i].first & 1) != 0) reach |= 1U << pairs[i].second;
  return (reach >> (kVertices - 1) & 1) != 0;
}

// Counted once a process.
std::string count_architectures() {
  static const std::string text = [] {
    Int sets = 0;
    const std::uint64_t end = std::uint64_t{1} << pairs_of(kVertices).size();
    for (std::uint64_t mask = 0; mask < end; ++mask)
      if (std::popcount(mask) <= kEdges && reaches_output(mask)) ++sets;
    for (int v = 1; v + 1 < kVertices; ++v) sets *= kOperations;
    return std::to_string(sets);
  }();
  return text;
}

Nasbench101Cell cell_of(const Architecture& architecture) {
  Nasbench101Cell cell = cell_of_mask(static_cast<std::uint64_t>(architecture.picks.at(0)), kVertices);
  for (std::size_t v = 1; v + 1 < kVertices; ++v) cell.ops[v] = static_cast<int>(architecture.picks.at(v));
  return cell;
}

// The output of a smaller cell becomes vertex 6; the vertices between are on no edge.
Architecture architecture_of(const Nasbench101Cell& cell) {
  const auto place = [&](int v) { return v + 1 == vertices(cell) ? kVertices - 1 : v; };
  const auto pairs = pairs_of(kVertices);
  Architecture architecture{std::vector<Int>(kVertices - 1, 0)};
  for (int from = 0; from < vertices(cell); ++from)
    for (int to = from + 1; to < vertices(cell); ++to)
      if (joined(cell, from, to)) architecture.picks[0] |= Int{1} << (std::find(pairs.begin(), pairs.end(), std::pair(place(from), place(to))) - pairs.begin());
  for (std::size_t v = 1; v + 1 < cell.ops.size(); ++v) architecture.picks[v] = cell.ops[v];
  return architecture;
}

}  // namespace

const std::vector<std::string>& nasbench101_operations() {
  static const std::vector<std::string> names = {"conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"};
  return names;
}

std::string print_nasbench101(const Nasbench101Cell& cell) {
  Json ops = Json::array({"input"});
  for (std::size_t v = 1; v + 1 < cell.ops.size(); ++v) ops.push_back(nasbench101_operations().at(static_cast<std::size_t>(cell.ops[v])));
  ops.push_back("output");
  return Json{{"matrix", cell.matrix}, {"ops", ops}}.dump();
}

Nasbench101Cell parse_nasbench101(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) fail("'" + std::string(text) + "' is no JSON object {\"matrix\": [[...], ...], \"ops\": [\"input\", ..., \"output\"]}");
  for (const auto& [key, value] : json.items())
    if (key != "matrix" && key != "ops") fail("unknown key '" + key + "'" + name_hint(key, {"matrix", "ops"}));
  for (const char* key : {"matrix", "ops"})
    if (!json.contains(key)) fail("needs the list '" + std::string(key) + "'");
  auto matrix = parse_matrix(json["matrix"]);
  auto ops = parse_ops(json["ops"], matrix.size());
  return {std::move(matrix), std::move(ops)};
}

std::optional<Nasbench101Cell> pruned(const Nasbench101Cell& cell) {
  const auto kept = on_a_path(cell);
  if (!kept.front()) return std::nullopt;
  Nasbench101Cell result;
  for (std::size_t v = 0; v < kept.size(); ++v) {
    if (!kept[v]) continue;
    result.ops.push_back(cell.ops[v]);
    result.matrix.emplace_back();
    for (std::size_t w = 0; w < kept.size(); ++w)
      if (kept[w]) result.matrix.back().push_back(cell.matrix[v][w]);
  }
  return result;
}

std::string nasbench101_hash(const Nasbench101Cell& cell) { return iterated_hash<Md5Hash>(cell); }

std::vector<std::int64_t> vertex_channels(std::int64_t input, std::int64_t output, const Nasbench101Cell& cell) {
  const int last = vertices(cell) - 1;
  std::vector<Int> channels(cell.matrix.size(), 0);
  channels.front() = input, channels.back() = output;
  Int ways = 0;
  for (int v = 1; v < last; ++v) ways += joined(cell, v, last) ? 1 : 0;
  if (ways == 0) return channels;
  Int remainder = output % ways;
  for (int v = 1; v < last; ++v)
    if (joined(cell, v, last)) channels[static_cast<std::size_t>(v)] = output / ways + (remainder-- > 0 ? 1 : 0);
  for (int v = last - 1; v > 0; --v) {
    if (joined(cell, v, last)) continue;
    for (int to = v + 1; to < last; ++to)
      if (joined(cell, v, to)) channels[static_cast<std::size_t>(v)] = std::max(channels[static_cast<std::size_t>(v)], channels[static_cast<std::size_t>(to)]);
  }
  return channels;
}

Graph nasbench101_network(const Nasbench101Cell& whole, const NetworkOptions& options) {
  check_settings(space_info(), options);
  const Int stacks = integer_setting(space_info(), options, "stacks"), modules = integer_setting(space_info(), options, "modules");
  Int channels = integer_setting(space_info(), options, "channels");
  const auto cell = pruned(whole);
  if (!cell) fail("no path leads from the input to the output");
  if (channels < vertices(*cell)) throw UsageError("nasbench101: channels=" + std::to_string(channels) + " cannot be shared out among the cell's " + std::to_string(vertices(*cell)) + " vertices");
  Builder b;
  Value x = b.input(options.input);
  {
    const auto scope = b.scope("stem");
    x = conv_bn(b, x, channels, {.kernel = 3});
  }
  for (Int stack = 0; stack < stacks; ++stack) {
    if (stack > 0) {
      x = b.add("max_pool", x, {{"kernel", 2}, {"stride", 2}, {"padding", 0}}, "downsample" + std::to_string(stack));
      channels *= 2;
    }
    for (Int i = 0; i < modules; ++i) {
      const auto scope = b.scope("stack" + std::to_string(stack) + ".module" + std::to_string(i), "module");
      x = module(b, x, *cell, channels);
    }
  }
  return b.finish({classifier(b, x, options.classes)});
}

std::map<int, std::int64_t> count_nasbench101(int most_vertices, int most_edges) {
  std::map<int, Int> counts;
  for (int count = 2; count <= most_vertices; ++count) {
    const auto pairs = pairs_of(count);
    std::unordered_set<std::uint64_t> hashes;
    for (std::uint64_t mask = 0; mask < std::uint64_t{1} << pairs.size(); ++mask)
      if (std::popcount(mask) <= most_edges && is_full(mask, pairs, count) && is_first_of_its_graph(mask, pairs, count)) add_hashes(cell_of_mask(mask, count), hashes);
    counts[count] = static_cast<Int>(hashes.size());
  }
  return counts;
}

std::unique_ptr<Space> make_nasbench101() {
  const Rule path{.text = "a path leads from the input to the output",
                  .holds = [](const Architecture& a) { return reaches_output(static_cast<std::uint64_t>(a.picks[0])); },
                  .count = count_architectures};
  return make_space(ClosedForm{.info = space_info(),
                               .decisions = DecisionTree(decision_list(), path),
                               .reason = "the channels of every vertex follow from the whole adjacency matrix, so no candidate has a width of its own",
                               .build = [](const Architecture& a, const NetworkOptions& options) { return nasbench101_network(cell_of(a), options); },
                               .print = [](const Architecture& a) { return print_nasbench101(cell_of(a)); },
                               .parse = [](std::string_view text) { return architecture_of(parse_nasbench101(text)); },
                               .is_own_text = [](std::string_view text) { return text.find("\"matrix\"") != std::string_view::npos; },
                               .canonical = [](const Architecture& a) { return hash_text(nasbench101_hash(*pruned(cell_of(a)))); }});
}

}  // namespace netwright
