#pragma once
// Batches of a part in a seeded order, augmented and normalised.
//
//   Batches batches(split.train, {.batch = 96, .augmentation = augmentation(options), .shuffle = true}, seed, device);
//   batches.start(epoch);
//   while (auto batch = batches.next()) step(batch->inputs, batch->targets);
//
// Order and augmentation of epoch e depend on (seed, e) alone, never on the thread count: (epoch, position) is the whole state,
// and start(epoch, position) goes on from a checkpoint.
// Of a text the windows are cut into `batch` streams that run through it side by side: row b of step k is window k of stream b, and goes on
// where row b of step k - 1 ended. What is left over makes one smaller batch at the end. The order is that of the text in every epoch, shuffled
// or not, as language models are trained. Where the text carries states, those of a network that runs on the batches go on from step to step
// (states()); they are zero at the start of an epoch and in the smaller batch, whose windows follow others than the rows before them.
// Cost: one pass over the batch in parallel, about 1 us an image of 28x28 on one core.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "netwright/config/options.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/training/dataset.hpp"

namespace netwright {

// In this order: crop of the image padded with `crop` black pixels a side, horizontal flip with probability 1/2, normalisation,
// cutout: the square of side `cutout` around a uniform pixel, clipped at the borders, becomes 0 (DeVries and Taylor, arXiv 1708.04552).
struct Augmentation {
  std::int64_t crop = 0;
  bool flip = false;
  std::int64_t cutout = 0;
};
Augmentation augmentation(const DataOptions& options);

struct Batch {
  at::Tensor inputs;    // float {n, channels, height, width}, channels-last; of a text the tokens' numbers, {n, sequence}
  at::Tensor targets;   // int64 {n}; of a text {n * sequence}
};

// Scores as the targets want them, one row each: {n, classes} as it is, {n, sequence, classes} as {n * sequence, classes}.
at::Tensor rows(const at::Tensor& scores);

struct BatchOptions {
  std::int64_t batch = 96;
  Augmentation augmentation = {};
  bool shuffle = false;
  bool drop_single = false;   // a last batch of one image is left out: batch statistics of one value are none
};

class Batches {
 public:
  // Errors: UsageError for a batch below 1.
  Batches(Part part, const BatchOptions& options, const Seed& seed, at::Device device);

  void start(std::int64_t epoch, std::int64_t position = 0);
  std::optional<Batch> next();             // nothing at the end of the epoch
  std::int64_t steps() const;              // batches an epoch
  std::int64_t epoch() const { return epoch_; }
  std::int64_t position() const { return position_; }   // batches given in this epoch
  // What forward passes on the present batch start with, and leave for the next one (the last pass, where there are several; zero where there
  // is none). Null where nothing is carried.
  CarriedStates* states() { return part_.images->carry ? &states_ : nullptr; }

 private:
  Batch gather(std::int64_t first, std::int64_t count) const;
  Batch gather_text(std::int64_t first, std::int64_t count) const;

  Part part_;
  BatchOptions options_;
  Seed seed_;
  at::Device device_;
  std::vector<float> table_;               // 256 normalised values a channel
  std::vector<std::int64_t> order_;        // positions in the part
  std::int64_t epoch_ = -1;
  std::int64_t position_ = 0;
  CarriedStates states_;
};

}  // namespace netwright
