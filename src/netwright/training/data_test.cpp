// Files to images, images to parts.
#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/machine.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/training/dataset.hpp"
#include "netwright/training/decode.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "netwright_data_XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path path;
};

template <class Call>
void expect_usage_error(const Call& call, const std::string& part) {
  try {
    call();
    ADD_FAILURE() << "no error; expected: " << part;
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

std::string word(std::int64_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 255);
  return bytes;
}

std::string idx(const Shape& shape, const std::string& values) {
  std::string content{'\0', '\0', '\x08', static_cast<char>(shape.size())};
  for (const std::int64_t axis : shape) content += word(axis);
  return content + values;
}

void write_gz(const fs::path& file, const std::string& content) {
  const gzFile stream = gzopen(file.c_str(), "wb1");
  ASSERT_NE(stream, nullptr);
  ASSERT_EQ(gzwrite(stream, content.data(), static_cast<unsigned>(content.size())), static_cast<int>(content.size()));
  gzclose(stream);
}

// n images of 4x4, image i filled with 10 i, label i % 10.
void write_fashion(const fs::path& folder, std::int64_t train, std::int64_t test) {
  for (const auto& [prefix, count] : {std::pair<std::string, std::int64_t>{"train", train}, {"t10k", test}}) {
    std::string pixels, labels;
    for (std::int64_t i = 0; i < count; ++i) {
      pixels.append(16, static_cast<char>(10 * i));
      labels += static_cast<char>(i % 10);
    }
    write_gz(folder / (prefix + "-images-idx3-ubyte.gz"), idx({count, 4, 4}, pixels));
    write_gz(folder / (prefix + "-labels-idx1-ubyte.gz"), idx({count}, labels));
  }
}

// Every pixel (y, x) of channel c is `colour(y, x, c)`.
template <class Colour>
std::vector<std::uint8_t> paint(int height, int width, int channels, const Colour& colour) {
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) pixels.push_back(static_cast<std::uint8_t>(colour(y, x, c)));
  return pixels;
}

void write_png(const fs::path& file, int height, int width, bool grey, const std::vector<std::uint8_t>& pixels) {
  fs::create_directories(file.parent_path());
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  ASSERT_TRUE(png_image_write_to_file(&image, file.c_str(), 0, pixels.data(), 0, nullptr)) << image.message;
}

void write_jpeg(const fs::path& file, int height, int width, const std::vector<std::uint8_t>& pixels) {
  fs::create_directories(file.parent_path());
  const tjhandle encoder = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long bytes = 0;
  ASSERT_EQ(tjCompress2(encoder, pixels.data(), width, 0, height, TJPF_RGB, &data, &bytes, TJSAMP_444, 95, 0), 0);
  write_file(file, std::string(reinterpret_cast<const char*>(data), bytes));
  tjFree(data);
  tjDestroy(encoder);
}

std::vector<std::uint8_t> plain(int height, int width, int red, int green, int blue) {
  return paint(height, width, 3, [&](int, int, int c) { return c == 0 ? red : c == 1 ? green : blue; });
}

TEST(Idx, ReadsGzippedAndPlainFiles) {
  const Folder folder;
  write_fashion(folder.path, 12, 5);
  Source source = read_fashion_mnist(folder.path);
  EXPECT_EQ(source.train.shape, (Shape{1, 4, 4}));
  EXPECT_EQ(source.train.size(), 12);
  EXPECT_EQ(source.test.size(), 5);
  EXPECT_EQ(source.train.labels[11], 1);
  EXPECT_EQ(source.train.pixels[11 * 16], 110);
  EXPECT_EQ(source.train.classes[9], "Ankle boot");

  fs::remove(folder.path / "t10k-labels-idx1-ubyte.gz");
  write_file(folder.path / "t10k-labels-idx1-ubyte", idx({5}, {4, 3, 2, 1, 0}));
  EXPECT_EQ(read_fashion_mnist(folder.path).test.labels, (std::vector<std::int64_t>{4, 3, 2, 1, 0}));
}

