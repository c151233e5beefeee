#include "netwright/space/library/autodeeplab.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include <boost/multiprecision/cpp_int.hpp>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Json = nlohmann::ordered_json;
using Whole = boost::multiprecision::cpp_int;

constexpr int kLevels = 4, kLayers = 12, kNodes = 5, kCellInputs = 2, kFirstStride = 4;
const std::array<const char*, 8> kCandidates = {"none",         "max_pool_3x3", "avg_pool_3x3", "skip_connect",
                                                "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"};

[[noreturn]] void fail(const std::string& why) { throw UsageError("dense network: " + why); }

int stride_of(int level) { return kFirstStride << level; }
int level_of(int stride) {
  for (int level = 0; level < kLevels; ++level)
    if (stride_of(level) == stride) return level;
  return -1;
}

// ---- the cell ----

struct Form {
  bool search = false;
  bool affine() const { return !search; }
};

Value operate(Builder& b, Value x, std::string_view op, Form form) {
  const Int channels = b.channels(x);
  if (op == "none") return b.add("zero", x);
  if (op == "skip_connect") return b.add("identity", x);
  if (op.ends_with("_pool_3x3")) {
    x = b.add(op.substr(0, op.size() - 4), x, {{"kernel", 3}, {"padding", 1}}, "pool");
    return form.search ? b.add("batch_norm", x, {{"affine", 0}}, "bn") : x;
  }
  const ConvOptions options{.kernel = op.back() - Int{'0'}, .affine = form.affine()};
  return op.starts_with("sep") ? sep_conv(b, x, channels, options) : dil_conv(b, x, channels, options);
}

// Writes the nodes behind two states; gives all states.
using CellBody = std::function<std::vector<Value>(Builder&, std::vector<Value> states)>;

std::string edges_decision(int node) { return "node" + std::to_string(node) + ".edges"; }
std::string edge_decision(int node, int edge) { return "node" + std::to_string(node) + ".edge" + std::to_string(edge); }

std::vector<Value> open_nodes(Builder& b, std::vector<Value> states, Form form) {
  for (int node = 0; node < kNodes; ++node) {
    std::vector<BranchSpec> branches;
    for (int edge = 0; edge < node + kCellInputs; ++edge) {
      std::vector<BranchSpec> candidates;
      for (const char* op : kCandidates)
        candidates.push_back({op, [=](Builder& inner, Value x) { return operate(inner, x, op, form); }, std::string_view(op) == "none"});
      branches.push_back(
          {std::to_string(edge), [=](Builder& inner, Value x) { return inner.choice(edge_decision(node, edge), x, candidates, "op"); }});
    }
    states.push_back(
        b.select(edges_decision(node), states, {.minimum = 2, .maximum = 2, .name = "node" + std::to_string(node), .branches = branches}));
  }
  return states;
}

std::vector<Value> fixed_nodes(Builder& b, std::vector<Value> states, const std::vector<GenotypeEdge>& edges) {
  const int nodes = static_cast<int>(edges.size()) / 2;
  for (int node = 0; node < nodes; ++node) {
    const auto scope = b.scope("node" + std::to_string(node));
    std::vector<Value> terms;
    for (int i = 0; i < 2; ++i) {
      const GenotypeEdge& edge = edges[static_cast<std::size_t>(2 * node + i)];
      const auto inner = b.scope(std::to_string(edge.input), edge.op);
      terms.push_back(operate(b, states[static_cast<std::size_t>(edge.input)], edge.op, {}));
    }
    states.push_back(b.add("add", terms, {}, "sum"));
  }
  return states;
}

// ---- the network ----

struct Outline {
  Int channels = 0, classes = 0;
  bool dense = false;
  Shape input;
  Form form;
  CellBody body;
};

// A value brought to a level: resized, then narrowed.
Value entered(Builder& b, Value x, int level, const Outline& o, const Shape& size) {
  if (b.shape(x)[1] != size[1] || b.shape(x)[2] != size[2])
    x = b.add("resize", x, {{"height", size[1]}, {"width", size[2]}, {"smooth", 1}}, "resize");
  return relu_conv_bn(b, x, o.channels << level, {.kernel = 1, .affine = o.form.affine()});
}

