#pragma once
// Named tensors and a note in one file, written so that a reader never sees a half-written one.
//
// The file is in the safetensors format (8 bytes of length, JSON header, raw values); the note is its metadata "note".
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace netwright {

struct Checkpoint {
  std::map<std::string, at::Tensor> tensors;   // float32, float64, int64; on any device when saved, on the CPU when loaded
  std::string note;                            // JSON: epoch, history
};

// Errors: Error "cannot write FILE: reason" (a full disk included); the old file then stays.
void save_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint);
// Errors: UsageError for a file that is missing, truncated or no checkpoint.
Checkpoint load_checkpoint(const std::filesystem::path& file);

}  // namespace netwright
