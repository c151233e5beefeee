#include "netwright/space/library/recurrent.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <numeric>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/builder.hpp"
#include "netwright/graph/close.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Json = nlohmann::ordered_json;

const std::vector<std::string>& functions() {
  static const std::vector<std::string> names = {"tanh", "relu", "sigmoid", "identity"};
  return names;
}

[[noreturn]] void fail(const std::string& place, const std::string& why) { throw UsageError("genotype: " + place + " " + why); }

std::vector<int> all_nodes(std::size_t count) {
  std::vector<int> states(count);
  std::iota(states.begin(), states.end(), 1);
  return states;
}

// ---- the cell ----

std::string node_name(std::size_t node) { return "node" + std::to_string(node); }

// What a node reads, and what its weight makes of it.
struct Read {
  Value state;
  Value product;
};
using WriteRead = std::function<Read(Builder&, const std::vector<Value>& states, std::size_t node, Int step)>;
using WriteFunction = std::function<Value(Builder&, Value u, std::size_t node)>;

struct Cell {
  std::size_t nodes = 0;
  Int width = 0;
  bool search = false;             // batch norm behind each state
  bool first_takes_input = false;  // ENAS: the first node is s_0
  std::vector<int> averaged;       // states
  WriteRead read;
  WriteFunction function;
};

std::string owner(Int step, const std::string& name) { return step == 0 ? "" : "step0." + name; }

// The first step's weight; the others are tied to it. `tied` is the name of that node, empty in the first step.
Value product(Builder& b, Value x, Int features, const std::string& name, const std::string& tied) {
  Attributes attributes{{"features", features}, {"bias", 0}};
  if (!tied.empty()) attributes["tied"] = tied;
  return b.add("linear", x, std::move(attributes), name);
}

// s + sigmoid(c) * (f(u) - s)
Value gated(Builder& b, const Read& read, Int width, const std::function<Value(Builder&, Value)>& function) {
  const Value c = b.add("sigmoid", b.add("slice", read.product, {{"channels", width}}, "gate"), {}, "sigmoid");
  const Value u = function(b, b.add("slice", read.product, {{"offset", width}}, "update"));
  const Value change = b.add("add", {u, b.add("scale", read.state, {{"factor", -1.0}}, "minus")}, {}, "change");
  return b.add("add", {read.state, b.add("multiply", {c, change}, {}, "gated")}, {}, "state");
}

Value state_norm(Builder& b, Value state, const Cell& cell) { return cell.search ? b.add("batch_norm", state, {{"affine", 0}}, "bn") : state; }

Value mean(Builder& b, const std::vector<Value>& states, const std::vector<int>& averaged) {
  std::vector<Value> terms;
  for (const int state : averaged) terms.push_back(states[static_cast<std::size_t>(state)]);
  if (terms.size() == 1) return terms[0];
  return b.add("scale", b.add("add", terms, {}, "sum"), {{"factor", 1.0 / static_cast<double>(terms.size())}}, "mean");
}

// One step: x {features} and h {width} give the next h.
Value step_of(Builder& b, Value x, Value h, const Cell& cell, Int step) {
  const auto scope = b.scope("step" + std::to_string(step), "step");
  const Value both = b.add("concat", {x, h}, {}, "inputs");
  const Value first = product(b, both, 2 * cell.width, "initial", owner(step, "initial"));
  const auto initial = [&](Builder& inner, Value u) {
    return cell.first_takes_input ? cell.function(inner, u, 1) : inner.add("tanh", u, {}, "tanh");
  };
  std::vector<Value> states;
  {
    const auto inner = b.scope(cell.first_takes_input ? node_name(1) : "state0");
    states.push_back(state_norm(b, gated(b, {h, first}, cell.width, initial), cell));
  }
  if (cell.first_takes_input) states.push_back(states[0]);  // numbered from 1, as its successors
  for (std::size_t node = states.size(); node <= cell.nodes; ++node) {
    const Read read = cell.read(b, states, node, step);
    const auto inner = b.scope(node_name(node));
    states.push_back(state_norm(b, gated(b, read, cell.width, [&](Builder& c, Value u) { return cell.function(c, u, node); }), cell));
  }
  return mean(b, states, cell.averaged);
}

