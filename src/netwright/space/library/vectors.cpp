// Spaces for data that are no images: rows of a table, and series.
#include "netwright/core/error.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/library/builtin.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

// ---- multilayer perceptron ----

constexpr Int kLayers = 5;

Value activation(Builder& b, Value x) {
  std::vector<BranchSpec> candidates;
  for (const std::string op : {"relu", "tanh", "gelu", "silu"}) candidates.push_back({op, [op](Builder& inner, Value v) { return inner.add(op, v); }});
  return b.choice("activation", x, candidates, "activation");
}

Graph perceptron(const SpaceInfo& info, const NetworkOptions& options) {
  Builder b;
  Value x = b.input(options.input);
  if (options.input.size() > 1) x = b.add("flatten", x, {}, "flatten");
  const std::string rate = setting(info, options, "dropout");
  const Int percent = integer_setting(info, options, "dropout", 0);
  if (percent < 0 || percent > 99) throw UsageError("mlp: dropout=" + rate + " is not 0 to 99 percent");
  std::vector<Value> ends;
  std::vector<std::string> names;
  for (Int layer = 1; layer <= kLayers; ++layer) {
    names.push_back(std::to_string(layer));
    const auto scope = b.scope("layer" + names.back());
    x = b.add("linear", x, {{"features", Open{"width" + names.back(), {16, 32, 64, 128, 256, 512}}}}, "linear");
    x = activation(b, x);
    if (percent > 0) x = b.add("dropout", x, {{"rate", static_cast<double>(percent) / 100}}, "dropout");
    ends.push_back(x);
  }
  x = b.select("depth", ends, {.name = "depth", .names = names});
  return b.finish({b.add("linear", x, {{"features", options.classes}}, "classifier")});
}

// ---- 1-D convolutions, as 2-D ones of height 1 ----

constexpr Int kStages = 3, kBlocks = 3;

Value window(Builder& b, Value x, const Attribute& channels, Int width, Int stride, bool affine) {
  Attributes attributes{{"kernel", 1}, {"kernel_w", width}, {"channels", channels}};
  if (stride != 1) attributes["stride_w"] = stride;
  x = b.add("conv", x, attributes, "conv");
  return b.add("batch_norm", x, affine ? Attributes{} : Attributes{{"affine", 0}}, "bn");
}

// Depthwise along the series, then across the channels.
Value separable(Builder& b, Value x, const Attribute& channels, Int width, bool affine) {
  x = b.add("conv", x, {{"kernel", 1}, {"kernel_w", width}, {"groups", 0}}, "depthwise");
  return window(b, x, channels, 1, 1, affine);
}

// Candidates of a block that keeps its width; the residual sum stands around all of them.
Value block(Builder& b, Value x, const Attribute& channels, const std::string& decision, bool affine) {
  const auto convolution = [=](Int width) {
    return [=](Builder& inner, Value v) { return window(inner, v, channels, width, 1, affine); };
  };
  const Value y = b.choice(decision, x,
                           {{"conv_3", convolution(3)},
                            {"conv_7", convolution(7)},
                            {"sep_conv_15", [=](Builder& inner, Value v) { return separable(inner, v, channels, 15, affine); }},
                            {"max_pool_3", [](Builder& inner, Value v) { return inner.add("max_pool", v, {{"kernel", 1}, {"kernel_w", 3}}); }}},
                           "op");
  return b.add("relu", b.add("add", std::vector<Value>{x, y}, {}, "residual"), {}, "act");
}

Open width_times(const std::string& decision, Int base) {
  Open open{decision, {base / 2, base, 2 * base}};
  open.names = {"half", "one", "double"};
  return open;
}

Value stage(Builder& b, Value x, Int number, Int base, bool affine) {
  const std::string name = "stage" + std::to_string(number);
  const auto scope = b.scope(name);
  const Attribute channels = width_times(name + ".width", base << (number - 1));
  {
    const auto inner = b.scope("reduce");
    x = b.add("relu", window(b, x, channels, 3, 2, affine), {}, "act");
  }
  std::vector<Value> ends;
  std::vector<std::string> names;
  for (Int i = 1; i <= kBlocks; ++i) {
    const auto inner = b.scope("block" + std::to_string(i));
    x = block(b, x, channels, name + ".block" + std::to_string(i), affine);
    ends.push_back(x);
    names.push_back(std::to_string(i));
  }
  return b.select(name + ".depth", ends, {.name = "depth", .names = names});
}

Graph series(const SpaceInfo& info, const NetworkOptions& options) {
  if (options.input.size() != 3 || options.input[1] != 1)
    throw UsageError("conv1d: input " + to_string(options.input) + " is no series; write CHANNELSx1xSTEPS, as 3x1x128");
  const Int base = integer_setting(info, options, "channels");
  if (base < 2 || base % 2 != 0) throw UsageError("conv1d: channels=" + std::to_string(base) + " is not an even number of at least 2");
  Builder b;
  Value x = b.input(options.input);
  for (Int number = 1; number <= kStages; ++number) x = stage(b, x, number, base, !options.search);
  return b.finish({classifier(b, x, options.classes)});
}

}  // namespace

std::unique_ptr<Space> make_mlp() {
  SpaceInfo info{.name = "mlp",
                 .title = "multilayer perceptrons of 1 to 5 layers, each with a width, and an activation",
                 .traits = {"chain", "open", "uniform"},
                 .settings = {{"dropout", "0", "percent dropped behind each activation"}},
                 .input = {16}};
  return make_space({.info = info, .build = [info](const NetworkOptions& options) { return perceptron(info, options); }});
}

std::unique_ptr<Space> make_conv1d() {
  SpaceInfo info{.name = "conv1d",
                 .title = "residual 1-D convolutions for series: width, depth and operations of three stages",
                 .traits = {"chain", "open", "uniform"},
                 .settings = {{"channels", "32", "middle one of the three widths of stage 1; doubled in each further one"}},
                 .input = {1, 1, 128}};
  return make_space({.info = info, .build = [info](const NetworkOptions& options) { return series(info, options); }});
}

}  // namespace netwright