TEST(Idx, EachDefectIsNamed) {
  const Folder folder;
  const auto read = [&] { read_fashion_mnist(folder.path); };
  const fs::path images = folder.path / "train-images-idx3-ubyte.gz";
  const fs::path labels = folder.path / "train-labels-idx1-ubyte.gz";
  expect_usage_error(read, "cannot read " + images.string());
  write_fashion(folder.path, 12, 5);
  write_gz(images, idx({12, 4, 4}, std::string(100, 'x')));
  expect_usage_error(read, images.string() + ": truncated: 100 of 192 bytes");
  write_gz(images, idx({12}, std::string(12, 'x')));
  expect_usage_error(read, images.string() + ": wrong magic number");
  write_gz(images, "ab");
  expect_usage_error(read, "truncated: it ends within its header");
  write_gz(images, idx({1 << 30, 1 << 30, 1 << 30}, ""));
  expect_usage_error(read, images.string());
  write_fashion(folder.path, 12, 5);
  write_gz(labels, idx({11}, std::string(11, '\1')));
  expect_usage_error(read, "11 labels for 12 images");
  write_gz(labels, idx({12}, std::string(11, '\1') + '\12'));
  expect_usage_error(read, "label 10 of image 11 is out of range: 0 to 9");

  write_fashion(folder.path, 12, 5);
  const std::string whole = read_file(images);
  write_file(images, whole.substr(0, whole.size() / 2));   // the compressed stream itself ends early
  expect_usage_error(read, "truncated");
}

TEST(Cifar, ReadsRecordsAndNamesDefects) {
  const Folder folder;
  const auto record = [](char label, char red) { return std::string(1, label) + std::string(1024, red) + std::string(2048, '\7'); };
  for (int i = 1; i <= 5; ++i)
    write_file(folder.path / ("data_batch_" + std::to_string(i) + ".bin"), record(static_cast<char>(i), '\1') + record(0, '\2'));
  expect_usage_error([&] { read_cifar10(folder.path); }, "test_batch.bin");
  write_file(folder.path / "test_batch.bin", record(9, '\3'));
  const Source source = read_cifar10(folder.path);
  EXPECT_EQ(source.train.size(), 10);
  EXPECT_EQ(source.train.labels[2], 2);
  EXPECT_EQ(source.train.pixels[3072], 2);
  EXPECT_EQ(source.train.pixels[3072 + 1024], 7);
  EXPECT_EQ(source.test.labels, std::vector<std::int64_t>{9});
  write_file(folder.path / "test_batch.bin", record(9, '\3').substr(1));
  expect_usage_error([&] { read_cifar10(folder.path); }, "test_batch.bin: truncated");
  write_file(folder.path / "test_batch.bin", record(10, '\3'));
  expect_usage_error([&] { read_cifar10(folder.path); }, "label 10 of record 0 is out of range");
}

TEST(Decode, PngExactJpegClose) {
  const Folder folder;
  const auto pixels = paint(5, 7, 3, [](int y, int x, int c) { return 30 * y + 5 * x + c; });
  write_png(folder.path / "a.png", 5, 7, false, pixels);
  const Picture png = decode_picture(folder.path / "a.png", 32);
  EXPECT_EQ(png.width, 7);
  EXPECT_EQ(png.height, 5);
  EXPECT_EQ(png.pixels, pixels);
  write_jpeg(folder.path / "b.jpg", 64, 80, plain(64, 80, 200, 100, 50));
  const Picture jpeg = decode_picture(folder.path / "b.jpg", 64);
  EXPECT_EQ(jpeg.width, 80);
  EXPECT_NEAR(jpeg.pixels[0], 200, 3);
  EXPECT_NEAR(jpeg.pixels[1], 100, 3);
  EXPECT_EQ(decode_picture(folder.path / "b.jpg", 8).width, 20);   // 1/4 is the strongest that leaves 16 pixels a side
}

TEST(Decode, ResizeAveragesDownAndInterpolatesUp) {
  const Picture checker{4, 4, paint(4, 4, 3, [](int y, int x, int) { return (x + y) % 2 * 200; })};
  for (const std::uint8_t value : resize(checker, 1)) EXPECT_EQ(value, 100);
  const Picture ramp{2, 2, paint(2, 2, 3, [](int, int x, int c) { return x * 100 + c; })};
  const auto wide = resize(ramp, 4);   // target centres lie at source 0.25, 0.75, 1.25, 1.75
  EXPECT_EQ((std::vector<int>(wide.begin(), wide.begin() + 4)), (std::vector<int>{0, 25, 75, 100}));
  EXPECT_EQ(wide[16], 1);              // the second channel follows after 16 pixels
  EXPECT_EQ(resize(checker, 4)[1], 200);
}

