// One image at a time: an image of a search network (64 KB) and all that is made of it stay in the second-level cache. Rows of d go to the
// pointwise product while they are in the first.
#include "netwright/kernels/chain.hpp"

#include <algorithm>

#include "netwright/kernels/gemm.hpp"

namespace netwright {
namespace {

std::size_t size_of(int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); }

// Rows of d that go to the product together: 16 KB.
int rows_a_block(int width, int channels) { return std::max(1, 4096 / std::max(1, width * channels)); }

}  // namespace

ChainWeights pack(const ChainShape& s, const float* depthwise, const float* pointwise, bool backward) {
  const int in = padded_channels(s.channels), out = padded_channels(s.out_channels), taps = s.taps();
  ChainWeights w;
  if (s.is_dense) {
    (backward ? w.transposed : w.pointwise) = winograd_weights(s.dense(), pointwise, backward);
    return w;
  }
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
    : sums(size_of(s.taps(), padded_channels(s.channels)) +
           (s.is_dense ? static_cast<std::size_t>(s.dense().points_size()) : size_of(padded_channels(s.channels), padded_channels(s.out_channels)))),
      taps(size_of(s.taps(), padded_channels(s.channels))) {}

void ChainGradients::add(const ChainGradients& other) {
  add_values(other.sums.data(), sums.size(), sums.data());
}

void ChainGradients::unpack(const ChainShape& s, float* depthwise_gradient, float* pointwise_gradient) const {
  const int in = padded_channels(s.channels), out = padded_channels(s.out_channels), window = s.taps();
  if (s.is_dense) return winograd_unpack(s.dense(), sums.data(), pointwise_gradient);
  for (int c = 0; c < s.channels && depthwise_gradient != nullptr; ++c)
    for (int t = 0; t < window; ++t) depthwise_gradient[size_of(c, window) + t] = sums[size_of(t, in) + c];
  for (int o = 0; o < s.out_channels && pointwise_gradient != nullptr; ++o)
    for (int i = 0; i < s.channels; ++i) pointwise_gradient[size_of(o, s.channels) + i] = sums[taps + size_of(i, out) + o];
}

struct Chains::One {
  const ChainShape& shape;
  const ChainWeights& weights;
  Depthwise depthwise;
  int out_channels;                        // padded
  std::ptrdiff_t corner;                   // from the widest pad's first zero to this one's
};

Chains::One Chains::one(std::size_t i) const {
  const ChainShape& s = shapes_[i];
  return {s, weights_[i], {in_channels_, s.kernel, s.stride, s.dilation}, padded_channels(s.out_channels), (pad_ - s.pad()) * (padded_.row + padded_.column)};
}

Chains::Chains(const std::vector<ChainShape>& shapes, const std::vector<ChainWeights>& weights, const Load& load)
    : shapes_(shapes), weights_(weights), load_(load), shape_(shapes[0]), in_channels_(padded_channels(shapes[0].channels)) {
  for (const auto& s : shapes) pad_ = std::max(pad_, s.pad()), widest_ = std::max(widest_, padded_channels(s.result_channels()));
  // Without a depthwise convolution only the pixels that the stride takes are ever loaded.
  const bool all = shape_.kernel > 0;
  const int height = all ? shape_.height : shape_.out_height(), width = all ? shape_.width : shape_.out_width(), step = all ? 1 : shape_.stride;
  // Tiles of a dense convolution read on where sizes are odd.
  const bool dense = shape_.is_dense;
  const std::ptrdiff_t column = in_channels_, row = column * ((dense ? covered_pixels(width) : width) + 2 * pad_);
  padded_ = {height, width, row, column};
  plain_ = {height, width, step * std::ptrdiff_t{shape_.width} * shape_.channels, step * std::ptrdiff_t{shape_.channels}};
  out_ = {shape_.out_height(), shape_.out_width(), std::ptrdiff_t{shape_.out_width()} * column, column};
  z_.resize(static_cast<std::size_t>(row * ((dense ? covered_pixels(height) : height) + 2 * pad_)));
}

void Chains::load(const float* x) { load_pixels(x, plain_, shape_.channels, load_, z_.data() + pad_ * (padded_.row + padded_.column), padded_); }

void Chains::dense_forward(const One& c, float* y) {
  const int channels = c.shape.out_channels, pixels = out_.height * out_.width;
  const bool direct = c.out_channels == channels;
  if (!there_) there_ = std::make_unique<Winograd>(c.shape.dense());
  if (!direct && y_.empty()) y_.resize(static_cast<std::size_t>(std::ptrdiff_t{pixels} * widest_));
  there_->convolve(z_.data(), padded_.row, c.weights.pointwise.data(), direct ? y : y_.data(),
                   {out_.height, out_.width, std::ptrdiff_t{out_.width} * c.out_channels, c.out_channels}, false);
  if (!direct) store_pixels(y_.data(), {1, pixels, 0, c.out_channels}, channels, y, {1, pixels, 0, channels});
}

// y's rows [first, last); `d` points at row `first`.
void Chains::pointwise_forward(const One& c, const float* d, int first, int last, float* y) {
  const int pixels = (last - first) * out_.width, channels = c.shape.out_channels;
  float* to = y + size_of(first * out_.width, channels);
  const bool direct = c.out_channels == channels;
  if (!direct && y_.empty()) y_.resize(static_cast<std::size_t>(std::ptrdiff_t{out_.height} * out_.width * widest_));
  multiply({pixels, c.out_channels, shape_.channels, d, in_channels_, 1, c.weights.pointwise.data(), c.out_channels, direct ? to : y_.data(), c.out_channels});
  if (!direct) store_pixels(y_.data(), {1, pixels, 0, c.out_channels}, channels, to, {1, pixels, 0, channels});
}

void Chains::forward(const One& c, const ChainForward& wanted) {
  if (shape_.is_dense) {
    dense_forward(c, wanted.y);
    if (wanted.moments != nullptr) add_moments_packed(wanted.y, out_.height * out_.width, c.shape.out_channels, *wanted.moments);
    return;
  }
  const int block = rows_a_block(out_.width, in_channels_), channels = c.shape.result_channels();
  const bool through_scratch = c.shape.out_channels > 0 || in_channels_ != shape_.channels;
  if (shape_.kernel > 0 && through_scratch && d_.empty()) d_.resize(static_cast<std::size_t>(block * out_.row));
  for (int first = 0; first < out_.height; first += block) {
    const int last = std::min(first + block, out_.height), pixels = (last - first) * out_.width;
    float* y = wanted.y + size_of(first * out_.width, channels);
    const float* d = z_.data() + first * padded_.row;
    if (shape_.kernel > 0) {
      float* to = through_scratch ? d_.data() - first * out_.row : wanted.y;
      depthwise_rows(c.depthwise, z_.data() + c.corner, padded_.row, c.weights.depthwise.data(), to, out_, first, last, false);
      d = d_.data();
    }
    if (c.shape.out_channels > 0) pointwise_forward(c, d, first, last, wanted.y);
    else if (through_scratch) store_pixels(d, {1, pixels, 0, in_channels_}, channels, y, {1, pixels, 0, channels});
    if (wanted.moments != nullptr) add_moments_packed(y, pixels, channels, *wanted.moments);
  }
}

void Chains::forward(const float* x, const std::vector<ChainForward>& wanted) {
  load(x);
  for (std::size_t i = 0; i < shapes_.size(); ++i) forward(one(i), wanted[i]);
}

// The gradient of y, with padded channels.
const float* Chains::aligned_gradient(const One& c, const ChainBackward& wanted) {
  const int channels = c.shape.result_channels(), padded = padded_channels(channels), pixels = out_.height * out_.width;
  const float* gradient = wanted.gradient;
  if (wanted.by != nullptr) {
    if (affine_.empty()) affine_.resize(static_cast<std::size_t>(std::ptrdiff_t{pixels} * widest_));
    affine_gradient(gradient, wanted.value, *wanted.by, pixels, channels, affine_.data());
    gradient = affine_.data();
  }
  if (channels == padded) return gradient;
  if (y_.empty()) y_.resize(static_cast<std::size_t>(std::ptrdiff_t{pixels} * widest_));
  load_pixels(gradient, {1, pixels, 0, channels}, channels, {}, y_.data(), {1, pixels, 0, padded});
  return y_.data();
}

// The gradient of d, between the zeros that its stride left out; without a depthwise convolution the gradient of z.
void Chains::spread_gradient(const One& c, const float* gradient) {
  const bool spreads = shape_.kernel > 0;
  const std::ptrdiff_t row = spreads ? shape_.stride * padded_.row : out_.row, column = spreads ? shape_.stride * padded_.column : out_.column;
  float* to = g_.data() + (spreads ? pad_ * (padded_.row + padded_.column) : 0);
  if (c.shape.out_channels == 0) return load_pixels(gradient, out_, in_channels_, {}, to, {out_.height, out_.width, row, column});
  for (int r = 0; r < out_.height; ++r)
    multiply({out_.width, in_channels_, c.shape.out_channels, gradient + r * std::ptrdiff_t{out_.width} * c.out_channels, c.out_channels, 1,
              c.weights.transposed.data(), in_channels_, to + r * row, column});
}

void Chains::dense_gradient(const One& c, const float* gradient, const ChainBackward& chain, bool wants_input, bool first) {
  const std::ptrdiff_t column = c.out_channels, row = column * (covered_pixels(out_.width) + 2 * pad_);
  const Pixels at{out_.height, out_.width, row, column};
  if (g_.empty()) g_.resize(static_cast<std::size_t>(row * (covered_pixels(out_.height) + 2 * pad_)));
  float* inner = g_.data() + pad_ * (row + column);
  load_pixels(gradient, {out_.height, out_.width, out_.width * column, column}, c.out_channels, {}, inner, at);
  if (chain.weights != nullptr) {
    if (!there_) there_ = std::make_unique<Winograd>(c.shape.dense());
    there_->weight_gradient(z_.data(), padded_.row, inner, at, chain.weights->pointwise());
  }
  if (!wants_input) return;
  const Pixels to{padded_.height, padded_.width, std::ptrdiff_t{padded_.width} * in_channels_, in_channels_};
  if (gz_.empty()) gz_.resize(static_cast<std::size_t>(to.height * to.row));
  if (!back_) back_ = std::make_unique<Winograd>(DenseShape{c.shape.out_channels, c.shape.channels});
  back_->convolve(g_.data(), row, c.weights.transposed.data(), gz_.data(), to, !first);
}

// Of the pointwise weights; those of the taps come when the gradient of d is there.
void Chains::pointwise_gradient(const One& c, const float* gradient, ChainGradients& weights) {
  if (shape_.kernel > 0) {
    if (d_.empty()) d_.resize(static_cast<std::size_t>(out_.height * out_.row));
    depthwise_rows(c.depthwise, z_.data() + c.corner, padded_.row, c.weights.depthwise.data(), d_.data(), out_, 0, out_.height, false);
  }
  multiply({shape_.channels, c.out_channels, out_.height * out_.width, shape_.kernel > 0 ? d_.data() : z_.data(), 1, in_channels_, gradient, c.out_channels,
            weights.pointwise(), c.out_channels, true});
}

void Chains::add_input_gradient(const One& c, bool first) {
  const Pixels at{padded_.height, padded_.width, std::ptrdiff_t{padded_.width} * in_channels_, in_channels_};
  if (gz_.empty()) gz_.resize(static_cast<std::size_t>(at.height * at.row));
  const Depthwise reverse{in_channels_, c.shape.kernel, 1, c.shape.dilation};
  depthwise_rows(reverse, g_.data() + c.corner, padded_.row, c.weights.reversed.data(), gz_.data(), at, 0, at.height, !first);
}

void Chains::store_input_gradient(const float* x, const ChainsBackward& wanted) {
  const bool pointwise = shape_.kernel == 0;
  if (pointwise && shape_.stride > 1) std::fill_n(wanted.input_gradient, size_of(shape_.height * shape_.width, shape_.channels), 0.0f);
  GradientSums sums{};
  if (wanted.sums != nullptr) sums = {x, wanted.sums->mean, wanted.sums->sum, wanted.sums->product};
  const Pixels at{padded_.height, padded_.width, std::ptrdiff_t{padded_.width} * in_channels_, in_channels_};
  store_gradient(pointwise ? g_.data() : gz_.data(), pointwise ? out_ : at, shape_.rectify ? z_.data() + pad_ * (padded_.row + padded_.column) : nullptr, padded_,
                 shape_.channels, wanted.input_gradient, plain_, wanted.sums != nullptr ? &sums : nullptr);
}

void Chains::backward(const float* x, const ChainsBackward& wanted) {
  load(x);
  bool first = true;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const ChainBackward& chain = wanted.chains[i];
    if (chain.gradient == nullptr) continue;
    const One c = one(i);
    const float* gradient = aligned_gradient(c, chain);
    if (shape_.is_dense) {
      dense_gradient(c, gradient, chain, wanted.input_gradient != nullptr, first);
      first = false;
      continue;
    }
    if (chain.weights != nullptr && c.shape.out_channels > 0) pointwise_gradient(c, gradient, *chain.weights);
    if (shape_.kernel == 0 && wanted.input_gradient == nullptr) continue;
    if (g_.empty()) g_.resize(static_cast<std::size_t>((padded_.height + 2 * pad_) * padded_.row));
    spread_gradient(c, gradient);
    if (shape_.kernel > 0 && chain.weights != nullptr)
      depthwise_weight_gradient(c.depthwise, z_.data() + c.corner, padded_.row, g_.data() + pad_ * (padded_.row + padded_.column),
                                {out_.height, out_.width, shape_.stride * padded_.row, shape_.stride * padded_.column}, chain.weights->depthwise());
    if (shape_.kernel > 0 && wanted.input_gradient != nullptr) add_input_gradient(c, first);
    first = false;
  }
  if (wanted.input_gradient != nullptr) store_input_gradient(x, wanted);
}

}  // namespace netwright
