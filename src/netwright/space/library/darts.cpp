#include "netwright/space/library/darts.hpp"

#include <algorithm>
#include <array>
#include <functional>

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

constexpr int kNodes = 4;       // intermediate nodes of a cell of the space
constexpr int kCellInputs = 2;  // states 0 and 1
constexpr int kEdgesANode = 2;
const std::array<const char*, 8> kCandidates = {"none",         "max_pool_3x3", "avg_pool_3x3", "skip_connect",
                                                "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"};

// ---- operations ----

// Which of the space's two forms is built.
struct Form {
  bool search = false;
  bool affine() const { return !search; }
};

Value pool(Builder& b, Value x, const char* op, Int stride, Form form) {
  x = b.add(op, x, {{"kernel", 3}, {"stride", stride}, {"padding", 1}}, "pool");
  return form.search ? b.add("batch_norm", x, {{"affine", 0}}, "bn") : x;
}

Value conv_7x1_1x7(Builder& b, Value x, Int channels, Int stride, Form form) {
  x = b.add("relu", x, {}, "relu");
  x = b.add("conv", x, {{"kernel", 1}, {"kernel_w", 7}, {"stride_w", stride}, {"channels", channels}}, "conv_1x7");
  x = b.add("conv", x, {{"kernel", 7}, {"kernel_w", 1}, {"stride", stride}, {"stride_w", 1}, {"channels", channels}}, "conv_7x1");
  return b.add("batch_norm", x, {{"affine", Int{form.affine()}}}, "bn");
}

using Operate = std::function<Value(Builder&, Value, Int channels, Int stride, Form)>;

Operate separable(Int kernel) {
  return [kernel](Builder& b, Value x, Int channels, Int stride, Form form) {
    return sep_conv(b, x, channels, {.kernel = kernel, .stride = stride, .affine = form.affine()});
  };
}

Operate dilated(Int kernel) {
  return [kernel](Builder& b, Value x, Int channels, Int stride, Form form) {
    return dil_conv(b, x, channels, {.kernel = kernel, .stride = stride, .dilation = 2, .affine = form.affine()});
  };
}

Operate pooling(const char* op) {
  return [op](Builder& b, Value x, Int, Int stride, Form form) { return pool(b, x, op, stride, form); };
}

Value skip(Builder& b, Value x, Int channels, Int stride, Form form) {
  return stride == 1 ? b.add("identity", x, {}, "identity") : factorized_reduce(b, x, channels, form.affine());
}

struct NamedOperation {
  std::string name;
  Operate operate;
};

const std::vector<NamedOperation>& operation_list() {
  static const std::vector<NamedOperation> list = {
      {"none",
       [](Builder& b, Value x, Int, Int stride, Form) {
         return b.add("zero", x, {{"stride", stride}}, "zero");
       }},
      {"max_pool_3x3", pooling("max_pool")},
      {"avg_pool_3x3", pooling("avg_pool")},
      {"skip_connect", skip},
      {"sep_conv_3x3", separable(3)},
      {"sep_conv_5x5", separable(5)},
      {"dil_conv_3x3", dilated(3)},
      {"dil_conv_5x5", dilated(5)},
      {"sep_conv_7x7", separable(7)},
      {"conv_7x1_1x7", conv_7x1_1x7},
  };
  return list;
}

const Operate& operate_of(const std::string& name) {
  for (const auto& entry : operation_list())
    if (entry.name == name) return entry.operate;
  throw UsageError("genotype: unknown operation '" + name + "'" + name_hint(name, genotype_operations()));
}

// ---- the network around the cells ----

struct Outline {
  Int channels, cells, classes;
  bool imagenet, auxiliary;
  Shape input;
  Form form;
  Int stem_factor = SearchCells{}.stem_factor;
};

struct CellPlace {
  bool reduction;
  Form form;
};

// Writes what a cell computes behind its two preprocessed inputs.
using CellBody = std::function<Value(Builder&, std::vector<Value> states, Int channels, CellPlace place)>;

struct Pair {
  Value before, last;  // the outputs of the previous two cells
};

Value plain_conv_bn(Builder& b, Value x, Int channels, Int kernel, Int stride) {
  return conv_bn(b, x, channels, {.kernel = kernel, .stride = stride, .activation = ""});
}

