#include "netwright/core/machine.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

namespace netwright {
namespace {

// The words of a small file of the kernel; empty where there is none. Within a container the own cgroup is the root.
std::pair<double, double> two_numbers(const char* file, double missing) {
  std::ifstream stream(file);
  std::string first;
  double second = 0;
  stream >> first >> second;
  if (first.empty() || first == "max") return {missing, second};
  return {std::strtod(first.c_str(), nullptr), second};
}

}  // namespace

double usable_memory_bytes() {
  const double machine = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  return std::min(machine, two_numbers("/sys/fs/cgroup/memory.max", machine).first);
}

std::int64_t usable_threads() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::int64_t threads = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
  const auto [quota, period] = two_numbers("/sys/fs/cgroup/cpu.max", 0);
  if (quota > 0 && period > 0) threads = std::min(threads, static_cast<std::int64_t>(std::ceil(quota / period)));
  const char* given = std::getenv("SLURM_CPUS_PER_TASK");
  const std::int64_t granted = given != nullptr ? std::strtoll(given, nullptr, 10) : 0;
  if (granted > 0) threads = std::min(threads, granted);
  return std::max<std::int64_t>(1, threads);
}

}  // namespace netwright