Value stem(Builder& b, Value x) {
  constexpr Int narrow = 64, wide = 128;
  const auto scope = b.scope("stem");
  x = conv_bn(b, x, narrow, {.kernel = 3, .stride = 2});
  x = conv_bn(b, x, narrow, {.kernel = 3});
  return conv_bn(b, x, wide, {.kernel = 3, .stride = 2});
}

// Heights and widths at a level, rounded up.
Shape size_at(const Shape& input, int level) {
  const auto side = [&](Int n) { return (n + stride_of(level) - 1) / stride_of(level); };
  return {input[0], side(input[1]), side(input[2])};
}

Value cell(Builder& b, Value before, Value last, const Outline& o) {
  const std::vector<Value> states = o.body(b, {before, last});
  return b.add("concat", std::vector<Value>(states.begin() + kCellInputs, states.end()), {}, "concat");
}

// Three views of the last cell: one pixel, a wide window, the whole image.
Value pyramid_pooling(Builder& b, Value x, int level) {
  constexpr Int widest = 96;  // of the input's pixels, between two taps
  const Int channels = b.channels(x);
  const Shape size = b.shape(x);
  std::vector<Value> views{conv_bn(b, x, channels, {.kernel = 1})};
  views.push_back(conv_bn(b, x, channels, {.kernel = 3, .dilation = widest / stride_of(level)}));
  const Value whole = conv_bn(b, b.add("global_pool", x, {}, "image"), channels, {.kernel = 1});
  views.push_back(b.add("resize", whole, {{"height", size[1]}, {"width", size[2]}}, "spread"));
  return conv_bn(b, b.add("concat", views, {}, "views"), channels, {.kernel = 1});
}

Value head(Builder& b, Value x, int level, const Outline& o) {
  if (!o.dense) return classifier(b, x, o.classes);
  const Value logits = b.add("conv", pyramid_pooling(b, x, level), {{"kernel", 1}, {"channels", o.classes}, {"bias", 1}}, "classifier");
  return b.add("resize", logits, {{"height", o.input[1]}, {"width", o.input[2]}, {"smooth", 1}}, "enlarge");
}

std::string layer_name(int layer) { return "layer" + std::to_string(layer); }

Graph path_network(const std::vector<int>& levels, const Outline& o) {
  Builder b;
  Value last = stem(b, b.input(o.input)), before = last;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const int level = levels[i];
    const Shape size = size_at(o.input, level);
    const auto scope = b.scope(layer_name(static_cast<int>(i) + 1), "stride " + std::to_string(stride_of(level)));
    const auto enter = [&](Value x, const char* name) {
      const auto inner = b.scope(name);
      return entered(b, x, level, o, size);
    };
    const Value s0 = enter(before, "before"), s1 = enter(last, "last");
    before = last;
    last = cell(b, s0, s1, o);
  }
  const auto scope = b.scope("head");
  return b.finish({head(b, last, levels.back(), o)});
}

// ---- the open trellis ----

std::string stride_decision(int layer) { return layer_name(layer) + ".stride"; }

// The outputs of a layer, by level; layer 0 is the stem.
struct Row {
  int layer = 0;
  std::vector<Value> outputs;
};

// How many levels a layer can be at.
int levels_at(int layer) { return std::min(std::max(layer, 1), kLevels); }

class Trellis {
 public:
  Trellis(Builder& b, const Outline& o) : b_(b), o_(o) {}

  Value write(Value start) {
    Row before{0, {start}}, last{0, {start}};
    for (int layer = 1; layer <= kLayers; ++layer) {
      Row next{layer, {}};
      for (int level = 0; level < levels_at(layer); ++level) next.outputs.push_back(place(before, last, layer, level));
      before = std::exchange(last, std::move(next));
    }
    const auto scope = b_.scope("head");
    return picked(last, "end", [this](Builder& inner, Value x, int level) { return head(inner, x, level, o_); });
  }

 private:
  using Write = std::function<Value(Builder&, Value, int from)>;

