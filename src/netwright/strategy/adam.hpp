#pragma once
// Adam on a plain vector of numbers, for models that need no tensors.
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace netwright {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

// x <- x - lr m^ / (sqrt(v^) + eps), with bias-corrected means m^ and v^. Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1.
class Adam {
 public:
  Adam(std::size_t size, const AdamOptions& options) : options_(options), mean_(size, 0), square_(size, 0) {}

  void step(std::span<double> values, std::span<const double> gradient) {
    ++steps_;
    const double mean_scale = 1 / (1 - std::pow(options_.beta1, steps_)), square_scale = 1 / (1 - std::pow(options_.beta2, steps_));
    for (std::size_t i = 0; i < mean_.size(); ++i) {
      mean_[i] = options_.beta1 * mean_[i] + (1 - options_.beta1) * gradient[i];
      square_[i] = options_.beta2 * square_[i] + (1 - options_.beta2) * gradient[i] * gradient[i];
      values[i] -= options_.learning_rate * mean_[i] * mean_scale / (std::sqrt(square_[i] * square_scale) + options_.epsilon);
    }
  }

 private:
  AdamOptions options_;
  int steps_ = 0;
  std::vector<double> mean_, square_;
};

}  // namespace netwright
