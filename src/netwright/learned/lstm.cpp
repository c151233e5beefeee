#include "netwright/learned/lstm.hpp"

#include <ATen/ATen.h>

namespace netwright {

LstmState LstmState::zeros(std::int64_t units, const at::TensorOptions& options) { return {at::zeros({1, units}, options), at::zeros({1, units}, options)}; }

LstmState lstm_step(const at::Tensor& input, const LstmState& state, const at::Tensor& weight) {
  const auto gates = at::matmul(at::cat({input, state.hidden}, 1), weight).chunk(4, 1);
  const at::Tensor cell = at::sigmoid(gates[0]) * at::tanh(gates[3]) + at::sigmoid(gates[1]) * state.cell;
  return {at::sigmoid(gates[2]) * at::tanh(cell), cell};
}

at::Tensor bounded(const at::Tensor& logits, double temperature, double tanh_constant) {
  const at::Tensor cool = temperature > 0 ? logits / temperature : logits;
  return tanh_constant > 0 ? tanh_constant * at::tanh(cool) : cool;
}

PickToken greedy_pick() {
  return [](const at::Tensor& logits) { return logits.argmax().item<std::int64_t>(); };
}

PickToken sampled_pick(Rng& rng) {
  return [&rng](const at::Tensor& logits) {
    const at::Tensor p = at::softmax(logits.detach().to(at::kCPU, at::kDouble).flatten(), 0).contiguous();
    double left = rng.uniform();
    for (std::int64_t i = 0; i + 1 < p.numel(); ++i)
      if ((left -= p.const_data_ptr<double>()[i]) < 0) return i;
    return p.numel() - 1;
  };
}

at::Tensor log_probability(const at::Tensor& logits, std::int64_t token) { return at::log_softmax(logits.flatten(), 0)[token]; }

at::Tensor entropy(const at::Tensor& logits) {
  const at::Tensor row = logits.detach().flatten();
  return -(at::softmax(row, 0) * at::log_softmax(row, 0)).sum();
}

}  // namespace netwright