  // One output of a layer, by its stride, each through `write`.
  Value picked(const Row& row, const char* name, const Write& write) {
    if (row.outputs.size() == 1) {
      const auto scope = b_.scope(name);
      return write(b_, row.outputs[0], 0);
    }
    Builder::SelectOptions options{.name = name};
    for (int from = 0; from < static_cast<int>(row.outputs.size()); ++from)
      options.branches.push_back({std::to_string(stride_of(from)), [=](Builder& inner, Value x) { return write(inner, x, from); }});
    return b_.select(stride_decision(row.layer), row.outputs, options);
  }

  Value place(const Row& before, const Row& last, int layer, int level) {
    const auto scope = b_.scope(layer_name(layer) + "_" + std::to_string(stride_of(level)), "stride " + std::to_string(stride_of(level)));
    const Shape size = size_at(o_.input, level);
    const Write enter = [this, level, size](Builder& inner, Value x, int) { return entered(inner, x, level, o_, size); };
    const Value s0 = picked(before, "before", enter), s1 = picked(last, "last", enter);
    return cell(b_, s0, s1, o_);
  }

  Builder& b_;
  const Outline& o_;
};

Graph trellis_network(const Outline& o) {
  Builder b;
  const Value start = stem(b, b.input(o.input));
  return b.finish({Trellis(b, o).write(start)});
}

// ---- settings ----

const SpaceInfo& info() {
  static const SpaceInfo value{.name = "autodeeplab",
                               .title = "a cell of five nodes along a path of twelve resolutions",
                               .paper = "Liu et al. 2019, arXiv 1901.02985",
                               .traits = {"cell", "path", "uniform"},
                               .settings = {{"channels", "20", "channels of a node at stride 4; doubled where the stride doubles"},
                                            {"head", "classifier", "classifier: classes of the image; dense: classes of each pixel"}},
                               .search_settings = {{"channels", "8", "channels of a node at stride 4; doubled where the stride doubles"}},
                               .input = {3, 224, 224},
                               .classes = 1000};
  return value;
}

Outline outline(const NetworkOptions& options, bool search) {
  NetworkOptions form = options;
  form.search = search;
  check_settings(info(), form);
  const std::string kind = setting(info(), form, "head");
  if (kind != "classifier" && kind != "dense")
    throw UsageError("autodeeplab: head=" + kind + " is neither classifier nor dense" + name_hint(kind, {"classifier", "dense"}));
  const Outline o{.channels = integer_setting(info(), form, "channels"),
                  .classes = options.classes,
                  .dense = kind == "dense",
                  .input = options.input,
                  .form = {search}};
  if (o.classes < 1) throw UsageError("autodeeplab: classes=" + std::to_string(o.classes) + " is below 1");
  if (o.input.size() != 3) throw UsageError("autodeeplab: the input is " + to_string(o.input) + "; it must be an image, as 3x224x224");
  return o;
}

// ---- decisions ----

std::vector<std::string> strides(int count) {
  std::vector<std::string> names;
  for (int level = 0; level < count; ++level) names.push_back(std::to_string(stride_of(level)));
  return names;
}

std::vector<Decision> stride_decisions(int layers) {
  std::vector<Decision> decisions;
  for (int layer = 2; layer <= layers; ++layer) decisions.push_back({.name = stride_decision(layer), .choices = strides(levels_at(layer))});
  return decisions;
}

// Whether the picks [first, last) are levels that follow each other, from level 0.
bool is_path(const Architecture& architecture, std::size_t first, std::size_t last) {
  Int level = 0;
  for (std::size_t step = first; step < last; ++step) {
    const Int next = architecture.picks[step];
    if (std::abs(next - level) > 1) return false;
    level = next;
  }
  return true;
}

// Paths of so many steps, by the level at which they end.
Whole paths(int steps) {
  std::array<Whole, kLevels> ends{1};
  for (int step = 0; step < steps; ++step) {
    std::array<Whole, kLevels> next{};
    for (int level = 0; level < kLevels; ++level)
      for (int from = std::max(0, level - 1); from <= std::min(kLevels - 1, level + 1); ++from)
        next[static_cast<std::size_t>(level)] += ends[static_cast<std::size_t>(from)];
    ends = next;
  }
  Whole sum = 0;
  for (const auto& count : ends) sum += count;
  return sum;
}

