#include "netwright/training/dataset.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "netwright/config/text.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

[[noreturn]] void too_many(const std::string& place, std::int64_t wanted, std::int64_t there, const std::string& of_what) {
  throw UsageError(place + ": " + std::to_string(wanted) + " images asked for, but " + of_what + " " + std::to_string(there));
}

// Mean and deviation a channel, exactly, out of a count of byte values. A constant channel keeps deviation 1.
Normalisation measure(const Images& images, const std::vector<std::int64_t>& indices) {
  const std::int64_t area = images.shape[1] * images.shape[2];
  Normalisation result;
  for (std::int64_t channel = 0; channel < images.shape[0]; ++channel) {
    std::array<std::int64_t, 256> counts{};
    for (const std::int64_t index : indices) {
      const std::uint8_t* pixel = images.pixels.data() + (index * images.shape[0] + channel) * area;
      for (std::int64_t i = 0; i < area; ++i) ++counts[pixel[i]];
    }
    double sum = 0;
    double squares = 0;
    for (int value = 0; value < 256; ++value) {
      const double x = value / 255.0;
      sum += x * static_cast<double>(counts[static_cast<std::size_t>(value)]);
      squares += x * x * static_cast<double>(counts[static_cast<std::size_t>(value)]);
    }
    const double pixels = static_cast<double>(area) * static_cast<double>(indices.size());
    const double mean = sum / pixels;
    const double variance = squares / pixels - mean * mean;
    result.mean.push_back(mean);
    result.deviation.push_back(variance > 1e-8 ? std::sqrt(variance) : 1.0);
  }
  return result;
}

void require_disjoint(const std::vector<const std::vector<std::int64_t>*>& parts, std::int64_t images) {
  std::vector<char> taken(static_cast<std::size_t>(images), 0);
  for (const auto* part : parts)
    for (const std::int64_t index : *part)
      if (std::exchange(taken.at(static_cast<std::size_t>(index)), 1) != 0) throw Error("image " + std::to_string(index) + " stands in two parts");
}

std::vector<std::int64_t> slice(const std::vector<std::int64_t>& all, std::int64_t first, std::int64_t count) {
  return {all.begin() + first, all.begin() + first + count};
}

// How many images of the shuffled training source go where: [test, validation, train], in this order of the list.
std::array<std::int64_t, 3> shares(std::int64_t images, bool own_test, const DataOptions& options) {
  if (!own_test && (options.test_share <= 0 || options.test_share >= 1))
    throw UsageError("data.test_share: " + std::to_string(options.test_share) + "; it must lie between 0 and 1, as the source has no test part");
  const std::int64_t test = own_test ? 0 : std::max<std::int64_t>(1, std::llround(options.test_share * static_cast<double>(images)));
  if (options.validation < 1) throw UsageError("data.validation: " + std::to_string(options.validation) + "; at least one image is needed");
  const std::int64_t left = images - test - options.validation;
  if (left < 1) too_many("data.validation", options.validation, images - test, "none would be left for training: the training part holds");
  if (options.train > left) too_many("data.train", options.train, left, "validation leaves");
  if (options.train < 0) throw UsageError("data.train: " + std::to_string(options.train) + "; 0 (all) or more are possible");
  return {test, options.validation, options.train > 0 ? options.train : left};
}

std::pair<Part, Part> halves_of_text(const Part& part) {
  const std::int64_t middle = part.size() / 2;
  std::pair<Part, Part> result{part, part};
  result.first.indices = slice(part.indices, 0, middle);
  result.second.indices = slice(part.indices, middle, part.size() - middle);
  return result;
}

std::vector<std::int64_t> limit_test(std::vector<std::int64_t> order, std::int64_t limit) {
  const auto there = static_cast<std::int64_t>(order.size());
  if (limit < 0) throw UsageError("data.test: " + std::to_string(limit) + "; 0 (all) or more are possible");
  if (limit > there) too_many("data.test", limit, there, "the test part holds");
  if (limit > 0) order.resize(static_cast<std::size_t>(limit));
  return order;
}

}  // namespace

