#include "netwright/report/wording.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "netwright/core/units.hpp"

namespace netwright {
namespace {

struct Label {
  std::string_view name, title;
  int color;
};

constexpr Label labels[] = {
    {"", "trials of the search", 9},
    {"best", "found by the search", 3},
    {"random", "random architecture", 1},
    {"resnet", "hand-made ResNet", 4},
};

}  // namespace

NumberFormat metric_format(std::string_view metric) {
  if (metric.ends_with("accuracy")) return NumberFormat::percent;
  return metric == "params" || metric == "macs" || metric.ends_with("_bytes") ? NumberFormat::count : NumberFormat::plain;
}

std::string format_metric(std::string_view metric, double value) {
  if (!std::isfinite(value) || metric_format(metric) != NumberFormat::percent) return format_number(value, metric_format(metric));
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.2f %%", value * 100);
  return text.data();
}

std::string label_title(std::string_view label) {
  for (const auto& known : labels)
    if (known.name == label) return std::string(known.title);
  return std::string(label);
}

int label_color(std::string_view label) {
  for (const auto& known : labels)
    if (known.name == label) return known.color;
  return 5;
}

std::string plural(std::ptrdiff_t count, std::string_view noun) { return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s"); }

std::string utc(double seconds) {
  if (!(seconds > 0)) return "-";
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts)};
}

std::string shortened(std::string_view text, std::size_t characters) {
  if (text.size() <= characters) return std::string(text);
  std::size_t end = characters;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;   // never within a UTF-8 character
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace netwright
