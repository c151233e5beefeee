#include "netwright/space/library/transnas.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/closed_form.hpp"
#include "netwright/space/library/builtin.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

constexpr int kShortest = 4, kLongest = 6;
constexpr int kMostDoubled = 3, kMostHalved = 4;
constexpr std::size_t kMostModules = 20;
constexpr Int kMostChannels = 4096;

bool doubles(int module) { return module % 2 == 0; }
bool halves(int module) { return module > 2; }
int module_type(bool doubled, bool halved) { return 1 + (doubled ? 1 : 0) + (halved ? 2 : 0); }

std::string edge_name(int to, int from) { return std::to_string(to) + "<-" + std::to_string(from); }
std::size_t edge_index(int to, int from) { return static_cast<std::size_t>(to * (to - 1) / 2 + from); }

// ---- blocks ----

struct Place {
  Int channels = 0;
  Int stride = 1;
  bool affine = true;
};

// Where the shape changes, a skip is a factorised reduction (stride 2) or a 1x1 convolution and batch norm.
Value skip(Builder& b, Value x, const Place& p) {
  if (p.stride == 2) return factorized_reduce(b, x, p.channels, p.affine);
  if (b.channels(x) == p.channels) return b.add("identity", x, {}, "identity");
  return conv_bn(b, x, p.channels, {.kernel = 1, .affine = p.affine, .activation = ""});
}

Value operate(Builder& b, Value x, int op, const Place& p) {
  if (op == 0) return b.add("zero", x, {{"stride", p.stride}, {"channels", p.channels}}, "zero");
  if (op == 1) return skip(b, x, p);
  return relu_conv_bn(b, x, p.channels, {.kernel = op == 2 ? 1 : 3, .stride = p.stride, .affine = p.affine});
}

// Writes an edge between two nodes of a cell.
using Edge = std::function<Value(Builder&, Value, int to, int from, const Place&)>;

Value cell(Builder& b, Value input, const Place& place, const Edge& edge) {
  std::vector<Value> nodes = {input};
  for (int to = 1; to <= 3; ++to) {
    std::vector<Value> terms;
    for (int from = 0; from < to; ++from)
      terms.push_back(edge(b, nodes[static_cast<std::size_t>(from)], to, from, {place.channels, from == 0 ? place.stride : 1, place.affine}));
    nodes.push_back(terms.size() == 1 ? terms[0] : b.add("add", terms, {}, "node" + std::to_string(to)));
  }
  return nodes.back();
}

Value residual_block(Builder& b, Value x, const Place& p) {
  Value y = x;
  {
    const auto scope = b.scope("conv_a");
    y = conv_bn(b, x, p.channels, {.kernel = 3, .stride = p.stride});
  }
  {
    const auto scope = b.scope("conv_b");
    y = conv_bn(b, y, p.channels, {.kernel = 3, .activation = ""});
  }
  if (p.stride != 1 || b.channels(x) != p.channels) {
    const auto scope = b.scope("downsample");
    x = conv_bn(b, x, p.channels, {.kernel = 1, .stride = p.stride, .activation = ""});
  }
  return b.add("relu", b.add("add", std::vector<Value>{x, y}, {}, "sum"), {}, "act_out");
}

// ---- the network around them ----

SpaceInfo common_info() {
  return {.paper = "Duan et al. 2021, arXiv 2105.11871",
          .settings = {{"channels", "64", "channels behind the stem"},
                       {"head", "classifier", "classifier: pooling and a linear layer; none: the feature map, for other tasks"}},
          .input = {3, 256, 256},
          .classes = 75};
}

using Block = std::function<Value(Builder&, Value, const Place&)>;

Value stem(Builder& b, Value x, Int channels) {
  {
    const auto scope = b.scope("stem_a");
    x = conv_bn(b, x, channels / 2, {.kernel = 3, .stride = 2});
  }
  const auto scope = b.scope("stem_b");
  return conv_bn(b, x, channels, {.kernel = 3, .stride = 2, .activation = ""});
}

Graph network(Int channels, const std::vector<int>& modules, const Block& block, const std::string& head, const NetworkOptions& options) {
  if (channels < 2 || channels % 2 != 0 || channels > kMostChannels)
    throw UsageError("TransNAS-Bench-101: " + std::to_string(channels) + " channels; an even number from 2 to " + std::to_string(kMostChannels) + " is needed");
  if (head != "classifier" && head != "none")
    throw UsageError("TransNAS-Bench-101: head=" + head + " is neither classifier nor none" + name_hint(head, {"classifier", "none"}));
  Builder b;
  Value x = stem(b, b.input(options.input), channels);
  for (std::size_t i = 0; i < modules.size(); ++i) {
    if (doubles(modules[i])) channels *= 2;
    for (Int repeat = 0; repeat < 2; ++repeat) {
      const auto scope = b.scope("module" + std::to_string(i + 1) + ".block" + std::to_string(repeat), "module of type " + std::to_string(modules[i]));
      x = block(b, x, {channels, repeat == 0 && halves(modules[i]) ? 2 : 1, !options.search});
    }
  }
  return b.finish({head == "none" ? x : classifier(b, x, options.classes)});
}

