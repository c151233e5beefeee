// Networks of depthwise convolutions: MobileNetV2 and V3, MnasNet, ShuffleNetV2.
#include "netwright/space/library/modules.hpp"
#include "netwright/space/library/reference.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

std::string at(const std::string& prefix, Int number) { return prefix + "." + std::to_string(number); }

Int eighths(double width) { return make_divisible(width); }

// ---- MobileNetV2 ----

Graph mobilenet_v2(const NetworkOptions& options) {
  struct Stage {
    Int expansion, channels, repeats, stride;
  };
  constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  Builder b;
  Value x = b.input(options.input);
  x = conv_norm(b, x, {.conv = "features.0.0", .norm = "features.0.1", .channels = 32, .stride = 2, .activation = "relu6"});
  Int number = 1;
  for (const auto& stage : stages)
    for (Int i = 0; i < stage.repeats; ++i) {
      const std::string prefix = at("features", number++) + ".conv";
      x = mbconv(b, x, stage.channels,
                 {.stride = i == 0 ? stage.stride : 1, .expanded = b.channels(x) * stage.expansion, .names = flat_ended_names(prefix, stage.expansion != 1)});
    }
  const std::string last = at("features", number);
  x = conv_norm(b, x, {.conv = last + ".0", .norm = last + ".1", .channels = 1280, .kernel = 1, .activation = "relu6"});
  return b.finish({named_classifier(b, x, options.classes, 0.2, "classifier.1")});
}

// ---- MobileNetV3 ----

struct V3Block {
  Int kernel, expanded, channels;
  bool squeeze;
  const char* activation;
  Int stride;
};

struct V3 {
  std::vector<V3Block> blocks;
  Int hidden;   // of the classifier
};

// torchvision's V3 has other batch norm constants than its other networks.
constexpr double kV3Epsilon = 1e-3, kV3Momentum = 0.01;

ConvNorm v3_conv(const std::string& name, Int channels, Int kernel, Int stride) {
  return {.conv = name + ".0", .norm = name + ".1", .channels = channels, .kernel = kernel, .stride = stride, .activation = "hard_swish", .epsilon = kV3Epsilon, .momentum = kV3Momentum};
}

Value v3_block(Builder& b, Value x, const std::string& prefix, const V3Block& block) {
  const bool expands = block.expanded != b.channels(x);
  return mbconv(b, x, block.channels,
                {.kernel = block.kernel,
                 .stride = block.stride,
                 .expanded = block.expanded,
                 .squeeze = block.squeeze ? eighths(static_cast<double>(block.expanded) / 4) : 0,
                 .activation = block.activation,
                 .gate = "hard_sigmoid",
                 .epsilon = kV3Epsilon,
                 .momentum = kV3Momentum,
                 .names = paired_names(prefix, expands, block.squeeze)});
}

Graph mobilenet_v3(const V3& network, const NetworkOptions& options) {
  Builder b;
  Value x = conv_norm(b, b.input(options.input), v3_conv("features.0", 16, 3, 2));
  Int number = 1;
  for (const auto& block : network.blocks) x = v3_block(b, x, at("features", number++) + ".block", block);
  x = conv_norm(b, x, v3_conv(at("features", number), 6 * b.channels(x), 1, 1));
  x = b.add("flatten", b.add("global_pool", x, {}, "avgpool"), {}, "flatten");
  x = b.add("linear", x, {{"features", network.hidden}}, "classifier.0");
  x = b.add("hard_swish", x, {}, "classifier.1");
  x = b.add("dropout", x, {{"rate", 0.2}}, "classifier.2");
  return b.finish({b.add("linear", x, {{"features", options.classes}}, "classifier.3")});
}

const V3& v3_large() {
  static const V3 network{{{3, 16, 16, false, "relu", 1},
                           {3, 64, 24, false, "relu", 2},
                           {3, 72, 24, false, "relu", 1},
                           {5, 72, 40, true, "relu", 2},
                           {5, 120, 40, true, "relu", 1},
                           {5, 120, 40, true, "relu", 1},
                           {3, 240, 80, false, "hard_swish", 2},
                           {3, 200, 80, false, "hard_swish", 1},
                           {3, 184, 80, false, "hard_swish", 1},
                           {3, 184, 80, false, "hard_swish", 1},
                           {3, 480, 112, true, "hard_swish", 1},
                           {3, 672, 112, true, "hard_swish", 1},
                           {5, 672, 160, true, "hard_swish", 2},
                           {5, 960, 160, true, "hard_swish", 1},
                           {5, 960, 160, true, "hard_swish", 1}},
                          1280};
  return network;
}

const V3& v3_small() {
  static const V3 network{{{3, 16, 16, true, "relu", 2},
                           {3, 72, 24, false, "relu", 2},
                           {3, 88, 24, false, "relu", 1},
                           {5, 96, 40, true, "hard_swish", 2},
                           {5, 240, 40, true, "hard_swish", 1},
                           {5, 240, 40, true, "hard_swish", 1},
                           {5, 120, 48, true, "hard_swish", 1},
                           {5, 144, 48, true, "hard_swish", 1},
                           {5, 288, 96, true, "hard_swish", 2},
                           {5, 576, 96, true, "hard_swish", 1},
                           {5, 576, 96, true, "hard_swish", 1}},
                          1024};
  return network;
}

// ---- MnasNet-B1 at a width ----

constexpr double kMnasMomentum = 3e-4;

ConvNorm mnas_conv(Int number, Int channels, Int kernel, Int stride, Int groups, const char* activation) {
  return {.conv = at("layers", number), .norm = at("layers", number + 1), .channels = channels, .kernel = kernel, .stride = stride, .groups = groups, .activation = activation, .momentum = kMnasMomentum};
}