// {steps, features} -> {steps, width}
Value unrolled(Builder& b, Value x, const Cell& cell) {
  const Int steps = b.shape(x)[0];
  std::vector<Value> outputs;
  Value start, h;
  for (Int step = 0; step < steps; ++step) {
    const std::string number = std::to_string(step);
    const Value row = b.add("flatten", b.add("slice", x, {{"offset", step}, {"channels", 1}}, "take" + number), {}, "row" + number);
    if (step == 0) h = start = b.add("zero", row, {{"channels", cell.width}}, "start");
    h = step_of(b, row, h, cell, step);
    outputs.push_back(b.add("tokens", h, {}, "output" + number));
  }
  b.set(start, "carried", b.name(h));
  return outputs.size() == 1 ? outputs[0] : b.add("concat", outputs, {}, "outputs");
}

Cell cell_of(const RecurrentGenotype& genotype, Int width, bool first_takes_input = false) {
  Cell cell{.nodes = genotype.nodes.size(), .width = width, .first_takes_input = first_takes_input, .averaged = genotype.concat};
  cell.read = [genotype, width](Builder& b, const std::vector<Value>& states, std::size_t node, Int step) {
    const Value state = states.at(static_cast<std::size_t>(genotype.nodes[node - 1].input));
    return Read{state, product(b, state, 2 * width, node_name(node), owner(step, node_name(node)))};
  };
  cell.function = [genotype](Builder& b, Value u, std::size_t node) {
    const std::string& op = genotype.nodes[node - 1].op;
    return b.add(op, u, {}, op);
  };
  return cell;
}

// ---- the language model ----

SpaceInfo info_of(const std::string& name, const std::string& title, const std::string& paper) {
  constexpr Int usual_steps = 35, words_of_penn_treebank = 10000;
  const Setting dropout{"dropout", "0", "rate on the embedded tokens and on the states that are classified"};
  return {.name = name,
          .title = title,
          .paper = paper,
          .traits = {"cell", "sequence", "language model", "open", "uniform"},
          .settings = {{"width", "850", "features of the embedding and of the states"}, dropout},
          .search_settings = {{"width", "300", "features of the embedding and of the states"}, dropout},
          .input = {usual_steps},
          .classes = words_of_penn_treebank};
}

Int width_of(const SpaceInfo& info, const NetworkOptions& options) {
  check_settings(info, options);
  const Int width = integer_setting(info, options, "width");
  if (options.input.size() != 1)
    throw UsageError(info.name + ": the input is " + to_string(options.input) + "; a language model reads one number a step, as in 35");
  if (options.classes < 1) throw UsageError(info.name + ": classes=" + std::to_string(options.classes) + " is below 1");
  return width;
}

double dropout_of(const SpaceInfo& info, const NetworkOptions& options) {
  const std::string text = setting(info, options, "dropout");
  double rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc() || end != text.data() + text.size() || !(rate >= 0 && rate < 1))
    throw UsageError("space '" + info.name + "': setting 'dropout' is '" + text + "'; it must be a number from 0 to below 1");
  return rate;
}

Value dropped(Builder& b, Value x, double rate, const std::string& name) { return rate > 0 ? b.add("dropout", x, {{"rate", rate}}, name) : x; }

Graph language_model(const Cell& cell, const NetworkOptions& options, double dropout) {
  Builder b;
  Value x = b.input(options.input);
  x = b.add("embedding", x, {{"entries", options.classes}, {"features", cell.width}}, "embedding");
  x = unrolled(b, dropped(b, x, dropout, "input_dropout"), cell);
  x = dropped(b, x, dropout, "output_dropout");
  return b.finish({b.add("linear", x, {{"features", options.classes}, {"tied", "embedding"}}, "classifier")});
}

