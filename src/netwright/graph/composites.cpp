#include "netwright/graph/composites.hpp"

#include <algorithm>
#include <cmath>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

Value norm(Builder& b, Value x, bool affine) { return affine ? b.add("batch_norm", x, {}, "bn") : b.add("batch_norm", x, {{"affine", 0}}, "bn"); }

Attributes window(const ConvOptions& o, const Attribute& channels, Int groups) {
  Attributes attributes{{"kernel", o.kernel}};
  if (channels != Attribute{Int{0}}) attributes["channels"] = channels;
  if (o.stride != 1) attributes["stride"] = o.stride;
  if (o.dilation != 1) attributes["dilation"] = o.dilation;
  if (groups != 1) attributes["groups"] = groups;
  return attributes;
}

Value pointwise(Builder& b, Value x, const Attribute& channels, std::string_view name) {
  Attributes attributes{{"kernel", 1}};
  if (channels != Attribute{Int{0}}) attributes["channels"] = channels;
  return b.add("conv", x, std::move(attributes), name);
}

Value depthwise_round(Builder& b, Value x, const Attribute& channels, const ConvOptions& o) {
  x = b.add("relu", x, {}, "relu");
  x = b.add("conv", x, window(o, Int{0}, 0), "depthwise");
  x = pointwise(b, x, channels, "pointwise");
  return norm(b, x, o.affine);
}

}  // namespace

Value relu_conv_bn(Builder& b, Value x, const Attribute& channels, const ConvOptions& o) {
  x = b.add("relu", x, {}, "relu");
  x = b.add("conv", x, window(o, channels, o.groups), "conv");
  return norm(b, x, o.affine);
}

Value conv_bn(Builder& b, Value x, const Attribute& channels, const ConvOptions& o) {
  x = b.add("conv", x, window(o, channels, o.groups), "conv");
  x = norm(b, x, o.affine);
  return o.activation.empty() ? x : b.add(o.activation, x, {}, "act");
}

Value sep_conv(Builder& b, Value x, const Attribute& channels, const ConvOptions& o) {
  x = depthwise_round(b, x, Int{0}, o);
  ConvOptions second = o;
  second.stride = 1;
  return depthwise_round(b, x, channels, second);
}

Value dil_conv(Builder& b, Value x, const Attribute& channels, const ConvOptions& o) {
  ConvOptions dilated = o;
  dilated.dilation = std::max<Int>(2, o.dilation);
  return depthwise_round(b, x, channels, dilated);
}

Value factorized_reduce(Builder& b, Value x, Int channels, bool affine) {
  if (channels % 2 != 0) throw UsageError("factorized_reduce: " + std::to_string(channels) + " channels are not even");
  x = b.add("relu", x, {}, "relu");
  const Value first = b.add("conv", x, {{"kernel", 1}, {"stride", 2}, {"channels", channels / 2}}, "conv_1");
  const Value moved = b.add("shift", x, {{"offset", 1}}, "shift");
  const Value second = b.add("conv", moved, {{"kernel", 1}, {"stride", 2}, {"channels", channels / 2}}, "conv_2");
  return norm(b, b.add("concat", std::vector<Value>{first, second}, {}, "concat"), affine);
}

Value squeeze_excite(Builder& b, Value x, const Attribute& bottleneck, const std::string& activation, const std::string& gate, const Attribute& channels,
                     const std::string& reduce, const std::string& restore) {
  const Attribute width = channels == Attribute{Int{0}} ? Attribute{b.channels(x)} : channels;
  Value s = b.add("global_pool", x, {}, "se.pool");
  s = b.add("conv", s, {{"kernel", 1}, {"channels", bottleneck}, {"bias", 1}}, reduce);
  s = b.add(activation, s, {}, "se.act");
  s = b.add("conv", s, {{"kernel", 1}, {"channels", width}, {"bias", 1}}, restore);
  s = b.add(gate, s, {}, "se.gate");
  return b.add("multiply", std::vector<Value>{x, s}, {}, "se.scale");
}

