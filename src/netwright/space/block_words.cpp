#include "netwright/space/block_words.hpp"

#include <algorithm>
#include <charconv>

#include "netwright/core/error.hpp"
#include "netwright/graph/composites.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

const Attribute kAsInput{Int{0}};

Int whole(const Attributes& given, std::string_view name) { return std::get<Int>(given.find(name)->second); }
std::string word(const Attributes& given, std::string_view name) { return std::get<std::string>(given.find(name)->second); }
const Attribute& any(const Attributes& given, std::string_view name) { return given.find(name)->second; }

Attribute channels_after(const Flow& x, const Attributes& given) {
  const Attribute& channels = any(given, "channels");
  return channels == kAsInput ? x.channels : channels;
}

ConvOptions conv_options(const Attributes& given) {
  ConvOptions options{.kernel = any(given, "kernel"), .stride = whole(given, "stride")};
  if (given.contains("dilation")) options.dilation = whole(given, "dilation");
  if (given.contains("groups")) options.groups = whole(given, "groups");
  if (given.contains("activation")) options.activation = word(given, "activation");
  if (options.activation == "none") options.activation.clear();
  return options;
}

template <class Compose>
auto composite(Compose compose) {
  return [compose](Builder& b, const Flow& x, const Attributes& given) {
    return Flow{compose(b, x.value, any(given, "channels"), conv_options(given)), channels_after(x, given)};
  };
}

Flow write_reduce(Builder& b, const Flow& x, const Attributes& given) {
  const Attribute& channels = any(given, "channels");
  const auto* fixed = std::get_if<Int>(&channels);
  if (fixed == nullptr) throw UsageError("factorized_reduce needs a fixed number of channels; they are open here");
  return {factorized_reduce(b, x.value, *fixed == 0 ? b.channels(x.value) : *fixed, true), channels_after(x, given)};
}

Attribute bottleneck(const Attribute& expanded, Int divisor) {
  const auto part = [&](Int n) { return make_divisible(static_cast<double>(n) / static_cast<double>(divisor)); };
  if (const auto* open = std::get_if<Open>(&expanded)) {
    Open result = *open;
    for (Int& n : result.values) n = part(n);
    return result;
  }
  return part(std::get<Int>(expanded));
}

Flow write_mbconv(Builder& b, const Flow& x, const Attributes& given) {
  const auto* channels = std::get_if<Int>(&x.channels);
  if (channels == nullptr) throw UsageError("mbconv needs a fixed number of input channels to expand; they are open here");
  const Attribute expanded = scaled(any(given, "expand"), *channels);
  MbconvOptions options{.kernel = any(given, "kernel"), .stride = whole(given, "stride"), .expanded = expanded};
  if (const Int divisor = whole(given, "squeeze"); divisor > 0) options.squeeze = bottleneck(expanded, divisor);
  options.activation = word(given, "activation");
  options.gate = word(given, "gate");
  const Attribute after = channels_after(x, given);
  options.residual = after == x.channels;
  return {mbconv(b, x.value, after, options), after};
}

// An operation of the table, with its own attributes.
BlockWord plain(const Operation& entry) {
  const bool own_channels = std::any_of(entry.attributes.begin(), entry.attributes.end(), [](const auto& a) { return a.name == "channels"; });
  const std::string name = entry.name;
  return {name, entry.attributes, [name, own_channels](Builder& b, const Flow& x, const Attributes& given) {
            const auto& specs = operation(name).attributes;
            Attributes set;
            for (const auto& spec : specs)
              if (const auto own = given.find(spec.name); own != given.end() && own->second != spec.fallback) set.emplace(spec.name, own->second);
            const Value value = b.add(name, x.value, std::move(set));
            if (own_channels) return Flow{value, channels_after(x, given)};
            // What reshapes (flatten, linear) leaves the images: the channels are then what they are.
            const bool image = b.shape(value).size() == 3 && b.channels(value) == b.channels(x.value);
            return Flow{value, image ? x.channels : Attribute{b.channels(value)}};
          }};
}

