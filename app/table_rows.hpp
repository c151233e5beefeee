#pragma once
// The rows of a CSV or JSON-lines file, alike.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace netwright {

struct TableRow {
  std::map<std::string, std::string, std::less<>> fields;
  std::map<std::string, std::vector<double>, std::less<>> curves;  // JSON lines: lists of numbers
};

// Errors: UsageError naming file and line.
std::vector<TableRow> read_table_rows(const std::filesystem::path& file);

// The fields of the second file's rows beside those of the first that have the same text in the column `on`; rows without a partner go.
void join_rows(std::vector<TableRow>& rows, const std::vector<TableRow>& others, const std::string& on);

}  // namespace netwright
