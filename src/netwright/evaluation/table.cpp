#include "netwright/evaluation/table.hpp"

#include <zstd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, std::size_t line, const std::string& what) {
  throw UsageError("table " + file.string() + ", line " + std::to_string(line) + ": " + what);
}

std::string decompress(const std::string& packed, const std::filesystem::path& file) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  std::string plain, block(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::size_t left = 1;
  while (in.pos < in.size || left != 0) {
    ZSTD_outBuffer out{block.data(), block.size(), 0};
    const std::size_t before = in.pos;
    left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left)) throw UsageError("table " + file.string() + ": not a zstandard file (" + ZSTD_getErrorName(left) + ")");
    plain.append(block, 0, out.pos);
    if (left != 0 && out.pos == 0 && in.pos == before) throw UsageError("table " + file.string() + ": the zstandard file is cut off");
  }
  return plain;
}

// One field from `text` at `at`, which is left behind it, on the comma or the line's end. Quoted fields are unquoted into `unquoted`.
std::string_view read_field(std::string_view line, std::size_t& at, std::string& unquoted) {
  if (at >= line.size() || line[at] != '"') {
    const std::size_t end = std::min(line.find(',', at), line.size());
    const std::string_view field = line.substr(at, end - at);
    at = end;
    return field;
  }
  unquoted.clear();
  for (++at; at < line.size(); ++at) {
    const bool quote = line[at] == '"';
    if (quote && (at + 1 >= line.size() || line[at + 1] != '"')) break;
    at += quote;
    unquoted.push_back(line[at]);
  }
  at = std::min(line.find(',', at), line.size());
  return unquoted;
}

// `quoted` keeps the text of quoted fields alive while the views are used.
void read_fields(std::string_view line, std::vector<std::string_view>& fields, std::vector<std::string>& quoted) {
  fields.clear();
  quoted.resize(static_cast<std::size_t>(std::ranges::count(line, '"')) / 2 + 1);
  std::size_t at = 0, used = 0;
  while (true) {
    const bool is_quoted = at < line.size() && line[at] == '"';
    fields.push_back(read_field(line, at, quoted[is_quoted ? used++ : quoted.size() - 1]));
    if (at >= line.size()) return;
    ++at;
  }
}

std::string_view next_line(std::string_view text, std::size_t& at) {
  const std::size_t end = std::min(text.find('\n', at), text.size());
  std::string_view line = text.substr(at, end - at);
  at = end + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

struct Table::Header {
  std::size_t fields = 0;
  std::size_t key = 0;
  std::vector<std::size_t> columns;
  std::vector<std::string> names;  // of the columns
};

std::string read_maybe_compressed(const std::filesystem::path& file) {
  std::string content = read_file(file);
  return file.extension() == ".zst" ? decompress(content, file) : content;
}

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
