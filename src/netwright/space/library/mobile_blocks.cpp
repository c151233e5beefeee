#include "netwright/space/library/mobile_blocks.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/library/modules.hpp"
#include "netwright/space/library/mapped.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

[[noreturn]] void fail(std::string_view block, const std::string& why) { throw UsageError("block '" + std::string(block) + "': " + why); }

Int whole(std::string_view block, const std::string& part, std::size_t letters) {
  Int value = 0;
  const char *start = part.data() + letters, *stop = part.data() + part.size();
  const auto [end, error] = std::from_chars(start, stop, value);
  if (error != std::errc() || end != stop || value < 1) fail(block, "'" + part + "' must be " + part.substr(0, letters) + " and a whole number of at least 1");
  return value;
}

double ratio(std::string_view block, const std::string& part) {
  double value = 0;
  const char *start = part.data() + 2, *stop = part.data() + part.size();
  const auto [end, error] = std::from_chars(start, stop, value);
  if (error != std::errc() || end != stop || !(value >= 0 && value <= 1)) fail(block, "'" + part + "' must be se and a number from 0 to 1");
  return value;
}

// "s22": the same stride for both sides.
Int stride_of(std::string_view block, const std::string& part) {
  const bool pair = part.size() == 3 && part[1] == part[2];
  if (!pair && part.size() != 2) fail(block, "'" + part + "' must be s and one stride for both sides, as s22");
  return whole(block, part.substr(0, 2), 1);
}

void read_part(std::string_view block, const std::string& part, MobileBlock& result) {
  if (part == "noskip") result.skip = false;
  else if (part.starts_with("se")) result.squeeze = ratio(block, part);
  else if (part.starts_with('s')) result.stride = stride_of(block, part);
  else if (part.starts_with('r')) result.repeats = whole(block, part, 1);
  else if (part.starts_with('k')) result.kernel = whole(block, part, 1);
  else if (part.starts_with('e')) result.expansion = whole(block, part, 1);
  else if (part.starts_with('i')) result.input = whole(block, part, 1);
  else if (part.starts_with('o')) result.output = whole(block, part, 1);
  else fail(block, "unknown part '" + part + "'; the parts are r, k, s, e, i, o, se and noskip, as in r2_k3_s22_e6_i16_o24_se0.25");
}

std::vector<std::string> strings_of(std::string_view text) {
  if (!trim(text).starts_with('[')) {
    std::vector<std::string> words(1);
    for (const char c : text) {
      if (c == ',' || std::isspace(static_cast<unsigned char>(c)) != 0) words.emplace_back();
      else words.back() += c;
    }
    std::erase(words, "");
    return words;
  }
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), [](const auto& item) { return item.is_string(); }))
    throw UsageError("blocks that start with '[' are a JSON list of block strings");
  return json.get<std::vector<std::string>>();
}

std::string at(const std::string& prefix, Int number) { return prefix + "." + std::to_string(number); }

// ---- the network ----

struct Flow {
  Value value;
  Attribute channels;
};

class MobileWriter {
 public:
  MobileWriter(const MobileNetwork& network, const ScalingFactors& factors) : n_(network), factors_(factors) {
    for (const auto& block : n_.blocks) layers_ += scaled_depth(block.repeats, number(factors_.depths.back()));
  }

  Graph write(const NetworkOptions& options) {
    Flow x{b_.input(options.input), Int{0}};
    x = convolve(x, "features.0", n_.blocks.at(0).input, 3, 2);
    Int stage = 0;
    for (const auto& block : n_.blocks) x = write_stage(x, block, at("features", ++stage));
    x = convolve(x, at("features", stage + 1), n_.head, 1, 1);
    return b_.finish({named_classifier(b_, x.value, options.classes, n_.dropout, "classifier.1")});
  }

 private:
  static double number(const std::string& text) { return std::stod(text); }

  Attribute width(Int channels) const {
    Open open{.decision = "width", .values = {}, .names = factors_.widths};
    for (const auto& factor : factors_.widths) open.values.push_back(scaled_width(channels, number(factor)));
    return open.values.size() == 1 ? Attribute{open.values[0]} : Attribute{open};
  }

  Flow convolve(const Flow& x, const std::string& name, Int channels, Int kernel, Int stride) {
    const Attribute scaled = width(channels);
    return {conv_norm(b_, x.value, {.conv = name + ".0", .norm = name + ".1", .channels = scaled, .kernel = kernel, .stride = stride, .activation = n_.activation}), scaled};
  }

  // All depths share their first layers.
  Flow write_stage(Flow x, const MobileBlock& block, const std::string& name) {
    std::vector<Value> outputs, ends;
    const Int deepest = scaled_depth(block.repeats, number(factors_.depths.back()));
    for (Int i = 0; i < deepest; ++i) {
      x = write_layer(x, block, i == 0 ? block.stride : 1, at(name, i));
      outputs.push_back(x.value);
    }
    for (const auto& factor : factors_.depths) ends.push_back(outputs[static_cast<std::size_t>(scaled_depth(block.repeats, number(factor)) - 1)]);
    if (ends.size() > 1) x.value = b_.select("depth", ends, {.name = name + ".depth", .names = factors_.depths});
    return x;
  }

