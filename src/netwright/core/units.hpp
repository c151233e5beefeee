#pragma once
// Numbers with units, as people write them: "5ms", "2h", "300M", "1.5GiB".
#include <string>
#include <string_view>

namespace netwright {

// A count: "300M" = 3e8, "1.5k" = 1500, "64" = 64 (k, M, G, T are powers of 1000). Errors: UsageError naming the text and the rule.
double parse_count(std::string_view text);
// Seconds: "5ms" = 0.005, "90s", "10m", "2h", "1d"; a bare number is seconds.
double parse_seconds(std::string_view text);
// Bytes: "64MB" = 6.4e7, "1GiB" = 2^30; a bare number is bytes.
double parse_bytes(std::string_view text);

std::string format_count(double count);      // "3.35M", "512"
std::string format_percent(double share);    // "87.76%"
std::string format_seconds(double seconds);  // "4.2 ms", "1m 05s", "2h 03m"
std::string format_bytes(double bytes);      // "1.2 MB"

}  // namespace netwright