TEST(ImageFolder, OneSubFolderAClass) {
  const Folder folder;
  for (int i = 0; i < 4; ++i) {
    write_png(folder.path / "dog" / (std::to_string(i) + ".png"), 9, 6, true, paint(9, 6, 1, [](int, int, int) { return 77; }));
    write_jpeg(folder.path / "cat" / (std::to_string(i) + ".JPG"), 20, 30, plain(20, 30, 250, 0, 0));
  }
  write_file(folder.path / "cat" / "notes.txt", "passed over");
  const Source source = read_image_folder(folder.path, 8);
  EXPECT_EQ(source.train.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(source.train.shape, (Shape{3, 8, 8}));
  EXPECT_EQ(source.train.size(), 8);
  EXPECT_EQ(source.test.size(), 0);
  EXPECT_NEAR(source.train.pixels[0], 250, 4);
  const std::size_t dog = 4 * 3 * 64;
  EXPECT_EQ(source.train.pixels[dog], 77);          // grey becomes equal channels
  EXPECT_EQ(source.train.pixels[dog + 2 * 64], 77);

  DataOptions options{.source = "folder", .path = folder.path.string(), .validation = 2, .size = 8, .test_share = 0.25};
  const Split split = open_data(options, Seed(1));
  EXPECT_EQ(split.test.size(), 2);
  EXPECT_EQ(split.validation.size(), 2);
  EXPECT_EQ(split.train.size(), 4);
}

TEST(ImageFolder, TrainTestAndValParts) {
  const Folder folder;
  const auto add = [&](const std::string& file, int value) { write_png(folder.path / file, 4, 4, false, plain(4, 4, value, value, value)); };
  for (const std::string part : {"train/a/1", "train/b/1", "train/b/2", "val/a/1"}) add(part + ".png", 10);
  Source source = read_image_folder(folder.path, 4);
  EXPECT_EQ(source.train.size(), 3);
  EXPECT_EQ(source.test.size(), 1);
  add("test/b/1.png", 20);
  source = read_image_folder(folder.path, 4);
  EXPECT_EQ(source.train.size(), 4);   // val joins train
  EXPECT_EQ(source.test.labels, std::vector<std::int64_t>{1});
  add("test/bb/1.png", 20);
  expect_usage_error([&] { read_image_folder(folder.path, 4); }, "class 'bb' has no training images; did you mean 'b'?");
}

TEST(ImageFolder, EachDefectIsNamed) {
  const Folder folder;
  const auto read = [&] { read_image_folder(folder.path, 8); };
  expect_usage_error([&] { read_image_folder(folder.path / "none", 8); }, "no folder");
  expect_usage_error(read, "0 sub-folders with images");
  write_png(folder.path / "one" / "1.png", 4, 4, false, plain(4, 4, 1, 2, 3));
  expect_usage_error(read, "at least two classes");
  fs::create_directories(folder.path / "two");
  expect_usage_error(read, (folder.path / "two").string() + ": no PNG or JPEG file");
  const fs::path bad = folder.path / "two" / "1.jpg";
  write_file(bad, "no image");
  expect_usage_error(read, bad.string() + ": does not decode: it is neither PNG nor JPEG");
  write_file(bad, "");
  expect_usage_error(read, bad.string() + ": does not decode: it is empty");
  write_file(bad, "\xff\xd8\xff\xe0garbage");
  expect_usage_error(read, bad.string() + ": does not decode");
  const std::string whole = read_file(folder.path / "one" / "1.png");
  write_file(bad, whole.substr(0, whole.size() - 20));   // told apart by content, so this is a truncated PNG
  expect_usage_error(read, bad.string() + ": does not decode");
  expect_usage_error([&] { read_image_folder(folder.path, 0); }, "data.size");
}

TEST(ReadSource, UnknownNamesGetTheNearest) {
  expect_usage_error([] { read_source({.source = "fashion_mnst"}); }, "did you mean 'fashion_mnist'?");
  expect_usage_error([] { read_source({.source = "folder"}); }, "data.path");
}

// 600 training and 100 test images of 2x2 in three unequal classes.
Source three_classes() {
  Source source{{{1, 2, 2}, {}, {}, {"a", "b", "c"}}, {{1, 2, 2}, {}, {}, {"a", "b", "c"}}};
  for (int i = 0; i < 600; ++i) {
    source.train.labels.push_back(i < 300 ? 0 : i < 500 ? 1 : 2);
    for (int p = 0; p < 4; ++p) source.train.pixels.push_back(static_cast<std::uint8_t>(i % 251));
  }
  source.test.labels.assign(100, 1);
  source.test.pixels.assign(400, 255);
  return source;
}

TEST(Split, PartsAreDisjointStratifiedAndSeeded) {
  const DataOptions options{.train = 240, .validation = 120};
  const Split split = split_source(three_classes(), options, Seed(3));
  std::set<std::int64_t> seen(split.train.indices.begin(), split.train.indices.end());
  seen.insert(split.validation.indices.begin(), split.validation.indices.end());
  EXPECT_EQ(seen.size(), 360U);
  EXPECT_EQ(split.test.size(), 100);
  const auto count = [](const Part& part, std::int64_t label) {
    return std::count_if(part.indices.begin(), part.indices.end(),
                         [&](std::int64_t i) { return part.images->labels[static_cast<std::size_t>(i)] == label; });
  };
  EXPECT_NEAR(static_cast<double>(count(split.train, 0)), 120, 1);
  EXPECT_NEAR(static_cast<double>(count(split.validation, 0)), 60, 1);
  EXPECT_NEAR(static_cast<double>(count(split.validation, 2)), 20, 1);
  EXPECT_EQ(split_source(three_classes(), options, Seed(3)).train.indices, split.train.indices);
  EXPECT_NE(split_source(three_classes(), options, Seed(4)).train.indices, split.train.indices);
  const Split larger = split_source(three_classes(), {.train = 0, .validation = 120}, Seed(3));
  EXPECT_EQ(larger.validation.indices, split.validation.indices);
  EXPECT_EQ(larger.train.size(), 480);
}

TEST(Split, HalvesShareNothing) {
  const Split split = split_source(three_classes(), {.validation = 120}, Seed(3));
  const auto [weights, architecture] = halves(split.train, Seed(5));
  EXPECT_EQ(weights.size(), 240);
  std::set<std::int64_t> all(weights.indices.begin(), weights.indices.end());
  all.insert(architecture.indices.begin(), architecture.indices.end());
  EXPECT_EQ(all, std::set<std::int64_t>(split.train.indices.begin(), split.train.indices.end()));
}

TEST(Split, NormalisationIsThatOfTheTrainPartAlone) {
  const Split split = split_source(three_classes(), {.train = 100, .validation = 120}, Seed(3));
  double sum = 0, squares = 0;
  for (const std::int64_t index : split.train.indices) {
    const double x = static_cast<double>(index % 251) / 255.0;
    sum += x / 100;
    squares += x * x / 100;
  }
  EXPECT_NEAR(split.train.normalisation.mean[0], sum, 1e-12);
  EXPECT_NEAR(split.train.normalisation.deviation[0], std::sqrt(squares - sum * sum), 1e-9);
  EXPECT_EQ(split.validation.normalisation.mean, split.train.normalisation.mean);
}

TEST(Split, ImpossibleSizesAreNamed) {
  const auto split = [](DataOptions options) { split_source(three_classes(), options, Seed(1)); };
  expect_usage_error([&] { split({.validation = 600}); }, "data.validation: 600 images asked for");
  expect_usage_error([&] { split({.validation = 0}); }, "data.validation: 0");
  expect_usage_error([&] { split({.train = 501, .validation = 100}); }, "data.train: 501 images asked for, but validation leaves 500");
  expect_usage_error([&] { split({.train = -1, .validation = 100}); }, "data.train: -1");
  expect_usage_error([&] { split({.validation = 100, .test = 101}); }, "data.test: 101 images asked for, but the test part holds 100");
  Source without = three_classes();
  without.test = {};
  expect_usage_error([&] { split_source(without, {.validation = 100, .test_share = 1.0}, Seed(1)); }, "data.test_share");
}

TEST(Memory, GrowsWithBatchAndParameters) {
  Builder builder;
  const Value x = builder.input({3, 8, 8});
  const Graph graph = builder.finish({classifier(builder, conv_bn(builder, x, 4, {}), 10)});
  const double one = training_bytes(cost(graph), 1);
  const double params = static_cast<double>(cost(graph).params);
  EXPECT_GT(one, 16.0 * params);
  EXPECT_NEAR(training_bytes(cost(graph), 11) - one, 10 * (one - 16.0 * params), 1e-6);
  EXPECT_GT(usable_memory_bytes(), 1e8);
}

}  // namespace
}  // namespace netwright
