#include "netwright/graph/drawing.hpp"

#include <algorithm>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/markup.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/layout.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

// A kind of operation, its colours, and the operations of it. The first kind that a box holds gives the box its colour.
struct Kind {
  const char* fill;
  const char* line;
  std::vector<std::string_view> operations;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> list{
      {"#fde2ea", "#c2255c", {"choice", "select"}},
      {"#dbe9fb", "#2f6fc4", {"conv"}},
      {"#ffe5cc", "#d9670b", {"linear"}},
      {"#d9f2e0", "#2b8a4b", {"max_pool", "avg_pool", "global_pool"}},
      {"#eadffb", "#7048c6", {"add", "multiply", "concat"}},
      {"#fdf3cd", "#b58900", {"batch_norm", "relu", "relu6", "silu", "hard_swish", "hard_sigmoid", "gelu", "sigmoid", "tanh"}},
      {"#eceff3", "#6b7685", {}},   // whatever moves or drops values: identity, zero, shift, flatten, dropout
  };
  return list;
}

struct Box {
  std::string key;             // a node's name, or the scope that stands for its nodes
  std::vector<int> nodes;
  bool outside = false;        // not in the scope that is drawn
};

struct Edge {
  int from = 0, to = 0;
  std::string shape;
  auto operator<=>(const Edge&) const = default;
};

struct Picture {
  std::vector<Box> boxes;
  std::vector<Edge> edges;
  std::vector<int> box_of;     // of each node; -1: not drawn
};

bool within(std::string_view name, std::string_view scope) {
  return scope.empty() || name == scope || (name.starts_with(scope) && name[scope.size()] == '.');
}

std::string first_components(std::string_view name, std::size_t count) {
  const auto parts = split(name, '.');
  return join({parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(std::min(count, parts.size()))}, ".");
}

std::size_t components(std::string_view name) { return name.empty() ? 0 : static_cast<std::size_t>(std::count(name.begin(), name.end(), '.')) + 1; }

std::string last_component(const std::string& name) { return split(name, '.').back(); }

void check_options(const Graph& graph, const DrawingOptions& options) {
  if (options.depth < 0) throw UsageError("depth " + std::to_string(options.depth) + " of a drawing: at least 0");
  if (std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return within(node.name, options.scope); })) return;
  std::set<std::string> scopes;
  for (const auto& node : graph.nodes)
    for (std::size_t i = 1; i <= components(node.name); ++i) scopes.insert(first_components(node.name, i));
  throw UsageError("there is nothing in the scope '" + options.scope + "'" + name_hint(options.scope, {scopes.begin(), scopes.end()}));
}

// What a node outside of the scope is drawn as: the widest scope of its own that does not hold the drawn one.
std::string outside_key(const std::string& name, const std::string& scope) {
  std::size_t count = 1;
  while (count < components(name) && within(scope, first_components(name, count))) ++count;
  return first_components(name, count);
}

// Which box each node belongs to: by the first components of its name.
class Grouping {
 public:
  Grouping(const Graph& graph, const DrawingOptions& options) : graph_(graph), options_(options) {}

  Picture picture() {
    picture_.box_of.assign(graph_.nodes.size(), -1);
    const std::size_t shown = options_.depth == 0 ? SIZE_MAX : components(options_.scope) + static_cast<std::size_t>(options_.depth);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      if (inside(i)) put(i, first_components(graph_.nodes[i].name, shown), false);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      for (const int input : graph_.nodes[i].inputs) connect(static_cast<std::size_t>(input), i);
    return std::move(picture_);
  }

 private:
  bool inside(std::size_t node) const { return within(graph_.nodes[node].name, options_.scope); }

  void put(std::size_t node, const std::string& key, bool outside) {
    const auto [found, added] = index_.emplace((outside ? "out " : "in ") + key, static_cast<int>(picture_.boxes.size()));
    if (added) picture_.boxes.push_back({key, {}, outside});
    picture_.box_of[node] = found->second;
    picture_.boxes[static_cast<std::size_t>(found->second)].nodes.push_back(static_cast<int>(node));
  }

