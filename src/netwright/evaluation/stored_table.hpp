#pragma once
// A table of trained networks in one compact file, mapped into memory and searched where it lies.
//
// File (little-endian): "NWTABLE1"; length of the header, 8 bytes; the header, JSON, padded with blanks to a multiple of 8; the keys' hashes,
// ascending, 8 bytes each; the keys' ends, 8 bytes each; the values, 8-byte floats, row after row in the hashes' order; the keys' text.
// Columns with a "test_" metric are the test part. Columns named "train_seconds" hold the seconds until an epoch, from scratch.
// Cost: opening reads the header alone (below 1 ms for 15,625 rows); a look-up is a binary search, about 0.3 us.
// Errors: UsageError for a file that cannot be read, is no such table, or is cut off.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

struct TableColumn {
  std::string metric;       // in the metric's own unit
  std::int64_t epochs = 0;  // of training that the value stands for; 0: it does not depend on it
};

struct TableSchema {
  std::string name;
  std::string space;            // whose notation the keys are in; empty: the table's own (decisions)
  std::string decisions;        // JSON [{"name", "choices"}], or empty
  bool canonical = false;       // keys are Space::canonical() in hexadecimal: isomorphic architectures share a row
  bool separate = false;        // each budget is a training of its own: nothing is gone on with, nothing is seen in between
  std::string source;           // where the numbers come from, with their licence
  std::vector<TableColumn> columns;
};

struct TableContent {
  TableSchema schema;
  std::vector<std::string> keys;
  std::vector<double> values;   // row after row; NaN where there is none
};

// Errors: UsageError for a key that stands twice; Error where it cannot be written.
void write_table(const TableContent& content, const std::filesystem::path& file);

class StoredTable {
 public:
  explicit StoredTable(const std::filesystem::path& file);
  ~StoredTable();
  StoredTable(const StoredTable&) = delete;
  StoredTable& operator=(const StoredTable&) = delete;

  const TableSchema& schema() const { return schema_; }
  const std::filesystem::path& file() const { return file_; }
  std::size_t rows() const { return rows_; }
  std::string_view key(std::size_t row) const;
  std::optional<std::size_t> find(std::string_view key) const;
  double value(std::size_t row, std::size_t column) const { return values_[row * schema_.columns.size() + column]; }
  // The budgets of what a search sees, ascending, without 0.
  const std::vector<std::int64_t>& epochs() const { return epochs_; }

 private:
  void read_header(std::string_view header);

  std::filesystem::path file_;
  const char* mapped_ = nullptr;
  std::size_t bytes_ = 0, rows_ = 0;
  TableSchema schema_;
  std::vector<std::int64_t> epochs_;
  const std::uint64_t *hashes_ = nullptr, *ends_ = nullptr;
  const double* values_ = nullptr;
  const char* text_ = nullptr;
};

}  // namespace netwright
