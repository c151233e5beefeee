#include "netwright/study/metrics_json.hpp"

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

}  // namespace

std::string metrics_json(const Metrics& metrics) {
  std::string text = "{";
  for (const auto& [name, value] : metrics) {
    if (text.size() > 1) text += ',';
    text += nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    text += ':';
    append_number(text, value);
  }
  return text + "}";
}

Metrics parse_metrics(std::string_view json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) throw Error("metrics in the journal are no JSON object: " + std::string(json));
  Metrics metrics;
  for (const auto& [name, value] : parsed.items()) metrics.emplace(name, number(value));
  return metrics;
}

}  // namespace netwright
