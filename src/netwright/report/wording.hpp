#pragma once
// How metrics, labels, counts and times are written in reports. Not installed.
#include <cstddef>
#include <string>
#include <string_view>

#include "netwright/report/chart.hpp"

namespace netwright {

NumberFormat metric_format(std::string_view metric);             // accuracies in percent, params and the like as counts
std::string format_metric(std::string_view metric, double value);  // "91.23 %", "3.35M", "0.4127"
std::string label_title(std::string_view label);                 // "random" -> "random architecture"
int label_color(std::string_view label);
std::string plural(std::ptrdiff_t count, std::string_view noun); // "1 trial", "7 trials"
std::string utc(double seconds_since_1970);                      // "2024-05-01 12:30 UTC"; "-" for 0
std::string shortened(std::string_view text, std::size_t characters);

}  // namespace netwright
