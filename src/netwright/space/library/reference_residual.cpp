// Networks of full convolutions: ResNet and its wide and grouped relatives, DenseNet, VGG.
#include "netwright/core/error.hpp"
#include "netwright/space/library/modules.hpp"
#include "netwright/space/library/reference.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

std::string at(const std::string& prefix, Int number) { return prefix + "." + std::to_string(number); }

Value stem_pool(Builder& b, Value x, const char* name) { return b.add("max_pool", x, {{"kernel", 3}, {"stride", 2}, {"padding", 1}}, name); }

// ---- ResNet ----

struct Residual {
  std::vector<Int> depths;
  bool bottleneck = false;
  Int groups = 1;
  Int group_width = 64;   // of a bottleneck's 3x3 at 64 planes
};

constexpr Int kBottleneckGrowth = 4;

Value shortcut(Builder& b, Value x, const std::string& name, Int channels, Int stride) {
  if (stride == 1 && b.channels(x) == channels) return x;
  return conv_norm(b, x, {.conv = name + ".downsample.0", .norm = name + ".downsample.1", .channels = channels, .kernel = 1, .stride = stride, .activation = ""});
}

Value basic_block(Builder& b, Value x, const std::string& name, Int planes, Int stride) {
  Value y = conv_norm(b, x, {.conv = name + ".conv1", .norm = name + ".bn1", .channels = planes, .stride = stride});
  y = conv_norm(b, y, {.conv = name + ".conv2", .norm = name + ".bn2", .channels = planes, .activation = ""});
  y = b.add("add", std::vector<Value>{y, shortcut(b, x, name, planes, stride)}, {}, name + ".sum");
  return b.add("relu", y, {}, name + ".relu");
}

// The stride is in the 3x3, as in torchvision; the paper has it in the first 1x1.
Value bottleneck(Builder& b, Value x, const std::string& name, Int planes, Int stride, const Residual& r) {
  const Int width = planes * r.group_width / 64 * r.groups, out = planes * kBottleneckGrowth;
  Value y = conv_norm(b, x, {.conv = name + ".conv1", .norm = name + ".bn1", .channels = width, .kernel = 1});
  y = conv_norm(b, y, {.conv = name + ".conv2", .norm = name + ".bn2", .channels = width, .stride = stride, .groups = r.groups});
  y = conv_norm(b, y, {.conv = name + ".conv3", .norm = name + ".bn3", .channels = out, .kernel = 1, .activation = ""});
  y = b.add("add", std::vector<Value>{y, shortcut(b, x, name, out, stride)}, {}, name + ".sum");
  return b.add("relu", y, {}, name + ".relu");
}

Graph residual_network(const Residual& r, const NetworkOptions& options) {
  Builder b;
  Value x = b.input(options.input);
  x = conv_norm(b, x, {.conv = "conv1", .norm = "bn1", .channels = 64, .kernel = 7, .stride = 2});
  x = stem_pool(b, x, "maxpool");
  for (std::size_t stage = 0; stage < r.depths.size(); ++stage) {
    const Int planes = Int{64} << stage;
    for (Int block = 0; block < r.depths[stage]; ++block) {
      const std::string name = at("layer" + std::to_string(stage + 1), block);
      const Int stride = stage > 0 && block == 0 ? 2 : 1;
      x = r.bottleneck ? bottleneck(b, x, name, planes, stride, r) : basic_block(b, x, name, planes, stride);
    }
  }
  return b.finish({named_classifier(b, x, options.classes, 0, "fc")});
}

ReferenceNetwork residual(const char* name, const char* paper, Residual r) {
  return {name, paper, [r](const NetworkOptions& options) { return residual_network(r, options); }};
}

// ---- DenseNet ----

struct Dense {
  std::vector<Int> depths;
  Int growth = 32;
  Int stem = 64;
};

// Every layer reads all before it and adds `growth` channels.
Value dense_layer(Builder& b, Value x, const std::string& name, Int growth) {
  constexpr Int kBottleneck = 4;
  Value y = norm_relu(b, x, name + ".norm1", name + ".relu1");
  y = b.add("conv", y, {{"kernel", 1}, {"channels", kBottleneck * growth}}, name + ".conv1");
  y = norm_relu(b, y, name + ".norm2", name + ".relu2");
  y = b.add("conv", y, {{"kernel", 3}, {"channels", growth}}, name + ".conv2");
  return b.add("concat", std::vector<Value>{x, y}, {}, name + ".cat");
}

Value transition(Builder& b, Value x, const std::string& name) {
  const Int half = b.channels(x) / 2;
  x = norm_relu(b, x, name + ".norm", name + ".relu");
  x = b.add("conv", x, {{"kernel", 1}, {"channels", half}}, name + ".conv");
  return b.add("avg_pool", x, {{"kernel", 2}, {"stride", 2}, {"padding", 0}}, name + ".pool");
}

Graph dense_network(const Dense& d, const NetworkOptions& options) {
  Builder b;
  Value x = b.input(options.input);
  x = conv_norm(b, x, {.conv = "features.conv0", .norm = "features.norm0", .channels = d.stem, .kernel = 7, .stride = 2});
  x = stem_pool(b, x, "features.pool0");
  for (std::size_t block = 1; block <= d.depths.size(); ++block) {
    const std::string number = std::to_string(block);
    for (Int layer = 1; layer <= d.depths[block - 1]; ++layer)
      x = dense_layer(b, x, "features.denseblock" + number + ".denselayer" + std::to_string(layer), d.growth);
    if (block < d.depths.size()) x = transition(b, x, "features.transition" + number);
  }
  x = norm_relu(b, x, "features.norm5", "relu");
  return b.finish({named_classifier(b, x, options.classes, 0, "classifier")});
}