const SpaceInfo& darts_info() {
  static const SpaceInfo info =
      info_of("darts_rnn", "a recurrent cell of 8 nodes, one input and one of four functions a node", "Liu et al. 2019, arXiv 1806.09055");
  return info;
}

const SpaceInfo& enas_info() {
  static const SpaceInfo info =
      info_of("enas_rnn", "a recurrent cell of 12 nodes, one input and one of four functions a node", "Pham et al. 2018, arXiv 1802.03268");
  return info;
}

// ---- open cells ----

std::string input_decision(std::size_t node) { return node_name(node) + ".input"; }
std::string function_decision(std::size_t node) { return node_name(node) + ".op"; }

Value open_function(Builder& b, Value u, std::size_t node, bool search_none) {
  std::vector<BranchSpec> branches;
  if (search_none) branches.push_back({"none", [](Builder& inner, Value v) { return inner.add("zero", v); }, true});
  for (const auto& name : functions()) branches.push_back({name, [name](Builder& inner, Value v) { return inner.add(name, v); }});
  return b.choice(function_decision(node), u, branches, "op");
}

// What may be read: states from `first` on, under their numbers.
struct Readable {
  std::vector<Value> states;
  std::vector<std::string> names;
};

Readable readable(const std::vector<Value>& states, std::size_t first) {
  Readable result;
  for (std::size_t i = first; i < states.size(); ++i) result.states.push_back(states[i]), result.names.push_back(std::to_string(i));
  return result;
}

Value select_state(Builder& b, const Readable& from, std::size_t node) {
  return from.states.size() == 1 ? from.states[0]
                                 : b.select(input_decision(node), from.states, {.name = node_name(node) + ".state", .names = from.names});
}

// One matrix a node, whichever state it reads.
Cell open_darts(Int width, bool search) {
  constexpr std::size_t nodes = 8;
  Cell cell{.nodes = nodes, .width = width, .search = search, .averaged = all_nodes(nodes)};
  cell.read = [width](Builder& b, const std::vector<Value>& states, std::size_t node, Int step) {
    const Value state = select_state(b, readable(states, 0), node);
    return Read{state, product(b, state, 2 * width, node_name(node), owner(step, node_name(node)))};
  };
  cell.function = [](Builder& b, Value u, std::size_t node) { return open_function(b, u, node, true); };
  return cell;
}

// A matrix for each pair of nodes.
Cell open_enas(Int width, bool search) {
  constexpr std::size_t nodes = 12;
  Cell cell{.nodes = nodes, .width = width, .search = search, .first_takes_input = true, .averaged = all_nodes(nodes)};
  cell.read = [width](Builder& b, const std::vector<Value>& states, std::size_t node, Int step) {
    const Readable from = readable(states, 1);
    const std::string name = node_name(node) + ".product";
    Builder::SelectOptions options{.name = name};
    for (const auto& state : from.names) {
      const std::string tied = owner(step, name + "." + state + ".weight");
      options.branches.push_back({state, [=](Builder& inner, Value v) { return product(inner, v, 2 * width, "weight", tied); }});
    }
    const Value state = select_state(b, from, node);
    if (from.states.size() == 1) return Read{state, product(b, state, 2 * width, name, owner(step, name))};
    return Read{state, b.select(input_decision(node), from.states, options)};
  };
  cell.function = [](Builder& b, Value u, std::size_t node) { return open_function(b, u, node, false); };
  return cell;
}

// ---- between genotypes and architectures ----

int pick_of(const DecisionTree& tree, const Architecture& architecture, const std::string& decision) {
  return static_cast<int>(architecture.picks.at(static_cast<std::size_t>(tree.find(decision))));
}

std::string function_of(const DecisionTree& tree, const Architecture& architecture, std::size_t node) {
  const auto& decision = tree[static_cast<std::size_t>(tree.find(function_decision(node)))];
  return decision.choices.at(static_cast<std::size_t>(pick_of(tree, architecture, decision.name)));
}

