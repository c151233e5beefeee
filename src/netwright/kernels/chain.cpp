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

// The gradient of what does not convolve.
void add_gradient(const ChainBackward& chain, const ChainShape& s, float* to) {
  const std::ptrdiff_t pixels = std::ptrdiff_t{s.out_height()} * s.out_width();
  if (chain.by != nullptr) affine_gradient(chain.slice(), chain.value, *chain.by, pixels, s.channels, to, true);
  else if (chain.column != s.channels) add_slice(chain.slice(), pixels, s.channels, to);
  else add_values(chain.gradient, static_cast<std::size_t>(s.result_size()), to);
}

// What all convolutions have in common.
const ChainShape& common(const std::vector<ChainShape>& shapes) {
  const auto found = std::find_if(shapes.begin(), shapes.end(), [](const ChainShape& s) { return s.convolves(); });
  return found == shapes.end() ? shapes[0] : *found;
}

}  // namespace

// What whole vectors of y's channels leave, where a product of those few rows takes less than one more vector for each row of the whole.
int turned_channels(const ChainShape& s) {
  const int left = s.out_channels % vector_lanes();
  return !s.is_dense && left * (padded_channels(s.channels) / vector_lanes()) < s.channels ? left : 0;
}

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

std::size_t ChainGradients::size(const ChainShape& s) {
  const auto in = static_cast<std::size_t>(padded_channels(s.channels)), out = static_cast<std::size_t>(padded_channels(s.out_channels));
  return s.is_dense ? static_cast<std::size_t>(s.dense().points_size()) : static_cast<std::size_t>(s.taps()) * in + in * out;
}

ChainGradients::ChainGradients(const ChainShape& s, float* place) : sums(place), taps(size_of(s.taps(), padded_channels(s.channels))) {}

void ChainGradients::unpack(const ChainShape& s, float* depthwise_gradient, float* pointwise_gradient) const {
  const int in = padded_channels(s.channels), out = padded_channels(s.out_channels), window = s.taps();
  if (s.is_dense) return winograd_unpack(s.dense(), sums, pointwise_gradient);
  for (int c = 0; c < s.channels && depthwise_gradient != nullptr; ++c)
    for (int t = 0; t < window; ++t) depthwise_gradient[size_of(c, window) + t] = sums[size_of(t, in) + c];
  if (pointwise_gradient == nullptr) return;
  const int straight = s.out_channels - s.turned, row = s.turned > 0 ? straight : out;
  for (int o = 0; o < straight; ++o)
    for (int i = 0; i < s.channels; ++i) pointwise_gradient[size_of(o, s.channels) + i] = sums[taps + size_of(i, row) + o];
  for (int o = 0; o < s.turned; ++o) std::copy_n(sums + taps + size_of(in, row) + size_of(o, in), s.channels, pointwise_gradient + size_of(straight + o, s.channels));
}

struct Chains::One {
  const ChainShape& shape;
  const ChainWeights& weights;
  Depthwise depthwise;
  int out_channels;                        // padded
  std::ptrdiff_t corner;                   // from the widest pad's first zero to this one's
  std::size_t index;
};

Chains::One Chains::one(std::size_t i) const {
  const ChainShape& s = shapes_[i];
  return {s, weights_[i], {in_channels_, s.kernel, s.stride, s.dilation}, padded_channels(s.out_channels), (pad_ - s.pad()) * (padded_.row + padded_.column), i};
}

Chains::Chains(const std::vector<ChainShape>& shapes, const std::vector<ChainWeights>& weights, const Load& load)
    : shapes_(shapes), weights_(weights), load_(load), shape_(common(shapes)), in_channels_(padded_channels(shapes[0].channels)), there_(shapes.size()), back_(shapes.size()) {
  bool all = false, dense = false;
  convolves_ = shape_.convolves();
  for (const auto& s : shapes) {
    if (!s.convolves()) continue;
    pad_ = std::max(pad_, s.pad()), widest_ = std::max(widest_, padded_channels(s.result_channels()));
    all = all || s.kernel > 0 || s.offset > 0, dense = dense || s.is_dense;
  }
  // Without windows only the pixels that the stride takes are ever loaded.
  const int height = all ? shape_.height : shape_.out_height(), width = all ? shape_.width : shape_.out_width(), step = all ? 1 : shape_.stride;
  // Tiles of a dense convolution read on where sizes are odd.
  const std::ptrdiff_t column = in_channels_, row = column * ((dense ? covered_pixels(width) : width) + 2 * pad_);
  padded_ = {height, width, row, column};
  plain_ = {height, width, step * std::ptrdiff_t{shape_.width} * shape_.channels, step * std::ptrdiff_t{shape_.channels}};
  out_ = {shape_.out_height(), shape_.out_width(), std::ptrdiff_t{shape_.out_width()} * column, column};
  inner_ = {height, width, std::ptrdiff_t{width} * column, column};
  // A product reads x itself where nothing is done to it on the way.
  direct_ = !all && shape_.stride == 1 && !shape_.rectify && load.scale == nullptr;
  if (direct_) padded_ = plain_;
  else if (convolves_) z_.resize(static_cast<std::size_t>(row * ((dense ? covered_pixels(height) : height) + 2 * pad_)));
}

