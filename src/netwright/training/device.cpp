#include "netwright/training/device.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include "netwright/core/error.hpp"
#include "netwright/core/machine.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

// The CUDA half lies beside the CPU half; loading it registers its operators.
void load_cuda() {
  if (at::hasCUDA()) return;
  Dl_info cpu_half{};
  void* any_symbol = reinterpret_cast<void*>(&at::get_num_threads);
  if (dladdr(any_symbol, &cpu_half) == 0 || cpu_half.dli_fname == nullptr) return;
  const std::string library = cpu_half.dli_fname;
  const std::string folder = library.substr(0, library.find_last_of('/') + 1);
  dlopen((folder + "libtorch_cuda.so").c_str(), RTLD_NOW | RTLD_GLOBAL);
}

int cuda_devices() {
  try {
    load_cuda();
    return at::hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0;
  } catch (const c10::Error&) {
    return 0;
  }
}

}  // namespace

c10::Device open_device(const std::string& name, std::int64_t threads) {
  if (threads < 0) throw UsageError("threads: " + std::to_string(threads) + "; 0 (all that the process may use) or more are possible");
  at::set_num_threads(static_cast<int>(threads > 0 ? threads : usable_threads()));
  if (name == "cpu") return c10::Device(c10::kCPU);
  const bool numbered = name.starts_with("cuda:") && name.size() > 5 && name.size() < 9 &&
                        name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (name != "cuda" && !numbered) throw UsageError("device: unknown device '" + name + "'" + name_hint(name, {"cpu", "cuda"}));
  const int index = numbered ? std::stoi(name.substr(5)) : 0;
  const int there = cuda_devices();
  if (there == 0) throw UsageError("device '" + name + "': this torch sees no GPU; use device: cpu");
  if (index >= there) throw UsageError("device '" + name + "': this torch sees " + std::to_string(there) + " GPUs, numbered from 0");
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

void seed_torch(const Seed& seed) { at::manual_seed(seed.value()); }

}  // namespace netwright