// The nodes that no other node reads.
std::vector<int> loose_ends(const std::vector<RecurrentNode>& nodes) {
  std::vector<int> loose;
  for (int state = 1; state <= static_cast<int>(nodes.size()); ++state)
    if (std::none_of(nodes.begin(), nodes.end(), [&](const RecurrentNode& n) { return n.input == state; })) loose.push_back(state);
  return loose;
}

// How the two spaces differ.
struct CellSpace {
  const SpaceInfo& info;
  std::size_t nodes;
  std::size_t first;  // state that a node may read; node first + 2 is the first with a choice
  bool loose_ends_only;
  Cell (*open)(Int width, bool search);
};

class RecurrentSpace final : public Space {
 public:
  explicit RecurrentSpace(CellSpace kind) : kind_(kind) { tree_ = decisions_of(open({.input = {1}, .classes = 2, .settings = {{"width", "1"}}})); }
  const SpaceInfo& info() const override { return kind_.info; }
  const DecisionTree& decisions() const override { return tree_; }
  Graph open(const NetworkOptions& options) const override {
    return language_model(kind_.open(width_of(kind_.info, options), options.search), options, dropout_of(kind_.info, options));
  }

  Graph close(const Architecture& architecture, const NetworkOptions& options) const override {
    validate(tree_, architecture);
    return network_of(genotype_of(architecture), options);
  }
  std::string print(const Architecture& architecture) const override { return netwright::print(genotype_of(architecture)); }
  Architecture parse(std::string_view text) const override { return is_genotype(text) ? architecture_of(completed(text)) : Space::parse(text); }
  Graph network(std::string_view text, const NetworkOptions& options) const override {
    return is_genotype(text) ? network_of(completed(text), options) : Space::network(text, options);
  }

 private:
  static bool is_genotype(std::string_view text) {
    const Json object = Json::parse(text, nullptr, false);
    return object.is_object() && object.contains("recurrent");
  }

  bool names_states(std::string_view text) const { return Json::parse(text, nullptr, false).contains("concat"); }

  RecurrentGenotype completed(std::string_view text) const {
    RecurrentGenotype genotype = parse_recurrent_genotype(text);
    if (kind_.loose_ends_only && !names_states(text)) genotype.concat = loose_ends(genotype.nodes);
    return genotype;
  }

  Graph network_of(const RecurrentGenotype& genotype, NetworkOptions options) const {
    options.search = false;
    return language_model(cell_of(genotype, width_of(kind_.info, options), kind_.loose_ends_only), options, dropout_of(kind_.info, options));
  }

  RecurrentGenotype genotype_of(const Architecture& architecture) const {
    RecurrentGenotype genotype;
    for (std::size_t node = 1; node <= kind_.nodes; ++node) {
      const bool chosen = node >= kind_.first + 2;
      const int input = chosen ? pick_of(tree_, architecture, input_decision(node)) + static_cast<int>(kind_.first) : static_cast<int>(node) - 1;
      genotype.nodes.push_back({function_of(tree_, architecture, node), input});
    }
    genotype.concat = kind_.loose_ends_only ? loose_ends(genotype.nodes) : all_nodes(kind_.nodes);
    return genotype;
  }

  Architecture architecture_of(const RecurrentGenotype& genotype) const {
    if (genotype.nodes.size() != kind_.nodes)
      fail("'recurrent'",
           "has " + std::to_string(genotype.nodes.size()) + " nodes; the space " + kind_.info.name + " has " + std::to_string(kind_.nodes));
    const auto expected = kind_.loose_ends_only ? loose_ends(genotype.nodes) : all_nodes(kind_.nodes);
    if (genotype.concat != expected) fail("'concat'", "averages other states than the space " + kind_.info.name + " does");
    Architecture architecture{std::vector<Int>(tree_.size(), Architecture::inactive)};
    const auto set = [&](const std::string& name) -> Int& { return architecture.picks[static_cast<std::size_t>(tree_.find(name))]; };
    for (std::size_t node = 1; node <= kind_.nodes; ++node) {
      const auto& own = genotype.nodes[node - 1];
      const auto& choices = tree_[static_cast<std::size_t>(tree_.find(function_decision(node)))].choices;
      set(function_decision(node)) = std::find(choices.begin(), choices.end(), own.op) - choices.begin();
      if (node >= kind_.first + 2) set(input_decision(node)) = own.input - static_cast<Int>(kind_.first);
    }
    validate(tree_, architecture);
    return architecture;
  }

