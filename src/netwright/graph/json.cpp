#include "netwright/graph/json.hpp"

#include <algorithm>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;
constexpr int format_version = 1;
constexpr int deepest_branch = 32;   // of branches in branches: keeps hostile text from exhausting the stack

Json attribute_json(const Attribute& attribute) {
  if (const auto* open = std::get_if<Open>(&attribute)) {
    Json object = {{"decision", open->decision}, {"values", open->values}};
    if (!open->names.empty()) object["names"] = open->names;
    return object;
  }
  if (const auto* i = std::get_if<std::int64_t>(&attribute)) return *i;
  if (const auto* d = std::get_if<double>(&attribute)) return *d;
  return std::get<std::string>(attribute);
}

std::string graph_text(const Graph& graph, bool root);

std::string node_text(const Graph& graph, const Node& node) {
  Json json{{"name", node.name}, {"op", node.op}};
  if (node.op == "input") json["shape"] = node.shape;
  for (const int input : node.inputs) json["inputs"].push_back(graph.nodes[static_cast<std::size_t>(input)].name);
  for (const auto& [name, value] : node.attributes) json["attributes"][name] = attribute_json(value);
  if (!node.decision.empty()) json["decision"] = node.decision;
  std::string text = json.dump();
  if (node.branches.empty()) return text;
  std::vector<std::string> branches;
  for (const auto& branch : node.branches) {
    Json entry{{"name", branch.name}};
    if (branch.search_only) entry["search_only"] = true;
    std::string branch_text = entry.dump();
    if (!branch.body.empty()) branch_text.insert(branch_text.size() - 1, ", \"graph\": " + graph_text(branch.graph(), false));
    branches.push_back(std::move(branch_text));
  }
  text.insert(text.size() - 1, ", \"branches\": [" + join(branches, ", ") + "]");
  return text;
}

std::string graph_text(const Graph& graph, bool root) {
  std::vector<std::string> nodes;
  for (const auto& node : graph.nodes) nodes.push_back(node_text(graph, node));
  Json outputs = Json::array(), labels = Json::object();
  for (const int output : graph.outputs) outputs.push_back(graph.nodes.at(static_cast<std::size_t>(output)).name);
  for (const auto& [scope, label] : graph.labels) labels[scope] = label;
  const std::string line = root ? "\n" : "", comma = root ? ",\n" : ", ";
  std::string text = "{" + line;
  if (root) text += "\"netwright_graph\": " + std::to_string(format_version) + comma;
  text += "\"nodes\": [" + line + join(nodes, comma) + line + "]" + comma + "\"outputs\": " + outputs.dump();
  if (!labels.empty()) text += comma + "\"labels\": " + labels.dump();
  return text + line + "}" + line;
}

[[noreturn]] void fail(const std::string& place, const std::string& why) { throw UsageError("graph JSON, " + place + ": " + why); }

std::string shown(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 40 ? text.substr(0, 37) + "..." : text;
}

void check_keys(const Json& json, const std::string& place, const std::vector<std::string>& known) {
  if (!json.is_object()) fail(place, "needs an object, got " + shown(json));
  for (const auto& [key, value] : json.items())
    if (std::find(known.begin(), known.end(), key) == known.end()) fail(place, "unknown key '" + key + "'" + name_hint(key, known));
}

const Json& need(const Json& json, const std::string& place, const char* key) {
  if (!json.contains(key)) fail(place, std::string("needs the key '") + key + "'");
  return json.at(key);
}

const Json& need_array(const Json& json, const std::string& place, const char* key) {
  const Json& value = need(json, place, key);
  if (!value.is_array()) fail(place, std::string("'") + key + "' needs a list, got " + shown(value));
  return value;
}

std::string need_text(const Json& json, const std::string& place, const char* key) {
  const Json& value = need(json, place, key);
  if (!value.is_string()) fail(place, std::string("'") + key + "' needs text, got " + shown(value));
  return value.get<std::string>();
}

std::vector<std::int64_t> whole_numbers(const Json& json, const std::string& place, const char* key) {
  std::vector<std::int64_t> numbers;
  for (const auto& item : need_array(json, place, key)) {
    if (!item.is_number_integer()) fail(place, std::string("'") + key + "' needs whole numbers, got " + shown(item));
    numbers.push_back(item.get<std::int64_t>());
  }
  return numbers;
}