float* Chains::inside(Floats& padded) const { return padded.data() + pad_ * (padded_.row + padded_.column); }

void Chains::load(const float* x) {
  if (!direct_) load_pixels(x, plain_, shape_.channels, load_, inside(z_), padded_);
  read_ = direct_ ? x : inside(z_);
}

float* Chains::room(Scratch& buffer, std::ptrdiff_t count) {
  if (buffer.empty()) buffer.resize(static_cast<std::size_t>(count));
  return buffer.data();
}

Winograd& Chains::winograd(std::unique_ptr<Winograd>& place, const DenseShape& shape) {
  if (!place) place = std::make_unique<Winograd>(shape);
  return *place;
}

void Chains::dense_forward(const One& c, float* y) {
  const int channels = c.shape.out_channels, pixels = out_.height * out_.width;
  const bool direct = c.out_channels == channels;
  float* to = direct ? y : room(y_, std::ptrdiff_t{pixels} * widest_);
  winograd(there_[c.index], c.shape.dense())
      .convolve(z_.data() + c.corner, padded_.row, c.weights.pointwise.data(), to, {out_.height, out_.width, std::ptrdiff_t{out_.width} * c.out_channels, c.out_channels}, false);
  if (!direct) store_pixels(to, {1, pixels, 0, c.out_channels}, channels, y, {1, pixels, 0, channels});
}

// One product where rows lie one behind the other, else one a row: of pixels of `a` and `c`, or of `a` and `b` where the sum is over pixels.
void Chains::multiply_rows(Product product, int rows, int width, bool over_pixels) {
  const bool whole = product.a_next == width * (over_pixels ? product.a_column : product.a_row) && (!over_pixels || product.b_next == width * product.b_row);
  (over_pixels ? product.k : product.m) = whole ? rows * width : width;
  product.count = whole ? 1 : rows, product.upcoming = &upcoming_;
  multiply(product);
}

bool Chains::takes_some(const One& c) const { return c.shape.kernel == 0 && c.shape.stride > 1 && padded_.height == shape_.height && padded_.width == shape_.width; }

// y's rows [first, last); `d` points at row `first`, d_row floats lie between two.
void Chains::pointwise_forward(const One& c, const float* d, std::ptrdiff_t d_row, int first, int last, float* y) {
  const int channels = c.shape.out_channels;
  const std::ptrdiff_t step = takes_some(c) ? c.shape.stride : 1, row = std::ptrdiff_t{out_.width} * channels;
  multiply_rows({0, channels, shape_.channels, d, step * (direct_ ? shape_.channels : in_channels_), 1, c.weights.pointwise.data(), c.out_channels, y + first * row, channels,
                 false, 1, d_row, 0, row}, last - first, out_.width, false);
}

void Chains::rows_forward(const One& c, const ChainForward& wanted) {
  const int block = rows_a_block(out_.width, in_channels_), channels = c.shape.result_channels();
  const bool windows = c.shape.kernel > 0, through_scratch = c.shape.out_channels > 0 || in_channels_ != shape_.channels;
  float* scratch = windows && through_scratch ? room(d_, out_.height * out_.row) : nullptr;
  for (int first = 0; first < out_.height; first += block) {
    const int last = std::min(first + block, out_.height), pixels = (last - first) * out_.width;
    float* y = wanted.y + size_of(first * out_.width, channels);
    const std::ptrdiff_t step = takes_some(c) ? c.shape.stride : 1;
    const float* d = windows ? scratch : read_ + (first * step + c.shape.offset) * padded_.row + c.shape.offset * padded_.column;
    if (windows) {
      float* to = through_scratch ? scratch - first * out_.row : wanted.y;
      depthwise_rows(c.depthwise, z_.data() + c.corner, padded_.row, c.weights.depthwise.data(), to, out_, first, last, false, &upcoming_);
    }
    if (c.shape.out_channels > 0) pointwise_forward(c, d, windows ? out_.row : step * padded_.row, first, last, wanted.y);
    else if (through_scratch) store_pixels(d, {1, pixels, 0, in_channels_}, channels, y, {1, pixels, 0, channels});
    if (wanted.moments != nullptr) add_moments_packed(y, pixels, channels, *wanted.moments);
  }
}