constexpr const char* kRule = "neighbouring layers have equal or neighbouring strides";

// The picks from `first` on are a path; any beginning of one can be gone on with.
Rule path_rule(std::size_t first, std::function<std::string()> count) {
  return {.text = kRule,
          .holds = [first](const Architecture& a) { return is_path(a, first, a.picks.size()); },
          .count = std::move(count),
          .first = first,
          .may_hold = [first](const Architecture& a, std::size_t decided) { return is_path(a, first, decided); }};
}

// The cell's decisions, read off a graph of one cell.
std::vector<Decision> cell_decisions() {
  Builder b;
  const Value x = b.input({1, 1, 1});
  const DecisionTree tree = decisions_of(b.finish({b.add("concat", open_nodes(b, {x, x}, {}))}));
  return {tree.begin(), tree.end()};
}

DecisionTree whole_tree() {
  std::vector<Decision> decisions = cell_decisions();
  const std::string cells = size(DecisionTree(decisions));
  const std::size_t first = decisions.size();
  for (auto& decision : stride_decisions(kLayers)) decisions.push_back(std::move(decision));
  return DecisionTree(std::move(decisions), path_rule(first, [cells] { return Whole(paths(kLayers - 1) * Whole(cells)).str(); }));
}

class AutoDeepLab final : public Space {
 public:
  AutoDeepLab() : tree_(whole_tree()) {}
  const SpaceInfo& info() const override { return netwright::info(); }
  const DecisionTree& decisions() const override { return tree_; }
  Graph open(const NetworkOptions& options) const override {
    Outline o = outline(options, options.search);
    o.body = [form = o.form](Builder& b, std::vector<Value> states) { return open_nodes(b, std::move(states), form); };
    return trellis_network(o);
  }
  Graph close(const Architecture& architecture, const NetworkOptions& options) const override {
    validate(tree_, architecture);
    return dense_network(network_of(architecture), options);
  }
  std::string print(const Architecture& architecture) const override { return netwright::print(network_of(architecture)); }
  Architecture parse(std::string_view text) const override {
    return is_network(text) ? architecture_of(parse_dense_network(text)) : Space::parse(text);
  }
  Graph network(std::string_view text, const NetworkOptions& options) const override {
    return is_network(text) ? dense_network(parse_dense_network(text), options) : Space::network(text, options);
  }

 private:
  static bool is_network(std::string_view text) {
    const Json object = Json::parse(text, nullptr, false);
    return object.is_object() && object.contains("path");
  }

  std::vector<int> picks(const Architecture& architecture, const std::string& decision) const {
    const auto place = static_cast<std::size_t>(tree_.find(decision));
    return picked(tree_[place], architecture.picks.at(place));
  }

  DenseNetwork network_of(const Architecture& architecture) const {
    DenseNetwork network{.path = {kFirstStride}};
    for (int layer = 2; layer <= kLayers; ++layer) network.path.push_back(stride_of(picks(architecture, stride_decision(layer))[0]));
    for (int node = 0; node < kNodes; ++node)
      for (const int edge : picks(architecture, edges_decision(node)))
        network.cell.push_back({.op = kCandidates[static_cast<std::size_t>(picks(architecture, edge_decision(node, edge))[0])],
                                .input = edge,
                                .node = node + kCellInputs});
    return network;
  }

