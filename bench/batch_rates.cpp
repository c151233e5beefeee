// How many images a second the batches of training give, augmented and normalised, on images of noise.
//   batch_rates [THREADS = 1]
#include <iostream>

#include "measure.hpp"
#include "netwright/training/batches.hpp"
#include "netwright/training/device.hpp"

namespace netwright::bench {
namespace {

Part noise(const Shape& shape, std::int64_t count) {
  auto images = std::make_shared<Images>();
  images->shape = shape;
  images->classes = {"a", "b"};
  Rng rng(1);
  images->pixels.resize(static_cast<std::size_t>(count * elements(shape)));
  for (auto& pixel : images->pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
  Part part{.name = "train", .images = images};
  for (std::int64_t i = 0; i < count; ++i) images->labels.push_back(i % 2), part.indices.push_back(i);
  part.normalisation = {std::vector<double>(static_cast<std::size_t>(shape[0]), 0.5), std::vector<double>(static_cast<std::size_t>(shape[0]), 0.25)};
  return part;
}

void run(const Shape& shape, const Augmentation& augmentation, int threads) {
  constexpr std::int64_t images = 20000, rounds = 7;
  Batches batches(noise(shape, images), {.batch = 96, .augmentation = augmentation, .shuffle = true}, Seed(1), open_device("cpu", threads));
  std::vector<double> rates;
  for (std::int64_t epoch = 0; epoch < rounds; ++epoch)
    rates.push_back(static_cast<double>(images) / seconds_of([&] {
                      batches.start(epoch);
                      while (batches.next()) {}
                    }));
  report("batch_rates", {{"image", to_string(shape)},
                         {"crop", augmentation.crop},
                         {"flip", augmentation.flip},
                         {"cutout", augmentation.cutout},
                         {"threads", threads},
                         {"images_per_second", spread(rates)}});
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  try {
    const int threads = count > 1 ? std::stoi(words[1]) : 1;
    netwright::bench::run({1, 28, 28}, {}, threads);
    netwright::bench::run({1, 28, 28}, {.crop = 2, .flip = true}, threads);
    netwright::bench::run({3, 32, 32}, {.crop = 4, .flip = true, .cutout = 16}, threads);
  } catch (const std::exception& error) {
    std::cerr << "batch_rates: " << error.what() << '\n';
    return 1;
  }
}