Pair stem(Builder& b, Value x, const Outline& o) {
  if (!o.imagenet) {
    const auto scope = b.scope("stem");
    x = plain_conv_bn(b, x, o.stem_factor * o.channels, 3, 1);
    return {x, x};
  }
  Value first, second;
  {
    const auto scope = b.scope("stem0");
    first = conv_bn(b, x, o.channels / 2, {.kernel = 3, .stride = 2});
    first = plain_conv_bn(b, first, o.channels, 3, 2);
  }
  const auto scope = b.scope("stem1");
  second = relu_conv_bn(b, first, o.channels, {.kernel = 3, .stride = 2});
  return {first, second};
}

Value cell(Builder& b, Pair in, Int channels, CellPlace place, bool after_reduction, const CellBody& body) {
  const bool affine = place.form.affine();
  Value s0, s1;
  {
    const auto scope = b.scope("preprocess0");
    s0 = after_reduction ? factorized_reduce(b, in.before, channels, affine) : relu_conv_bn(b, in.before, channels, {.kernel = 1, .affine = affine});
  }
  {
    const auto scope = b.scope("preprocess1");
    s1 = relu_conv_bn(b, in.last, channels, {.kernel = 1, .affine = affine});
  }
  return body(b, {s0, s1}, channels, place);
}

Value auxiliary_head(Builder& b, Value x, const Outline& o) {
  const auto scope = b.scope("auxiliary", "auxiliary head");
  x = b.add("relu", x, {}, "relu");
  x = b.add("avg_pool", x, {{"kernel", 5}, {"stride", o.imagenet ? Int{2} : Int{3}}, {"padding", 0}}, "pool");
  x = conv_bn(b, x, 128, {.kernel = 1});
  x = b.add("conv", x, {{"kernel", 2}, {"channels", 768}, {"padding", 0}}, "conv_2");
  if (!o.imagenet) x = b.add("batch_norm", x, {}, "bn_2");
  x = b.add("relu", x, {}, "act_2");
  x = b.add("flatten", x, {}, "flatten");
  return b.add("linear", x, {{"features", o.classes}}, "classifier");
}

Graph network(const Outline& o, const CellBody& body) {
  Builder b;
  Pair states = stem(b, b.input(o.input), o);
  Int channels = o.channels;
  bool after_reduction = o.imagenet;
  Value auxiliary_input;
  for (Int i = 0; i < o.cells; ++i) {
    const bool reduction = i == o.cells / 3 || i == 2 * o.cells / 3;
    if (reduction) channels *= 2;
    const auto scope = b.scope("cell" + std::to_string(i), reduction ? "reduction cell" : "normal cell");
    const Value out = cell(b, states, channels, {reduction, o.form}, after_reduction, body);
    states = {states.last, out};
    after_reduction = reduction;
    if (i == 2 * o.cells / 3) auxiliary_input = out;
  }
  std::vector<Value> outputs;
  const Value auxiliary = o.auxiliary ? auxiliary_head(b, auxiliary_input, o) : Value{};
  outputs.push_back(classifier(b, states.last, o.classes));
  if (o.auxiliary) outputs.push_back(auxiliary);
  return b.finish(std::move(outputs));
}

// ---- the space ----

SpaceInfo darts_info() {
  return {.name = "darts",
          .title = "two cells of four nodes, two inputs a node, seven operations an edge",
          .paper = "Liu et al. 2019, arXiv 1806.09055",
          .traits = {"cell", "open"},
          .settings = {{"network", "cifar", "cifar: a 3x3 stem; imagenet: three stride-2 convolutions before the cells"},
                       {"channels", "auto", "channels of the first cells; auto: 36 for cifar, 48 for imagenet"},
                       {"cells", "auto", "cells, two of which reduce, at 1/3 and 2/3; auto: 20 for cifar, 14 for imagenet"},
                       {"auxiliary", "false", "true: a second classifier behind the second reduction, for training"}},
          .search_settings = {{"channels", "16", "channels of the first cells"}, {"cells", "8", "cells of the search network"}}};
}

