// One image at a time: an image of a search network (64 KB) and all that is made of it stay in the second-level cache. Rows of d go to the
// pointwise product while they are in the first.
#include "netwright/kernels/chain.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "netwright/kernels/gemm.hpp"

namespace netwright {
namespace {

std::size_t size_of(int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); }

// Rows of d that go to the product together: 16 KB.
int rows_a_block(int width, int channels) { return std::max(1, 4096 / std::max(1, width * channels)); }

}  // namespace

ChainWeights pack(const ChainShape& s, const float* depthwise, const float* pointwise, bool backward) {
  const int in = padded_channels(s.channels), out = padded_channels(s.out_channels), taps = s.kernel * s.kernel;
  ChainWeights w;
  if (taps > 0) {
    w.depthwise.resize(size_of(taps, in));
    for (int c = 0; c < s.channels; ++c)
      for (int t = 0; t < taps; ++t) w.depthwise[size_of(t, in) + c] = depthwise[size_of(c, taps) + t];
    if (backward) w.reversed.resize(size_of(taps, in));
    for (int t = 0; t < taps && backward; ++t) std::copy_n(&w.depthwise[size_of(t, in)], in, &w.reversed[size_of(taps - 1 - t, in)]);
  }
  if (s.out_channels > 0) {
    w.pointwise.resize(size_of(in, out));
    for (int o = 0; o < s.out_channels; ++o)
      for (int i = 0; i < s.channels; ++i) w.pointwise[size_of(i, out) + o] = pointwise[size_of(o, s.channels) + i];
    if (backward) w.transposed.resize(size_of(out, in));
    for (int o = 0; o < s.out_channels && backward; ++o) std::copy_n(pointwise + size_of(o, s.channels), s.channels, &w.transposed[size_of(o, in)]);
  }
  return w;
}

ChainGradients::ChainGradients(const ChainShape& s)
    : depthwise(size_of(s.kernel * s.kernel, padded_channels(s.channels))), pointwise(size_of(padded_channels(s.channels), padded_channels(s.out_channels))) {}

void ChainGradients::add(const ChainGradients& other) {
  for (std::size_t i = 0; i < depthwise.size(); ++i) depthwise[i] += other.depthwise[i];
  for (std::size_t i = 0; i < pointwise.size(); ++i) pointwise[i] += other.pointwise[i];
}

void ChainGradients::unpack(const ChainShape& s, float* depthwise_gradient, float* pointwise_gradient) const {
  const int in = padded_channels(s.channels), out = padded_channels(s.out_channels), taps = s.kernel * s.kernel;
  for (int c = 0; c < s.channels && depthwise_gradient != nullptr; ++c)
    for (int t = 0; t < taps; ++t) depthwise_gradient[size_of(c, taps) + t] = depthwise[size_of(t, in) + c];
  for (int o = 0; o < s.out_channels && pointwise_gradient != nullptr; ++o)
    for (int i = 0; i < s.channels; ++i) pointwise_gradient[size_of(o, s.channels) + i] = pointwise[size_of(i, out) + o];
}

void Chain::Free::operator()(float* data) const { std::free(data); }

Chain::Buffer Chain::buffer(std::ptrdiff_t count) {
  const std::size_t bytes = (static_cast<std::size_t>(std::max<std::ptrdiff_t>(count, 1)) * sizeof(float) + 63) / 64 * 64;
  auto* data = static_cast<float*>(std::aligned_alloc(64, bytes));
  if (data == nullptr) throw std::bad_alloc();
  std::fill_n(data, bytes / sizeof(float), 0.0f);
  return Buffer(data);
}

Chain::Chain(const ChainShape& s, const ChainWeights& weights, const Load& load)
    : shape_(s),
      weights_(weights),
      load_(load),
      pad_(s.kernel > 0 ? s.dilation * (s.kernel - 1) / 2 : 0),
      in_channels_(padded_channels(s.channels)),
      out_channels_(padded_channels(s.out_channels)),
      depthwise_{in_channels_, s.kernel, s.stride, s.dilation} {
  // Without a depthwise convolution only the pixels that the stride takes are ever loaded.
  const int height = s.kernel > 0 ? s.height : s.out_height(), width = s.kernel > 0 ? s.width : s.out_width(), step = s.kernel > 0 ? 1 : s.stride;
  const std::ptrdiff_t column = in_channels_, row = column * (width + 2 * pad_);
  padded_ = {height, width, row, column};
  plain_ = {height, width, step * std::ptrdiff_t{s.width} * s.channels, step * std::ptrdiff_t{s.channels}};
  out_ = {s.out_height(), s.out_width(), std::ptrdiff_t{s.out_width()} * column, column};
  result_ = {s.out_height(), s.out_width(), std::ptrdiff_t{s.out_width()} * s.result_channels(), s.result_channels()};
  corner_ = pad_ * (row + column);
  z_ = buffer(row * (height + 2 * pad_));
}

void Chain::load(const float* x) { load_pixels(x, plain_, shape_.channels, load_, z_.get() + corner_, padded_); }

// y's rows [first, last); `d` points at row `first`.
void Chain::pointwise_forward(const float* d, int first, int last, float* y) {
  const int pixels = (last - first) * out_.width;
  float* to = y + first * result_.row;
  const bool direct = out_channels_ == shape_.out_channels;
  if (!direct && !y_) y_ = buffer(size_of(out_.height * out_.width, out_channels_));
  multiply({pixels, out_channels_, shape_.channels, d, in_channels_, 1, weights_.pointwise.data(), out_channels_, direct ? to : y_.get(), out_channels_});
  if (!direct) store_pixels(y_.get(), {1, pixels, 0, out_channels_}, shape_.out_channels, to, {1, pixels, 0, shape_.out_channels});
}