std::vector<BlockWord> table() {
  const AttributeSpec kernel{"kernel", Int{3}, "side of the window"}, channels{"channels", Int{0}, "output channels; 0 = as the input"},
      stride{"stride", Int{1}, "step of the window"}, dilation{"dilation", Int{1}, "distance of the window's taps"},
      groups{"groups", Int{1}, "groups of channels; 0 = depthwise"},
      activation{"activation", std::string("relu"), "behind the batch norm; none = none"};
  std::vector<BlockWord> list = {
      {"relu_conv_bn", {kernel, channels, stride, dilation, groups}, composite(relu_conv_bn)},
      {"conv_bn", {kernel, channels, stride, dilation, groups, activation}, composite(conv_bn)},
      {"sep_conv", {kernel, channels, stride}, composite(sep_conv)},
      {"dil_conv", {kernel, channels, stride, {"dilation", Int{2}, "distance of the window's taps"}}, composite(dil_conv)},
      {"factorized_reduce", {channels}, write_reduce},
      {"mbconv",
       {kernel,
        channels,
        stride,
        {"expand", Int{6}, "width of the expanded part, in input channels"},
        {"squeeze", Int{0}, "squeeze-excite bottleneck = expanded width / squeeze; 0 = none"},
        {"activation", std::string("relu6"), "of the expanded part"},
        {"gate", std::string("sigmoid"), "of squeeze-excite"}},
       write_mbconv},
  };
  for (const auto& entry : operations())
    if (entry.minimum_inputs == 1) list.push_back(plain(entry));
  return list;
}

const BlockWord* named(std::string_view name) {
  for (const auto& entry : block_words())
    if (entry.name == name) return &entry;
  return nullptr;
}

bool fits_size(const Shape& shape, const Target& target) { return shape[1] == target.height && shape[2] == target.width; }

}  // namespace

bool BlockWord::has(std::string_view attribute) const {
  return std::any_of(attributes.begin(), attributes.end(), [&](const auto& spec) { return spec.name == attribute; });
}

const std::vector<BlockWord>& block_words() {
  static const std::vector<BlockWord> list = table();
  return list;
}

const BlockWord* find_block_word(std::string_view text, std::int64_t& kernel) {
  kernel = 0;
  if (const auto* exact = named(text)) return exact;
  const auto bar = text.rfind('_'), cross = text.rfind('x');
  if (bar == std::string_view::npos || cross == std::string_view::npos || cross < bar) return nullptr;
  const std::string_view side = text.substr(bar + 1, cross - bar - 1);
  Int size = 0;
  const auto end = side.data() + side.size();
  const bool square = std::from_chars(side.data(), end, size).ptr == end && !side.empty() && side == text.substr(cross + 1);
  const auto* word = square ? named(text.substr(0, bar)) : nullptr;
  if (word == nullptr || !word->has("kernel")) return nullptr;
  kernel = size;
  return word;
}

Flow write_word(Builder& b, const BlockWord& word, const Flow& x, Attributes given, const Target& target) {
  const Shape& shape = b.shape(x.value);
  const bool smaller = shape.size() == 3 && !fits_size(shape, target);
  for (const auto& spec : word.attributes) {
    Attribute fallback = spec.fallback;
    if (spec.name == "channels") fallback = target.channels;
    if (spec.name == "stride" && smaller) fallback = target.stride;
    given.try_emplace(spec.name, fallback);
  }
  return word.write(b, x, given);
}

Flow fit(Builder& b, const Flow& x, const Target& target) {
  const Shape shape = b.shape(x.value);
  if (shape.size() != 3) throw UsageError("gives shape " + to_string(shape) + "; a block gives channels x height x width");
  if (fits_size(shape, target) && x.channels == target.channels) return x;
  const Int stride = fits_size(shape, target) ? 1 : target.stride;
  const auto scope = b.scope("shortcut");
  const auto* fixed = std::get_if<Int>(&target.channels);
  Flow y{x.value, target.channels};
  if (stride == 2 && fixed != nullptr && *fixed % 2 == 0)
    y.value = factorized_reduce(b, x.value, *fixed, true);
  else
    y.value = relu_conv_bn(b, x.value, target.channels, {.kernel = 1, .stride = stride});
  if (!fits_size(b.shape(y.value), target))
    throw UsageError("gives " + to_string(b.shape(y.value)) + " where the stage needs height and width " + std::to_string(target.height) + "x" +
                     std::to_string(target.width));
  return y;
}

Attribute scaled(const Attribute& attribute, std::int64_t factor) {
  if (const auto* open = std::get_if<Open>(&attribute)) {
    Open result = *open;
    for (Int& value : result.values) value *= factor;
    return result;
  }
  return std::get<Int>(attribute) * factor;
}

}  // namespace netwright
