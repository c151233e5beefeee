#pragma once
// Numbers that change over a training, as functions of the epoch t in [0, epochs] (fractions are steps within an epoch).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "netwright/config/options.hpp"

namespace netwright {

// last + (first - last) (1 + cos(pi t / total)) / 2 (Loshchilov and Hutter, arXiv 1608.03983, without restarts).
inline double cosine(double first, double last, double t, double total) {
  return last + (first - last) * (1.0 + std::cos(std::numbers::pi * t / total)) / 2.0;
}

// Rises linearly from 0 to 1 over the first `warmup` epochs.
inline double warmup(double t, double warmup) { return warmup > 0 ? std::min(1.0, t / warmup) : 1.0; }

// The learning rate at epoch t: linear warm-up, then the schedule over the epochs that remain.
// Departure from the DARTS recipe: it moves at every step and not once an epoch; the values at whole epochs are the same.
inline double learning_rate(const TrainingOptions& options, double t) {
  const double start = std::min(options.warmup_epochs, static_cast<double>(options.epochs));
  if (t < start) return options.learning_rate * warmup(t, start);
  if (options.schedule == "constant") return options.learning_rate;
  const double total = static_cast<double>(options.epochs) - start;
  return total > 0 ? cosine(options.learning_rate, options.final_learning_rate, t - start, total) : options.learning_rate;
}

// rate * epoch / epochs (DARTS).
inline double drop_path_rate(double rate, std::int64_t epoch, std::int64_t epochs) {
  return rate * static_cast<double>(epoch) / static_cast<double>(epochs);
}

}  // namespace netwright
