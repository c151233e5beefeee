#include "hand_over.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// cpu.max of a version 2 cgroup: "QUOTA PERIOD", or "max PERIOD". 0 = no limit.
int cgroup_cores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return static_cast<int>(std::ceil(std::strtod(quota.c_str(), nullptr) / period));
}

int slurm_cores() {
  const char* text = std::getenv("SLURM_CPUS_PER_TASK");
  return text == nullptr ? 0 : std::atoi(text);
}

}  // namespace

std::optional<fs::path> training_program() {
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& place : {here / "netwright-train", here / ".." / "libexec" / "netwright" / "netwright-train"})
    if (access(place.c_str(), X_OK) == 0) return place.lexically_normal();
  return std::nullopt;
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  for (const int limit : {cgroup_cores(), slurm_cores()})
    if (limit > 0) cores = std::min(cores, limit);
  return std::max(cores, 1);
}

void set_thread_environment(int processes) {
  setenv("OMP_WAIT_POLICY", "passive", 0);
  // A process that has the cores to itself spins for about 0.1 ms before it sleeps: a training step has thousands of short loops.
  if (processes <= 1) setenv("GOMP_SPINCOUNT", "10000", 0);
  const std::string threads = std::to_string(std::max(1, usable_cores() / std::max(1, processes)));
  setenv("OMP_NUM_THREADS", threads.c_str(), 0);
  setenv("MKL_NUM_THREADS", threads.c_str(), 0);
  // A training step frees a gigabyte and asks for it again: given back to the system, each page comes back as a fault.
  setenv("MALLOC_TRIM_THRESHOLD_", "4000000000", 0);
  setenv("MALLOC_MMAP_THRESHOLD_", "1000000000", 0);
  // Where the system gives huge pages to those who ask: values of a step lie in thousands of small ones.
  setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0);
}

void run_training_program(const std::vector<std::string>& words) {
  const auto program = training_program();
  if (!program) throw Error("'" + words.at(0) + "' needs netwright-train, which is not beside this program (it was built without training)");
  std::vector<std::string> copy = words;
  std::string name = program->string();
  std::vector<char*> arguments{name.data()};
  for (auto& word : copy) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(name.c_str(), arguments.data());
  throw Error("cannot start " + name + ": " + std::strerror(errno));
}

}  // namespace netwright
