#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <system_error>

#include "netwright/core/error.hpp"
#include "netwright/training/images.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

struct Idx {
  Shape shape;
  std::vector<std::uint8_t> values;
};

class GzFile {
 public:
  explicit GzFile(const fs::path& file) : file_(file), handle_(gzopen(file.c_str(), "rb"), gzclose) {
    if (!handle_) throw UsageError("cannot read " + file.string() + ": no such file, or not readable");
    gzbuffer(handle_.get(), 1 << 18);
  }

  // Reads up to `bytes`; fewer only at the end of the file.
  std::size_t read(std::uint8_t* target, std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes) {
      const auto part = static_cast<unsigned>(std::min<std::size_t>(bytes - done, 1 << 24));
      const int got = gzread(handle_.get(), target + done, part);
      if (got < 0) break;
      done += static_cast<std::size_t>(got);
      if (got < static_cast<int>(part)) break;
    }
    return done;
  }

  [[noreturn]] void fail(const std::string& what) const { throw UsageError(file_.string() + ": " + what); }

 private:
  fs::path file_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> handle_;
};

// Header: two zero bytes, 8 = unsigned bytes, the number of axes, then each axis as a big-endian word.
Shape read_header(GzFile& stream, std::size_t axes) {
  std::array<std::uint8_t, 4> magic{};
  if (stream.read(magic.data(), 4) < 4) stream.fail("truncated: it ends within its header");
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != 8 || magic[3] != axes)
    stream.fail("wrong magic number: an IDX file of bytes with " + std::to_string(axes) + " axes was expected");
  Shape shape;
  for (std::size_t i = 0; i < axes; ++i) {
    std::array<std::uint8_t, 4> word{};
    if (stream.read(word.data(), 4) < 4) stream.fail("truncated: it ends within its header");
    shape.push_back((std::int64_t{word[0]} << 24) | (word[1] << 16) | (word[2] << 8) | word[3]);
  }
  return shape;
}

Idx read_idx(const fs::path& file, std::size_t axes) {
  GzFile stream(file);
  Idx idx{read_header(stream, axes), {}};
  const std::int64_t bytes = elements(idx.shape);
  // A damaged header must not ask for terabytes.
  if (bytes < 1 || bytes > (std::int64_t{1} << 36)) stream.fail("its header claims " + to_string(idx.shape) + " values");
  idx.values.resize(static_cast<std::size_t>(bytes));
  const std::size_t got = stream.read(idx.values.data(), idx.values.size());
  if (got < idx.values.size())
    stream.fail("truncated: " + std::to_string(got) + " of " + std::to_string(bytes) + " bytes are there");
  return idx;
}

// The gzipped file, or the plain one where only that exists.
fs::path either(const fs::path& folder, const std::string& name) {
  std::error_code error;
  const fs::path plain = folder / name;
  return fs::exists(plain, error) && !fs::exists(plain.string() + ".gz", error) ? plain : fs::path(plain.string() + ".gz");
}

const std::vector<std::string>& fashion_classes() {
  static const std::vector<std::string> names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                                 "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  return names;
}

Images read_part(const fs::path& folder, const std::string& prefix) {
  const fs::path label_file = either(folder, prefix + "-labels-idx1-ubyte");
  Idx pixels = read_idx(either(folder, prefix + "-images-idx3-ubyte"), 3);
  const Idx labels = read_idx(label_file, 1);
  if (labels.shape[0] != pixels.shape[0])
    throw UsageError(label_file.string() + ": " + std::to_string(labels.shape[0]) + " labels for " + std::to_string(pixels.shape[0]) + " images");
  Images images{{1, pixels.shape[1], pixels.shape[2]}, std::move(pixels.values), {}, fashion_classes()};
  for (const std::uint8_t label : labels.values) {
    if (label >= images.classes.size())
      throw UsageError(label_file.string() + ": label " + std::to_string(label) + " of image " + std::to_string(images.size()) +
                       " is out of range: 0 to " + std::to_string(images.classes.size() - 1));
    images.labels.push_back(label);
  }
  return images;
}

}  // namespace

Source read_fashion_mnist(const fs::path& folder) { return {read_part(folder, "train"), read_part(folder, "t10k")}; }

}  // namespace netwright