// ---- codes ----

[[noreturn]] void fail(std::string_view text, const std::string& why) {
  throw UsageError("'" + std::string(text) + "' is no TransNAS-Bench-101 code: " + why + "; examples are 64-41414-1_02_333 and 64-1234-basic");
}

int digit_of(std::string_view text, char c, char least, char most, const std::string& what) {
  if (c < least || c > most) fail(text, what + " '" + std::string(1, c) + "' is not " + std::string(1, least) + " to " + std::string(1, most));
  return c - '0';
}

std::array<int, 6> parse_cell(std::string_view text, const std::string& part) {
  const auto nodes = split(part, '_');
  if (nodes.size() != 3) fail(text, "the cell '" + part + "' has " + std::to_string(nodes.size()) + " nodes, not 3");
  std::array<int, 6> cell{};
  for (int to = 1; to <= 3; ++to) {
    const std::string& node = nodes[static_cast<std::size_t>(to - 1)];
    if (node.size() != static_cast<std::size_t>(to)) fail(text, "node " + std::to_string(to) + " has " + std::to_string(node.size()) + " edges, not " + std::to_string(to));
    for (int from = 0; from < to; ++from) cell[edge_index(to, from)] = digit_of(text, node[static_cast<std::size_t>(from)], '0', '3', "the operation");
  }
  return cell;
}

bool is_code(std::string_view text) { return text.find_first_of("={") == std::string_view::npos; }

Architecture micro_architecture(const DecisionTree& tree, const TransnasCode& code) {
  if (!code.cell || code.channels != 64 || code.modules != TransnasCode{}.modules) fail(print(code), "an architecture of transnas_micro is 64-41414- and a cell");
  Architecture architecture{std::vector<Int>(tree.size(), Architecture::inactive)};
  for (int to = 1; to <= 3; ++to)
    for (int from = 0; from < to; ++from) architecture.picks[static_cast<std::size_t>(tree.find(edge_name(to, from)))] = (*code.cell)[edge_index(to, from)];
  return architecture;
}

TransnasCode micro_code(const DecisionTree& tree, const Architecture& architecture) {
  TransnasCode code{.cell = std::array<int, 6>{}};
  for (int to = 1; to <= 3; ++to)
    for (int from = 0; from < to; ++from)
      (*code.cell)[edge_index(to, from)] = static_cast<int>(architecture.picks.at(static_cast<std::size_t>(tree.find(edge_name(to, from)))));
  return code;
}

Value open_edge(Builder& b, Value x, int to, int from, const Place& place) {
  std::vector<BranchSpec> candidates;
  for (std::size_t op = 0; op < transnas_candidates().size(); ++op)
    candidates.push_back({transnas_candidates()[op], [op, place](Builder& inner, Value v) { return operate(inner, v, static_cast<int>(op), place); }});
  return b.choice(edge_name(to, from), x, candidates, edge_name(to, from));
}

// Behind the length, which modules double and which halve: two decisions a length, in this order.
std::size_t first_decision(std::size_t length) { return 1 + 2 * (length - kShortest); }

DecisionTree macro_tree() {
  std::vector<Decision> list = {{.name = "modules", .kind = Kind::ordinal}};
  for (int length = kShortest; length <= kLongest; ++length) {
    list[0].choices.push_back(std::to_string(length));
    Decision which{.kind = Kind::k_of_n, .minimum = 1, .condition = Condition{0, {length - kShortest}}};
    for (int i = 1; i <= length; ++i) which.choices.push_back(std::to_string(i));
    for (const auto& [verb, most] : {std::pair("double", kMostDoubled), std::pair("halve", kMostHalved)}) {
      which.name = verb + std::to_string(length);
      which.maximum = most;
      list.push_back(which);
    }
  }
  return DecisionTree(std::move(list));
}

TransnasCode macro_code(const Architecture& architecture) {
  const std::size_t length = static_cast<std::size_t>(architecture.picks.at(0)) + kShortest, first = first_decision(length);
  TransnasCode code{.modules = {}};
  for (std::size_t i = 0; i < length; ++i) code.modules.push_back(module_type((architecture.picks.at(first) >> i & 1) != 0, (architecture.picks.at(first + 1) >> i & 1) != 0));
  return code;
}