// While chain i is computed: what the next one stores, and with the last one the next image.
void Chains::ask_for_next(const float* x, const std::vector<ChainForward>& wanted, std::size_t i) {
  upcoming_.clear();
  const std::ptrdiff_t image = std::ptrdiff_t{shape_.height} * shape_.width * shape_.channels;
  if (i + 1 < shapes_.size()) return upcoming_.add(wanted[i + 1].y, shapes_[i + 1].result_size());
  upcoming_.add(x + image, image);
  if (wanted[0].y != nullptr) upcoming_.add(wanted[0].y + shapes_[0].result_size(), shapes_[0].result_size());
}

void Chains::ask_for_next(const float* x, const ChainsBackward& wanted, std::size_t i) {
  upcoming_.clear();
  const std::ptrdiff_t image = std::ptrdiff_t{shape_.height} * shape_.width * shape_.channels;
  const auto add = [&](std::size_t of, std::ptrdiff_t behind) {
    const ChainBackward& chain = wanted.chains[of];
    const ChainShape& s = shapes_[of];
    if (chain.value != nullptr) upcoming_.add(chain.value + behind * s.result_size(), s.result_size());
    if (chain.gradient == nullptr) return;
    const std::ptrdiff_t channels = s.result_channels(), pixels = s.result_size() / channels;
    const float* gradient = chain.gradient + behind * pixels * chain.column;
    if (chain.column == channels) upcoming_.add(gradient, pixels * channels);
    else upcoming_.add_runs(gradient, pixels, channels, chain.column);
  };
  if (i + 1 < shapes_.size()) return add(i + 1, 0);
  for (std::size_t other = 0; other < shapes_.size(); ++other)
    if (shapes_[other].kind == ChainKind::same) add(other, 0);
  upcoming_.add(wanted.input_gradient, image);
  upcoming_.add(x + image, image);
  add(0, 1);
}

void Chains::forward(const float* x, const std::vector<ChainForward>& wanted) {
  if (convolves_) load(x);
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const One c = one(i);
    if (wanted[i].y == nullptr) continue;
    ask_for_next(x, wanted, i);
    if (c.shape.convolves() && !c.shape.is_dense) {
      rows_forward(c, wanted[i]);
      continue;
    }
    if (c.shape.is_dense) dense_forward(c, wanted[i].y);
    else pool_image(c.shape.pool(), x, wanted[i].y);
    if (wanted[i].moments != nullptr) add_moments_packed(wanted[i].y, c.shape.out_height() * c.shape.out_width(), c.shape.result_channels(), *wanted[i].moments);
  }
}

// The gradient of y, with padded channels, one pixel behind the other or to where it is asked for.
void Chains::put_gradient(const One& c, const ChainBackward& wanted, const Rows& rows, float* to, const Pixels& at) {
  const int channels = c.shape.result_channels();
  const std::ptrdiff_t pixels = rows.first * std::ptrdiff_t{out_.width};
  const Pixels from{rows.count(), out_.width, out_.width * wanted.column, wanted.column};
  const float* g = wanted.gradient + pixels * wanted.column;
  if (wanted.by != nullptr && wanted.by->b != nullptr) affine_pixels(g, from, wanted.value + pixels * channels, *wanted.by, channels, to, at);
  else load_pixels(g, from, channels, wanted.by == nullptr ? Load{} : Load{wanted.by->a, wanted.by->constant}, to, at);
}

const float* Chains::aligned_gradient(const One& c, const ChainBackward& wanted, const Rows& rows) {
  const int channels = c.shape.result_channels(), padded = padded_channels(channels);
  if (wanted.by == nullptr && channels == padded && channels == wanted.column) return wanted.gradient + rows.first * std::ptrdiff_t{out_.width} * channels;
  float* to = room(affine_, std::ptrdiff_t{out_.height} * out_.width * widest_);
  put_gradient(c, wanted, rows, to, {rows.count(), out_.width, std::ptrdiff_t{out_.width} * padded, padded});
  return to;
}

float* Chains::input_gradient() { return gx_ != nullptr ? gx_ : room(gz_, inner_.height * inner_.row); }

