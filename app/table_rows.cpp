#include "table_rows.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/evaluation/csv.hpp"

namespace netwright {
namespace {

std::vector<TableRow> read_csv(const std::filesystem::path& file) {
  const Csv csv(file);
  std::vector<TableRow> rows(csv.rows());
  for (std::size_t row = 0; row < rows.size(); ++row)
    for (std::size_t column = 0; column < csv.names().size(); ++column) rows[row].fields.emplace(csv.names()[column], csv.field(row, column));
  return rows;
}

// Lists of numbers are curves; a number that is missing in one (null) is not a number there.
TableRow row_of(const nlohmann::json& object) {
  TableRow row;
  for (const auto& [name, value] : object.items()) {
    if (value.is_array()) {
      std::vector<double>& curve = row.curves[name];
      for (const auto& item : value) curve.push_back(item.is_number() ? item.get<double>() : std::numeric_limits<double>::quiet_NaN());
    } else {
      row.fields[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  return row;
}

std::vector<TableRow> read_json_lines(const std::filesystem::path& file) {
  const std::string text = read_maybe_compressed(file);
  std::vector<TableRow> rows;
  for (std::size_t at = 0, line = 1; at < text.size(); ++line) {
    const std::string_view row = next_line(text, at);
    if (row.empty()) continue;
    const nlohmann::json object = nlohmann::json::parse(row, nullptr, false);
    if (!object.is_object()) throw UsageError("table " + file.string() + ", line " + std::to_string(line) + ": is no JSON object");
    rows.push_back(row_of(object));
  }
  return rows;
}

}  // namespace

std::vector<TableRow> read_table_rows(const std::filesystem::path& file) {
  const std::filesystem::path plain = file.extension() == ".zst" ? file.stem() : file.filename();
  return plain.extension() == ".jsonl" ? read_json_lines(file) : read_csv(file);
}

void join_rows(std::vector<TableRow>& rows, const std::vector<TableRow>& others, const std::string& on) {
  std::map<std::string, const TableRow*> by_text;
  for (const TableRow& other : others)
    if (const auto key = other.fields.find(on); key != other.fields.end()) by_text.emplace(key->second, &other);
  std::vector<TableRow> joined;
  for (TableRow& row : rows) {
    const auto key = row.fields.find(on);
    const auto partner = key == row.fields.end() ? by_text.end() : by_text.find(key->second);
    if (partner == by_text.end()) continue;
    row.fields.insert(partner->second->fields.begin(), partner->second->fields.end());
    joined.push_back(std::move(row));
  }
  rows = std::move(joined);
}

}  // namespace netwright