ReferenceNetwork dense(const char* name, Dense d) {
  return {name, "Huang et al. 2017, arXiv 1608.06993", [d](const NetworkOptions& options) { return dense_network(d, options); }};
}

// ---- VGG ----

struct Vgg {
  std::vector<Int> depths;   // convolutions before each of the five poolings
  bool norm = false;
};

// To 7x7, the size that the first linear layer was made for.
Value pool_to_seven(Builder& b, Value x) {
  constexpr Int kSide = 7;
  const Shape shape = b.shape(x);
  if (shape[1] != shape[2] || shape[1] % kSide != 0)
    throw UsageError("vgg: the input's side must be a multiple of 224; this one gives " + to_string(shape) + " where the linear layers begin");
  const Int window = shape[1] / kSide;
  return window == 1 ? x : b.add("avg_pool", x, {{"kernel", window}, {"stride", window}, {"padding", 0}}, "avgpool");
}

Value vgg_classifier(Builder& b, Value x, Int classes) {
  constexpr Int kHidden = 4096;
  x = b.add("flatten", pool_to_seven(b, x), {}, "flatten");
  for (const Int layer : {0, 3}) {
    x = b.add("linear", x, {{"features", kHidden}}, at("classifier", layer));
    x = b.add("relu", x, {}, at("classifier", layer + 1));
    x = b.add("dropout", x, {{"rate", 0.5}}, at("classifier", layer + 2));
  }
  return b.add("linear", x, {{"features", classes}}, "classifier.6");
}

Graph vgg_network(const Vgg& v, const NetworkOptions& options) {
  constexpr Int kWidths[] = {64, 128, 256, 512, 512};
  Builder b;
  Value x = b.input(options.input);
  Int number = 0;
  for (std::size_t stage = 0; stage < v.depths.size(); ++stage) {
    for (Int i = 0; i < v.depths[stage]; ++i) {
      x = b.add("conv", x, {{"kernel", 3}, {"channels", kWidths[stage]}, {"bias", 1}}, at("features", number++));
      if (v.norm) x = b.add("batch_norm", x, {}, at("features", number++));
      x = b.add("relu", x, {}, at("features", number++));
    }
    x = b.add("max_pool", x, {{"kernel", 2}, {"stride", 2}, {"padding", 0}}, at("features", number++));
  }
  return b.finish({vgg_classifier(b, x, options.classes)});
}

ReferenceNetwork vgg(const char* name, Vgg v) {
  return {name, "Simonyan and Zisserman 2015, arXiv 1409.1556", [v](const NetworkOptions& options) { return vgg_network(v, options); }};
}

}  // namespace

std::vector<ReferenceNetwork> residual_references() {
  const char *he = "He et al. 2016, arXiv 1512.03385", *xie = "Xie et al. 2017, arXiv 1611.05431", *wide = "Zagoruyko and Komodakis 2016, arXiv 1605.07146";
  return {
      residual("resnet18", he, {.depths = {2, 2, 2, 2}}),
      residual("resnet34", he, {.depths = {3, 4, 6, 3}}),
      residual("resnet50", he, {.depths = {3, 4, 6, 3}, .bottleneck = true}),
      residual("resnet101", he, {.depths = {3, 4, 23, 3}, .bottleneck = true}),
      residual("resnet152", he, {.depths = {3, 8, 36, 3}, .bottleneck = true}),
      residual("resnext50_32x4d", xie, {.depths = {3, 4, 6, 3}, .bottleneck = true, .groups = 32, .group_width = 4}),
      residual("resnext101_32x8d", xie, {.depths = {3, 4, 23, 3}, .bottleneck = true, .groups = 32, .group_width = 8}),
      residual("wide_resnet50_2", wide, {.depths = {3, 4, 6, 3}, .bottleneck = true, .group_width = 128}),
      residual("wide_resnet101_2", wide, {.depths = {3, 4, 23, 3}, .bottleneck = true, .group_width = 128}),
      dense("densenet121", {.depths = {6, 12, 24, 16}}),
      dense("densenet161", {.depths = {6, 12, 36, 24}, .growth = 48, .stem = 96}),
      dense("densenet169", {.depths = {6, 12, 32, 32}}),
      dense("densenet201", {.depths = {6, 12, 48, 32}}),
      vgg("vgg11", {.depths = {1, 1, 2, 2, 2}}),
      vgg("vgg11_bn", {.depths = {1, 1, 2, 2, 2}, .norm = true}),
      vgg("vgg13", {.depths = {2, 2, 2, 2, 2}}),
      vgg("vgg13_bn", {.depths = {2, 2, 2, 2, 2}, .norm = true}),
      vgg("vgg16", {.depths = {2, 2, 3, 3, 3}}),
      vgg("vgg16_bn", {.depths = {2, 2, 3, 3, 3}, .norm = true}),
      vgg("vgg19", {.depths = {2, 2, 4, 4, 4}}),
      vgg("vgg19_bn", {.depths = {2, 2, 4, 4, 4}, .norm = true}),
  };
}

}  // namespace netwright
