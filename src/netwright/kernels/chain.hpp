#pragma once
// batch norm -> ReLU -> depthwise -> pointwise of one image, each part optional, or a dense 3x3 convolution in the place of both, as one pass
// over the cache; and beside such chains the poolings of the same image, and the image itself.
//
// z = relu(scale * x + shift); d = depthwise(z); y = pointwise(d). Nothing between x and y is kept: backward computes z and d again from x,
// image by image, which costs a fifth of the step's arithmetic and saves two thirds of its memory. Chains that read one value share z, and
// their input gradients add up before the ReLU; those of poolings and of the value itself are added behind it.
// Source: our own; the blocks are those of DARTS (Liu et al. 2019, arXiv 1806.09055) and of separable networks in general.
#include <memory>
#include <vector>

#include "netwright/kernels/image.hpp"
#include "netwright/kernels/upcoming.hpp"
#include "netwright/kernels/floats.hpp"
#include "netwright/kernels/gemm.hpp"
#include "netwright/kernels/sums.hpp"
#include "netwright/kernels/window.hpp"
#include "netwright/kernels/winograd.hpp"

namespace netwright {

enum class ChainKind { convolution, largest, mean, same };   // `largest` and `mean` pool 3x3 (window.hpp), `same` is x itself

struct ChainShape {
  int height, width, channels;            // of x
  bool rectify = false;
  int kernel = 0;                         // of the depthwise or dense convolution, padding dilation * (kernel - 1) / 2; 0: there is none
  int stride = 1, dilation = 1;           // without a depthwise convolution the stride is the pointwise one's
  int out_channels = 0;                   // of the pointwise or dense convolution; 0: there is none
  bool is_dense = false;                  // 3x3 of stride 1 that mixes channels; no other convolution
  int offset = 0;                         // of a pointwise convolution that strides: the first pixel, down and right, that it takes
  int turned = 0;                         // the last channels of y, whose sums of weight gradients lie [out][in]: those that would leave lanes idle
  ChainKind kind = ChainKind::convolution;   // the others read height, width, channels and stride alone

  int out_height() const { return (height - 1) / stride + 1; }
  int out_width() const { return (width - 1) / stride + 1; }
  int pad() const { return kernel > 0 ? dilation * (kernel - 1) / 2 : 0; }
  int result_channels() const { return out_channels > 0 ? out_channels : channels; }
  bool convolves() const { return kind == ChainKind::convolution; }
  PoolShape pool() const { return {height, width, channels, stride, kind == ChainKind::largest}; }
  DenseShape dense() const { return {channels, out_channels}; }
  int taps() const { return is_dense ? 0 : kernel * kernel; }   // of the depthwise convolution
  std::ptrdiff_t result_size() const { return std::ptrdiff_t{result_channels()} * out_height() * out_width(); }
};

// Weights as the kernels read them: [tap][channel] and [in][out], padded with zeros.
struct ChainWeights {
  Floats depthwise, reversed;    // the taps, and the taps backwards (which backward alone reads)
  Floats pointwise, transposed;  // [in][out] and [out][in] (backward alone); of a dense one those of winograd.hpp
};

// How many `turned` channels save multiplications, where z is copied to padded pixels.
int turned_channels(const ChainShape& shape);

// `depthwise` {channels, 1, kernel, kernel} and `pointwise` {out, in, 1, 1}, a dense one {out, in, 3, 3}, contiguous; null where there is none.
ChainWeights pack(const ChainShape& shape, const float* depthwise, const float* pointwise, bool backward);

// Sums of weight gradients over images, in the layout of ChainWeights: the taps, and the pointwise weights behind them, [in][out - turned] and
// [turned][in]; zeros at first, in memory of somebody else's.
struct ChainGradients {
  float* sums;
  std::size_t taps;
  static std::size_t size(const ChainShape& shape);
  ChainGradients(const ChainShape& shape, float* place);
  float* depthwise() { return sums; }
  float* pointwise() { return sums + taps; }
  void unpack(const ChainShape& shape, float* depthwise_gradient, float* pointwise_gradient) const;
};

struct ChainForward {
  float* y;                               // null: not wanted
  Moments* moments;                       // added to; null: not wanted
};

// What backward of one chain reads and gives. With `by` the gradient is by->a * gradient + by->b * (value - by->mean) + by->constant.
struct ChainBackward {
  const float* gradient;                  // of y, one image; null: there is none
  const Affine* by;
  const float* value;                     // y, where there is `by`
  ChainGradients* weights;                // null: not wanted
  std::ptrdiff_t column;                  // floats from one pixel of the gradient to the next

