#pragma once
// Where and with how many threads tensors are computed, and the one place that seeds torch's own generator.
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

#include "netwright/core/rng.hpp"

namespace netwright {

// Cores that this process may use: the least of its affinity mask, its cgroup's cpu.max (rounded up) and SLURM_CPUS_PER_TASK.
std::int64_t usable_threads();

// The device of that name ("cpu", "cuda", "cuda:1"), with torch's thread count set (0 = usable_threads()). The CUDA half of torch
// is loaded only when it is asked for. Errors: UsageError for an unknown name, and where torch sees no such GPU.
c10::Device open_device(const std::string& name, std::int64_t threads = 0);

// Seeds torch's process-wide generators, out of which dropout and drop-path draw.
void seed_torch(const Seed& seed);

}  // namespace netwright
