#pragma once
// YAML as a tree in which every value knows where it stands, so that every complaint can name its place.
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

struct TreeEntry;

struct Tree {
  enum class Kind { nothing, scalar, list, map };
  Kind kind = Kind::nothing;
  std::string text;                // of a scalar
  std::vector<Tree> items;         // of a list
  std::vector<TreeEntry> entries;  // of a map, in order of writing
  std::string place;               // "FILE:LINE:COL", or "override 'KEY=VALUE'"

  const TreeEntry* find(std::string_view key) const;
  TreeEntry& at(std::string_view key, const std::string& place);  // inserted when missing
};

struct TreeEntry {
  std::string key;
  std::string place;  // of the key
  Tree value;
  std::string comment;  // written behind or above the key by emit()
};

Tree scalar(std::string text);

// Errors: UsageError "ORIGIN:LINE:COL: ..." for text that is no YAML, for a key written twice, for anchors' cycles and for keys that are
// no words.
Tree parse_tree(std::string_view yaml, const std::string& origin);

// Sets one value by its path: "data.crop=4", "phases.0.supernet.epochs=3", or by the phase's kind "phases.supernet.epochs=3".
// A short form (`space: NAME`) becomes {name: NAME} when the path goes below it. The value is text, or YAML where it
// begins with a bracket or a quote.
// Errors: UsageError for text without "=", for an index beyond the list, and for a kind that no phase or more than one phase has.
void override_tree(Tree& tree, std::string_view assignment);

// Block style; a map of scalars inside a list item stays readable; comments behind the values, aligned.
std::string emit(const Tree& tree);

}  // namespace netwright