  Slice slice() const { return {gradient, column}; }
};

struct ChainsBackward {
  const std::vector<ChainBackward>& chains;
  float* input_gradient;                  // of what enters the ReLU (behind the norm), one image; null: not wanted
  const GradientSums* sums;               // for the norm's gradient; its x is set to the image
};

// Chains that read one value by one load; the functions work in scratch memory of one thread. The shapes agree in height, width,
// channels, rectify and stride. Of what does not convolve only height, width and
// channels are the same. An object serves one direction.
class Chains {
 public:
  Chains(const std::vector<ChainShape>& shapes, const std::vector<ChainWeights>& weights, const Load& load);
  // One image; a chain's moments are added to where they are wanted.
  void forward(const float* x, const std::vector<ChainForward>& wanted);
  void backward(const float* x, const ChainsBackward& wanted);

 private:
  struct One;                              // one chain and its weights
  One one(std::size_t i) const;
  static float* room(Scratch& buffer, std::ptrdiff_t count);
  static Winograd& winograd(std::unique_ptr<Winograd>& place, const DenseShape& shape);
  float* inside(Floats& padded) const;     // behind the zeros
  float* input_gradient();
  void load(const float* x);
  void ask_for_next(const float* x, const std::vector<ChainForward>& wanted, std::size_t i);
  void ask_for_next(const float* x, const ChainsBackward& wanted, std::size_t i);
  void multiply_rows(Product product, int rows, int width, bool over_pixels);
  void dense_forward(const One& c, float* y);
  void rows_forward(const One& c, const ChainForward& wanted);
  bool takes_some(const One& c) const;      // of the pixels of z: pointwise ones that stride beside windows
  void pointwise_forward(const One& c, const float* d, std::ptrdiff_t d_row, int first, int last, float* y);
  struct Rows {                            // of what a chain gives
    int first, last;
    int count() const { return last - first; }
  };
  // From row rows.first on, to `to`.
  void put_gradient(const One& c, const ChainBackward& wanted, const Rows& rows, float* to, const Pixels& at);
  const float* aligned_gradient(const One& c, const ChainBackward& wanted, const Rows& rows);
  void pointwise_gradient(const One& c, const float* gradient, const float* d, std::ptrdiff_t d_row, int rows, ChainGradients& weights);
  void rows_backward(const One& c, const ChainBackward& chain, const Rows& rows);
  // Of one chain; the input gradient is added to the earlier ones' unless it is the first.
  void dense_backward(const One& c, const ChainBackward& chain, bool wants_input, bool first);
  void pointwise_backward(const One& c, const ChainBackward& chain, bool wants_input, bool first);
  void depthwise_backward(const One& c, const ChainBackward& chain, bool wants_input, bool first);
  void store_input_gradient(const float* x, const ChainsBackward& wanted, bool counts);
  void add_pooled(const float* x, const ChainsBackward& wanted, std::size_t first);
  void add_others(const float* x, const ChainsBackward& wanted);

  const std::vector<ChainShape>& shapes_;
  const std::vector<ChainWeights>& weights_;
  Load load_;
  ChainShape shape_;                       // what all have in common
  int pad_ = 0, widest_ = 0, in_channels_; // the widest of pads and of padded results; padded
  Pixels padded_, inner_, plain_, out_;    // z with its zeros, its gradient without, x, d
  bool convolves_ = false;                 // any of them
  bool direct_ = false;                    // z is x
  const float* read_ = nullptr;            // z behind its zeros, or x
  float* gx_ = nullptr;                    // where the input gradient is made in its place
  Floats z_, spread_, tiled_;              // with zeros around what is written
  Scratch d_, y_, affine_, gz_, pooled_;
  Upcoming upcoming_;
  std::vector<std::unique_ptr<Winograd>> there_, back_;   // of each dense convolution: with its weights, with the turned ones
};

}  // namespace netwright
