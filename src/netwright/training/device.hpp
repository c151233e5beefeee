#pragma once
// Where and with how many threads tensors are computed, and the one place that seeds torch's own generator.
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

#include "netwright/core/rng.hpp"

namespace netwright {

// The device of that name ("cpu", "cuda", "cuda:1"), with torch's thread count set (0 = core/machine.hpp's usable_threads()). The CUDA half of torch
// is loaded only when it is asked for. Errors: UsageError for an unknown name, and where torch sees no such GPU.
c10::Device open_device(const std::string& name, std::int64_t threads = 0);

// Seeds torch's process-wide generators, out of which dropout and drop-path draw.
void seed_torch(const Seed& seed);

}  // namespace netwright