namespace {

Value named_norm(Builder& b, Value x, const MbconvOptions& o, const std::string& name) {
  Attributes attributes;
  if (!o.affine) attributes["affine"] = Int{0};
  if (o.epsilon != 1e-5) attributes["epsilon"] = o.epsilon;
  if (o.momentum != 0.1) attributes["momentum"] = o.momentum;
  return b.add("batch_norm", x, std::move(attributes), name);
}

Value grouped_pointwise(Builder& b, Value x, const Attribute& channels, const MbconvOptions& o, const std::string& name, const std::string& norm_name) {
  Attributes attributes{{"kernel", 1}};
  if (channels != Attribute{Int{0}}) attributes["channels"] = channels;
  if (o.groups != 1) attributes["groups"] = o.groups;
  if (o.bias) attributes["bias"] = Int{1};
  return named_norm(b, b.add("conv", x, std::move(attributes), name), o, norm_name);
}

Value mbconv_depthwise(Builder& b, Value x, const Attribute& channels, const MbconvOptions& o) {
  Attributes attributes{{"kernel", o.kernel}, {"groups", 0}};
  // Where no expansion layer came before, an open width is said here: what follows must know it.
  if (std::holds_alternative<Open>(channels)) attributes["channels"] = channels;
  if (o.stride != 1) attributes["stride"] = o.stride;
  if (o.bias) attributes["bias"] = Int{1};
  if (o.kernel_transform) attributes["kernel_transform"] = Int{1};
  x = named_norm(b, b.add("conv", x, std::move(attributes), o.names.depthwise), o, o.names.depthwise_norm);
  return b.add(o.activation, x, {}, "act");
}

}  // namespace

Value mbconv(Builder& b, Value x, const Attribute& channels, const MbconvOptions& o) {
  const Value start = x;
  const auto* fixed = std::get_if<Int>(&o.expanded);
  const bool wider = fixed == nullptr || (*fixed != 0 && *fixed != b.channels(x));
  const bool expands = o.expansion == Expansion::always || (wider && o.expansion == Expansion::where_wider);
  if (expands) {
    x = grouped_pointwise(b, x, o.expanded, o, o.names.expand, o.names.expand_norm);
    x = b.add(o.activation, x, {}, "act");
    if (o.groups != 1) x = b.add("channel_shuffle", x, {{"groups", o.groups}}, "shuffle");
  }
  x = mbconv_depthwise(b, x, o.expansion == Expansion::never ? o.expanded : Attribute{Int{0}}, o);
  if (o.squeeze != Attribute{Int{0}})
    x = squeeze_excite(b, x, o.squeeze, o.squeeze_activation, o.gate, wider ? o.expanded : Attribute{Int{0}}, o.names.reduce, o.names.restore);
  if (o.groups != 1 && !expands) x = b.add("channel_shuffle", x, {{"groups", o.groups}}, "shuffle");
  x = grouped_pointwise(b, x, channels, o, o.names.project, o.names.project_norm);
  if (!o.residual || o.stride != 1 || b.shape(start) != b.shape(x)) return x;
  if (o.drop_path > 0) x = b.add("drop_path", x, {{"rate", o.drop_path}});
  return b.add("add", std::vector<Value>{start, x}, {}, "residual");
}

Value classifier(Builder& b, Value x, Int classes, double dropout) {
  x = b.add("global_pool", x, {}, "pool");
  x = b.add("flatten", x, {}, "flatten");
  if (dropout > 0) x = b.add("dropout", x, {{"rate", dropout}});
  return b.add("linear", x, {{"features", classes}}, "classifier");
}

Int make_divisible(double n, Int divisor) {
  const auto rounded = std::max<Int>(divisor, static_cast<Int>(n + static_cast<double>(divisor) / 2) / divisor * divisor);
  return static_cast<double>(rounded) < 0.9 * n ? rounded + divisor : rounded;
}

}  // namespace netwright
