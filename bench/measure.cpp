#include "measure.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

namespace netwright::bench {
namespace {

std::string text_of(const char* file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string command() {
  std::string text = text_of("/proc/self/cmdline");
  std::replace(text.begin(), text.end(), '\0', ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

double seconds_of(const std::function<void()>& work) {
  const double start = now_seconds();
  work();
  return now_seconds() - start;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Json spread(std::vector<double> values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {{"median", median(values)}, {"min", *least}, {"max", *most}, {"rounds", values.size()}};
}

void forget_peak_memory() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

double peak_memory_mb() {
  const std::string status = text_of("/proc/self/status");
  const std::size_t at = status.find("VmHWM:");
  return at == std::string::npos ? 0 : std::stod(status.substr(at + 6)) / 1024;
}

double process_seconds() {
  std::string stat = text_of("/proc/self/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;  // field 22: when the process started, in ticks after boot
  return std::stod(text_of("/proc/uptime")) - std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void report(const std::string& name, const Json& fields) {
  Json line{{"benchmark", name}};
  line.update(fields);
  line["command"] = command();
  std::cout << line.dump() << std::endl;
}

int guarded(const std::string& name, const std::function<void()>& work) {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace netwright::bench