Graph mnasnet(double width, const NetworkOptions& options) {
  struct Stack {
    Int channels, kernel, stride, expansion, repeats;
  };
  constexpr Stack stacks[] = {{24, 3, 2, 3, 3}, {40, 5, 2, 3, 3}, {80, 5, 2, 6, 3}, {96, 3, 1, 6, 2}, {192, 5, 2, 6, 4}, {320, 3, 1, 6, 1}};
  Builder b;
  Value x = b.input(options.input);
  const auto scaled = [width](Int channels) { return eighths(width * static_cast<double>(channels)); };
  x = conv_norm(b, x, mnas_conv(0, scaled(32), 3, 2, 1, "relu"));
  x = conv_norm(b, x, mnas_conv(3, 0, 3, 1, 0, "relu"));
  x = conv_norm(b, x, mnas_conv(6, scaled(16), 1, 1, 1, ""));
  Int number = 8;
  for (const auto& stack : stacks) {
    for (Int i = 0; i < stack.repeats; ++i)
      x = mbconv(b, x, scaled(stack.channels),
                 {.kernel = stack.kernel, .stride = i == 0 ? stack.stride : 1, .expanded = b.channels(x) * stack.expansion, .activation = "relu",
                  .momentum = kMnasMomentum, .names = spaced_names(at(at("layers", number), i) + ".layers")});
    ++number;
  }
  x = conv_norm(b, x, mnas_conv(number, 1280, 1, 1, 1, "relu"));
  return b.finish({named_classifier(b, x, options.classes, 0.2, "classifier.1")});
}

// ---- ShuffleNetV2 ----

Value shuffle_main(Builder& b, Value x, const std::string& name, Int channels, Int stride) {
  x = conv_norm(b, x, {.conv = name + ".0", .norm = name + ".1", .channels = channels, .kernel = 1});
  x = conv_norm(b, x, {.conv = name + ".3", .norm = name + ".4", .stride = stride, .groups = 0, .activation = ""});
  return conv_norm(b, x, {.conv = name + ".5", .norm = name + ".6", .channels = channels, .kernel = 1});
}

Value shuffle_block(Builder& b, Value x, const std::string& name, Int channels, Int stride) {
  const Int half = channels / 2;
  Value kept, worked = x;
  if (stride == 1) {
    kept = b.add("slice", x, {{"offset", 0}, {"channels", half}}, name + ".first_half");
    worked = b.add("slice", x, {{"offset", half}, {"channels", half}}, name + ".second_half");
  } else {
    kept = conv_norm(b, x, {.conv = name + ".branch1.0", .norm = name + ".branch1.1", .stride = stride, .groups = 0, .activation = ""});
    kept = conv_norm(b, kept, {.conv = name + ".branch1.2", .norm = name + ".branch1.3", .channels = half, .kernel = 1});
  }
  worked = shuffle_main(b, worked, name + ".branch2", half, stride);
  x = b.add("concat", std::vector<Value>{kept, worked}, {}, name + ".cat");
  return b.add("channel_shuffle", x, {}, name + ".shuffle");
}

Graph shufflenet_v2(const std::vector<Int>& widths, const NetworkOptions& options) {
  constexpr Int kRepeats[] = {4, 8, 4};
  Builder b;
  Value x = b.input(options.input);
  x = conv_norm(b, x, {.conv = "conv1.0", .norm = "conv1.1", .channels = widths[0], .stride = 2});
  x = b.add("max_pool", x, {{"kernel", 3}, {"stride", 2}, {"padding", 1}}, "maxpool");
  for (std::size_t stage = 0; stage < 3; ++stage)
    for (Int i = 0; i < kRepeats[stage]; ++i) x = shuffle_block(b, x, at("stage" + std::to_string(stage + 2), i), widths[stage + 1], i == 0 ? 2 : 1);
  x = conv_norm(b, x, {.conv = "conv5.0", .norm = "conv5.1", .channels = widths[4], .kernel = 1});
  return b.finish({named_classifier(b, x, options.classes, 0, "fc")});
}

ReferenceNetwork mnasnet_of(const char* name, double width) {
  return {name, "Tan et al. 2019, arXiv 1807.11626", [width](const NetworkOptions& options) { return mnasnet(width, options); }};
}

ReferenceNetwork shufflenet_of(const char* name, std::vector<Int> widths) {
  return {name, "Ma et al. 2018, arXiv 1807.11164", [widths = std::move(widths)](const NetworkOptions& options) { return shufflenet_v2(widths, options); }};
}

}  // namespace

std::vector<ReferenceNetwork> mobile_references() {
  const char* v3 = "Howard et al. 2019, arXiv 1905.02244";
  return {
      {"mobilenet_v2", "Sandler et al. 2018, arXiv 1801.04381", mobilenet_v2},
      {"mobilenet_v3_large", v3, [](const NetworkOptions& options) { return mobilenet_v3(v3_large(), options); }},
      {"mobilenet_v3_small", v3, [](const NetworkOptions& options) { return mobilenet_v3(v3_small(), options); }},
      mnasnet_of("mnasnet0_5", 0.5),
      mnasnet_of("mnasnet0_75", 0.75),
      mnasnet_of("mnasnet1_0", 1.0),
      mnasnet_of("mnasnet1_3", 1.3),
      shufflenet_of("shufflenet_v2_x0_5", {24, 48, 96, 192, 1024}),
      shufflenet_of("shufflenet_v2_x1_0", {24, 116, 232, 464, 1024}),
      shufflenet_of("shufflenet_v2_x1_5", {24, 176, 352, 704, 1024}),
      shufflenet_of("shufflenet_v2_x2_0", {24, 244, 488, 976, 2048}),
  };
}

}  // namespace netwright
