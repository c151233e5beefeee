#include "netwright/training/batches.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

// How one image is moved and where it is erased, drawn from the image's own stream.
struct Placement {
  std::int64_t down = 0;    // source row of target row 0
  std::int64_t right = 0;
  bool mirrored = false;
  std::int64_t top = 0, bottom = 0, left = 0, end = 0;   // erased: rows [top, bottom), columns [left, end)
};

std::int64_t draw(Rng& rng, std::int64_t bound) { return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(bound))); }

Placement place(const Augmentation& augmentation, std::int64_t height, std::int64_t width, Rng rng) {
  Placement p;
  if (augmentation.crop > 0) {
    p.down = draw(rng, 2 * augmentation.crop + 1) - augmentation.crop;
    p.right = draw(rng, 2 * augmentation.crop + 1) - augmentation.crop;
  }
  if (augmentation.flip) p.mirrored = rng.chance(0.5);
  if (augmentation.cutout > 0) {
    const std::int64_t side = augmentation.cutout;
    const std::int64_t first_row = draw(rng, height) - side / 2;
    const std::int64_t first_column = draw(rng, width) - side / 2;
    p.top = std::max<std::int64_t>(0, first_row);
    p.bottom = std::min(height, first_row + side);
    p.left = std::max<std::int64_t>(0, first_column);
    p.end = std::min(width, first_column + side);
  }
  return p;
}

// One channel of one image into channels-last floats. `table` holds the normalised value of each byte.
void write_channel(const std::uint8_t* source, const Placement& p, std::int64_t height, std::int64_t width, std::int64_t channels,
                   const float* table, float* target) {
  const float outside = table[0];
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t row = y + p.down;
    float* out = target + y * width * channels;
    if (row < 0 || row >= height) {
      for (std::int64_t x = 0; x < width; ++x) out[x * channels] = outside;
      continue;
    }
    const std::uint8_t* in = source + row * width;
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t column = (p.mirrored ? width - 1 - x : x) + p.right;
      out[x * channels] = column < 0 || column >= width ? outside : table[in[column]];
    }
  }
}

void erase(const Placement& p, std::int64_t width, std::int64_t channels, float* target) {
  for (std::int64_t y = p.top; y < p.bottom; ++y)
    std::fill(target + (y * width + p.left) * channels, target + (y * width + p.end) * channels, 0.0F);
}

// Position of the sample that stands at each place of the epoch: step by step one window of each stream, then what is left.
std::vector<std::int64_t> streams(std::int64_t windows, std::int64_t batch) {
  const std::int64_t steps = windows / batch;
  std::vector<std::int64_t> order;
  for (std::int64_t step = 0; step < steps; ++step)
    for (std::int64_t stream = 0; stream < batch; ++stream) order.push_back(stream * steps + step);
  for (std::int64_t left = steps * batch; left < windows; ++left) order.push_back(left);
  return order;
}

std::vector<float> byte_table(const Normalisation& normalisation) {
  std::vector<float> table;
  for (std::size_t c = 0; c < normalisation.mean.size(); ++c)
    for (int value = 0; value < 256; ++value)
      table.push_back(static_cast<float>((value / 255.0 - normalisation.mean[c]) / normalisation.deviation[c]));
  return table;
}

}  // namespace

at::Tensor rows(const at::Tensor& scores) { return scores.dim() == 3 ? scores.flatten(0, 1) : scores; }

Augmentation augmentation(const DataOptions& options) { return {options.crop, options.flip, options.cutout}; }

Batches::Batches(Part part, const BatchOptions& options, const Seed& seed, at::Device device)
    : part_(std::move(part)), options_(options), seed_(seed), device_(device), table_(byte_table(part_.normalisation)) {
  if (options.batch < 1) throw UsageError("batch: " + std::to_string(options.batch) + "; at least 1 is needed");
  if (options.augmentation.crop < 0 || options.augmentation.cutout < 0) throw UsageError("data: crop and cutout cannot be negative");
}

std::int64_t Batches::steps() const {
  const std::int64_t whole = (part_.size() + options_.batch - 1) / options_.batch;
  const bool single = options_.batch > 1 && part_.size() % options_.batch == 1;
  return options_.drop_single && single && whole > 1 ? whole - 1 : whole;
}

void Batches::start(std::int64_t epoch, std::int64_t position) {
  const bool text = part_.images->text();
  order_.resize(static_cast<std::size_t>(part_.size()));
  std::iota(order_.begin(), order_.end(), 0);
  if (text) order_ = streams(part_.size(), options_.batch);
  if (options_.shuffle && !text) {
    Rng rng = seed_.derive("order", static_cast<std::uint64_t>(epoch)).rng();
    rng.shuffle(order_);
  }
  epoch_ = epoch;
  position_ = position;
  states_.clear();
}

std::optional<Batch> Batches::next() {
  if (epoch_ < 0) start(0);
  if (position_ >= steps()) return std::nullopt;
  const std::int64_t first = position_++ * options_.batch;
  const std::int64_t count = std::min(options_.batch, part_.size() - first);
  Batch batch = gather(first, count);
  states_.go_on();
  if (count < options_.batch) states_.clear();
  if (!device_.is_cpu()) {
    batch.inputs = batch.inputs.to(device_, /*non_blocking=*/true);
    batch.targets = batch.targets.to(device_, /*non_blocking=*/true);
  }
  return batch;
}

Batch Batches::gather_text(std::int64_t first, std::int64_t count) const {
  const std::int64_t sequence = part_.images->shape[0];
  Batch batch{at::empty({count, sequence}, at::TensorOptions(at::kFloat)), at::empty({count * sequence}, at::TensorOptions(at::kLong))};
  float* inputs = batch.inputs.data_ptr<float>();
  auto* targets = batch.targets.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t* window = part_.images->tokens.data() + part_.indices[static_cast<std::size_t>(order_[static_cast<std::size_t>(first + i)])];
    for (std::int64_t step = 0; step < sequence; ++step) {
      *inputs++ = static_cast<float>(window[step]);
      *targets++ = window[step + 1];
    }
  }
  return batch;
}

Batch Batches::gather(std::int64_t first, std::int64_t count) const {
  if (part_.images->text()) return gather_text(first, count);
  const Images& images = *part_.images;
  const std::int64_t channels = images.shape[0], height = images.shape[1], width = images.shape[2];
  const std::int64_t size = channels * height * width;
  Batch batch{at::empty({count, channels, height, width}, at::TensorOptions(at::kFloat), at::MemoryFormat::ChannelsLast),
              at::empty({count}, at::TensorOptions(at::kLong))};
  float* inputs = batch.inputs.data_ptr<float>();
  auto* targets = batch.targets.data_ptr<std::int64_t>();
  const Seed epoch_seed = seed_.derive("augment", static_cast<std::uint64_t>(epoch_));
  at::parallel_for(0, count, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t index = part_.indices[static_cast<std::size_t>(order_[static_cast<std::size_t>(first + i)])];
      const Placement p = place(options_.augmentation, height, width, epoch_seed.derive("", static_cast<std::uint64_t>(first + i)).rng());
      float* target = inputs + i * size;
      for (std::int64_t c = 0; c < channels; ++c)
        write_channel(images.pixels.data() + index * size + c * height * width, p, height, width, channels, table_.data() + c * 256, target + c);
      erase(p, width, channels, target);
      targets[i] = images.labels[static_cast<std::size_t>(index)];
    }
  });
  return batch;
}

}  // namespace netwright