  Architecture architecture_of(const DenseNetwork& network) const {
    Architecture architecture{std::vector<Int>(tree_.size(), Architecture::inactive)};
    const auto set = [&](const std::string& name) -> Int& { return architecture.picks[static_cast<std::size_t>(tree_.find(name))]; };
    if (network.path.size() != kLayers)
      fail("'path' has " + std::to_string(network.path.size()) + " layers; the space autodeeplab has " + std::to_string(kLayers));
    if (network.cell.size() != 2 * kNodes)
      fail("'cell' has " + std::to_string(network.cell.size()) + " pairs; the space autodeeplab has " + std::to_string(2 * kNodes));
    for (int layer = 2; layer <= kLayers; ++layer) set(stride_decision(layer)) = level_of(network.path[static_cast<std::size_t>(layer - 1)]);
    for (const auto& edge : network.cell) {
      const int node = edge.node - kCellInputs;
      Int& mask = set(edges_decision(node));
      mask = std::max<Int>(mask, 0) | Int{1} << edge.input;
      set(edge_decision(node, edge.input)) = std::find(kCandidates.begin(), kCandidates.end(), edge.op) - kCandidates.begin();
    }
    validate(tree_, architecture);
    return architecture;
  }

  DecisionTree tree_;
};

// ---- text ----

std::vector<int> parse_path(const Json& object) {
  if (!object.contains("path") || !object["path"].is_array() || object["path"].empty()) fail("'path' is no list of strides");
  std::vector<int> path;
  for (const auto& item : object["path"]) {
    const int level = item.is_number_integer() ? level_of(item.get<int>()) : -1;
    if (level < 0) fail("'path' holds " + item.dump() + "; strides are 4, 8, 16 and 32");
    if (path.empty() ? level != 0 : std::abs(level - level_of(path.back())) > 1)
      fail("'path' goes to " + item.dump() + (path.empty() ? " at first; it starts at 4" : " after " + std::to_string(path.back()) + "; " + kRule));
    path.push_back(item.get<int>());
  }
  return path;
}

std::vector<GenotypeEdge> parse_cell(const Json& object) {
  static const std::vector<std::string> known(kCandidates.begin() + 1, kCandidates.end());
  if (!object.contains("cell") || !object["cell"].is_array() || object["cell"].empty() || object["cell"].size() % 2 != 0)
    fail("'cell' is no list of two pairs a node");
  std::vector<GenotypeEdge> cell;
  for (const auto& entry : object["cell"]) {
    const std::string place = "cell[" + std::to_string(cell.size()) + "]";
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number_integer())
      fail(place + " is " + entry.dump() + "; it must be [\"operation\", state]");
    const GenotypeEdge edge{.op = entry[0].get<std::string>(), .input = entry[1].get<int>(), .node = static_cast<int>(cell.size()) / 2 + kCellInputs};
    if (std::find(known.begin(), known.end(), edge.op) == known.end())
      fail(place + " names the unknown operation '" + edge.op + "'" + name_hint(edge.op, known));
    if (edge.input < 0 || edge.input >= edge.node)
      fail(place + " reads state " + std::to_string(edge.input) + "; node " + std::to_string(edge.node) + " may read 0 to " +
           std::to_string(edge.node - 1));
    if (cell.size() % 2 == 1 && cell.back().input == edge.input) fail(place + " reads state " + std::to_string(edge.input) + " twice");
    cell.push_back(edge);
  }
  return cell;
}

}  // namespace

DenseNetwork parse_dense_network(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) fail("'" + std::string(json.substr(0, 60)) + "' is no {\"path\": [4, ...], \"cell\": [[\"sep_conv_3x3\", 0], ...]}");
  return {.path = parse_path(object), .cell = parse_cell(object)};
}

std::string print(const DenseNetwork& network) {
  Json cell = Json::array();
  for (const auto& edge : network.cell) cell.push_back({edge.op, edge.input});
  return Json{{"path", network.path}, {"cell", cell}}.dump();
}

Graph dense_network(const DenseNetwork& network, const NetworkOptions& options) {
  Outline o = outline(options, false);
  o.body = [&](Builder& b, std::vector<Value> states) { return fixed_nodes(b, std::move(states), network.cell); };
  std::vector<int> levels;
  for (const int stride : network.path) levels.push_back(level_of(stride));
  return path_network(levels, o);
}

DecisionTree path_decisions(int steps) {
  return DecisionTree(stride_decisions(steps + 1), path_rule(0, [steps] { return paths(steps).str(); }));
}

std::unique_ptr<Space> make_autodeeplab() { return std::make_unique<AutoDeepLab>(); }

}  // namespace netwright
