// When an answer agrees with the expected one, and how numbers are read out of words.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "oracle_kinds.hpp"

namespace netwright {
namespace {

struct Tolerance {
  double absolute = 0;
  double relative = 0;
};

// The first entry STEM_abs, STEM_rel or STEM_exact whose stem begins the name.
std::optional<Tolerance> tolerance_of_name(const OracleJson& tol, const std::string& name) {
  for (const auto& [key, value] : tol.items()) {
    const std::size_t bar = key.rfind('_');
    if (bar == std::string::npos || bar == 0 || !name.starts_with(key.substr(0, bar))) continue;
    const std::string unit = key.substr(bar + 1);
    if (unit == "exact") return Tolerance{};
    if (unit == "abs") return Tolerance{.absolute = value.get<double>()};
    if (unit == "rel") return Tolerance{.relative = value.get<double>()};
  }
  return std::nullopt;
}

std::optional<Tolerance> tolerance_of(const OracleJson& tol, const std::vector<std::string>& path) {
  for (auto name = path.rbegin(); name != path.rend(); ++name)
    if (const auto found = tolerance_of_name(tol, *name)) return found;
  const char* relative = tol.contains("rel") ? "rel" : "default_rel";
  if (tol.contains("abs") || tol.contains(relative)) return Tolerance{.absolute = tol.value("abs", 0.0), .relative = tol.value(relative, 0.0)};
  if (tol.contains("exact")) return Tolerance{};
  return std::nullopt;
}

// Numbers that JSON does not have, as words; empty for others.
std::string word_of(double value) {
  if (std::isnan(value)) return "nan";
  return std::isinf(value) ? value > 0 ? "inf" : "-inf" : "";
}

struct Comparison {
  const OracleJson& tol;
  Agreement how;
  std::vector<std::string> path = {};

  // `scale`: what a relative tolerance is taken of.
  bool number(const OracleJson& expected, const OracleJson& got, double scale) const {
    const auto tolerance = tolerance_of(tol, path);
    if (!tolerance && how.lenient) return true;
    if (!got.is_number()) return false;
    const double allowed = tolerance ? tolerance->absolute + tolerance->relative * std::abs(scale) : 0;
    if (allowed == 0) return expected == got;
    return std::abs(expected.get<double>() - got.get<double>()) <= allowed;
  }

  bool object(const OracleJson& expected, const OracleJson& got) {
    if (!got.is_object()) return false;
    for (const auto& [name, value] : expected.items()) {
      if (!got.contains(name)) {
        if (std::ranges::find(how.left_out, name) == how.left_out.end()) return false;
        continue;
      }
      const bool cancels = name == "sum" && expected.contains("abs_sum") && value.is_number();
      path.push_back(name);
      const bool holds = cancels ? number(value, got[name], expected["abs_sum"].get<double>()) : same(value, got[name]);
      path.pop_back();
      if (!holds) return false;
    }
    return true;
  }

  bool same(const OracleJson& expected, const OracleJson& got) {
    if (expected.is_object()) return object(expected, got);
    if (expected.is_number()) return number(expected, got, expected.get<double>());
    if (expected.is_string() && got.is_number()) return expected == word_of(got.get<double>());
    if (!expected.is_array()) return expected == got;
    if (!got.is_array() || expected.size() != got.size()) return false;
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (!same(expected[i], got[i])) return false;
    return true;
  }
};

std::optional<double> read_number(std::string_view words, std::size_t& at) {
  double value = 0;
  const auto [end, error] = std::from_chars(words.data() + at, words.data() + words.size(), value);
  if (error != std::errc()) return std::nullopt;
  at = static_cast<std::size_t>(end - words.data());
  return value;
}

}  // namespace

bool agrees(const OracleJson& expected, const OracleJson& got, const OracleJson& tol, Agreement how) {
  return Comparison{.tol = tol, .how = how}.same(expected, got);
}

bool same_mean(const MeanOfRuns& expected, const MeanOfRuns& got, double k) {
  const double deviation = std::sqrt(expected.deviation * expected.deviation / expected.runs + got.deviation * got.deviation / got.runs);
  return std::abs(expected.mean - got.mean) <= k * deviation;
}

OracleJson decimal(const std::string& digits) {
  constexpr std::size_t exact = 19;  // any such number fits 64 bits without a sign
  std::uint64_t value = 0;
  if (digits.size() > exact) return long_integer_mark + digits;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::vector<double> numbers_behind(std::string_view words, std::string_view marker, std::vector<double> fallback) {
  std::size_t at = words.find(marker);
  if (at == std::string_view::npos) return fallback;
  at += marker.size();
  std::vector<double> numbers;
  while (const auto value = read_number(words, at)) {
    numbers.push_back(*value);
    if (at >= words.size() || words[at] != ',') break;
    ++at;
  }
  return numbers.empty() ? fallback : numbers;
}

double number_behind(std::string_view words, std::string_view marker, double fallback) { return numbers_behind(words, marker, {fallback}).front(); }

double number_before(std::string_view words, std::string_view word, double fallback) {
  const std::size_t end = words.find(word);
  if (end == std::string_view::npos) return fallback;
  std::size_t start = end;
  while (start > 0 && words[start - 1] >= '0' && words[start - 1] <= '9') --start;
  return read_number(words.substr(0, end), start).value_or(fallback);
}

std::string title(const OracleJson& oracle_case) { return oracle_case.value("title", std::string()); }
std::string id(const OracleJson& oracle_case) { return oracle_case.at("id").get<std::string>(); }

bool has_input(const OracleJson& oracle_case, std::initializer_list<const char*> names) {
  if (!oracle_case.contains("input") || !oracle_case["input"].is_object()) return false;
  return std::all_of(names.begin(), names.end(), [&](const char* name) { return oracle_case["input"].contains(name); });
}

}  // namespace netwright
