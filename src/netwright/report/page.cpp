#include "netwright/report/page.hpp"

#include "netwright/core/markup.hpp"
#include "netwright/report/chart.hpp"

namespace netwright {
namespace {

constexpr const char* style = R"css(
:root { --bg: #ffffff; --fg: #1d2530; --quiet: #5f6b7a; --line: #dde3ea; --card: #f6f8fa; --good: #2b8a4b; --bad: #c2255c; --mark: #eef4fd; color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #14181d; --fg: #e3e8ee; --quiet: #9aa6b4; --line: #323a44; --card: #1c222a; --good: #58c47c; --bad: #f06595; --mark: #1e2c40; }
}
.c0 { --c: #2f6fc4; } .c1 { --c: #e0720f; } .c2 { --c: #2f9e5b; } .c3 { --c: #d6336c; } .c4 { --c: #8257d8; }
.c5 { --c: #12919f; } .c6 { --c: #c29a00; } .c7 { --c: #78838f; } .c8 { --c: #e28fb0; } .c9 { --c: #86aede; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
main { max-width: 1140px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 1.55rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 40px 0 12px; padding-bottom: 6px; border-bottom: 1px solid var(--line); }
p { margin: 8px 0; }
.quiet { color: var(--quiet); font-size: .9rem; }
.verdict { margin: 18px 0; padding: 12px 16px; border-left: 5px solid var(--quiet); background: var(--card); font-size: 1.08rem; border-radius: 0 8px 8px 0; }
.verdict.good { border-color: var(--good); } .verdict.bad { border-color: var(--bad); }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 24px; }
.smalls { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 12px; margin: 8px 0 20px; }
.drawings { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; }
.drawings figure { max-width: 100%; padding: 12px; background: var(--card); border-radius: 8px; }
.drawings svg { max-width: 100%; height: auto; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; font-size: .92rem; margin-bottom: 6px; overflow-wrap: anywhere; }
figure.small figcaption { font-weight: 500; font-size: .78rem; line-height: 1.3; margin-bottom: 2px; }
.chart { display: block; width: 100%; height: auto; }
.chart text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--quiet); }
.chart .label { fill: var(--fg); }
.chart .grid { stroke: var(--line); } .chart .axis { stroke: var(--quiet); }
.chart .line { fill: none; stroke: var(--c); stroke-width: 2.2; stroke-linejoin: round; }
.chart .dot { fill: var(--c); fill-opacity: .85; stroke: var(--bg); stroke-width: .8; }
.chart .area { fill: var(--c); }
.legend { display: flex; flex-wrap: wrap; gap: 3px 16px; font-size: .85rem; color: var(--quiet); margin: 4px 0 0 4px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; background: var(--c); margin-right: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--quiet); font-weight: 500; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.chosen { background: var(--mark); font-weight: 600; }
tr.failed { color: var(--quiet); }
td:first-child, th:first-child { padding-left: 6px; }
code, pre { font: .84rem/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; font-weight: 400; }
pre { background: var(--card); border-radius: 8px; padding: 12px; margin: 8px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
table.pairs { width: auto; } table.pairs th { white-space: nowrap; padding-right: 18px; } table.pairs td { overflow-wrap: anywhere; }
details summary { cursor: pointer; margin: 10px 0; }
@media (max-width: 640px) {
  .wide { display: none; }
  table { font-size: .84rem; }
  th, td { padding-right: 6px; }
}
)css";

}  // namespace

std::string page(const std::string& title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" + escape_html(title) + "</title>\n<style>" +
         std::string(style) + "</style>\n</head>\n<body>\n<main>\n" + body + "</main>\n</body>\n</html>\n";
}

std::string section(const std::string& title, const std::string& body) {
  return body.empty() ? "" : "<section>\n<h2>" + escape_html(title) + "</h2>\n" + body + "\n</section>\n";
}

std::string figure_grid(const std::string& figures) { return figures.empty() ? "" : "<div class=\"figures\">" + figures + "</div>"; }

std::string key_values(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string text = "<table class=\"pairs\">";
  for (const auto& [key, value] : rows) text += "<tr><th>" + escape_html(key) + "</th><td>" + escape_html(value) + "</td></tr>";
  return text + "</table>";
}

std::string html_table(const std::vector<HtmlColumn>& columns, const std::vector<std::vector<std::string>>& rows, const std::vector<std::string>& row_classes) {
  const auto cell = [](const char* tag, const HtmlColumn& column, const std::string& content) {
    const std::string classes = std::string(column.number ? "number" : "") + (column.number && column.wide ? " " : "") + (column.wide ? "wide" : "");
    return "<" + std::string(tag) + (classes.empty() ? "" : " class=\"" + classes + "\"") + ">" + content + "</" + tag + ">";
  };
  std::string text = "<div class=\"scroll\"><table><thead><tr>";
  for (const auto& column : columns) text += cell("th", column, escape_html(column.title));
  text += "</tr></thead><tbody>\n";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    text += r < row_classes.size() && !row_classes[r].empty() ? "<tr class=\"" + row_classes[r] + "\">" : "<tr>";
    for (std::size_t i = 0; i < columns.size(); ++i) text += cell("td", columns[i], i < rows[r].size() ? rows[r][i] : "");
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>";
}

}  // namespace netwright
