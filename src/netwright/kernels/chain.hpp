#pragma once
// batch norm -> ReLU -> depthwise -> pointwise of one image, each part optional, as one pass over the cache.
//
// z = relu(scale * x + shift); d = depthwise(z); y = pointwise(d). Nothing between x and y is kept: backward computes z and d again from x,
// image by image, which costs a fifth of the step's arithmetic and saves two thirds of its memory.
// Source: our own; the blocks are those of DARTS (Liu et al. 2019, arXiv 1806.09055) and of separable networks in general.
#include <memory>
#include <vector>

#include "netwright/kernels/image.hpp"

namespace netwright {

struct ChainShape {
  int height, width, channels;            // of x
  bool rectify = false;
  int kernel = 0;                         // of the depthwise convolution, padding dilation * (kernel - 1) / 2; 0: there is none
  int stride = 1, dilation = 1;           // without a depthwise convolution the stride is the pointwise one's
  int out_channels = 0;                   // of the pointwise convolution; 0: there is none

  int out_height() const { return (height - 1) / stride + 1; }
  int out_width() const { return (width - 1) / stride + 1; }
  int result_channels() const { return out_channels > 0 ? out_channels : channels; }
};

// Weights as the kernels read them: [tap][channel] and [in][out], padded with zeros.
struct ChainWeights {
  std::vector<float> depthwise, reversed;    // the taps, and the taps backwards (which backward alone reads)
  std::vector<float> pointwise, transposed;  // [in][out] and [out][in] (backward alone)
};

// `depthwise` {channels, 1, kernel, kernel} and `pointwise` {out, in, 1, 1}, both contiguous; null where there is none.
ChainWeights pack(const ChainShape& shape, const float* depthwise, const float* pointwise, bool backward);

// Sums of weight gradients over images, in the layout of ChainWeights.
struct ChainGradients {
  std::vector<float> depthwise, pointwise;
  explicit ChainGradients(const ChainShape& shape);
  void add(const ChainGradients& other);
  void unpack(const ChainShape& shape, float* depthwise_gradient, float* pointwise_gradient) const;
};

// What backward is asked for; null: not wanted.
struct ChainBackward {
  const float* gradient;                  // of y, one image
  float* input_gradient;                  // of what enters the ReLU (behind the norm), one image
  ChainGradients* weights;
  const GradientSums* sums;               // for the norm's gradient; its x is set to the image
};

// Scratch memory of one thread, and the functions that work in it.
class Chain {
 public:
  Chain(const ChainShape& shape, const ChainWeights& weights, const Load& load);
  // y of one image; adds its moments where they are wanted.
  void forward(const float* x, float* y, Moments* moments);
  void backward(const float* x, const ChainBackward& wanted);

 private:
  struct Free {
    void operator()(float* data) const;
  };
  using Buffer = std::unique_ptr<float[], Free>;
  static Buffer buffer(std::ptrdiff_t count);
  void load(const float* x);
  void pointwise_forward(const float* d, int first, int last, float* y);
  const float* aligned_gradient(const float* gradient);
  void spread_gradient(const float* gradient);
  void input_gradient(const float* x, const ChainBackward& wanted);

  ChainShape shape_;
  const ChainWeights& weights_;
  Load load_;
  int pad_, in_channels_, out_channels_;   // padded
  Depthwise depthwise_;
  Pixels padded_, plain_, out_, result_;   // z with its zeros, z without, d, y as a tensor
  std::ptrdiff_t corner_;                  // from the first zero to the image
  Buffer z_, d_, y_, g_, gz_;
};

}  // namespace netwright
