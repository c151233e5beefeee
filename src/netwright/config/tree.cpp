#include "netwright/config/tree.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

std::string place_of(const YAML::Mark& mark, const std::string& origin) {
  if (mark.line < 0) return origin;
  return origin + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

constexpr int deepest = 64;

Tree convert(const YAML::Node& node, const std::string& origin, int depth) {
  Tree tree{.place = place_of(node.Mark(), origin)};
  if (depth > deepest) throw UsageError(tree.place + ": nested more than " + std::to_string(deepest) + " levels deep");
  if (node.IsScalar()) {
    tree.kind = Tree::Kind::scalar;
    tree.text = node.Scalar();
  } else if (node.IsSequence()) {
    tree.kind = Tree::Kind::list;
    for (const auto& item : node) tree.items.push_back(convert(item, origin, depth + 1));
  } else if (node.IsMap()) {
    tree.kind = Tree::Kind::map;
    for (const auto& entry : node) {
      const std::string place = place_of(entry.first.Mark(), origin);
      if (!entry.first.IsScalar()) throw UsageError(place + ": a key must be a word");
      const std::string key = entry.first.Scalar();
      if (tree.find(key) != nullptr) throw UsageError(place + ": key '" + key + "' is written twice");
      tree.entries.push_back({.key = key, .place = place, .value = convert(entry.second, origin, depth + 1)});
    }
  }
  return tree;
}

void set_place(Tree& tree, const std::string& place) {
  tree.place = place;
  for (auto& item : tree.items) set_place(item, place);
  for (auto& entry : tree.entries) {
    entry.place = place;
    set_place(entry.value, place);
  }
}

// The short form of a phase, `- derive`, is a map without options.
void lengthen(Tree& item) {
  if (item.kind != Tree::Kind::scalar) return;
  item = Tree{.kind = Tree::Kind::map, .entries = {{.key = item.text, .place = item.place}}, .place = item.place};
}

// The item of a list that a path's step means: by number, or by the kind of the phase (the only key of the item).
Tree& step_into_list(Tree& list, const std::string& step, const std::string& place) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error == std::errc() && end == step.data() + step.size()) {
    if (index < list.items.size()) {
      lengthen(list.items[index]);
      return list.items[index];
    }
    throw UsageError(place + ": there is no item " + step + " (the list has " + std::to_string(list.items.size()) + ")");
  }
  std::vector<std::string> kinds;
  Tree* found = nullptr;
  for (auto& item : list.items) {
    lengthen(item);
    for (auto& entry : item.entries) {
      kinds.push_back(entry.key);
      if (entry.key != step) continue;
      if (found != nullptr) throw UsageError(place + ": more than one item is a '" + step + "'; write its number (0, 1, ...) instead");
      found = &entry.value;
    }
  }
  if (found == nullptr) throw UsageError(place + ": no item is a '" + step + "'" + name_hint(step, kinds));
  return *found;
}

Tree& step_into(Tree& tree, const std::string& step, const std::string& place) {
  if (tree.kind == Tree::Kind::list) return step_into_list(tree, step, place);
  if (tree.kind == Tree::Kind::scalar) {
    const Tree name = tree;
    tree = Tree{.kind = Tree::Kind::map, .entries = {{.key = "name", .place = name.place, .value = name}}, .place = name.place};
  }
  tree.kind = Tree::Kind::map;
  return tree.at(step, place).value;
}

bool plain(std::string_view text) {
  if (text.empty() || text == "~" || text == "-" || text == "null" || text == "Null" || text == "NULL") return false;
  return std::isalnum(static_cast<unsigned char>(text[0])) != 0 || text[0] == '.' || text[0] == '/' || text[0] == '_' || text[0] == '+' ||
                 text[0] == '-'
             ? std::all_of(text.begin(), text.end(),
                           [](unsigned char c) {
                             return std::isalnum(c) != 0 || std::string_view("_./+-").find(static_cast<char>(c)) != std::string_view::npos;
                           })
             : false;
}

std::string in_quotes(std::string_view text) {
  if (plain(text)) return std::string(text);
  YAML::Emitter emitter;
  emitter << YAML::DoubleQuoted << std::string(text);
  return emitter.c_str();
}

std::string inline_form(const Tree& tree) {
  if (tree.kind == Tree::Kind::scalar) return in_quotes(tree.text);
  if (tree.kind == Tree::Kind::nothing) return "null";   // {} would say that something is there, and empty
  return tree.kind == Tree::Kind::list ? "[]" : "{}";
}

bool is_leaf(const Tree& tree) { return tree.items.empty() && tree.entries.empty(); }

void emit_map(const Tree& tree, const std::string& indent, std::string& out, bool first_is_placed);

void emit_list(const Tree& tree, const std::string& indent, std::string& out) {
  for (const auto& item : tree.items) {
    out += indent + "- ";
    if (is_leaf(item))
      out += inline_form(item) + "\n";
    else
      emit_map(item, indent + "  ", out, true);
  }
}

void emit_map(const Tree& tree, const std::string& indent, std::string& out, bool first_is_placed) {
  std::size_t width = 0;
  for (const auto& entry : tree.entries)
    if (is_leaf(entry.value)) width = std::max(width, entry.key.size() + 2 + inline_form(entry.value).size());
  for (const auto& entry : tree.entries) {
    if (!first_is_placed) out += indent;
    first_is_placed = false;
    std::string line = entry.key + ":" + (is_leaf(entry.value) ? " " + inline_form(entry.value) : "");
    if (!entry.comment.empty()) line += std::string(line.size() < width ? width - line.size() : 0, ' ') + "  # " + entry.comment;
    out += line + "\n";
    if (entry.value.kind == Tree::Kind::list) emit_list(entry.value, indent + "  ", out);
    if (entry.value.kind == Tree::Kind::map) emit_map(entry.value, indent + "  ", out, false);
  }
}

}  // namespace

const TreeEntry* Tree::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const TreeEntry& e) { return e.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

TreeEntry& Tree::at(std::string_view key, const std::string& from) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const TreeEntry& e) { return e.key == key; });
  if (found != entries.end()) return *found;
  return entries.emplace_back(TreeEntry{.key = std::string(key), .place = from, .value = Tree{.place = from}});
}

Tree scalar(std::string text) { return {.kind = Tree::Kind::scalar, .text = std::move(text)}; }

Tree parse_tree(std::string_view yaml, const std::string& origin) {
  try {
    return convert(YAML::Load(std::string(yaml)), origin, 0);
  } catch (const YAML::Exception& error) {
    throw UsageError(place_of(error.mark, origin) + ": this is not YAML: " + error.msg);
  }
}

void override_tree(Tree& tree, std::string_view assignment) {
  const std::string place = "override '" + std::string(assignment) + "'";
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) throw UsageError(place + ": write KEY=VALUE, for example seed=3 or phases.supernet.epochs=5");
  Tree* target = &tree;
  for (const auto& step : split(assignment.substr(0, equals), '.')) {
    if (step.empty()) throw UsageError(place + ": the key has an empty part");
    target = &step_into(*target, step, place);
  }
  const std::string value = trim(assignment.substr(equals + 1));
  const bool structured = !value.empty() && std::string_view("[{\"'").find(value[0]) != std::string_view::npos;
  *target = structured || value.empty() ? parse_tree(value, place) : scalar(value);
  set_place(*target, place);
}

std::string emit(const Tree& tree) {
  std::string out;
  if (tree.kind == Tree::Kind::list)
    emit_list(tree, "", out);
  else
    emit_map(tree, "", out, false);
  return out;
}

}  // namespace netwright