std::vector<std::int64_t> stratified_order(const std::vector<std::int64_t>& labels, std::int64_t classes, const Seed& seed) {
  std::vector<std::vector<std::int64_t>> members(static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < labels.size(); ++i) members.at(static_cast<std::size_t>(labels[i])).push_back(static_cast<std::int64_t>(i));
  std::vector<std::tuple<double, std::uint64_t, std::int64_t>> keyed;
  for (std::size_t c = 0; c < members.size(); ++c) {
    Rng rng = seed.derive("class", c).rng();
    rng.shuffle(members[c]);
    const auto count = static_cast<double>(members[c].size());
    // The second key breaks ties between classes, which equal counts make at every rank.
    for (std::size_t rank = 0; rank < members[c].size(); ++rank)
      keyed.emplace_back((static_cast<double>(rank) + 0.5) / count, rng.next(), members[c][rank]);
  }
  std::sort(keyed.begin(), keyed.end());
  std::vector<std::int64_t> order;
  for (const auto& [place, tie, index] : keyed) order.push_back(index);
  return order;
}

Split split_source(Source source, const DataOptions& options, const Seed& seed) {
  const auto images = std::make_shared<const Images>(std::move(source.train));
  const auto test_images = source.test.size() > 0 ? std::make_shared<const Images>(std::move(source.test)) : images;
  const bool own_test = test_images != images;
  if (test_images->shape != images->shape)
    throw UsageError("data: test images of " + to_string(test_images->shape) + ", training images of " + to_string(images->shape));
  const auto classes = static_cast<std::int64_t>(images->classes.size());
  const auto [test, validation, train] = shares(images->size(), own_test, options);

  const auto order = stratified_order(images->labels, classes, seed.derive("split"));
  const auto test_order = own_test ? stratified_order(test_images->labels, classes, seed.derive("test")) : slice(order, 0, test);
  Part train_part{"train", images, slice(order, test + validation, train), {}};
  Part validation_part{"validation", images, slice(order, test, validation), {}};
  Part test_part{"test", test_images, limit_test(test_order, options.test), {}};
  if (own_test) require_disjoint({&train_part.indices, &validation_part.indices}, images->size());
  else require_disjoint({&train_part.indices, &validation_part.indices, &test_part.indices}, images->size());

  train_part.normalisation = measure(*images, train_part.indices);
  validation_part.normalisation = train_part.normalisation;
  test_part.normalisation = train_part.normalisation;
  return {std::move(train_part), std::move(validation_part), TestPart(std::move(test_part))};
}

std::pair<Part, Part> halves(const Part& part, const Seed& seed) {
  if (part.images->text()) return halves_of_text(part);
  std::vector<std::int64_t> labels;
  for (const std::int64_t index : part.indices) labels.push_back(part.images->labels[static_cast<std::size_t>(index)]);
  const auto order = stratified_order(labels, static_cast<std::int64_t>(part.images->classes.size()), seed);
  std::pair<Part, Part> result{part, part};
  result.first.indices.clear();
  result.second.indices.clear();
  for (std::size_t i = 0; i < order.size(); ++i)
    (i < order.size() / 2 ? result.first : result.second).indices.push_back(part.indices[static_cast<std::size_t>(order[i])]);
  return result;
}

Source read_source(const DataOptions& options) {
  const auto path = [&](const char* usual) { return options.path.empty() ? std::string(usual) : options.path; };
  if (options.source == "fashion_mnist") return read_fashion_mnist(path("/usr/share/datasets/fashion-mnist"));
  if (options.source == "cifar10") return read_cifar10(path("cifar-10-batches-bin"));
  if (options.source == "folder") {
    if (options.path.empty()) throw UsageError("data.path: source 'folder' needs a folder with a sub-folder a class");
    return read_image_folder(options.path, options.size);
  }
  throw UsageError("data.source: unknown source '" + options.source + "'" + name_hint(options.source, data_sources()));
}

Split open_data(const DataOptions& options, const Seed& seed) {
  return holds_text(options) ? open_text(options) : split_source(read_source(options), options, seed);
}

}  // namespace netwright
