#include "netwright/study/metrics_json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

void append_number(std::string& text, double value) {
  if (std::isnan(value)) {
    text += "\"nan\"";
  } else if (std::isinf(value)) {
    text += value > 0 ? "\"inf\"" : "\"-inf\"";
  } else {
    char digits[32];
    text.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
}

double number(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  throw Error("a metric in the journal is no number: " + value.dump());
}

// Needs no escape: what every metric of ours is called. Others go the long way.
bool plain(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'; });
}

// Reads exactly what metrics_json() writes of plain names and finite numbers, a tenth of a parser's time; false for any other text.
bool read_plain(std::string_view json, Metrics& metrics) {
  if (json.size() < 2 || json.front() != '{' || json.back() != '}') return false;
  const char *at = json.data() + 1, *const end = json.data() + json.size() - 1;
  while (at < end) {
    if (*at != '"') return false;
    const char* const close = std::find(at + 1, end, '"');
    const std::string_view name(at + 1, close);
    if (end - close < 2 || close[1] != ':' || !plain(name)) return false;
    double value = 0;
    const auto [rest, error] = std::from_chars(close + 2, end, value);
    // from_chars also knows words (nan) and forms (.5) that are no JSON.
    const bool digit = (close[2] >= '0' && close[2] <= '9') || (close[2] == '-' && close + 3 < end && close[3] >= '0' && close[3] <= '9');
    if (error != std::errc() || !digit || !(rest == end || (*rest == ',' && rest + 1 < end))) return false;
    metrics.emplace_hint(metrics.end(), name, value);
    at = rest == end ? end : rest + 1;
  }
  return true;
}

}  // namespace

std::string metrics_json(const Metrics& metrics) {
  std::string text = "{";
  for (const auto& [name, value] : metrics) {
    if (text.size() > 1) text += ',';
    if (plain(name)) {
      text += '"';
      text += name;
      text += "\":";
    } else {
      text += nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + ':';
    }
    append_number(text, value);
  }
  return text + "}";
}

Metrics parse_metrics(std::string_view json) {
  if (Metrics metrics; read_plain(json, metrics)) return metrics;
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) throw Error("metrics in the journal are no JSON object: " + std::string(json));
  Metrics metrics;
  for (const auto& [name, value] : parsed.items()) metrics.emplace(name, number(value));
  return metrics;
}

}  // namespace netwright