void Chains::dense_backward(const One& c, const ChainBackward& chain, bool wants_input, bool first) {
  const std::ptrdiff_t column = c.out_channels, row = column * (covered_pixels(out_.width) + 2), size = row * (covered_pixels(out_.height) + 2);
  const Pixels at{out_.height, out_.width, row, column};
  if (tiled_.size() != static_cast<std::size_t>(size)) tiled_.assign(static_cast<std::size_t>(size), 0.0f);
  float* inner = tiled_.data() + row + column;
  put_gradient(c, chain, {0, out_.height}, inner, at);
  if (chain.weights != nullptr) winograd(there_[c.index], c.shape.dense()).weight_gradient(z_.data() + c.corner, padded_.row, inner, at, chain.weights->pointwise());
  if (wants_input)
    winograd(back_[c.index], {c.shape.out_channels, c.shape.channels}).convolve(tiled_.data(), row, c.weights.transposed.data(), input_gradient(), inner_, !first);
}

// `d` is what the pointwise convolution read: of the depthwise one, or z itself.
void Chains::pointwise_gradient(const One& c, const float* gradient, const float* d, std::ptrdiff_t d_row, int rows, ChainGradients& weights) {
  const std::ptrdiff_t row = std::ptrdiff_t{out_.width} * c.out_channels, column = (takes_some(c) ? c.shape.stride : 1) * (direct_ ? shape_.channels : in_channels_);
  const int turned = c.shape.turned, straight = turned > 0 ? c.shape.out_channels - turned : c.out_channels;
  float* sums = weights.pointwise();
  multiply_rows({shape_.channels, straight, 0, d, 1, column, gradient, c.out_channels, sums, straight, true, 1, d_row, row, 0}, rows, out_.width, true);
  if (turned > 0)
    multiply_rows({turned, in_channels_, 0, gradient + straight, 1, c.out_channels, d, column, sums + size_of(in_channels_, straight), in_channels_, true, 1, row, d_row, 0},
                  rows, out_.width, true);
}

void Chains::pointwise_backward(const One& c, const ChainBackward& chain, bool wants_input, bool first) {
  const float* gradient = aligned_gradient(c, chain, {0, out_.height});
  const std::ptrdiff_t step = takes_some(c) ? c.shape.stride : 1, offset = c.shape.offset;
  if (chain.weights != nullptr) pointwise_gradient(c, gradient, read_ + offset * (padded_.row + padded_.column), step * padded_.row, out_.height, *chain.weights);
  if (!wants_input) return;
  if (step > 1) {
    // The pixels that it takes, between those that it does not.
    float* to = input_gradient();
    if (first) std::fill_n(to, inner_.height * inner_.row, 0.0f);
    multiply({out_.width, in_channels_, c.shape.out_channels, gradient, c.out_channels, 1, c.weights.transposed.data(), in_channels_,
              to + offset * (inner_.row + inner_.column), step * inner_.column, true, out_.height, std::ptrdiff_t{out_.width} * c.out_channels, 0, step * inner_.row, &upcoming_});
  } else {
    multiply({out_.height * out_.width, in_channels_, c.shape.out_channels, gradient, c.out_channels, 1, c.weights.transposed.data(), in_channels_,
              input_gradient(), in_channels_, !first, 1, 0, 0, 0, &upcoming_});
  }
}

// What rows of the gradient give, while they are in the first-level cache: the weights' gradients, and the gradient of d between the zeros that its
// stride left out.
void Chains::rows_backward(const One& c, const ChainBackward& chain, const Rows& rows) {
  const Pixels apart{rows.count(), out_.width, shape_.stride * padded_.row, shape_.stride * padded_.column};
  float* spread = inside(spread_) + rows.first * apart.row;
  if (c.shape.out_channels > 0) {
    const float* gradient = aligned_gradient(c, chain, rows);
    if (chain.weights != nullptr) {
      float* d = room(d_, out_.height * out_.row);
      depthwise_rows(c.depthwise, z_.data() + c.corner, padded_.row, c.weights.depthwise.data(), d - rows.first * out_.row, out_, rows.first, rows.last, false, &upcoming_);
      pointwise_gradient(c, gradient, d, out_.row, rows.count(), *chain.weights);
    }
    multiply({out_.width, in_channels_, c.shape.out_channels, gradient, c.out_channels, 1, c.weights.transposed.data(), in_channels_, spread, apart.column, false,
              rows.count(), std::ptrdiff_t{out_.width} * c.out_channels, 0, apart.row, &upcoming_});
  } else {
    put_gradient(c, chain, rows, spread, apart);
  }
  if (chain.weights != nullptr)
    depthwise_weight_gradient(c.depthwise, z_.data() + c.corner + rows.first * apart.row, padded_.row, spread, apart, chain.weights->depthwise());
}

