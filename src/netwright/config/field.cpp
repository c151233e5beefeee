#include "netwright/config/field.hpp"

#include <array>
#include <charconv>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"

namespace netwright {
namespace {

std::string shown(const Tree& value) {
  switch (value.kind) {
    case Tree::Kind::scalar:
      return "'" + value.text + "'";
    case Tree::Kind::list:
      return "a list";
    case Tree::Kind::map:
      return "a map";
    case Tree::Kind::nothing:
      break;
  }
  return "empty";
}

bool inside(double value, const Range& range) {
  const bool low = range.above_low ? value > range.low : value >= range.low;
  const bool high = range.below_high ? value < range.high : value <= range.high;
  return std::isfinite(value) && low && high;
}

const char* example(Unit unit) {
  switch (unit) {
    case Unit::none:
      return "a number";
    case Unit::count:
      return "a number (as 300k or 1.5M)";
    case Unit::seconds:
      return "a duration (as 90s, 10m or 2h)";
    case Unit::milliseconds:
      return "a duration (as 5ms; a bare number is milliseconds)";
    case Unit::bytes:
      return "a size (as 64MB or 4GiB)";
  }
  return "a number";
}

bool bare(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

double parse(const std::string& text, Unit unit) {
  switch (unit) {
    case Unit::none:
      if (!bare(text)) throw UsageError("no number");
      return parse_count(text);
    case Unit::count:
      return parse_count(text);
    case Unit::seconds:
      return parse_seconds(text);
    case Unit::milliseconds:
      return bare(text) ? parse_count(text) : parse_seconds(text) * 1e3;
    case Unit::bytes:
      return parse_bytes(text);
  }
  return 0;
}

}  // namespace

void refuse(const Given& given, const std::string& rule) {
  throw UsageError(given.value.place + ": " + (given.path.empty() ? "the file" : given.path) + " must be " + rule + ", not " + shown(given.value));
}

void refuse_key(const TreeEntry& entry, const std::string& path, const std::vector<std::string>& known) {
  throw UsageError(entry.place + ": unknown key '" + entry.key + "'" + (path.empty() ? "" : " in " + path) + name_hint(entry.key, known));
}

std::string below(const std::string& path, const std::string& key) { return path.empty() ? key : path + "." + key; }

std::string to_string(const Range& range) {
  const bool low = std::isfinite(range.low);
  const bool high = std::isfinite(range.high);
  if (low && high)
    return std::string("in ") + (range.above_low ? "(" : "[") + write_number(range.low) + ", " + write_number(range.high) +
           (range.below_high ? ")" : "]");
  if (low) return (range.above_low ? "> " : ">= ") + write_number(range.low);
  return high ? (range.below_high ? "< " : "<= ") + write_number(range.high) : "";
}

double read_number(const Given& given, const Range& range, Unit unit) {
  const std::string rule = example(unit) + (to_string(range).empty() ? "" : " " + to_string(range));
  if (given.value.kind != Tree::Kind::scalar) refuse(given, rule);
  try {
    if (const double value = parse(given.value.text, unit); inside(value, range)) return value;
  } catch (const UsageError&) {
    // The refusal below names the place and the rule, which the unit's parser does not know.
  }
  refuse(given, rule);
}

std::int64_t read_whole(const Given& given, const Range& range) {
  const std::string rule = "a whole number" + (to_string(range).empty() ? "" : " " + to_string(range));
  if (given.value.kind != Tree::Kind::scalar) refuse(given, rule);
  try {
    const double value = parse_count(given.value.text);
    if (inside(value, range) && value == std::floor(value) && std::abs(value) <= 9007199254740992.0) return static_cast<std::int64_t>(value);
  } catch (const UsageError&) {
    // As above.
  }
  refuse(given, rule);
}

std::uint64_t read_seed(const Given& given) {
  const std::string& text = given.value.text;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (given.value.kind != Tree::Kind::scalar || error != std::errc() || end != text.data() + text.size())
    refuse(given, "a whole number from 0 to 18446744073709551615");
  return value;
}

bool read_flag(const Given& given) {
  const std::string& text = given.value.text;
  if (given.value.kind == Tree::Kind::scalar && (text == "true" || text == "yes" || text == "on")) return true;
  if (given.value.kind == Tree::Kind::scalar && (text == "false" || text == "no" || text == "off")) return false;
  refuse(given, "true or false");
}

std::string read_text(const Given& given) {
  if (given.value.kind == Tree::Kind::nothing) return "";
  if (given.value.kind != Tree::Kind::scalar) refuse(given, "text");
  return given.value.text;
}

std::string read_word(const Given& given, const std::vector<std::string>& words) {
  if (given.value.kind == Tree::Kind::scalar)
    for (const auto& known : words)
      if (known == given.value.text) return known;
  if (given.value.kind != Tree::Kind::scalar) refuse(given, "one of " + join(words, ", "));
  throw UsageError(given.value.place + ": " + given.path + " must be one of " + join(words, ", ") + ", not '" + given.value.text + "'" +
                   (nearest_name(given.value.text, words).empty() ? "" : name_hint(given.value.text, words)));
}

std::map<std::string, std::string, std::less<>> read_settings(const Given& given) {
  std::map<std::string, std::string, std::less<>> result;
  if (given.value.kind == Tree::Kind::nothing) return result;
  if (given.value.kind != Tree::Kind::map) refuse(given, "a map (key: value)");
  for (const auto& entry : given.value.entries) result[entry.key] = read_text({entry.value, below(given.path, entry.key)});
  return result;
}

std::string write_number(double value) {
  std::array<char, 64> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), error == std::errc() ? end : buffer.data()};
}

Tree write_settings(const std::map<std::string, std::string, std::less<>>& settings) {
  Tree tree{.kind = Tree::Kind::map};
  for (const auto& [key, value] : settings) tree.entries.push_back({.key = key, .value = scalar(value)});
  return tree;
}

}  // namespace netwright
