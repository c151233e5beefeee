#pragma once
// Labelled images in memory, and the files they come from; or a text in their place. Free of tensors: reading costs what decoding costs.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "netwright/config/options.hpp"
#include "netwright/graph/graph.hpp"

namespace netwright {

// pixels: bytes in the order image, channel, row, column. labels: indices into classes.
// A text: tokens, indices into classes (its vocabulary), no pixels and no labels; a sample is a window of shape[0] of them. `carry`: a window
// starts with the state in which the one before it ended.
struct Images {
  Shape shape;                       // of one image: {channels, height, width}; of a window: {tokens}
  std::vector<std::uint8_t> pixels;
  std::vector<std::int64_t> labels;
  std::vector<std::string> classes;
  std::vector<std::int32_t> tokens = {};
  bool carry = false;
  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  bool text() const { return !tokens.empty(); }
};

// What a source gives: its training images and, where it has one, its own test part (empty labels: it has none).
struct Source {
  Images train;
  Images test;
};

// Fashion-MNIST, or any four files of the IDX format with the same names, gzipped or not (LeCun's description of the format).
// Errors of all readers: UsageError naming the file and what is wrong with it: missing, truncated, wrong magic number, label out of range.
Source read_fashion_mnist(const std::filesystem::path& folder);

// CIFAR-10, binary version: data_batch_1.bin to data_batch_5.bin and test_batch.bin, records of one label and 3072 pixels.
Source read_cifar10(const std::filesystem::path& folder);

// PNG and JPEG files of any size, one sub-folder a class; classes in alphabetical order; every image becomes RGB, size x size
// (stretched, averaged over area when it shrinks, bilinear when it grows). Sub-folders train/ and test/ are the parts; val/ is
// the test part where there is no test/, and joins the training images otherwise. Files that are neither PNG nor JPEG by name,
// and hidden files, are passed over. Decoding runs on all usable cores.
// Errors also for: an image that does not decode, fewer than two classes, a class without images, a class only in the test part.
Source read_image_folder(const std::filesystem::path& folder, std::int64_t size);

// The source that the options name, from its usual place where no path is given: /usr/share/datasets/fashion-mnist,
// cifar-10-batches-bin. Errors: UsageError with the nearest name for an unknown source. Text has no images: open_data() reads it.
Source read_source(const DataOptions& options);

}  // namespace netwright