void Chain::forward(const float* x, float* y, Moments* moments) {
  load(x);
  const int block = rows_a_block(out_.width, in_channels_);
  const bool through_scratch = shape_.out_channels > 0 || in_channels_ != shape_.channels;
  if (shape_.kernel > 0 && through_scratch && !d_) d_ = buffer(size_of(block * out_.width, in_channels_));
  for (int first = 0; first < out_.height; first += block) {
    const int last = std::min(first + block, out_.height);
    const float* d = z_.get() + first * padded_.row;
    if (shape_.kernel > 0) {
      float* to = through_scratch ? d_.get() - first * out_.row : y;
      depthwise_rows(depthwise_, z_.get(), padded_.row, weights_.depthwise.data(), to, out_, first, last);
      d = d_.get();
    }
    if (shape_.out_channels > 0) pointwise_forward(d, first, last, y);
    else if (through_scratch) store_pixels(d, {last - first, out_.width, out_.row, out_.column}, shape_.channels, y + first * result_.row, {last - first, out_.width, result_.row, result_.column});
    if (moments != nullptr) add_moments_packed(y + first * result_.row, (last - first) * out_.width, shape_.result_channels(), *moments);
  }
}

// The gradient with padded channels.
const float* Chain::aligned_gradient(const float* gradient) {
  const int channels = shape_.result_channels(), padded = padded_channels(channels), pixels = out_.height * out_.width;
  if (channels == padded) return gradient;
  if (!y_) y_ = buffer(size_of(pixels, padded));
  load_pixels(gradient, {1, pixels, 0, channels}, channels, {}, y_.get(), {1, pixels, 0, padded});
  return y_.get();
}

// The gradient of d, between the zeros that its stride left out; without a depthwise convolution the gradient of z.
void Chain::spread_gradient(const float* gradient) {
  const bool spreads = shape_.kernel > 0;
  const std::ptrdiff_t row = spreads ? shape_.stride * padded_.row : out_.row, column = spreads ? shape_.stride * padded_.column : out_.column;
  float* to = g_.get() + (spreads ? corner_ : 0);
  if (shape_.out_channels == 0) return load_pixels(gradient, out_, in_channels_, {}, to, {out_.height, out_.width, row, column});
  for (int r = 0; r < out_.height; ++r)
    multiply({out_.width, in_channels_, shape_.out_channels, gradient + r * std::ptrdiff_t{out_.width} * out_channels_, out_channels_, 1,
              weights_.transposed.data(), in_channels_, to + r * row, column});
}

void Chain::input_gradient(const float* x, const ChainBackward& wanted) {
  const float* gz = g_.get();
  Pixels at = out_;
  if (shape_.kernel > 0) {
    at = {padded_.height, padded_.width, std::ptrdiff_t{padded_.width} * in_channels_, in_channels_};
    if (!gz_) gz_ = buffer(at.height * at.row);
    const Depthwise reverse{in_channels_, shape_.kernel, 1, shape_.dilation};
    depthwise_rows(reverse, g_.get(), padded_.row, weights_.reversed.data(), gz_.get(), at, 0, at.height);
    gz = gz_.get();
  } else if (shape_.stride > 1) {
    std::fill_n(wanted.input_gradient, size_of(shape_.height * shape_.width, shape_.channels), 0.0f);
  }
  GradientSums sums{};
  if (wanted.sums != nullptr) sums = {x, wanted.sums->mean, wanted.sums->sum, wanted.sums->product};
  store_gradient(gz, at, shape_.rectify ? z_.get() + corner_ : nullptr, padded_, shape_.channels, wanted.input_gradient, plain_,
                 wanted.sums != nullptr ? &sums : nullptr);
}

void Chain::backward(const float* x, const ChainBackward& wanted) {
  const bool both = shape_.kernel > 0 && shape_.out_channels > 0;
  load(x);
  const float* gradient = aligned_gradient(wanted.gradient);
  if (wanted.weights != nullptr && shape_.out_channels > 0) {
    if (both) {
      if (!d_) d_ = buffer(out_.height * out_.row);
      depthwise_rows(depthwise_, z_.get(), padded_.row, weights_.depthwise.data(), d_.get(), out_, 0, out_.height);
    }
    multiply({shape_.channels, out_channels_, out_.height * out_.width, both ? d_.get() : z_.get(), 1, in_channels_, gradient, out_channels_,
              wanted.weights->pointwise.data(), out_channels_, true});
  }
  if (shape_.kernel == 0 && wanted.input_gradient == nullptr) return;
  if (!g_) g_ = buffer((padded_.height + 2 * pad_) * padded_.row);
  spread_gradient(gradient);
  if (shape_.kernel > 0 && wanted.weights != nullptr)
    depthwise_weight_gradient(depthwise_, z_.get(), padded_.row, g_.get() + corner_,
                              {out_.height, out_.width, shape_.stride * padded_.row, shape_.stride * padded_.column}, wanted.weights->depthwise.data());
  if (wanted.input_gradient != nullptr) input_gradient(x, wanted);
}

}  // namespace netwright