Outline outline(const SpaceInfo& info, const NetworkOptions& options, bool search) {
  NetworkOptions form = options;
  form.search = search;
  check_settings(info, form);
  const std::string kind = setting(info, form, "network");
  if (kind != "cifar" && kind != "imagenet")
    throw UsageError("darts: network=" + kind + " is neither cifar nor imagenet" + name_hint(kind, {"cifar", "imagenet"}));
  const bool imagenet = kind == "imagenet";
  const auto number = [&](const char* name, Int automatic) {
    return setting(info, form, name) == "auto" ? automatic : integer_setting(info, form, name);
  };
  const Outline o{.channels = number("channels", imagenet ? 48 : 36),
                  .cells = number("cells", imagenet ? 14 : 20),
                  .classes = options.classes,
                  .imagenet = imagenet,
                  .auxiliary = flag_setting(info, form, "auxiliary"),
                  .input = options.input,
                  .form = {search}};
  if (o.channels < 1 || (imagenet && o.channels % 2 != 0))
    throw UsageError("darts: channels=" + std::to_string(o.channels) + (imagenet ? " is not an even number of at least 2" : " is below 1"));
  if (o.cells < 1) throw UsageError("darts: cells=" + std::to_string(o.cells) + " is below 1");
  if (o.classes < 1) throw UsageError("darts: classes=" + std::to_string(o.classes) + " is below 1");
  return o;
}

std::string node_name(bool reduction, int node) { return (reduction ? "reduce.node" : "normal.node") + std::to_string(node); }
std::string edges_name(bool reduction, int node) { return node_name(reduction, node) + ".edges"; }
std::string edge_name(bool reduction, int node, int edge) { return node_name(reduction, node) + ".edge" + std::to_string(edge); }

std::vector<BranchSpec> candidates(Int channels, Int stride, Form form) {
  std::vector<BranchSpec> list;
  for (const std::string name : kCandidates) {
    const Operate& operate = operate_of(name);
    list.push_back({name,
                    [&operate, channels, stride, form, name](Builder& b, Value x) {
                      const Value y = operate(b, x, channels, stride, form);
                      const bool passes = form.search || name == "none" || (name == "skip_connect" && stride == 1);
                      return passes ? y : b.add("drop_path", y, {}, "drop_path");
                    },
                    name == "none"});
  }
  return list;
}

Value open_cell(Builder& b, std::vector<Value> states, Int channels, CellPlace place, const SearchCells& cells) {
  for (int node = 0; node < cells.nodes; ++node) {
    std::vector<BranchSpec> branches;
    for (int edge = 0; edge < node + kCellInputs; ++edge) {
      const Int stride = place.reduction && edge < kCellInputs ? 2 : 1;
      const std::string decision = edge_name(place.reduction, node, edge);
      branches.push_back(
          {std::to_string(edge), [=](Builder& inner, Value x) { return inner.choice(decision, x, candidates(channels, stride, place.form), "op"); }});
    }
    Builder::SelectOptions options{
        .minimum = kEdgesANode, .maximum = kEdgesANode, .combine = "sum", .name = "node" + std::to_string(node), .branches = branches};
    states.push_back(b.select(edges_name(place.reduction, node), states, options));
  }
  return b.add("concat", std::vector<Value>(states.end() - cells.joined, states.end()), {}, "concat");
}

// In a network of the space each decision has a place.
const Outline& with_both_cells(const Outline& o) {
  if (o.cells < 3) throw UsageError("darts: cells=" + std::to_string(o.cells) + " is below 3; a network has a normal cell and two that reduce");
  return o;
}

Graph open_network(const Outline& o, const SearchCells& cells) {
  return network(o, [&](Builder& b, std::vector<Value> states, Int channels, CellPlace place) {
    return open_cell(b, std::move(states), channels, place, cells);
  });
}

// ---- genotypes ----

[[noreturn]] void fail(const std::string& place, const std::string& why) { throw UsageError("genotype: " + place + " " + why); }

// Cells of the field have a dozen states at most.
constexpr int kMostStates = 64, kMostNodes = kMostStates - kCellInputs;

// Numbers beyond all states stay beyond them.
int state_in(const Json& number) { return static_cast<int>(std::clamp<Int>(number.get<Int>(), -1, kMostStates)); }