  void connect(std::size_t from, std::size_t to) {
    if (!inside(from) && !inside(to)) return;
    for (const std::size_t end : {from, to})
      if (picture_.box_of[end] < 0) put(end, outside_key(graph_.nodes[end].name, options_.scope), true);
    const Edge edge{picture_.box_of[from], picture_.box_of[to], to_string(graph_.nodes[from].shape)};
    if (edge.from != edge.to && seen_.insert(edge).second) picture_.edges.push_back(edge);
  }

  const Graph& graph_;
  const DrawingOptions& options_;
  Picture picture_;
  std::map<std::string, int> index_;
  std::set<Edge> seen_;
};

std::string small(const std::string& text, const char* color = "#55606e") {
  return "<FONT POINT-SIZE=\"9\" COLOR=\"" + std::string(color) + "\">" + escape_html(text) + "</FONT>";
}

std::string row(const std::string& html) { return "<TR><TD>" + html + "</TD></TR>"; }

std::string values_text(const Open& open) {
  if (!open.names.empty()) return join(open.names, " | ");
  std::vector<std::string> values;
  for (const auto value : open.values) values.push_back(std::to_string(value));
  return join(values, " | ");
}

std::string attribute_text(const Attribute& attribute) {
  if (const auto* open = std::get_if<Open>(&attribute)) return values_text(*open);
  if (const auto* i = std::get_if<std::int64_t>(&attribute)) return std::to_string(*i);
  if (const auto* text = std::get_if<std::string>(&attribute)) return *text;
  std::string number = std::to_string(std::get<double>(attribute));
  number.erase(number.find_last_not_of('0') + 1);
  return number.ends_with('.') ? number + "0" : number;
}

bool has_window(const Node& node) {
  if (node.op == "input" || node.op == "choice" || node.op == "select") return false;
  const auto& known = operation(node.op).attributes;
  return std::any_of(known.begin(), known.end(), [](const AttributeSpec& spec) { return spec.name == "kernel"; });
}

// "conv 3x3"; the other attributes that were set follow in small letters.
std::string operation_title(const Node& node) {
  if (!has_window(node)) return node.op;
  const auto kernel = node.attributes.find("kernel");
  if (kernel != node.attributes.end() && std::holds_alternative<Open>(kernel->second)) return node.op;
  const auto width = integer(node, "kernel_w");
  return node.op + " " + std::to_string(integer(node, "kernel")) + "x" + std::to_string(width > 0 ? width : integer(node, "kernel"));
}

std::string operation_details(const Node& node) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : node.attributes) {
    const auto* open = std::get_if<Open>(&value);
    if (open == nullptr && (name == "kernel" || name == "kernel_w")) continue;
    parts.push_back(name + " " + attribute_text(value) + (open != nullptr ? " (" + open->decision + ")" : ""));
  }
  return join(parts, ", ");
}

std::string choice_label(const Node& node) {
  std::string rows = row("<B>" + escape_html(node.decision) + "</B>");
  if (node.op == "select") {
    const std::string least = attribute_text(node.attributes.at("minimum")), most = attribute_text(node.attributes.at("maximum"));
    rows += row(small("picks " + (least == most ? most : least + " to " + most) + " of " + std::to_string(node.inputs.size()) + ", " + attribute_text(node.attributes.at("combine"))));
  } else {
    rows += row(small("one of " + std::to_string(node.branches.size())));
  }
  for (const auto& branch : node.branches) rows += row(branch.search_only ? "<I>" + small(branch.name, "#8a5a68") + "</I>" : small(branch.name, "#7a1f3d"));
  return "<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"1\">" + rows + "</TABLE>";
}

// Writes the picture as DOT.
class Writer {
 public:
  Writer(const Graph& graph, const DrawingOptions& options, Picture picture) : graph_(graph), options_(options), picture_(std::move(picture)) {}

