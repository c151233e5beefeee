#pragma once
// What this process may use of the machine.
#include <cstdint>

namespace netwright {

// The memory of the machine, or of the cgroup where that is less.
double usable_memory_bytes();

// Cores: the least of the affinity mask, the cgroup's cpu.max (rounded up) and SLURM_CPUS_PER_TASK.
std::int64_t usable_threads();

}  // namespace netwright