  Flow write_layer(const Flow& x, const MobileBlock& block, Int stride, const std::string& name) {
    const Attribute channels = width(block.output);
    MbconvOptions o{.kernel = block.kernel, .stride = stride, .activation = n_.activation, .squeeze_activation = n_.squeeze_activation};
    o.expanded = mapped(x.channels, [&](Int c) { return c * block.expansion; });
    if (block.expansion == 1) o.expansion = Expansion::never;
    // The bottleneck is a part of the layer's input, not of the expanded width, rounded down.
    if (block.squeeze > 0) o.squeeze = mapped(x.channels, [&](Int c) { return std::max<Int>(1, static_cast<Int>(block.squeeze * static_cast<double>(c))); });
    o.drop_path = n_.drop_path * static_cast<double>(written_++) / static_cast<double>(layers_);
    o.residual = block.skip && x.channels == channels;
    o.names = paired_names(name + ".block", block.expansion != 1, block.squeeze > 0);
    return {mbconv(b_, x.value, channels, o), channels};
  }

  const MobileNetwork& n_;
  const ScalingFactors& factors_;
  Builder b_;
  Int layers_ = 0, written_ = 0;
};

}  // namespace

std::string print(const MobileBlock& block) {
  const auto part = [](const char* letter, Int value) { return letter + std::to_string(value); };
  const std::string stride = std::to_string(block.stride);
  std::string text = part("r", block.repeats) + part("_k", block.kernel) + "_s" + stride + stride + part("_e", block.expansion) + part("_i", block.input) +
                     part("_o", block.output);
  if (block.squeeze > 0) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, block.squeeze).ptr;
    text += "_se" + std::string(digits, end);
  }
  return block.skip ? text : text + "_noskip";
}

MobileBlock parse_mobile_block(std::string_view text) {
  MobileBlock block;
  for (const auto& part : split(text, '_')) read_part(text, part, block);
  if (block.input == 0 || block.output == 0) fail(text, "needs its input and output channels, as i16 and o24");
  if (block.kernel % 2 == 0) fail(text, "the kernel must be odd");
  return block;
}

std::vector<MobileBlock> parse_mobile_blocks(std::string_view text) {
  std::vector<MobileBlock> blocks;
  for (const auto& word : strings_of(text)) {
    blocks.push_back(parse_mobile_block(word));
    if (blocks.size() < 2) continue;
    const Int before = blocks[blocks.size() - 2].output;
    if (blocks.back().input != before) fail(word, "reads " + std::to_string(blocks.back().input) + " channels; the block before it gives " + std::to_string(before));
  }
  if (blocks.empty()) throw UsageError("a mobile network needs at least one block string, as r2_k3_s22_e6_i16_o24");
  return blocks;
}

std::string print(const std::vector<MobileBlock>& blocks) {
  std::vector<std::string> parts;
  for (const auto& block : blocks) parts.push_back(print(block));
  return join(parts, ",");
}

Graph mobile_network(const MobileNetwork& network, const NetworkOptions& options, const ScalingFactors& factors) {
  return MobileWriter(network, factors).write(options);
}

Int scaled_width(Int channels, double factor) { return factor == 1 ? channels : make_divisible(static_cast<double>(channels) * factor); }

Int scaled_depth(Int repeats, double factor) { return static_cast<Int>(std::ceil(static_cast<double>(repeats) * factor)); }

std::vector<MobileBlock> scaled(std::vector<MobileBlock> blocks, const Scaling& scaling) {
  for (auto& block : blocks) {
    block.input = scaled_width(block.input, scaling.width);
    block.output = scaled_width(block.output, scaling.width);
    block.repeats = scaled_depth(block.repeats, scaling.depth);
  }
  return blocks;
}

MobileNetwork scaled(MobileNetwork network, const Scaling& scaling) {
  network.blocks = scaled(std::move(network.blocks), scaling);
  network.head = scaled_width(network.head, scaling.width);
  return network;
}

Scaling Compound::at(double phi) const { return {.width = std::pow(beta, phi), .depth = std::pow(alpha, phi), .resolution = std::pow(gamma, phi)}; }

std::vector<Compound> compound_candidates(const CompoundGrid& grid) {
  if (!(grid.step > 0)) throw UsageError("compound scaling: the grid's step must be positive");
  const auto steps = static_cast<int>(std::floor((grid.most - 1) / grid.step + 1e-9));
  const auto value = [&](int i) { return 1 + grid.step * i; };
  std::vector<Compound> list;
  for (int a = 0; a <= steps; ++a)
    for (int w = 0; w <= steps; ++w)
      for (int r = 0; r <= steps; ++r) {
        const Compound c{value(a), value(w), value(r)};
        if (std::abs(c.product() - grid.growth) <= grid.tolerance) list.push_back(c);
      }
  return list;
}

}  // namespace netwright