GenotypeEdge parse_edge(const Json& entry, std::size_t position, const std::string& place) {
  const bool triple = entry.is_array() && entry.size() == 3;
  const bool valid = entry.is_array() && (triple || entry.size() == 2) && entry[0].is_string() &&
                     std::all_of(entry.begin() + 1, entry.end(), [](const Json& n) { return n.is_number_integer(); });
  if (!valid) fail(place, "is " + entry.dump() + "; it must be [\"operation\", input] or [\"operation\", node, input]");
  GenotypeEdge edge{
      .op = entry[0].get<std::string>(), .input = state_in(entry.back()), .node = static_cast<int>(position) / kEdgesANode + kCellInputs};
  if (triple) edge.node = state_in(entry[1]);
  const auto& known = genotype_operations();
  if (std::find(known.begin(), known.end(), edge.op) == known.end())
    fail(place, "names the unknown operation '" + edge.op + "'" + name_hint(edge.op, known));
  if (edge.node < kCellInputs || edge.node >= kMostStates)
    fail(place, "adds to state " + entry[1].dump() + "; nodes are states 2 to " + std::to_string(kMostStates - 1));
  if (edge.input < 0 || edge.input >= edge.node)
    fail(place,
         "reads state " + entry.back().dump() + "; node " + std::to_string(edge.node) + " may read 0 to " + std::to_string(edge.node - 1));
  return edge;
}

const Json& member(const Json& object, const std::string& name) {
  if (!object.contains(name)) throw UsageError("genotype: needs the list '" + name + "'");
  if (!object[name].is_array() || object[name].empty()) fail("'" + name + "'", "must be a list with entries");
  return object[name];
}

std::vector<GenotypeEdge> parse_cell(const Json& object, const std::string& name) {
  const Json& list = member(object, name);
  const bool triples = list[0].is_array() && list[0].size() == 3;
  std::vector<GenotypeEdge> edges;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = name + "[" + std::to_string(i) + "]";
    edges.push_back(parse_edge(list[i], i, place));
    if ((list[i].size() == 3) != triples) fail(place, "mixes pairs and triples");
  }
  if (!triples && edges.size() % kEdgesANode != 0) fail("'" + name + "'", "has " + std::to_string(edges.size()) + " entries; pairs come two a node");
  return edges;
}

std::vector<int> parse_concat(const Json& object, const std::string& name, const std::vector<GenotypeEdge>& edges) {
  const std::string key = object.contains(name + "_concat") ? name + "_concat" : object.contains("concat") ? "concat" : name + "_concat";
  int last = kCellInputs + 1;
  for (const auto& edge : edges) last = std::max(last, edge.node);
  std::vector<int> states;
  for (const Json& entry : member(object, key)) {
    const bool valid = entry.is_number_integer() && state_in(entry) >= 0 && (state_in(entry) <= last || (key == "concat" && state_in(entry) < kMostStates));
    if (!valid) fail("'" + key + "'", "holds " + entry.dump() + "; the cell's states are 0 to " + std::to_string(last));
    states.push_back(state_in(entry));
  }
  return states;
}

bool two_a_node(const std::vector<GenotypeEdge>& edges) {
  for (std::size_t i = 0; i < edges.size(); ++i)
    if (edges[i].node != static_cast<int>(i) / kEdgesANode + kCellInputs) return false;
  return edges.size() % kEdgesANode == 0;
}

Json cell_json(const std::vector<GenotypeEdge>& edges) {
  Json list = Json::array();
  for (const auto& edge : edges) list.push_back(two_a_node(edges) ? Json{edge.op, edge.input} : Json{edge.op, edge.node, edge.input});
  return list;
}

// Writes a genotype's cell, node by node. A node that nothing is added to does not exist: an edge that reads it is left out, and so is
// its part of the concat (the rule of sparse genotypes, of which two released ones have such an edge).
class GenotypeCell {
 public:
  GenotypeCell(Builder& b, const std::vector<Value>& inputs, Int channels, bool reduction)
      : b_(b), states_(inputs), channels_(channels), reduction_(reduction) {}

  Value write(std::vector<GenotypeEdge> edges, const std::vector<int>& concat) {
    std::stable_sort(edges.begin(), edges.end(), [](const auto& a, const auto& c) { return a.node < c.node; });
    for (std::size_t i = 0; i < edges.size(); ++i) {
      while (static_cast<int>(states_.size()) < edges[i].node) end_node();
      if (exists(edges[i].input)) terms_.push_back(edge(edges[i], i));
    }
    end_node();
    std::vector<Value> joined;
    for (const int state : concat)
      if (exists(state)) joined.push_back(states_[static_cast<std::size_t>(state)]);
    if (joined.empty()) fail(reduction_ ? "'reduce_concat'" : "'normal_concat'", "joins no node that has inputs");
    return b_.add("concat", joined, {}, "concat");
  }

