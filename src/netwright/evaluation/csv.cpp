#include "netwright/evaluation/csv.hpp"

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

}  // namespace

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

std::string read_maybe_compressed(const std::filesystem::path& file) {
  std::string content = read_file(file);
  return file.extension() == ".zst" ? decompress(content, file) : content;
}

Csv::Csv(const std::filesystem::path& file) : file_(file) {
  const std::string text = read_maybe_compressed(file);
  std::vector<std::string_view> fields;
  std::vector<std::string> quoted;
  std::size_t at = 0, line = 1;
  read_fields(next_line(text, at), fields, quoted);
  names_.assign(fields.begin(), fields.end());
  while (at < text.size()) {
    const std::string_view row = next_line(text, at);
    ++line;
    if (row.empty()) continue;
    read_fields(row, fields, quoted);
    if (fields.size() != names_.size())
      throw UsageError("table " + file.string() + ", line " + std::to_string(line) + ": " + std::to_string(fields.size()) + " fields; the header has " +
                       std::to_string(names_.size()));
    fields_.insert(fields_.end(), fields.begin(), fields.end());
  }
}

std::size_t Csv::column(const std::string& name) const {
  const auto found = std::ranges::find(names_, name);
  if (found == names_.end()) throw UsageError("table " + file_.string() + ": no column '" + name + "'" + name_hint(name, names_));
  return static_cast<std::size_t>(found - names_.begin());
}

double Csv::number(std::size_t row, std::size_t column) const {
  const std::string& text = field(row, column);
  double value = std::numeric_limits<double>::quiet_NaN();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() && (error != std::errc() || end != text.data() + text.size()))
    throw UsageError("table " + file_.string() + ", row " + std::to_string(row + 1) + ": '" + text + "' in column " + names_[column] + " is not a number");
  return value;
}

}  // namespace netwright
