#pragma once
// NAS-Bench-201's network and every zero-cost score as one would write them with libtorch's modules: each score runs its own passes and takes
// all gradients with backward(), as the scores' released programs do.
#include <torch/nn.h>

#include <array>
#include <map>
#include <string>
#include <vector>

namespace netwright::bench {

// What a score may look at in a forward pass.
struct Trace {
  std::vector<at::Tensor> layers;    // results of convolutions and the linear layer
  std::vector<at::Tensor> activated; // what the ReLUs read
  std::vector<at::Tensor> maps;      // results of operations that read one feature map
  std::vector<at::Tensor> blocks;    // results of the stem, the cells and the reductions
  at::Tensor features;               // what the pooling reads
  at::Tensor logits;
};

class PlainNasbench201 : public torch::nn::Module {
 public:
  // Operations of the edges 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2 by their published names. Parameters are registered in the published order.
  PlainNasbench201(const std::array<std::string, 6>& cell, std::int64_t channels, std::int64_t cells, std::int64_t classes);
  Trace forward(const at::Tensor& input);
  void bypass_norms(bool on) { bypass_ = on; }

 private:
  at::Tensor convolution(const torch::nn::Conv2d& layer, const at::Tensor& x);
  at::Tensor norm(const torch::nn::BatchNorm2d& layer, const at::Tensor& x);
  at::Tensor relu(const at::Tensor& x);
  at::Tensor edge(int index, std::size_t& layer, const at::Tensor& x);
  at::Tensor cell(std::size_t& layer, const at::Tensor& x);
  at::Tensor reduction(std::size_t& layer, const at::Tensor& x);
  at::Tensor kept(const at::Tensor& map);
  void add(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, bool with_norm);

  std::array<std::string, 6> cell_;
  std::int64_t cells_, channels_;
  bool bypass_ = false;
  std::vector<torch::nn::Conv2d> convolutions_;
  std::vector<torch::nn::BatchNorm2d> norms_;   // empty where a convolution has none
  torch::nn::BatchNorm2d last_norm_{nullptr};
  torch::nn::Linear classifier_{nullptr};
  Trace trace_;
};

struct PlainCase {
  PlainNasbench201& network;
  at::Tensor inputs, noise, targets;
};

// One score a name, in the order of netwright's list.
struct PlainScore {
  std::string name;
  double (*compute)(PlainCase&);
};
const std::vector<PlainScore>& plain_scores();

}  // namespace netwright::bench