 private:
  bool exists(int state) const { return state < static_cast<int>(states_.size()) && states_[static_cast<std::size_t>(state)].node >= 0; }

  Value edge(const GenotypeEdge& edge, std::size_t number) {
    const Int stride = reduction_ && edge.input < kCellInputs ? 2 : 1;
    const auto scope = b_.scope("node" + std::to_string(edge.node - kCellInputs) + ".op" + std::to_string(number), edge.op);
    const Value y = operate_of(edge.op)(b_, states_[static_cast<std::size_t>(edge.input)], channels_, stride, Form{false});
    const bool passes = edge.op == "none" || (edge.op == "skip_connect" && stride == 1);
    return passes ? y : b_.add("drop_path", y, {}, "drop_path");
  }

  void end_node() {
    Value sum;
    if (terms_.size() == 1) sum = terms_[0];
    if (terms_.size() > 1) sum = b_.add("add", terms_, {}, "node" + std::to_string(states_.size() - kCellInputs));
    states_.push_back(sum);
    terms_.clear();
  }

  Builder& b_;
  std::vector<Value> states_, terms_;
  Int channels_;
  bool reduction_;
};

class Darts final : public Space {
 public:
  Darts() : info_(darts_info()) {
    NetworkOptions smallest{.search = true};
    smallest.settings = {{"channels", "2"}, {"cells", "3"}};
    tree_ = decisions_of(open(smallest));
  }
  const SpaceInfo& info() const override { return info_; }
  const DecisionTree& decisions() const override { return tree_; }
  Graph open(const NetworkOptions& options) const override {
    return open_network(with_both_cells(outline(info_, options, options.search)), {});
  }
  Graph close(const Architecture& architecture, const NetworkOptions& options) const override {
    validate(tree_, architecture);
    with_both_cells(outline(info_, options, false));
    return genotype_network(genotype_of(tree_, architecture), options);
  }
  std::string print(const Architecture& architecture) const override { return netwright::print(genotype_of(tree_, architecture)); }
  Architecture parse(std::string_view text) const override {
    return is_genotype(text) ? architecture_of(tree_, parse_genotype(text)) : Space::parse(text);
  }
  Graph network(std::string_view text, const NetworkOptions& options) const override {
    return is_genotype(text) ? genotype_network(parse_genotype(text), options) : Space::network(text, options);
  }

 private:
  static bool is_genotype(std::string_view text) {
    const Json object = Json::parse(text, nullptr, false);
    return object.is_object() && (object.contains("normal") || object.contains("reduce"));
  }

  SpaceInfo info_;
  DecisionTree tree_;
};

std::vector<GenotypeEdge> cell_of(const DecisionTree& tree, const Architecture& architecture, bool reduction) {
  std::vector<GenotypeEdge> edges;
  const auto pick = [&](const std::string& name) {
    const int i = tree.find(name);
    return picked(tree[static_cast<std::size_t>(i)], architecture.picks.at(static_cast<std::size_t>(i)));
  };
  for (int node = 0; node < kNodes; ++node)
    for (const int edge : pick(edges_name(reduction, node)))
      edges.push_back(
          {.op = kCandidates[static_cast<std::size_t>(pick(edge_name(reduction, node, edge)).at(0))], .input = edge, .node = node + kCellInputs});
  return edges;
}

void set_cell(const DecisionTree& tree, Architecture& architecture, const std::vector<GenotypeEdge>& edges, bool reduction) {
  const auto set = [&](const std::string& name) -> Int& { return architecture.picks[static_cast<std::size_t>(tree.find(name))]; };
  const std::string cell_name = reduction ? "reduce" : "normal";
  for (const auto& edge : edges) {
    const std::string place = cell_name + " node " + std::to_string(edge.node);
    const int node = edge.node - kCellInputs;
    if (node >= kNodes) fail(place, "is not in the space darts; a cell has nodes 2 to 5");
    const auto op = std::find(kCandidates.begin() + 1, kCandidates.end(), edge.op);
    if (op == kCandidates.end()) fail(place, "uses " + edge.op + ", which is not in the space darts");
    Int& mask = set(edges_name(reduction, node));
    if (mask == Architecture::inactive) mask = 0;
    if ((mask >> edge.input & 1) != 0) fail(place, "reads state " + std::to_string(edge.input) + " twice; in the space darts its inputs differ");
    mask |= Int{1} << edge.input;
    set(edge_name(reduction, node, edge.input)) = op - kCandidates.begin();
  }
}

}  // namespace

