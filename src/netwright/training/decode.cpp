#include "netwright/training/decode.hpp"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, const std::string& reason) { throw UsageError(file.string() + ": does not decode: " + reason); }

Picture decode_png(const fs::path& file, const std::string& content) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, content.data(), content.size())) fail(file, image.message);
  image.format = PNG_FORMAT_RGB;
  Picture picture{image.width, image.height, std::vector<std::uint8_t>(PNG_IMAGE_SIZE(image))};
  const png_color black{0, 0, 0};
  // A PNG that ends early is reported as a warning with the rest of the rows missing: both count as failure.
  const bool good = png_image_finish_read(&image, &black, picture.pixels.data(), 0, nullptr) && !PNG_IMAGE_FAILED(image);
  if (!good) {
    const std::string reason = image.message;
    png_image_free(&image);
    fail(file, reason);
  }
  return picture;
}

// The strongest reduction that leaves at least `enough` pixels a side.
tjscalingfactor reduction(int width, int height, std::int64_t enough) {
  tjscalingfactor best{1, 1};
  int count = 0;
  const tjscalingfactor* factors = tjGetScalingFactors(&count);
  for (int i = 0; i < count; ++i) {
    const auto factor = factors[i];
    if (factor.num != 1 || factor.denom <= best.denom) continue;
    if (TJSCALED(width, factor) >= enough && TJSCALED(height, factor) >= enough) best = factor;
  }
  return best;
}

Picture decode_jpeg(const fs::path& file, const std::string& content, std::int64_t enough) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto* data = reinterpret_cast<const unsigned char*>(content.data());
  const auto bytes = static_cast<unsigned long>(content.size());
  int width = 0;
  int height = 0;
  int sampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes, &width, &height, &sampling, &colours) != 0) fail(file, tjGetErrorStr2(decoder.get()));
  const tjscalingfactor factor = reduction(width, height, 2 * enough);
  Picture picture{TJSCALED(width, factor), TJSCALED(height, factor), {}};
  picture.pixels.resize(static_cast<std::size_t>(picture.width * picture.height * 3));
  if (tjDecompress2(decoder.get(), data, bytes, picture.pixels.data(), static_cast<int>(picture.width), 0, static_cast<int>(picture.height),
                    TJPF_RGB, TJFLAG_ACCURATEDCT) != 0)
    fail(file, tjGetErrorStr2(decoder.get()));
  return picture;
}

// For every target pixel the source pixels that it averages, with weights that sum to 1.
struct Taps {
  std::int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> triangle(std::int64_t source, std::int64_t target) {
  const double scale = static_cast<double>(source) / static_cast<double>(target);
  const double reach = std::max(1.0, scale);
  std::vector<Taps> all;
  for (std::int64_t i = 0; i < target; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(centre - reach)));
    const auto last = std::min<std::int64_t>(source - 1, static_cast<std::int64_t>(std::ceil(centre + reach)) - 1);
    Taps taps{first, {}};
    float sum = 0;
    for (std::int64_t k = first; k <= last; ++k) {
      const double distance = std::abs(static_cast<double>(k) + 0.5 - centre) / reach;
      taps.weights.push_back(static_cast<float>(std::max(0.0, 1.0 - distance)));
      sum += taps.weights.back();
    }
    for (float& weight : taps.weights) weight /= sum;
    all.push_back(std::move(taps));
  }
  return all;
}

// Rows of `picture` narrowed to `columns`: {height, columns, 3}.
std::vector<float> narrow(const Picture& picture, const std::vector<Taps>& columns) {
  std::vector<float> rows;
  rows.reserve(static_cast<std::size_t>(picture.height) * columns.size() * 3);
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (const Taps& taps : columns) {
      const std::uint8_t* pixel = picture.pixels.data() + (y * picture.width + taps.first) * 3;
      float sum[3] = {0, 0, 0};
      for (const float weight : taps.weights)
        for (float& channel : sum) channel += weight * static_cast<float>(*pixel++);
      rows.insert(rows.end(), sum, sum + 3);
    }
  }
  return rows;
}

}  // namespace

Picture decode_picture(const fs::path& file, std::int64_t enough) {
  const std::string content = read_file(file);
  if (content.empty()) fail(file, "it is empty");
  if (content.starts_with("\x89PNG")) return decode_png(file, content);
  if (content.starts_with("\xff\xd8")) return decode_jpeg(file, content, enough);
  fail(file, "it is neither PNG nor JPEG");
}

std::vector<std::uint8_t> resize(const Picture& picture, std::int64_t size) {
  const std::vector<float> rows = narrow(picture, triangle(picture.width, size));
  const std::vector<Taps> vertical = triangle(picture.height, size);
  std::vector<std::uint8_t> result(static_cast<std::size_t>(3 * size * size));
  std::vector<float> line(static_cast<std::size_t>(size * 3));
  for (std::int64_t y = 0; y < size; ++y) {
    const Taps& taps = vertical[static_cast<std::size_t>(y)];
    std::fill(line.begin(), line.end(), 0.5F);   // rounding
    const float* row = rows.data() + taps.first * size * 3;
    for (const float weight : taps.weights)
      for (float& value : line) value += weight * *row++;
    for (std::int64_t i = 0; i < size * 3; ++i)
      result[static_cast<std::size_t>((i % 3) * size * size + y * size + i / 3)] =
          static_cast<std::uint8_t>(std::clamp(line[static_cast<std::size_t>(i)], 0.0F, 255.0F));
  }
  return result;
}

}  // namespace netwright
