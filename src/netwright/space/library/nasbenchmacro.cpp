// NAS-Bench-Macro: eight layers, each the identity or one of two inverted residuals.
//
// Stem conv 3x3 - BN - ReLU of 32 channels; stages of 2, 3 and 3 layers with 64, 128 and 256 channels, the first layer of each with
// stride 2; 1x1 convolution to 1280 - BN - ReLU; global average pooling and a linear layer. Where the shape changes the identity is
// a 1x1 convolution with the stride and batch norm. Printed as eight digits, "22212220": 0 identity, 1 kernel 3 expansion 3, 2 kernel 5 expansion 6.
// At 3x32x32 and 10 classes 00000000 has 387,882 parameters and 7,713,280 multiply-accumulates, 22222222 2,932,586 and 105,660,928.
// Source: Su et al. 2021, arXiv 2103.11922, and its released table.
#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/library/builtin.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

constexpr Int kStages[] = {2, 3, 3};
constexpr std::size_t kLayers = 8;

std::string layer_name(std::size_t i) { return "layer" + std::to_string(i + 1); }

Body inverted_residual(Int channels, Int stride, Int kernel, Int expansion, bool affine) {
  return [=](Builder& b, Value x) {
    return mbconv(b, x, channels, {.kernel = kernel, .stride = stride, .expanded = expansion * b.channels(x), .affine = affine, .activation = "relu"});
  };
}

Body identity(Int channels, Int stride, bool affine) {
  return [=](Builder& b, Value x) {
    if (stride == 1 && b.channels(x) == channels) return b.add("identity", x);
    return conv_bn(b, x, channels, {.kernel = 1, .stride = stride, .affine = affine, .activation = ""});
  };
}

Graph build(const SpaceInfo& info, const NetworkOptions& options) {
  Builder b;
  Value x = b.input(options.input);
  const bool affine = !options.search;
  const auto convolution = [&](Int channels, Int kernel, const std::string& name) {
    const auto scope = b.scope(name);
    x = conv_bn(b, x, channels, {.kernel = kernel});
  };
  Int channels = integer_setting(info, options, "channels");
  convolution(channels, 3, "stem");
  std::size_t layer = 0;
  for (const Int layers : kStages) {
    channels *= 2;
    for (Int i = 0; i < layers; ++i, ++layer) {
      const Int stride = i == 0 ? 2 : 1;
      x = b.choice(layer_name(layer), x,
                   {{"identity", identity(channels, stride, affine)},
                    {"mb_3x3_e3", inverted_residual(channels, stride, 3, 3, affine)},
                    {"mb_5x5_e6", inverted_residual(channels, stride, 5, 6, affine)}},
                   layer_name(layer));
    }
  }
  convolution(integer_setting(info, options, "head"), 1, "head");
  return b.finish({classifier(b, x, options.classes)});
}

Architecture parsed(const DecisionTree& tree, std::string_view text) {
  const std::string digits = trim(text);
  if (digits.find('=') != std::string::npos || digits.starts_with('{')) return parse(tree, text);
  Architecture architecture;
  for (const char digit : digits) {
    if (digit < '0' || digit > '2') throw UsageError("nasbenchmacro: '" + digits + "' holds '" + std::string(1, digit) + "'; a layer is 0, 1 or 2");
    architecture.picks.push_back(digit - '0');
  }
  if (digits.size() != kLayers) throw UsageError("nasbenchmacro: '" + digits + "' has " + std::to_string(digits.size()) + " digits; the space has eight layers, as 22212220");
  return architecture;
}

}  // namespace

std::unique_ptr<Space> make_nasbenchmacro() {
  SpaceInfo info{.name = "nasbenchmacro",
                 .title = "eight layers, each the identity or one of two inverted residuals",
                 .paper = "Su et al. 2021, arXiv 2103.11922",
                 .traits = {"chain", "open", "uniform"},
                 .settings = {{"channels", "32", "channels of the stem; doubled in each stage"}, {"head", "1280", "channels of the last convolution"}}};
  return make_space({.info = info,
                     .build = [info](const NetworkOptions& options) { return build(info, options); },
                     .print =
                         [](const DecisionTree& tree, const Architecture& a) {
                           std::string digits;
                           for (std::size_t i = 0; i < kLayers; ++i) digits += std::to_string(a.picks.at(static_cast<std::size_t>(tree.find(layer_name(i)))));
                           return digits;
                         },
                     .parse = parsed});
}

}  // namespace netwright
