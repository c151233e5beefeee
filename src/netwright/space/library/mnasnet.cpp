#include "netwright/space/library/mnasnet.hpp"

#include <algorithm>

#include "netwright/core/names.hpp"
#include "netwright/space/library/beyond.hpp"
#include "netwright/space/library/mobile_blocks.hpp"
#include "netwright/space/library/modules.hpp"
#include "netwright/space/library/mapped.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

struct Base {
  Int channels, layers, stride;
};
constexpr Base kBlocks[] = {{24, 2, 2}, {32, 3, 2}, {64, 4, 2}, {96, 3, 1}, {160, 3, 2}};
constexpr Int kStem = 32, kFirst = 16, kLast = 320, kHead = 1280;

// A value and its channels, which are open behind a searched block.
struct Flow {
  Value value;
  Attribute channels;
};

struct Layer {
  std::string block;      // its decisions are "block.op", "block.kernel", ...
  Attribute input, output;
  Int stride;

  std::string decision(const char* name) const { return block + "." + name; }
  Open kernel() const { return {decision("kernel"), {3, 5}}; }
  bool same_shape() const { return stride == 1 && input == output; }
};

// A convolution with batch norm and an activation; depthwise where `groups` is 0.
Value convolve(Builder& b, Value x, const Layer& layer, const Attribute& channels, Int groups, bool strided) {
  Attributes attributes{{"kernel", layer.kernel()}, {"channels", channels}};
  if (groups != 1) attributes["groups"] = groups;
  if (strided && layer.stride != 1) attributes["stride"] = layer.stride;
  x = b.add("batch_norm", b.add("conv", x, std::move(attributes), "conv"), {}, "bn");
  return b.add("relu", x, {}, "act");
}

// Squeeze-excite or none, on a value of `channels`; the bottleneck is a quarter of the layer's input.
Value maybe_squeeze(Builder& b, Value x, const Layer& layer, const Attribute& channels) {
  const Attribute bottleneck = mapped(layer.input, [](Int c) { return std::max<Int>(1, c / 4); });
  return b.choice(layer.decision("se"), x,
                  {{"none", [](Builder& inner, Value v) { return inner.add("identity", v); }},
                   {"se0.25", [=](Builder& inner, Value v) { return squeeze_excite(inner, v, bottleneck, "relu", "sigmoid", channels); }}},
                  "se");
}

Value plain_conv(Builder& b, Value x, const Layer& layer) {
  return maybe_squeeze(b, convolve(b, x, layer, layer.output, 1, true), layer, layer.output);
}

Value pointwise(Builder& b, Value x, const Attribute& channels, const char* name) {
  x = b.add("conv", x, {{"kernel", 1}, {"channels", channels}}, name);
  return b.add("batch_norm", x, {}, std::string(name) + "_bn");
}

Value separable(Builder& b, Value x, const Layer& layer) {
  x = maybe_squeeze(b, convolve(b, x, layer, layer.input, 0, true), layer, layer.input);
  return pointwise(b, x, layer.output, "project");
}

Value inverted(Builder& b, Value x, const Layer& layer, Int expansion) {
  const Attribute expanded = mapped(layer.input, [&](Int c) { return c * expansion; });
  x = b.add("relu", pointwise(b, x, expanded, "expand"), {}, "expand_act");
  x = maybe_squeeze(b, convolve(b, x, layer, expanded, 0, true), layer, expanded);
  return pointwise(b, x, layer.output, "project");
}

Value no_skip(Builder& b, Value x, const Layer& layer) {
  Attributes attributes{{"channels", layer.output}};
  if (layer.stride != 1) attributes["stride"] = layer.stride;
  return b.add("zero", x, std::move(attributes), "zero");
}

Value identity_skip(Builder& b, Value x, const Layer& layer) { return layer.same_shape() ? b.add("identity", x) : no_skip(b, x, layer); }

Value pool_skip(Builder& b, Value x, const Layer& layer) {
  x = b.add("avg_pool", x, {{"kernel", 3}, {"stride", layer.stride}}, "pool");
  return layer.same_shape() ? x : pointwise(b, x, layer.output, "project");
}

