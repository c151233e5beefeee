#pragma once
// From the program without torch to the one with it.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace netwright {

// netwright-train beside this program, or in ../libexec/netwright. Nothing when it was not built.
std::optional<std::filesystem::path> training_program();

// The cores that this process may use: its affinity, its cgroup's quota, SLURM_CPUS_PER_TASK; at least 1.
int usable_cores();

// Sets what OpenMP and MKL read once, at the start of a process, unless it is set: OMP_WAIT_POLICY=passive (two processes that spin on the same
// cores are twenty times slower), OMP_NUM_THREADS and MKL_NUM_THREADS; for a single process also GOMP_SPINCOUNT=10000, which spins shortly
// before sleeping (a supernet step on two threads: 2.3 s instead of 5.1 s). `processes` share the cores.
// And what malloc reads, so that a step's memory stays with the process between steps (a tenth of a supernet step were page faults):
// MALLOC_TRIM_THRESHOLD_ and MALLOC_MMAP_THRESHOLD_; and GLIBC_TUNABLES=glibc.malloc.hugetlb=1, which asks for huge pages (2 to 11 % of a step).
void set_thread_environment(int processes);

// Replaces this process. Errors: Error when netwright-train is not there or cannot be started.
[[noreturn]] void run_training_program(const std::vector<std::string>& words);

}  // namespace netwright