std::vector<std::string> texts(const Json& json, const std::string& place, const char* key) {
  std::vector<std::string> list;
  for (const auto& item : need_array(json, place, key)) {
    if (!item.is_string()) fail(place, std::string("'") + key + "' needs texts, got " + shown(item));
    list.push_back(item.get<std::string>());
  }
  return list;
}

// JSON does not tell 0 from 0.0 as people write them: a whole number fits where the operation expects a real one.
Attribute read_attribute(const Json& value, const std::string& place, const AttributeSpec* spec) {
  if (value.is_object()) {
    check_keys(value, place, {"decision", "values", "names"});
    Open open{need_text(value, place, "decision"), whole_numbers(value, place, "values")};
    if (value.contains("names")) open.names = texts(value, place, "names");
    if (!open.names.empty() && open.names.size() != open.values.size()) fail(place, "needs one name a value");
    return open;
  }
  if (value.is_number_integer() && spec != nullptr && std::holds_alternative<double>(spec->fallback)) return value.get<double>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number_float()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  fail(place, "needs a number, text, or {decision, values}, got " + shown(value));
}

const AttributeSpec* find_spec(const std::string& op, const std::string& attribute) {
  if (op == "input" || op == "choice" || op == "select") return nullptr;
  for (const auto& spec : operation(op).attributes)
    if (spec.name == attribute) return &spec;
  return nullptr;
}

// A select without attributes picks one input; all its attributes stand in the node afterwards.
void complete_select(Node& node, const std::string& place) {
  const Attributes fallback{{"minimum", std::int64_t{1}}, {"maximum", std::int64_t{1}}, {"combine", std::string("sum")}};
  for (const auto& [name, value] : node.attributes) {
    const auto known = fallback.find(name);
    if (known == fallback.end()) fail(place, "unknown attribute '" + name + "'" + name_hint(name, {"minimum", "maximum", "combine"}));
    if (known->second.index() != value.index()) fail(place, "attribute '" + name + "' has the wrong type");
  }
  node.attributes.insert(fallback.begin(), fallback.end());
  const auto minimum = std::get<std::int64_t>(node.attributes["minimum"]), maximum = std::get<std::int64_t>(node.attributes["maximum"]);
  const auto& combine = std::get<std::string>(node.attributes["combine"]);
  if (combine != "sum" && combine != "concat") fail(place, "attribute 'combine' is '" + combine + "'" + name_hint(combine, {"sum", "concat"}));
  if (minimum < 0 || maximum < std::max<std::int64_t>(minimum, 1) || maximum > static_cast<std::int64_t>(node.inputs.size()))
    fail(place, "picks " + std::to_string(minimum) + " to " + std::to_string(maximum) + " of " + std::to_string(node.inputs.size()) + " inputs");
}

// Reads one graph; names are looked up among the nodes read so far.
class Reader {
 public:
  Reader(std::string path, int depth) : path_(std::move(path)), depth_(depth) {}

  Graph read(const Json& json, bool root) {
    const std::string place = path_.empty() ? "top level" : path_;
    check_keys(json, place, root ? std::vector<std::string>{"netwright_graph", "nodes", "outputs", "labels"} : std::vector<std::string>{"nodes", "outputs", "labels"});
    for (const auto& node : need_array(json, place, "nodes")) read_node(node);
    for (const auto& output : need_array(json, place, "outputs")) graph_.outputs.push_back(find(output, place, "outputs"));
    if (!json.contains("labels")) return std::move(graph_);
    if (!json["labels"].is_object()) fail(place, "'labels' needs an object, got " + shown(json["labels"]));
    for (const auto& [scope, label] : json["labels"].items()) {
      if (!label.is_string()) fail(place, "label '" + scope + "' needs text, got " + shown(label));
      graph_.labels[scope] = label.get<std::string>();
    }
    return std::move(graph_);
  }

 private:
  void read_node(const Json& json) {
    std::string place = path_ + "node " + std::to_string(graph_.nodes.size());
    if (!json.is_object()) fail(place, "needs an object, got " + shown(json));
    Node node{.name = need_text(json, place, "name")};
    place = path_ + "node '" + node.name + "'";
    check_keys(json, place, {"name", "op", "shape", "inputs", "attributes", "decision", "branches"});
    node.op = need_text(json, place, "op");
    check_op(node, place);
    if (node.op == "input") node.shape = read_shape(json, place);
    if (json.contains("inputs"))
      for (const auto& input : need_array(json, place, "inputs")) node.inputs.push_back(find(input, place, "inputs"));
    if (json.contains("decision")) node.decision = need_text(json, place, "decision");
    read_attributes(json, node, place);
    if (json.contains("branches"))
      for (const auto& branch : need_array(json, place, "branches")) node.branches.push_back(read_branch(branch, node, place));
    if (node.op == "select") complete_select(node, place);
    if (!indices_.emplace(node.name, static_cast<int>(graph_.nodes.size())).second) fail(place, "there are two nodes of this name");
    names_.push_back(node.name);
    graph_.nodes.push_back(std::move(node));
  }

