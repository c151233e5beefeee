#include "netwright/space/library/modules.hpp"

namespace netwright {

using Int = std::int64_t;

Value conv_norm(Builder& b, Value x, const ConvNorm& o) {
  Attributes attributes{{"kernel", o.kernel}};
  if (o.channels != Attribute{Int{0}}) attributes["channels"] = o.channels;
  if (o.stride != 1) attributes["stride"] = o.stride;
  if (o.groups != 1) attributes["groups"] = o.groups;
  if (o.bias) attributes["bias"] = Int{1};
  x = b.add("conv", x, std::move(attributes), o.conv);
  Attributes norm;
  if (o.epsilon != 1e-5) norm["epsilon"] = o.epsilon;
  if (o.momentum != 0.1) norm["momentum"] = o.momentum;
  x = b.add("batch_norm", x, std::move(norm), o.norm);
  return o.activation.empty() ? x : b.add(o.activation, x, {}, o.norm + ".act");
}

Value norm_relu(Builder& b, Value x, const std::string& norm, const std::string& relu) {
  return b.add("relu", b.add("batch_norm", x, {}, norm), {}, relu);
}

MbconvNames paired_names(const std::string& prefix, bool expands, bool squeezes) {
  int number = 0;
  const auto next = [&] { return prefix + "." + std::to_string(number++); };
  MbconvNames names;
  const auto pair = [&](std::string& conv, std::string& norm) {
    const std::string part = next();
    conv = part + ".0";
    norm = part + ".1";
  };
  if (expands) pair(names.expand, names.expand_norm);
  pair(names.depthwise, names.depthwise_norm);
  if (squeezes) {
    const std::string part = next();
    names.reduce = part + ".fc1";
    names.restore = part + ".fc2";
  }
  pair(names.project, names.project_norm);
  return names;
}

MbconvNames flat_ended_names(const std::string& prefix, bool expands) {
  MbconvNames names = paired_names(prefix, expands, false);
  const int last = expands ? 2 : 1;
  names.project = prefix + "." + std::to_string(last);
  names.project_norm = prefix + "." + std::to_string(last + 1);
  return names;
}

MbconvNames spaced_names(const std::string& prefix) {
  const auto at = [&](int number) { return prefix + "." + std::to_string(number); };
  return {.expand = at(0), .expand_norm = at(1), .depthwise = at(3), .depthwise_norm = at(4), .project = at(6), .project_norm = at(7)};
}

Value named_classifier(Builder& b, Value x, Int classes, double dropout, const std::string& linear) {
  x = b.add("flatten", b.add("global_pool", x, {}, "avgpool"), {}, "flatten");
  if (dropout > 0) x = b.add("dropout", x, {{"rate", dropout}}, "dropout");
  return b.add("linear", x, {{"features", classes}}, linear);
}

}  // namespace netwright