void Chains::depthwise_backward(const One& c, const ChainBackward& chain, bool wants_input, bool first) {
  if (spread_.empty()) spread_.resize(static_cast<std::size_t>((padded_.height + 2 * pad_) * padded_.row));
  const int block = rows_a_block(out_.width, std::max(in_channels_, c.out_channels));
  for (int row = 0; row < out_.height; row += block) rows_backward(c, chain, {row, std::min(row + block, out_.height)});
  if (wants_input)
    depthwise_rows({in_channels_, c.shape.kernel, 1, c.shape.dilation}, spread_.data() + c.corner, padded_.row, c.weights.reversed.data(), input_gradient(), inner_,
                   0, inner_.height, !first, &upcoming_);
}

// `counts`: the norm's sums too.
void Chains::store_input_gradient(const float* x, const ChainsBackward& wanted, bool counts) {
  const bool skips = plain_.column > shape_.channels;
  if (skips) std::fill_n(wanted.input_gradient, size_of(shape_.height * shape_.width, shape_.channels), 0.0f);
  GradientSums sums{};
  if (counts) sums = {x, wanted.sums->mean, wanted.sums->sum, wanted.sums->product};
  store_gradient(gz_.data(), inner_, shape_.rectify ? inside(z_) : nullptr, padded_, shape_.channels, wanted.input_gradient, plain_,
                 counts ? &sums : nullptr);
}

// The gradients of all poolings like this one, which are one in forward too: added up, they are spread over the windows once.
void Chains::add_pooled(const float* x, const ChainsBackward& wanted, std::size_t first) {
  const ChainShape& s = shapes_[first];
  float* sum = room(pooled_, std::ptrdiff_t{shape_.height} * shape_.width * s.channels);
  std::fill_n(sum, s.result_size(), 0.0f);
  for (std::size_t i = first; i < shapes_.size(); ++i) {
    const ChainBackward& chain = wanted.chains[i];
    if (shapes_[i].kind != s.kind || shapes_[i].stride != s.stride || chain.gradient == nullptr) continue;
    add_gradient(chain, s, sum);
  }
  pool_image_gradient(s.pool(), x, sum, wanted.input_gradient);
}

// To an input gradient that is complete but for them.
void Chains::add_others(const float* x, const ChainsBackward& wanted) {
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const ChainShape& s = shapes_[i];
    const ChainBackward& chain = wanted.chains[i];
    const auto alike = [&](const ChainShape& other) { return other.kind == s.kind && other.stride == s.stride; };
    if (s.convolves()) continue;
    if (s.kind != ChainKind::same) {
      if (std::none_of(shapes_.begin(), shapes_.begin() + static_cast<std::ptrdiff_t>(i), alike)) add_pooled(x, wanted, i);
    } else if (chain.gradient != nullptr) {
      add_gradient(chain, s, wanted.input_gradient);
    }
  }
}

void Chains::backward(const float* x, const ChainsBackward& wanted) {
  if (convolves_) load(x);
  const bool wants_input = wanted.input_gradient != nullptr;
  bool first = true;
  gx_ = direct_ && in_channels_ == shape_.channels ? wanted.input_gradient : nullptr;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const ChainBackward& chain = wanted.chains[i];
    if (chain.gradient == nullptr || !shapes_[i].convolves()) continue;
    const One c = one(i);
    ask_for_next(x, wanted, i);
    if (c.shape.is_dense) dense_backward(c, chain, wants_input, first);
    else if (c.shape.kernel == 0) pointwise_backward(c, chain, wants_input, first);
    else depthwise_backward(c, chain, wants_input, first);
    first = false;
  }
  if (!wants_input) return;
  // What others add is to be counted with the rest.
  const std::ptrdiff_t pixels = std::ptrdiff_t{shape_.height} * shape_.width;
  const bool counts = wanted.sums != nullptr, alone = std::all_of(shapes_.begin(), shapes_.end(), [](const ChainShape& s) { return s.convolves(); });
  if (first) std::fill_n(wanted.input_gradient, pixels * shape_.channels, 0.0f);
  else if (gx_ == nullptr) store_input_gradient(x, wanted, counts && alone);
  add_others(x, wanted);
  if (counts && !alone) sum_products({wanted.input_gradient, shape_.channels}, {{x, wanted.sums->mean, wanted.sums->product}}, pixels, shape_.channels, wanted.sums->sum);
}

}  // namespace netwright