  std::string dot() {
    text_ = "digraph netwright {\n"
            "  bgcolor=\"transparent\"; fontname=\"Helvetica,Arial,sans-serif\"; fontsize=11; fontcolor=\"#7a8494\"; nodesep=0.22; ranksep=0.32; compound=true;\n"
            "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica,Arial,sans-serif\", fontsize=11, fontcolor=\"#1d2530\", margin=\"0.12,0.06\", height=0.3];\n"
            "  edge [color=\"#8a94a6\", fontname=\"Helvetica,Arial,sans-serif\", fontsize=8, fontcolor=\"#7a8494\", arrowsize=0.6];\n";
    if (options_.left_to_right) text_ += "  rankdir=LR;\n";
    if (!options_.title.empty()) text_ += "  labelloc=t; label=<<B>" + escape_html(options_.title) + "</B>>;\n";
    std::vector<int> all(picture_.boxes.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
    write_boxes(all, components(options_.scope), "  ");
    for (const auto& edge : picture_.edges) write_edge(edge);
    write_outputs();
    return text_ + "}\n";
  }

 private:
  // Boxes in their order; those that share the next component of their keys, two or more, in a frame.
  void write_boxes(const std::vector<int>& boxes, std::size_t level, const std::string& indent) {
    std::set<std::string> done;
    for (const int i : boxes) {
      const Box& box = picture_.boxes[static_cast<std::size_t>(i)];
      const std::string frame = first_components(box.key, level + 1);
      if (box.outside || components(box.key) <= level + 1) {
        write_box(i, indent);
      } else if (done.insert(frame).second) {
        std::vector<int> members;
        for (const int other : boxes)
          if (const Box& o = picture_.boxes[static_cast<std::size_t>(other)]; !o.outside && within(o.key, frame) && o.key != frame) members.push_back(other);
        write_frame(frame, members, level, indent);
      }
    }
  }

  // Whether a path leaves the boxes and comes back, other frames taken as a whole: Graphviz cannot rank such a frame.
  bool left_and_reentered(const std::vector<int>& members) const {
    const std::set<int> own(members.begin(), members.end());
    std::set<int> reached;
    std::vector<int> open(members);
    while (!open.empty()) {
      const int box = open.back();
      open.pop_back();
      for (const auto& edge : picture_.edges) {
        if (edge.from != box) continue;
        if (own.contains(edge.to)) {
          if (!own.contains(box)) return true;
          continue;
        }
        for (const int next : as_a_whole(edge.to, own))
          if (reached.insert(next).second) open.push_back(next);
      }
    }
    return false;
  }

  // The box, or all boxes of the frames that hold it and none of `own`.
  std::set<int> as_a_whole(int box, const std::set<int>& own) const {
    std::set<int> all{box};
    for (const auto& frame : framed_)
      if (frame.contains(box) && std::none_of(frame.begin(), frame.end(), [&](int i) { return own.contains(i); })) all.insert(frame.begin(), frame.end());
    return all;
  }

  void write_frame(const std::string& frame, const std::vector<int>& members, std::size_t level, const std::string& indent) {
    const bool framed = members.size() > 1 && !left_and_reentered(members);
    if (framed) {
      framed_.emplace_back(members.begin(), members.end());
      const auto label = graph_.labels.find(frame);
      const std::string title = escape_html(last_component(frame)) + (label == graph_.labels.end() ? "" : " &#183; " + escape_html(label->second));
      text_ += indent + "subgraph \"cluster_" + std::to_string(framed_.size() - 1) + "\" { style=rounded; color=\"#b6bfcc\"; margin=10; labeljust=l; label=<" + title + ">;\n";
    }
    write_boxes(members, level + 1, framed ? indent + "  " : indent);
    if (framed) text_ += indent + "}\n";
  }

  void write_box(int index, const std::string& indent) {
    const Box& box = picture_.boxes[static_cast<std::size_t>(index)];
    const Kind& kind = kind_of(box);
    text_ += indent + "b" + std::to_string(index) + " [label=<" + label(box) + ">, fillcolor=\"" + kind.fill + "\", color=\"" + kind.line + "\"" +
             ", tooltip=\"" + escape_html(box.key) + "\"" + (box.outside ? ", style=\"rounded,dashed\", fontcolor=\"#7a8494\"" : "") + "];\n";
  }

  const Kind& kind_of(const Box& box) const {
    for (const auto& kind : kinds())
      for (const int i : box.nodes)
        if (std::find(kind.operations.begin(), kind.operations.end(), node(i).op) != kind.operations.end()) return kind;
    return kinds().back();
  }

  const Node& node(int index) const { return graph_.nodes[static_cast<std::size_t>(index)]; }

  std::string label(const Box& box) const {
    if (box.outside) return escape_html(box.key);
    const Node& first = node(box.nodes.front());
    const std::string place = last_component(box.key), scope_label = label_of(box);
    if (box.nodes.size() == 1 && (first.op == "choice" || first.op == "select")) return choice_label(first);
    if (!scope_label.empty()) return two_lines(scope_label, scope_label == place ? "" : place);
    if (box.nodes.size() > 1) return two_lines(place, contents(box));
    if (first.op == "input") return two_lines(first.name, to_string(first.shape));
    const std::string details = operation_details(first);
    const std::string name = place == first.op ? "" : place + (details.empty() ? "" : ": ");
    return two_lines(operation_title(first), name + details);
  }

  // The label of the box's scope, or of the widest scope in it that holds all its nodes ("edge0" is its one "edge0.choice").
  std::string label_of(const Box& box) const {
    const std::string& name = node(box.nodes.front()).name;
    for (std::size_t count = components(box.key); count <= components(name); ++count) {
      const std::string scope = first_components(name, count);
      if (!std::all_of(box.nodes.begin(), box.nodes.end(), [&](int i) { return within(node(i).name, scope); })) return "";
      if (const auto found = graph_.labels.find(scope); found != graph_.labels.end()) return found->second;
    }
    return "";
  }

  static std::string two_lines(const std::string& title, const std::string& line) { return escape_html(title) + (line.empty() ? "" : "<BR/>" + small(line)); }

  // What a scope without a label holds: its operations, if they are few.
  std::string contents(const Box& box) const {
    std::vector<std::string> parts;
    for (const int i : box.nodes) parts.push_back(operation_title(node(i)));
    return parts.size() <= 3 ? join(parts, ", ") : std::to_string(parts.size()) + " operations";
  }

  void write_edge(const Edge& edge) {
    text_ += "  b" + std::to_string(edge.from) + " -> b" + std::to_string(edge.to);
    if (options_.shapes) text_ += " [label=\" " + edge.shape + "\"]";
    text_ += ";\n";
  }

  void write_outputs() {
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const int output = graph_.outputs[i];
      const int box = picture_.box_of[static_cast<std::size_t>(output)];
      if (box < 0 || picture_.boxes[static_cast<std::size_t>(box)].outside) continue;
      const std::string name = "out" + std::to_string(i);
      text_ += "  " + name + " [shape=plain, style=\"\", label=<" + small(i == 0 ? "output" : "auxiliary output", "#7a8494") + ">];\n  b" + std::to_string(box) + " -> " + name;
      text_ += options_.shapes ? " [label=\" " + to_string(node(output).shape) + "\"];\n" : ";\n";
    }
  }

  const Graph& graph_;
  const DrawingOptions& options_;
  Picture picture_;
  std::string text_;
  std::vector<std::set<int>> framed_;   // the boxes of each frame so far
};

}  // namespace

std::string to_dot(const Graph& graph, const DrawingOptions& options) {
  check_options(graph, options);
  return Writer(graph, options, Grouping(graph, options).picture()).dot();
}

std::string to_svg(const Graph& graph, const DrawingOptions& options) { return lay_out(to_dot(graph, options)); }

}  // namespace netwright
