#include "netwright/evaluation/stored_table.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/objective/test_part.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view magic = "NWTABLE1";
constexpr std::size_t word = 8;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) { throw UsageError("table " + file.string() + ": " + what); }

template <class T>
void append(std::string& text, const T& value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string header_of(const TableContent& content) {
  const TableSchema& schema = content.schema;
  Json columns = Json::array();
  for (const TableColumn& column : schema.columns) columns.push_back({{"metric", column.metric}, {"epochs", column.epochs}});
  std::string header = Json{{"name", schema.name},
                            {"space", schema.space},
                            {"decisions", schema.decisions.empty() ? Json() : Json::parse(schema.decisions)},
                            {"canonical", schema.canonical},
                            {"separate", schema.separate},
                            {"source", schema.source},
                            {"rows", content.keys.size()},
                            {"columns", columns}}
                           .dump();
  header.append((word - header.size() % word) % word, ' ');
  return header;
}

// The rows in the order of their keys' hashes.
std::vector<std::pair<std::uint64_t, std::size_t>> order_of(const TableContent& content) {
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  for (std::size_t row = 0; row < content.keys.size(); ++row) order.emplace_back(hash_text(content.keys[row]), row);
  std::ranges::sort(order);
  for (std::size_t i = 1; i < order.size(); ++i)
    if (order[i].first == order[i - 1].first) throw UsageError("table: the key '" + content.keys[order[i].second] + "' stands twice");
  return order;
}

}  // namespace

void write_table(const TableContent& content, const std::filesystem::path& file) {
  const std::string header = header_of(content);
  const auto order = order_of(content);
  const std::size_t width = content.schema.columns.size();
  std::string bytes(magic), text;
  append(bytes, static_cast<std::uint64_t>(header.size()));
  bytes += header;
  for (const auto& [hash, row] : order) append(bytes, hash);
  for (const auto& [hash, row] : order) {
    text += content.keys[row];
    append(bytes, static_cast<std::uint64_t>(text.size()));
  }
  for (const auto& [hash, row] : order)
    bytes.append(reinterpret_cast<const char*>(content.values.data() + row * width), width * sizeof(double));
  write_file(file, bytes + text);
}

StoredTable::StoredTable(const std::filesystem::path& file) : file_(file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) refuse(file, std::string("cannot be read: ") + std::strerror(errno));
  struct stat state {};
  const bool known = ::fstat(descriptor, &state) == 0 && state.st_size >= static_cast<off_t>(2 * word);
  bytes_ = known ? static_cast<std::size_t>(state.st_size) : 0;
  void* mapped = known ? ::mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
  ::close(descriptor);
  if (mapped == MAP_FAILED) refuse(file, "is no netwright table (netwright table import makes them)");
  mapped_ = static_cast<const char*>(mapped);
  try {
    std::uint64_t length = 0;
    std::memcpy(&length, mapped_ + word, sizeof length);
    if (std::string_view(mapped_, word) != magic) refuse(file, "is no netwright table (netwright table import makes them)");
    if (length > bytes_ - 2 * word) refuse(file, "is cut off");
    read_header({mapped_ + 2 * word, length});
    hashes_ = reinterpret_cast<const std::uint64_t*>(mapped_ + 2 * word + length);
    ends_ = hashes_ + rows_;
    values_ = reinterpret_cast<const double*>(ends_ + rows_);
    text_ = reinterpret_cast<const char*>(values_ + rows_ * schema_.columns.size());
    const std::size_t fixed = 2 * word + length + rows_ * (2 + schema_.columns.size()) * word;
    if (fixed > bytes_ || (rows_ > 0 && fixed + ends_[rows_ - 1] != bytes_)) refuse(file, "is cut off");
  } catch (...) {
    ::munmap(mapped, bytes_);
    throw;
  }
}

StoredTable::~StoredTable() { ::munmap(const_cast<char*>(mapped_), bytes_); }

void StoredTable::read_header(std::string_view header) {
  const Json json = Json::parse(header, nullptr, false);
  if (!json.is_object()) refuse(file_, "its header is damaged");
  try {
    schema_ = {.name = json.at("name"),
               .space = json.at("space"),
               .decisions = json.at("decisions").is_null() ? "" : json.at("decisions").dump(),
               .canonical = json.at("canonical"),
               .separate = json.at("separate"),
               .source = json.at("source")};
    rows_ = json.at("rows");
    for (const Json& column : json.at("columns")) schema_.columns.push_back({.metric = column.at("metric"), .epochs = column.at("epochs")});
  } catch (const Json::exception&) {
    refuse(file_, "its header is damaged");
  }
  std::set<std::int64_t> epochs;
  for (const TableColumn& column : schema_.columns)
    if (column.epochs > 0 && column.metric != "train_seconds" && !of_test_part(column.metric)) epochs.insert(column.epochs);
  epochs_.assign(epochs.begin(), epochs.end());
}

std::string_view StoredTable::key(std::size_t row) const {
  const std::size_t start = row == 0 ? 0 : ends_[row - 1];
  return {text_ + start, ends_[row] - start};
}

std::optional<std::size_t> StoredTable::find(std::string_view key) const {
  const std::uint64_t hash = hash_text(key);
  const std::uint64_t* found = std::lower_bound(hashes_, hashes_ + rows_, hash);
  if (found == hashes_ + rows_ || *found != hash) return std::nullopt;
  const auto row = static_cast<std::size_t>(found - hashes_);
  return this->key(row) == key ? std::optional(row) : std::nullopt;
}

}  // namespace netwright