  CellSpace kind_;
  DecisionTree tree_;
};

}  // namespace

RecurrentGenotype parse_recurrent_genotype(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object() || !object.contains("recurrent") || !object["recurrent"].is_array() || object["recurrent"].empty())
    throw UsageError("genotype: '" + std::string(json.substr(0, 60)) + "' is no {\"recurrent\": [[\"tanh\", 0], ...], \"concat\": [1, ...]}");
  for (const auto& [key, value] : object.items())
    if (key != "recurrent" && key != "concat") throw UsageError("genotype: unknown key '" + key + "'" + name_hint(key, {"recurrent", "concat"}));
  RecurrentGenotype genotype;
  for (const auto& entry : object["recurrent"]) {
    const std::string place = "recurrent[" + std::to_string(genotype.nodes.size()) + "]";
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number_integer())
      fail(place, "is " + entry.dump() + "; it must be [\"function\", state]");
    const Int input = entry[1].get<Int>();
    const RecurrentNode node{entry[0].get<std::string>(), static_cast<int>(input)};
    if (std::find(functions().begin(), functions().end(), node.op) == functions().end())
      fail(place, "names the unknown function '" + node.op + "'" + name_hint(node.op, functions()));
    if (input < 0 || input > static_cast<Int>(genotype.nodes.size()))
      fail(place, "reads state " + std::to_string(input) + "; it may read 0 to " + std::to_string(genotype.nodes.size()));
    genotype.nodes.push_back(node);
  }
  if (!object.contains("concat")) return genotype.concat = all_nodes(genotype.nodes.size()), genotype;
  if (!object["concat"].is_array()) fail("'concat'", "is " + object["concat"].dump() + "; it must be a list of states");
  for (const auto& state : object["concat"]) {
    const bool known = state.is_number_integer() && state.get<Int>() >= 0 && state.get<Int>() <= static_cast<Int>(genotype.nodes.size());
    if (!known) fail("'concat'", "holds " + state.dump() + "; the cell's states are 0 to " + std::to_string(genotype.nodes.size()));
    const auto number = state.get<int>();
    if (std::find(genotype.concat.begin(), genotype.concat.end(), number) != genotype.concat.end()) fail("'concat'", "holds " + state.dump() + " twice");
    genotype.concat.push_back(number);
  }
  if (genotype.concat.empty()) fail("'concat'", "is empty; at least one state is averaged");
  return genotype;
}

std::string print(const RecurrentGenotype& genotype) {
  Json nodes = Json::array();
  for (const auto& node : genotype.nodes) nodes.push_back({node.op, node.input});
  return Json{{"recurrent", nodes}, {"concat", genotype.concat}}.dump();
}

Graph recurrent_cell(const RecurrentGenotype& genotype, Int steps, Int features, Int width) {
  Builder b;
  const Value x = b.input({steps, features});
  return b.finish({unrolled(b, x, cell_of(genotype, width))});
}

Graph recurrent_network(const RecurrentGenotype& genotype, const NetworkOptions& options) {
  NetworkOptions closed = options;
  closed.search = false;
  return language_model(cell_of(genotype, width_of(darts_info(), closed)), closed, dropout_of(darts_info(), closed));
}

std::unique_ptr<Space> make_darts_rnn() {
  return std::make_unique<RecurrentSpace>(CellSpace{.info = darts_info(), .nodes = 8, .first = 0, .loose_ends_only = false, .open = open_darts});
}

std::unique_ptr<Space> make_enas_rnn() {
  return std::make_unique<RecurrentSpace>(CellSpace{.info = enas_info(), .nodes = 12, .first = 1, .loose_ends_only = true, .open = open_enas});
}

}  // namespace netwright
