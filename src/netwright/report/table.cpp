#include "netwright/report/table.hpp"

#include <algorithm>

namespace netwright {
namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::size_t columns_of(const std::string& text) { return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character)); }

// One line, at most `widest` characters.
std::string cell(const std::string& raw, std::size_t widest) {
  std::string text = raw;
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
  if (widest == 0 || columns_of(text) <= widest) return text;
  const std::size_t kept = widest > 3 ? widest - 3 : 0;
  std::size_t at = 0, seen = 0;
  while (at < text.size() && (seen < kept || !starts_character(text[at]))) seen += starts_character(text[at++]) ? 1 : 0;
  return text.substr(0, at) + std::string(widest - kept, '.');
}

std::string line(const std::vector<std::string>& cells, const std::vector<Column>& columns, const std::vector<std::size_t>& widths) {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string blanks(widths[i] - columns_of(cells[i]), ' ');
    text += (i > 0 ? "  " : "") + (columns[i].right ? blanks + cells[i] : cells[i] + blanks);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

}  // namespace

std::string text_table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& column : columns) lines[0].push_back(column.title);
  for (const auto& row : rows) {
    lines.emplace_back(columns.size());
    for (std::size_t i = 0; i < std::min(row.size(), columns.size()); ++i) lines.back()[i] = cell(row[i], columns[i].widest);
  }
  std::vector<std::size_t> widths(columns.size(), 0);
  for (const auto& cells : lines)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], columns_of(cells[i]));
  std::vector<std::string> rule;
  for (const auto width : widths) rule.emplace_back(width, '-');
  lines.insert(lines.begin() + 1, rule);
  std::string text;
  for (const auto& cells : lines) text += line(cells, columns, widths);
  return text;
}

}  // namespace netwright
