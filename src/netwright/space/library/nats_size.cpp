// The size space of NATS-Bench: one fixed cell in the skeleton of NAS-Bench-201, five widths to choose.
//
// Layers: stem and cell of width 1, residual block (stride 2) of width 2, cell of width 3, residual block of width 4, cell of width 5;
// batch norm, ReLU, global average pooling, a linear layer. The cell is |nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+
// |skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|; where the width changes inside a cell its skip is a 1x1 convolution and batch norm.
// Printed as "64:64:64:64:64". Source: Dong, Liu, Musial, Gabrys 2021, arXiv 2009.00437, and its released code.
#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/closed_form.hpp"
#include "netwright/space/library/builtin.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

constexpr std::size_t kLayers = 5;

const std::vector<std::string>& widths() {
  static const std::vector<std::string> list = {"8", "16", "24", "32", "40", "48", "56", "64"};
  return list;
}

Value convolution(Builder& b, Value x, Int channels, const std::string& name, Int stride = 1) {
  const auto scope = b.scope(name, "nor_conv_3x3");
  return relu_conv_bn(b, x, channels, {.kernel = 3, .stride = stride});
}

Value cell(Builder& b, Value input, Int channels) {
  const Value first = convolution(b, input, channels, "1<-0");
  const Value second = b.add("add", std::vector<Value>{convolution(b, input, channels, "2<-0"), convolution(b, first, channels, "2<-1")}, {}, "node2");
  Value skip = input;
  {
    const auto scope = b.scope("3<-0", "skip_connect");
    skip = b.channels(input) == channels ? b.add("identity", input) : conv_bn(b, input, channels, {.kernel = 1, .activation = ""});
  }
  return b.add("add", std::vector<Value>{skip, convolution(b, first, channels, "3<-1"), convolution(b, second, channels, "3<-2")}, {}, "node3");
}

// Two ReLU-conv-BN, the first with stride 2, beside a 2x2 average pooling and a 1x1 convolution without batch norm.
Value residual_block(Builder& b, Value x, Int channels) {
  const Value deep = convolution(b, convolution(b, x, channels, "conv_a", 2), channels, "conv_b");
  const auto scope = b.scope("downsample");
  Value short_cut = b.add("avg_pool", x, {{"kernel", 2}, {"stride", 2}, {"padding", 0}}, "pool");
  short_cut = b.add("conv", short_cut, {{"kernel", 1}, {"channels", channels}}, "conv");
  return b.add("add", std::vector<Value>{short_cut, deep}, {}, "sum");
}

Graph build(const Architecture& architecture, const NetworkOptions& options) {
  Builder b;
  Value x = b.input(options.input);
  for (std::size_t layer = 0; layer < kLayers; ++layer) {
    const Int channels = std::stoll(widths()[static_cast<std::size_t>(architecture.picks[layer])]);
    if (layer == 0) {
      const auto scope = b.scope("stem");
      x = conv_bn(b, x, channels, {.kernel = 3, .activation = ""});
    }
    const bool reduces = layer % 2 == 1;
    const auto scope = b.scope("layer" + std::to_string(layer + 1), reduces ? "residual block" : "cell");
    x = reduces ? residual_block(b, x, channels) : cell(b, x, channels);
  }
  x = b.add("batch_norm", x, {}, "last_bn");
  x = b.add("relu", x, {}, "last_relu");
  return b.finish({classifier(b, x, options.classes)});
}

std::string printed(const Architecture& architecture) {
  std::vector<std::string> parts;
  for (const auto pick : architecture.picks) parts.push_back(widths().at(static_cast<std::size_t>(pick)));
  return join(parts, ":");
}

Architecture parsed(std::string_view text) {
  const auto parts = split(trim(text), ':');
  if (parts.size() != kLayers) throw UsageError("nats_size: '" + std::string(text) + "' has " + std::to_string(parts.size()) + " widths; five are needed, as 64:64:64:64:64");
  Architecture architecture;
  for (const auto& part : parts) {
    const auto found = std::find(widths().begin(), widths().end(), part);
    if (found == widths().end()) throw UsageError("nats_size: width '" + part + "' is not among " + join(widths(), ", "));
    architecture.picks.push_back(found - widths().begin());
  }
  return architecture;
}

}  // namespace

std::unique_ptr<Space> make_nats_size() {
  std::vector<Decision> layers;
  for (std::size_t i = 1; i <= kLayers; ++i) layers.push_back({.name = "width" + std::to_string(i), .kind = Kind::ordinal, .choices = widths()});
  return make_space(ClosedForm{.info = {.name = "nats_size",
                                        .title = "a fixed cell in five layers of 8 widths each",
                                        .paper = "Dong et al. 2021, arXiv 2009.00437",
                                        .traits = {"chain", "uniform"}},
                               .decisions = DecisionTree(std::move(layers)),
                               .reason = "a cell's skip is the identity where two widths happen to be equal and a convolution where not, which no single decision picks",
                               .build = build,
                               .print = printed,
                               .parse = parsed,
                               .is_own_text = [](std::string_view text) { return text.find_first_of("={") == std::string_view::npos; }});
}

}  // namespace netwright
