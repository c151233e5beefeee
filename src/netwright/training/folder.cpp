#include <algorithm>
#include <atomic>
#include <cctype>
#include <exception>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/training/decode.hpp"
#include "netwright/training/images.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// The image files of each class, in the order of their names.
using Listing = std::map<std::string, std::vector<fs::path>>;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool is_image(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return (ending == ".png" || ending == ".jpg" || ending == ".jpeg") && !is_hidden(file);
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, error)) found.push_back(entry.path());
  if (error) throw UsageError("cannot read " + folder.string() + ": " + error.message());
  std::sort(found.begin(), found.end());
  return found;
}

Listing list_classes(const fs::path& folder) {
  Listing classes;
  for (const fs::path& sub : entries(folder)) {
    if (!fs::is_directory(sub) || is_hidden(sub)) continue;
    auto& files = classes[sub.filename().string()];
    for (const fs::path& file : entries(sub))
      if (is_image(file)) files.push_back(file);
    if (files.empty()) throw UsageError(sub.string() + ": no PNG or JPEG file in this class");
  }
  return classes;
}

// Runs body(i) for all i on the usable cores; rethrows the error of the lowest i, so that the message does not depend on timing.
template <class Body>
void in_parallel(std::size_t count, const Body& body) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::size_t failed_at = count;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed_at) failure = std::current_exception();
        failed_at = std::min(failed_at, i);
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::size_t wanted = std::min<std::size_t>(std::max(1U, std::thread::hardware_concurrency()), count);
    for (std::size_t t = 0; t < wanted; ++t) threads.emplace_back(work);
  }
  if (failure) std::rethrow_exception(failure);
}

Images read_listing(const Listing& listing, const std::vector<std::string>& classes, std::int64_t size) {
  Images images{{3, size, size}, {}, {}, classes};
  std::vector<fs::path> files;
  for (const auto& [name, members] : listing) {
    const auto place = std::find(classes.begin(), classes.end(), name);
    if (place == classes.end())
      throw UsageError(members.front().parent_path().string() + ": class '" + name + "' has no training images" + name_hint(name, classes));
    files.insert(files.end(), members.begin(), members.end());
    images.labels.insert(images.labels.end(), members.size(), place - classes.begin());
  }
  const auto bytes = static_cast<std::size_t>(3 * size * size);
  images.pixels.resize(bytes * files.size());
  in_parallel(files.size(), [&](std::size_t i) {
    const auto pixels = resize(decode_picture(files[i], size), size);
    std::copy(pixels.begin(), pixels.end(), images.pixels.begin() + static_cast<std::ptrdiff_t>(bytes * i));
  });
  return images;
}

void join_classes(Listing& into, const Listing& more) {
  for (const auto& [name, files] : more) into[name].insert(into[name].end(), files.begin(), files.end());
}

}  // namespace

Source read_image_folder(const fs::path& folder, std::int64_t size) {
  if (size < 1 || size > 4096) throw UsageError("data.size: " + std::to_string(size) + " pixels; 1 to 4096 are possible");
  if (!fs::is_directory(folder)) throw UsageError("data.path: no folder '" + folder.string() + "'");
  const bool parts = fs::is_directory(folder / "train");
  const bool has_test = parts && fs::is_directory(folder / "test");
  const bool has_val = parts && fs::is_directory(folder / "val");
  Listing train = list_classes(parts ? folder / "train" : folder);
  Listing test;
  if (has_test) test = list_classes(folder / "test");
  if (has_val && has_test) join_classes(train, list_classes(folder / "val"));
  if (has_val && !has_test) test = list_classes(folder / "val");
  if (train.size() < 2)
    throw UsageError(folder.string() + ": " + std::to_string(train.size()) +
                     " sub-folders with images; at least two classes are needed, a sub-folder each");
  std::vector<std::string> classes;
  for (const auto& [name, files] : train) classes.push_back(name);
  return {read_listing(train, classes, size), read_listing(test, classes, size)};
}

}  // namespace netwright
