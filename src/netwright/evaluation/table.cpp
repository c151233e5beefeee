#include "netwright/evaluation/table.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/csv.hpp"

namespace netwright {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, std::size_t line, const std::string& what) {
  throw UsageError("table " + file.string() + ", line " + std::to_string(line) + ": " + what);
}

}  // namespace

struct Table::Header {
  std::size_t fields = 0;
  std::size_t key = 0;
  std::vector<std::size_t> columns;
  std::vector<std::string> names;  // of the columns
};

Table::Table(const std::filesystem::path& file, const std::string& key_column, const std::vector<std::string>& columns)
    : file_(file), width_(columns.size()) {
  const std::string text = read_maybe_compressed(file);
  std::vector<std::string_view> fields;
  std::vector<std::string> quoted;
  std::size_t at = 0, line = 1;
  read_fields(next_line(text, at), fields, quoted);
  const std::vector<std::string> names(fields.begin(), fields.end());
  const auto position = [&](const std::string& name) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) throw UsageError("table " + file.string() + ": no column '" + name + "'" + name_hint(name, names));
    return static_cast<std::size_t>(found - names.begin());
  };
  Header header{.fields = names.size(), .key = position(key_column), .columns = {}, .names = columns};
  for (const std::string& column : columns) header.columns.push_back(position(column));
  while (at < text.size()) {
    const std::string_view row = next_line(text, at);
    ++line;
    if (row.empty()) continue;
    read_fields(row, fields, quoted);
    read_row(header, fields, line);
  }
  row_of_.reserve(keys_.size());
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (!row_of_.emplace(keys_[i], i).second) throw UsageError("table " + file.string() + ": the key '" + keys_[i] + "' stands twice");
  }
}

void Table::read_row(const Header& header, const std::vector<std::string_view>& fields, std::size_t line) {
  if (fields.size() != header.fields) {
    refuse(file_, line, std::to_string(fields.size()) + " fields; the header has " + std::to_string(header.fields));
  }
  keys_.emplace_back(fields[header.key]);
  for (std::size_t i = 0; i < header.columns.size(); ++i) {
    const std::string_view field = fields[header.columns[i]];
    double value = std::numeric_limits<double>::quiet_NaN();
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (!field.empty() && (error != std::errc() || end != field.data() + field.size())) {
      refuse(file_, line, "'" + std::string(field) + "' in column " + header.names[i] + " is not a number");
    }
    values_.push_back(value);
  }
}

std::optional<std::size_t> Table::find(std::string_view key) const {
  const auto found = row_of_.find(key);
  return found == row_of_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace netwright
