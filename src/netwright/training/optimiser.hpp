#pragma once
// Gradient descent on a list of tensors: SGD with Nesterov momentum, Adam, AdamW.
//
// sgd:   g += wd w;  v = momentum v + g;  w -= lr (g + momentum v)                                   (Nesterov; plain at momentum 0)
// adam:  g += wd w;  m = b1 m + (1 - b1) g;  s = b2 s + (1 - b2) g^2;
//        w -= lr / (1 - b1^t) m / (sqrt(s / (1 - b2^t)) + eps)                                       (Kingma and Ba, arXiv 1412.6980)
// adamw: w *= 1 - lr wd, then as adam with wd = 0                                                    (arXiv 1711.05101)
// These are PyTorch's formulas, in its order of operations. A parameter without a gradient is left alone, its step count too.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "netwright/nn/network.hpp"

namespace netwright {

struct OptimiserOptions {
  std::string name = "sgd";        // sgd | adam | adamw
  double learning_rate = 0.025;
  double momentum = 0.9;           // sgd
  bool nesterov = true;            // sgd
  double beta1 = 0.9;              // adam, adamw
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
};

class Optimiser {
 public:
  // Errors: UsageError with the nearest name for an unknown optimiser.
  Optimiser(std::vector<at::Tensor> parameters, const OptimiserOptions& options);

  void clear_gradients();
  void step();                                    // reads each parameter's gradient, which it may overwrite
  void set_learning_rate(double rate) { options_.learning_rate = rate; }

  // Everything that the next step depends on, shared with the optimiser: saving copies it, load() writes into it.
  std::vector<NamedTensor> state() const;
  // Errors: Error when a tensor is missing or of another shape.
  void load(const std::vector<NamedTensor>& state);

 private:
  struct Active;                                  // the parameters that have a gradient now
  Active active();
  void sgd(Active& now);
  void adam(Active& now);

  OptimiserOptions options_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> first_;                 // momentum, or mean of gradients
  std::vector<at::Tensor> second_;                // mean of squared gradients
  std::vector<std::int64_t> steps_;
};

const std::vector<std::string>& optimiser_names();

// Scales all gradients by min(1, most / (norm + 1e-6)), norm over all of them together; no synchronisation with the device.
void clip_gradients(const std::vector<at::Tensor>& parameters, double most);

// One scalar parameter under given gradients, in double: its value after each step.
std::vector<double> optimiser_trace(const OptimiserOptions& options, double start, const std::vector<double>& gradients);

}  // namespace netwright
