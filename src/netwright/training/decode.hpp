#pragma once
// One image file to pixels.
#include <cstdint>
#include <filesystem>
#include <vector>

namespace netwright {

// RGB bytes in the order row, column, channel.
struct Picture {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> pixels;
};

// Decodes a PNG or a JPEG, told apart by content. A transparent PNG is laid over black. A JPEG more than twice as large as `enough`
// pixels a side is decoded at a reduced size (by halves, exact averages of its frequencies), which is several times faster.
// Errors: UsageError naming the file.
Picture decode_picture(const std::filesystem::path& file, std::int64_t enough);

// Separable triangle filter whose width grows with the reduction: averaging over area downwards, bilinear upwards.
// Result: size x size, order channel, row, column.
std::vector<std::uint8_t> resize(const Picture& picture, std::int64_t size);

}  // namespace netwright
