#pragma once
// CSV as text. UTF-8, comma-separated, one header line, \n or \r\n line ends, fields optionally in double quotes ("" inside for one);
// empty lines are skipped. A name that ends in .zst is decompressed (zstandard).
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

// The line at `at`, without its end; `at` is left behind it.
std::string_view next_line(std::string_view text, std::size_t& at);

// The fields of a line, as views of it; those in quotes are views of `quoted`, which must stay alive as long.
void read_fields(std::string_view line, std::vector<std::string_view>& fields, std::vector<std::string>& quoted);

// The content of a file, decompressed where its name ends in .zst. Errors: UsageError for a file that is cut off or no zstandard file.
std::string read_maybe_compressed(const std::filesystem::path& file);

// A whole file, every field as text. Cost: 15,625 rows of 22 columns: about 30 ms.
// Errors: UsageError naming file and line for a row of another length than the header; for an unknown column, with the nearest name.
class Csv {
 public:
  explicit Csv(const std::filesystem::path& file);

  std::size_t rows() const { return names_.empty() ? 0 : fields_.size() / names_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  std::size_t column(const std::string& name) const;
  const std::string& field(std::size_t row, std::size_t column) const { return fields_[row * names_.size() + column]; }
  // NaN for an empty field. Errors: UsageError for text that is no number.
  double number(std::size_t row, std::size_t column) const;
  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
  std::vector<std::string> names_;
  std::vector<std::string> fields_;
};

}  // namespace netwright
