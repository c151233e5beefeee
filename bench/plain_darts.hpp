#pragma once
// The DARTS search network as one would write it with libtorch's modules: one module a layer, a mixed operation as a sum.
//   y = sum_i alpha_i * op_i(x), none as x * 0
// Source: Liu, Simonyan, Yang 2019, arXiv 1806.09055; parameters are registered in the order of the published network.
#include <torch/nn.h>

#include <vector>

namespace netwright::bench {

class PlainDarts : public torch::nn::Module {
 public:
  PlainDarts(std::int64_t channels, std::int64_t cells, std::int64_t classes);
  // Weights {14, 8} of the edges' candidates, for normal and reduction cells.
  at::Tensor forward(const at::Tensor& input, const at::Tensor& normal, const at::Tensor& reduce);
  void to_channels_last();

 private:
  struct Cell;
  torch::nn::Sequential stem_;
  std::vector<std::shared_ptr<Cell>> cells_;
  torch::nn::Linear classifier_{nullptr};
};

}  // namespace netwright::bench
