// A small hand-made residual family: the honest baseline of every search.
//
// Stem conv 3x3 - BN - ReLU; three stages of n basic blocks (conv 3x3 - BN - ReLU - conv 3x3 - BN, plus the input, ReLU) with widths
// w, 2w, 4w, stride 2 at the start of stages two and three; global average pooling and one linear layer. 6n + 2 layers.
// Decisions: width w, depth n. n = 3, w = 16 is ResNet-20: 269,722 + 2,752 parameters at 3x32x32 and 10 classes.
// Source: He, Zhang, Ren, Sun 2016, arXiv 1512.03385, section 4.2.
// Departure: where the shape changes, the shortcut is a 1x1 convolution with batch norm (the paper's option B) and not padding by zeros.
#include "netwright/space/library/resnet.hpp"

#include <algorithm>

#include "netwright/graph/composites.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

const std::vector<Int>& depths() {
  static const std::vector<Int> list = {1, 2, 3, 5, 7, 9};
  return list;
}

Open width_times(Int factor) {
  Open open{"width", {4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64}};
  for (Int& value : open.values) {
    open.names.push_back(std::to_string(value));
    value *= factor;
  }
  return open;
}

Value basic_block(Builder& b, Value x, const Open& width, bool changes, Int stride) {
  Value y = conv_bn(b, x, width, {.kernel = 3, .stride = stride});
  y = conv_bn(b, y, width, {.kernel = 3, .activation = ""});
  if (changes) {
    const auto scope = b.scope("shortcut");
    x = conv_bn(b, x, width, {.kernel = 1, .stride = stride, .activation = ""});
  }
  return b.add("relu", b.add("add", std::vector<Value>{x, y}, {}, "residual"), {}, "act_out");
}

// All depths share their first blocks; the decision picks where the stage ends.
Value stage(Builder& b, Value x, Int number) {
  const Open width = width_times(Int{1} << number);
  std::vector<Value> ends;
  std::vector<std::string> names;
  const auto scope = b.scope("stage" + std::to_string(number));
  for (Int block = 0; block < depths().back(); ++block) {
    const bool first = number > 0 && block == 0;
    {
      const auto inner = b.scope("block" + std::to_string(block));
      x = basic_block(b, x, width, first, first ? 2 : 1);
    }
    if (std::find(depths().begin(), depths().end(), block + 1) == depths().end()) continue;
    ends.push_back(x);
    names.push_back(std::to_string(block + 1));
  }
  return b.select("depth", ends, {.name = "depth", .names = names});
}

Graph network(const NetworkOptions& options) {
  Builder b;
  Value x = b.input(options.input);
  {
    const auto scope = b.scope("stem");
    x = conv_bn(b, x, width_times(1), {.kernel = 3});
  }
  for (Int number = 0; number < 3; ++number) x = stage(b, x, number);
  return b.finish({classifier(b, x, options.classes)});
}

}  // namespace

std::unique_ptr<Space> make_resnet() {
  return make_space({.info = {.name = "resnet",
                              .title = "hand-made residual networks of 6n + 2 layers and any width",
                              .paper = "He et al. 2016, arXiv 1512.03385",
                              .traits = {"chain", "open"}},
                     .build = network});
}

}  // namespace netwright