Value write_layer(Builder& b, Value x, const Layer& layer) {
  const auto body = [layer](auto write) { return [layer, write](Builder& inner, Value v) { return write(inner, v, layer); }; };
  const auto expanding = [layer](Int expansion) { return [=](Builder& inner, Value v) { return inverted(inner, v, layer, expansion); }; };
  const Value worked = b.choice(layer.decision("op"), x, {{"conv", body(plain_conv)}, {"sep", body(separable)}, {"mbconv3", expanding(3)}, {"mbconv6", expanding(6)}}, "op");
  const Value skipped = b.choice(layer.decision("skip"), x, {{"none", body(no_skip)}, {"identity", body(identity_skip)}, {"pool", body(pool_skip)}}, "skip");
  return b.add("add", std::vector<Value>{worked, skipped}, {}, "sum");
}

Open filters(const std::string& block, Int channels) {
  Open open{.decision = block + ".filters", .values = {}, .names = {"0.75", "1.0", "1.25"}};
  for (const double factor : {0.75, 1.0, 1.25}) open.values.push_back(make_divisible(factor * static_cast<double>(channels)));
  return open;
}

Flow write_block(Builder& b, Flow x, const Base& base, const std::string& name) {
  std::vector<Value> ends;
  const Attribute channels = filters(name, base.channels);
  for (Int i = 0; i < base.layers + 1; ++i) {
    const auto scope = b.scope(name + ".layer" + std::to_string(i + 1));
    x = {write_layer(b, x.value, {name, x.channels, channels, i == 0 ? base.stride : 1}), channels};
    if (i + 1 >= base.layers - 1) ends.push_back(x.value);
  }
  x.value = b.select(name + ".layers", ends, {.name = name + ".layers", .names = {"-1", "0", "1"}});
  return x;
}

Graph build(const NetworkOptions& options) {
  Builder b;
  Value start = conv_norm(b, b.input(options.input), {.conv = "stem.conv", .norm = "stem.bn", .channels = kStem, .stride = 2});
  {
    const auto scope = b.scope("first");
    start = mbconv(b, start, kFirst, {.activation = "relu"});
  }
  Flow x{start, kFirst};
  int number = 0;
  for (const auto& base : kBlocks) x = write_block(b, x, base, "block" + std::to_string(++number));
  {
    const auto scope = b.scope("last");
    constexpr Int kExpansion = 6;
    const Attribute expanded = mapped(x.channels, [](Int c) { return c * kExpansion; });
    x.value = mbconv(b, x.value, kLast, {.expanded = expanded, .activation = "relu", .residual = false});
  }
  x.value = conv_norm(b, x.value, {.conv = "head.conv", .norm = "head.bn", .channels = kHead, .kernel = 1});
  return b.finish({named_classifier(b, x.value, options.classes, 0.2, "classifier")});
}

bool is_block_strings(std::string_view text) {
  const std::string trimmed = trim(text);
  return trimmed.starts_with('[') || (trimmed.starts_with('r') && trimmed.find('_') != std::string::npos && trimmed.find('=') == std::string::npos);
}

}  // namespace

std::unique_ptr<Space> make_mnasnet() {
  const SpaceInfo info{.name = "mnasnet",
                       .title = "five blocks of equal layers: operation, kernel, squeeze-excite, skip, filters, number",
                       .paper = "Tan et al. 2019, arXiv 1807.11626",
                       .traits = {"chain", "open", "uniform"},
                       .settings = {{"head", "1280", "channels before the pooling, of networks given as block strings"}},
                       .input = {3, 224, 224},
                       .classes = 1000};
  return extended(make_space(Template{.info = info, .build = build}), {.network = [info](std::string_view text, const NetworkOptions& options) -> std::optional<Graph> {
                    if (!is_block_strings(text)) return std::nullopt;
                    return mobile_network({.blocks = parse_mobile_blocks(text), .head = integer_setting(info, options, "head")}, options);
                  }});
}

}  // namespace netwright
