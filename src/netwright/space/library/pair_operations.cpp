// The operations of pairwise cells.
#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/library/pair_cells.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Write = std::function<Value(Builder&, Value, PairPlace)>;

constexpr Int kBottleneck = 4;  // convolutions wider than 1x1 work on a quarter of the channels

Value norm(Builder& b, Value x) { return b.add("batch_norm", x, {}, "bn"); }

Value relu_conv_bn(Builder& b, Value x, Attributes attributes, std::string_view name) {
  x = b.add("relu", x, {}, "relu");
  return norm(b, b.add("conv", x, std::move(attributes), name));
}

Value pointwise(Builder& b, Value x, PairPlace place) {
  return relu_conv_bn(b, x, {{"kernel", 1}, {"stride", place.stride}, {"channels", place.channels}}, "pointwise");
}

Value identity(Builder& b, Value x, PairPlace place) {
  return place.stride == 1 && b.channels(x) == place.channels ? b.add("identity", x, {}, "identity") : pointwise(b, x, place);
}

// One row and column more before some windows, and one less behind them.
Value lead(Builder& b, Value x, bool cropped) { return cropped ? b.add("pad", x, {}, "lead") : x; }
Value crop(Builder& b, Value x, bool cropped) { return cropped ? b.add("pad", x, {{"pixels", -1}}, "crop") : x; }

Write pool(const char* op, Int kernel) {
  return [op, kernel](Builder& b, Value x, PairPlace place) {
    const bool cropped = place.cropped && place.stride == 2;
    x = b.add(op, lead(b, x, cropped), {{"kernel", kernel}, {"stride", place.stride}, {"padding", (kernel - 1) / 2}}, "pool");
    x = crop(b, x, cropped);
    if (b.channels(x) == place.channels) return x;
    x = b.add("conv", x, {{"kernel", 1}, {"channels", place.channels}}, "pointwise");
    return norm(b, x);
  };
}

// Two by two, where the size is halved. Of an odd size the outermost upper and left pixels stand alone in their windows, where TensorFlow
// leaves the lower and right ones alone.
Value halving_max_pool(Builder& b, Value x, PairPlace place) {
  if (place.stride != 2) throw UsageError("max_pool_2x2 halves the size: it may only read the two inputs of a reduction cell");
  const Int padding = b.shape(x).at(1) % 2;
  x = b.add("max_pool", x, {{"kernel", 2}, {"stride", 2}, {"padding", padding}}, "pool");
  return b.channels(x) == place.channels ? x : norm(b, b.add("conv", x, {{"kernel", 1}, {"channels", place.channels}}, "pointwise"));
}

Write separable(Int kernel, Int dilation, int rounds) {
  return [=](Builder& b, Value x, PairPlace place) {
    for (int round = 0; round < rounds; ++round) {
      const bool cropped = place.cropped && round == 0;
      x = lead(b, b.add("relu", x, {}, "relu"), cropped);
      Attributes window{{"kernel", kernel}, {"groups", 0}};
      if (dilation != 1) window["dilation"] = dilation;
      if (round == 0 && place.stride != 1) window["stride"] = place.stride;
      x = b.add("conv", x, std::move(window), "depthwise");
      x = norm(b, crop(b, b.add("conv", x, {{"kernel", 1}, {"channels", place.channels}}, "pointwise"), cropped));
    }
    return x;
  };
}

// 1x1 to a quarter, the given windows, 1x1 back; ReLU before and batch norm behind each.
Write bottleneck(std::vector<std::pair<Int, Int>> windows) {
  return [windows = std::move(windows)](Builder& b, Value x, PairPlace place) {
    const Int inner = std::max<Int>(1, place.channels / kBottleneck);
    x = relu_conv_bn(b, x, {{"kernel", 1}, {"channels", inner}}, "reduce");
    const bool cropped = place.cropped && place.stride == 2;
    x = lead(b, x, cropped);
    for (const auto& [height, width] : windows) {
      // Each of a factorized pair strides along its own direction.
      const bool tall = windows.size() == 1 || height > width, wide = windows.size() == 1 || width > height;
      x = relu_conv_bn(
          b, x,
          {{"kernel", height}, {"kernel_w", width}, {"stride", tall ? place.stride : Int{1}}, {"stride_w", wide ? place.stride : Int{1}}, {"channels", inner}},
          "conv_" + std::to_string(height) + "x" + std::to_string(width));
    }
    return relu_conv_bn(b, crop(b, x, cropped), {{"kernel", 1}, {"channels", place.channels}}, "restore");
  };
}

const std::vector<PairOperation>& known_operations() {
  static const std::vector<PairOperation> list = {
      {"identity", identity, false},
      {"conv_1x3_3x1", bottleneck({{1, 3}, {3, 1}})},
      {"conv_1x7_7x1", bottleneck({{1, 7}, {7, 1}})},
      {"dil_conv_3x3", separable(3, 2, 1)},
      {"avg_pool_3x3", pool("avg_pool", 3)},
      {"max_pool_2x2", halving_max_pool},
      {"max_pool_3x3", pool("max_pool", 3)},
      {"max_pool_5x5", pool("max_pool", 5)},
      {"max_pool_7x7", pool("max_pool", 7)},
      {"conv_1x1", pointwise},
      {"conv_3x3", bottleneck({{3, 3}})},
      {"sep_conv_3x3", separable(3, 1, 2)},
      {"sep_conv_5x5", separable(5, 1, 2)},
      {"sep_conv_7x7", separable(7, 1, 2)},
  };
  return list;
}

}  // namespace

std::vector<PairOperation> pair_operations(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const auto& entry : known_operations()) known.push_back(entry.name);
  std::vector<PairOperation> list;
  for (const auto& name : names) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) throw UsageError("there is no cell operation '" + name + "'" + name_hint(name, known));
    list.push_back(known_operations()[static_cast<std::size_t>(found - known.begin())]);
  }
  return list;
}

}  // namespace netwright