Architecture macro_architecture(const TransnasCode& code) {
  const std::size_t length = code.modules.size();
  if (code.cell || code.channels != 64 || length < kShortest || length > kLongest) fail(print(code), "an architecture of transnas_macro is 64-, 4 to 6 modules, -basic");
  Architecture architecture{std::vector<Int>(macro_tree().size(), Architecture::inactive)};
  architecture.picks[0] = static_cast<Int>(length) - kShortest;
  Int doubled = 0, halved = 0;
  for (std::size_t i = 0; i < length; ++i) {
    if (doubles(code.modules[i])) doubled |= Int{1} << i;
    if (halves(code.modules[i])) halved |= Int{1} << i;
  }
  architecture.picks[first_decision(length)] = doubled;
  architecture.picks[first_decision(length) + 1] = halved;
  return architecture;
}

}  // namespace

const std::vector<std::string>& transnas_candidates() {
  static const std::vector<std::string> names = {"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"};
  return names;
}

std::string print(const TransnasCode& code) {
  std::string text = std::to_string(code.channels) + "-";
  for (const int module : code.modules) text += std::to_string(module);
  if (!code.cell) return text + "-basic";
  for (int to = 1; to <= 3; ++to) {
    text += to == 1 ? "-" : "_";
    for (int from = 0; from < to; ++from) text += std::to_string((*code.cell)[edge_index(to, from)]);
  }
  return text;
}

TransnasCode parse_transnas(std::string_view whole) {
  const std::string text = trim(whole);
  const auto parts = split(text, '-');
  if (parts.size() != 3) fail(text, "it has " + std::to_string(parts.size()) + " parts between '-', not 3");
  TransnasCode code{.channels = 0, .modules = {}};
  const char* end = parts[0].data() + parts[0].size();
  if (std::from_chars(parts[0].data(), end, code.channels).ptr != end || code.channels < 1) fail(text, "'" + parts[0] + "' is no number of channels");
  if (parts[1].empty() || parts[1].size() > kMostModules) fail(text, "it has " + std::to_string(parts[1].size()) + " modules; 1 to " + std::to_string(kMostModules) + " are allowed");
  for (const char c : parts[1]) code.modules.push_back(digit_of(text, c, '1', '4', "the module type"));
  if (parts[2] != "basic") code.cell = parse_cell(text, parts[2]);
  return code;
}

Graph transnas_network(const TransnasCode& code, const NetworkOptions& options) {
  SpaceInfo info = common_info();
  info.name = "TransNAS-Bench-101";
  check_settings(info, options);
  const Block block = [&](Builder& b, Value x, const Place& place) {
    if (!code.cell) return residual_block(b, x, place);
    return cell(b, x, place, [&](Builder& inner, Value v, int to, int from, const Place& p) {
      const int op = (*code.cell)[edge_index(to, from)];
      const auto scope = inner.scope(edge_name(to, from), transnas_candidates()[static_cast<std::size_t>(op)]);
      return operate(inner, v, op, p);
    });
  };
  const Int channels = options.settings.contains("channels") ? integer_setting(info, options, "channels") : code.channels;
  return network(channels, code.modules, block, setting(info, options, "head"), options);
}

std::unique_ptr<Space> make_transnas_micro() {
  SpaceInfo info = common_info();
  info.name = "transnas_micro";
  info.title = "one cell of 6 edges and 4 operations, in ten places";
  info.traits = {"cell", "open", "uniform"};
  info.settings.push_back({"modules", "41414", "types of the modules: 1 as before, 2 doubles channels, 3 halves resolution, 4 both"});
  const auto build = [info](const NetworkOptions& options) {
    const Block block = [](Builder& b, Value x, const Place& place) { return cell(b, x, place, open_edge); };
    const std::string types = setting(info, options, "modules");
    const auto modules = parse_transnas("64-" + types + "-basic").modules;
    return network(integer_setting(info, options, "channels"), modules, block, setting(info, options, "head"), options);
  };
  return make_space(Template{.info = info,
                             .build = build,
                             .print = [](const DecisionTree& tree, const Architecture& a) { return print(micro_code(tree, a)); },
                             .parse = [](const DecisionTree& tree, std::string_view text) {
                               return is_code(text) ? micro_architecture(tree, parse_transnas(text)) : parse(tree, text);
                             }});
}

std::unique_ptr<Space> make_transnas_macro() {
  SpaceInfo info = common_info();
  info.name = "transnas_macro";
  info.title = "4 to 6 modules of residual blocks: which double the channels, which halve the resolution";
  info.traits = {"chain", "uniform"};
  return make_space(ClosedForm{.info = info,
                               .decisions = macro_tree(),
                               .reason = "a module's stride and width change the shape of all that follows, so its types cannot stand side by side",
                               .build = [](const Architecture& a, const NetworkOptions& options) { return transnas_network(macro_code(a), options); },
                               .print = [](const Architecture& a) { return print(macro_code(a)); },
                               .parse = [](std::string_view text) { return macro_architecture(parse_transnas(text)); },
                               .is_own_text = is_code});
}

}  // namespace netwright