  void check_op(const Node& node, const std::string& place) const {
    std::vector<std::string> known = operation_names();
    known.insert(known.end(), {"input", "choice", "select"});
    if (std::find(known.begin(), known.end(), node.op) == known.end()) fail(place, "unknown operation '" + node.op + "'" + name_hint(node.op, known));
  }

  static Shape read_shape(const Json& json, const std::string& place) {
    const Shape shape = whole_numbers(json, place, "shape");
    const bool fits = !shape.empty() && shape.size() <= 8 && std::all_of(shape.begin(), shape.end(), [](auto size) { return size >= 1 && size <= 1'000'000; });
    if (!fits) fail(place, "'shape' needs one to eight sizes of 1 to 1000000, got " + shown(json["shape"]));
    return shape;
  }

  static void read_attributes(const Json& json, Node& node, const std::string& place) {
    if (!json.contains("attributes")) return;
    if (!json["attributes"].is_object()) fail(place, "'attributes' needs an object, got " + shown(json["attributes"]));
    for (const auto& [name, value] : json["attributes"].items())
      node.attributes[name] = read_attribute(value, place + ", attribute '" + name + "'", find_spec(node.op, name));
  }

  Branch read_branch(const Json& json, const Node& node, const std::string& place) const {
    check_keys(json, place + ", a branch", {"name", "search_only", "graph"});
    Branch branch{.name = need_text(json, place + ", a branch", "name"), .body = {}};
    const std::string inner = place + ", branch '" + branch.name + "'";
    if (json.contains("search_only")) {
      if (!json["search_only"].is_boolean()) fail(inner, "'search_only' needs true or false, got " + shown(json["search_only"]));
      branch.search_only = json["search_only"].get<bool>();
    }
    if (!json.contains("graph")) return branch;
    if (depth_ == deepest_branch) fail(inner, "branches stand at most " + std::to_string(deepest_branch) + " deep");
    branch.body.push_back(Reader(inner + ", ", depth_ + 1).read(json["graph"], false));
    const auto& body = branch.graph();
    const auto inputs = std::count_if(body.nodes.begin(), body.nodes.end(), [](const Node& n) { return n.op == "input"; });
    if (inputs != 1 || body.nodes.front().op != "input" || body.outputs.size() != 1)
      fail(inner, "a branch of '" + node.name + "' starts with its one input and has one output");
    return branch;
  }

  int find(const Json& name, const std::string& place, const char* key) const {
    if (!name.is_string()) fail(place, std::string("'") + key + "' needs names of nodes, got " + shown(name));
    const auto found = indices_.find(name.get<std::string>());
    if (found != indices_.end()) return found->second;
    fail(place, std::string("'") + key + "' names '" + name.get<std::string>() + "', which is no node before it" + name_hint(name.get<std::string>(), names_));
  }

  std::string path_;
  int depth_;
  Graph graph_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, int> indices_;
};

Json parse(std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const std::string_view before = text.substr(0, std::min(text.size(), error.byte == 0 ? 0 : error.byte - 1));
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto start = before.rfind('\n');
    const std::size_t column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
    throw UsageError("graph JSON, " + std::to_string(line) + ":" + std::to_string(column) + ": is no valid JSON");
  }
}

}  // namespace

std::string to_json(const Graph& graph) { return graph_text(graph, true); }

Graph graph_from_json(std::string_view text) {
  const Json json = parse(text);
  if (!json.is_object()) fail("top level", "needs an object, got " + shown(json));
  const Json& version = need(json, "top level", "netwright_graph");
  if (version != format_version) fail("top level", "'netwright_graph' is version " + shown(version) + "; this program reads version " + std::to_string(format_version));
  Graph graph = Reader("", 0).read(json, true);
  validate(graph);
  infer_shapes(graph);
  return graph;
}

}  // namespace netwright
