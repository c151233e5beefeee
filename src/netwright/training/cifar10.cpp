#include <system_error>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/training/images.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t record_bytes = 1 + 3 * 32 * 32;

void append_batch(const fs::path& file, Images& images) {
  const std::string content = read_file(file);
  if (content.empty() || content.size() % record_bytes != 0)
    throw UsageError(file.string() + ": truncated, or no CIFAR-10 file: " + std::to_string(content.size()) + " bytes are no multiple of " +
                     std::to_string(record_bytes));
  for (std::size_t at = 0; at < content.size(); at += record_bytes) {
    const auto label = static_cast<std::uint8_t>(content[at]);
    if (label >= images.classes.size())
      throw UsageError(file.string() + ": label " + std::to_string(label) + " of record " + std::to_string(at / record_bytes) +
                       " is out of range: 0 to " + std::to_string(images.classes.size() - 1));
    images.labels.push_back(label);
    images.pixels.insert(images.pixels.end(), content.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                         content.begin() + static_cast<std::ptrdiff_t>(at + record_bytes));
  }
}

Images empty_images() {
  return {{3, 32, 32}, {}, {}, {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}};
}

}  // namespace

Source read_cifar10(const fs::path& folder) {
  Source source{empty_images(), empty_images()};
  for (int batch = 1; batch <= 5; ++batch) append_batch(folder / ("data_batch_" + std::to_string(batch) + ".bin"), source.train);
  append_batch(folder / "test_batch.bin", source.test);
  return source;
}

}  // namespace netwright
