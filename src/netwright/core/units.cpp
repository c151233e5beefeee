#include "netwright/core/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

using Units = std::vector<std::pair<std::string_view, double>>;

double parse(std::string_view text, const Units& units, std::string_view what, std::string_view example) {
  const std::string trimmed = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value);
  const std::string unit = error == std::errc() ? trim(std::string_view(end, trimmed.data() + trimmed.size())) : "?";
  for (const auto& [name, factor] : units)
    if (error == std::errc() && unit == name) return value * factor;
  throw UsageError("'" + std::string(text) + "' is not " + std::string(what) + " (write for example " + std::string(example) + ")");
}

std::string print(const char* format, double value, const char* unit) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, value, unit);
  return buffer.data();
}

}  // namespace

double parse_count(std::string_view text) {
  static const Units units{{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"B", 1e9}, {"T", 1e12}};
  return parse(text, units, "a count", "64, 300M, 1.5k");
}

double parse_seconds(std::string_view text) {
  static const Units units{{"", 1}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
  return parse(text, units, "a duration", "5ms, 90s, 10m, 2h");
}

double parse_bytes(std::string_view text) {
  static const Units units{{"", 1},     {"B", 1},        {"kB", 1e3},       {"KB", 1e3},          {"MB", 1e6},
                           {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
  return parse(text, units, "a size in bytes", "64MB, 1GiB");
}

std::string format_count(double count) {
  const double size = std::abs(count);
  if (size >= 1e9) return print("%.3g%s", count / 1e9, "G");
  if (size >= 1e6) return print("%.3g%s", count / 1e6, "M");
  if (size >= 1e4) return print("%.3g%s", count / 1e3, "k");
  return print("%.6g%s", count, "");
}

std::string format_percent(double share) { return print("%.2f%s", 100 * share, "%"); }

std::string format_seconds(double seconds) {
  if (seconds < 1) return print("%.3g %s", seconds * 1e3, "ms");
  if (seconds < 60) return print("%.3g %s", seconds, "s");
  std::array<char, 64> buffer{};
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) std::snprintf(buffer.data(), buffer.size(), "%lldm %02llds", whole / 60, whole % 60);
  else std::snprintf(buffer.data(), buffer.size(), "%lldh %02lldm", whole / 3600, whole / 60 % 60);
  return buffer.data();
}

std::string format_bytes(double bytes) {
  if (bytes >= 1e9) return print("%.3g %s", bytes / 1e9, "GB");
  if (bytes >= 1e6) return print("%.3g %s", bytes / 1e6, "MB");
  if (bytes >= 1e3) return print("%.3g %s", bytes / 1e3, "kB");
  return print("%.0f %s", bytes, "B");
}

}  // namespace netwright