const std::vector<std::string>& genotype_operations() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& entry : operation_list()) list.push_back(entry.name);
    return list;
  }();
  return names;
}

Graph darts_search_network(const SearchCells& cells, const NetworkOptions& options) {
  if (cells.nodes < 1 || cells.nodes > kMostNodes)
    throw UsageError("darts: nodes=" + std::to_string(cells.nodes) + " is not 1 to " + std::to_string(kMostNodes));
  if (cells.joined < 1 || cells.joined > cells.nodes)
    throw UsageError("darts: joined=" + std::to_string(cells.joined) + " is not 1 to the number of nodes, " + std::to_string(cells.nodes));
  if (cells.stem_factor < 1) throw UsageError("darts: stem_factor=" + std::to_string(cells.stem_factor) + " is below 1");
  Outline o = outline(darts_info(), options, true);
  o.stem_factor = cells.stem_factor;
  return open_network(o, cells);
}

Genotype parse_genotype(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) throw UsageError("genotype: '" + std::string(json.substr(0, 60)) + "' is not a JSON object");
  static const std::vector<std::string> keys = {"normal", "normal_concat", "reduce", "reduce_concat", "concat"};
  for (const auto& [key, value] : object.items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) throw UsageError("genotype: unknown key '" + key + "'" + name_hint(key, keys));
  Genotype genotype{.normal = parse_cell(object, "normal"), .reduce = parse_cell(object, "reduce")};
  genotype.normal_concat = parse_concat(object, "normal", genotype.normal);
  genotype.reduce_concat = parse_concat(object, "reduce", genotype.reduce);
  return genotype;
}

std::string print(const Genotype& genotype) {
  const Json object = {{"normal", cell_json(genotype.normal)},
                       {"normal_concat", genotype.normal_concat},
                       {"reduce", cell_json(genotype.reduce)},
                       {"reduce_concat", genotype.reduce_concat}};
  return object.dump();
}

Graph genotype_network(const Genotype& genotype, const NetworkOptions& options) {
  static const SpaceInfo info = darts_info();
  return network(outline(info, options, false), [&](Builder& b, std::vector<Value> states, Int channels, CellPlace place) {
    GenotypeCell cell(b, states, channels, place.reduction);
    return place.reduction ? cell.write(genotype.reduce, genotype.reduce_concat) : cell.write(genotype.normal, genotype.normal_concat);
  });
}

Genotype genotype_of(const DecisionTree& tree, const Architecture& architecture) {
  const std::vector<int> all = {2, 3, 4, 5};
  return {.normal = cell_of(tree, architecture, false), .normal_concat = all, .reduce = cell_of(tree, architecture, true), .reduce_concat = all};
}

Architecture architecture_of(const DecisionTree& tree, const Genotype& genotype) {
  const std::vector<int> all = {2, 3, 4, 5};
  for (const auto* concat : {&genotype.normal_concat, &genotype.reduce_concat}) {
    std::vector<int> sorted = *concat;
    std::sort(sorted.begin(), sorted.end());
    if (sorted != all) fail(concat == &genotype.normal_concat ? "'normal_concat'" : "'reduce_concat'", "is not [2,3,4,5], as in the space darts");
  }
  Architecture architecture;
  architecture.picks.assign(tree.size(), Architecture::inactive);
  set_cell(tree, architecture, genotype.normal, false);
  set_cell(tree, architecture, genotype.reduce, true);
  for (const bool reduction : {false, true})
    for (int node = 0; node < kNodes; ++node) {
      const Int mask = architecture.picks[static_cast<std::size_t>(tree.find(edges_name(reduction, node)))];
      if (mask <= 0 || (mask & (mask - 1)) == 0 || ((mask & (mask - 1)) & ((mask & (mask - 1)) - 1)) != 0)
        fail(node_name(reduction, node), "has not exactly two inputs, as in the space darts");
    }
  validate(tree, architecture);
  return architecture;
}

std::unique_ptr<Space> make_darts() { return std::make_unique<Darts>(); }

}  // namespace netwright
