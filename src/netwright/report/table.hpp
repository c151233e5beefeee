#pragma once
// Aligned columns for a terminal.
#include <string>
#include <vector>

namespace netwright {

struct Column {
  std::string title;
  bool right = false;          // numbers stand right
  std::size_t widest = 0;      // longer cells are cut, with "..." at their end; 0 = as wide as needed
};

// A header, a rule and one line a row, two blanks between columns, no trailing blanks; UTF-8 characters count one column each.
// Rows may be shorter than the columns. Without rows: the header and the rule.
std::string text_table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows);

}  // namespace netwright
