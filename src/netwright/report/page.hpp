#pragma once
// The page around a report: style sheet, sections, tables. Not installed.
#include <string>
#include <utility>
#include <vector>

namespace netwright {

std::string page(const std::string& title, const std::string& body);              // a whole HTML document; `body` is HTML
std::string section(const std::string& title, const std::string& body);           // empty where the body is empty
std::string figure_grid(const std::string& figures);                              // empty where there are none
std::string key_values(const std::vector<std::pair<std::string, std::string>>& rows);   // texts, escaped here

struct HtmlColumn {
  std::string title;
  bool number = false;     // stands right, in equal digits
  bool wide = false;       // left out on narrow screens
};

// Cells are HTML.
std::string html_table(const std::vector<HtmlColumn>& columns, const std::vector<std::vector<std::string>>& rows, const std::vector<std::string>& row_classes = {});

}  // namespace netwright
