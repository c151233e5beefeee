#include "netwright/space/library/autoformer.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/builder.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Json = nlohmann::ordered_json;

constexpr Int kPatch = 16, kHeadWidth = 64, kFarthest = 14;
constexpr double kPercent = 100;

[[noreturn]] void fail(const std::string& why) { throw UsageError("vision transformer: " + why); }

// A block's two numbers, each fixed or open.
struct Block {
  Attribute attended;  // features of query, key and value
  Attribute percent;   // of the hidden layer
};

// The numbers of a network, fixed or open, and how the outputs of its blocks become one.
struct Outline {
  Attribute width;
  std::size_t blocks = 0;
  std::function<Block(std::size_t)> block;
  std::function<Value(Builder&, const std::vector<Value>& outputs)> end;
};

Value linear(Builder& b, Value x, const Attribute& features, const char* name) { return b.add("linear", x, {{"features", features}}, name); }

Value block(Builder& b, Value x, const Attribute& width, const Block& own) {
  const Value normed = b.add("layer_norm", x, {}, "norm1");
  const Value query = linear(b, normed, own.attended, "query"), key = linear(b, normed, own.attended, "key"),
              value = linear(b, normed, own.attended, "value");
  const Value attended = b.add("attention", {query, key, value}, {{"head_width", kHeadWidth}, {"relative", kFarthest}}, "attention");
  x = b.add("add", {x, linear(b, attended, width, "project")}, {}, "residual1");
  Value hidden = b.add("linear", b.add("layer_norm", x, {}, "norm2"), {{"features", Int{0}}, {"percent", own.percent}}, "expand");
  hidden = b.add("gelu", hidden, {}, "gelu");
  return b.add("add", {x, linear(b, hidden, width, "reduce")}, {}, "residual2");
}

Graph network(const Outline& outline, const NetworkOptions& options) {
  const Shape& input = options.input;
  if (input.size() != 3 || input[1] != input[2] || input[1] % kPatch != 0)
    fail("the input is " + to_string(input) + "; it must be a square image whose side is a multiple of " + std::to_string(kPatch) + ", as 3x224x224");
  if (options.classes < 1) fail("classes=" + std::to_string(options.classes) + " is below 1");
  Builder b;
  Value x = b.input(input);
  x = b.add("conv", x, {{"kernel", kPatch}, {"stride", kPatch}, {"padding", Int{0}}, {"bias", Int{1}}, {"channels", outline.width}}, "patches");
  x = b.add("class_token", b.add("tokens", x, {}, "tokens"), {}, "class_token");
  x = b.add("positions", x, {{"learned", Int{1}}}, "positions");
  std::vector<Value> outputs;
  for (std::size_t i = 0; i < outline.blocks; ++i) {
    const auto scope = b.scope("block" + std::to_string(i), "block");
    outputs.push_back(x = block(b, x, outline.width, outline.block(i)));
  }
  x = b.add("layer_norm", outline.end(b, outputs), {}, "norm");
  x = b.add("global_pool", b.add("slice", x, {{"offset", Int{1}}}, "patches_only"), {}, "pool");
  return b.finish({b.add("linear", x, {{"features", options.classes}}, "classifier")});
}

// ---- the space ----

// 350 = "3.5"
std::string ratio_name(Int percent) {
  std::string text = std::to_string(percent / 100);
  if (percent % 100 == 0) return text;
  text += "." + std::to_string(percent / 10 % 10);
  return percent % 10 == 0 ? text : text + std::to_string(percent % 10);
}

std::string heads_decision(std::size_t block) { return "block" + std::to_string(block) + ".heads"; }
std::string ratio_decision(std::size_t block) { return "block" + std::to_string(block) + ".ratio"; }

std::vector<std::string> names_of(const std::vector<Int>& numbers) {
  std::vector<std::string> names;
  for (const Int number : numbers) names.push_back(std::to_string(number));
  return names;
}

Outline open_outline(const VisionTransformerChoices& choices) {
  Outline outline{.width = Open{"width", choices.widths}, .blocks = static_cast<std::size_t>(choices.depths.back())};
  outline.block = [choices](std::size_t i) {
    Open attended{heads_decision(i), choices.heads, names_of(choices.heads)}, percent{ratio_decision(i), choices.percents, {}};
    for (Int& heads : attended.values) heads *= kHeadWidth;
    for (const Int value : choices.percents) percent.names.push_back(ratio_name(value));
    return Block{attended, percent};
  };
  outline.end = [choices](Builder& b, const std::vector<Value>& outputs) {
    std::vector<Value> ends;
    for (const Int depth : choices.depths) ends.push_back(outputs.at(static_cast<std::size_t>(depth) - 1));
    return ends.size() == 1 ? ends[0] : b.select("depth", ends, {.name = "depth", .names = names_of(choices.depths)});
  };
  return outline;
}

SpaceInfo info_of(const VisionTransformerChoices& choices) {
  return {.name = choices.name,
          .title = "vision transformers of elastic width, depth, heads and expansion",
          .paper = "Chen et al. 2021, arXiv 2107.00651",
          .traits = {"chain", "transformer", "open", "uniform"},
          .input = {3, 224, 224},
          .classes = 1000};
}

class AutoFormer final : public Space {
 public:
  explicit AutoFormer(VisionTransformerChoices choices) : choices_(std::move(choices)), info_(info_of(choices_)) {
    tree_ = decisions_of(open({.input = {3, kPatch, kPatch}, .classes = 2}));
  }
  const SpaceInfo& info() const override { return info_; }
  const DecisionTree& decisions() const override { return tree_; }
  Graph open(const NetworkOptions& options) const override {
    check_settings(info_, options);
    return netwright::network(open_outline(choices_), options);
  }
  std::string print(const Architecture& architecture) const override { return netwright::print(network_of(architecture)); }
  Architecture parse(std::string_view text) const override {
    return is_network(text) ? architecture_of(parse_vision_transformer(text)) : Space::parse(text);
  }
  Graph network(std::string_view text, const NetworkOptions& options) const override {
    if (!is_network(text)) return Space::network(text, options);
    check_settings(info_, options);
    return vision_transformer(parse_vision_transformer(text), options);
  }

 private:
  static bool is_network(std::string_view text) {
    const Json object = Json::parse(text, nullptr, false);
    return object.is_object() && object.contains("heads") && object.contains("ratio");
  }

  std::size_t pick(const Architecture& architecture, const std::string& decision) const {
    return static_cast<std::size_t>(architecture.picks.at(static_cast<std::size_t>(tree_.find(decision))));
  }

  Int depth_of(const Architecture& architecture) const {
    return choices_.depths.size() == 1 ? choices_.depths[0] : choices_.depths.at(pick(architecture, "depth"));
  }

  VisionTransformer network_of(const Architecture& architecture) const {
    VisionTransformer network{.width = choices_.widths.at(pick(architecture, "width"))};
    for (std::size_t i = 0; i < static_cast<std::size_t>(depth_of(architecture)); ++i) {
      network.heads.push_back(choices_.heads.at(pick(architecture, heads_decision(i))));
      network.percent.push_back(choices_.percents.at(pick(architecture, ratio_decision(i))));
    }
    return network;
  }

  Architecture architecture_of(const VisionTransformer& network) const {
    Architecture architecture{std::vector<Int>(tree_.size(), Architecture::inactive)};
    const auto set = [&](const std::string& decision, const std::vector<Int>& known, Int value, const std::string& word) {
      const auto found = std::find(known.begin(), known.end(), value);
      if (found == known.end()) fail(decision + " is " + word + ", which is not in the space " + info_.name);
      if (decision != "depth" || known.size() > 1) architecture.picks[static_cast<std::size_t>(tree_.find(decision))] = found - known.begin();
    };
    set("width", choices_.widths, network.width, std::to_string(network.width));
    set("depth", choices_.depths, static_cast<Int>(network.heads.size()), std::to_string(network.heads.size()));
    for (std::size_t i = 0; i < network.heads.size(); ++i) {
      set(heads_decision(i), choices_.heads, network.heads[i], std::to_string(network.heads[i]));
      set(ratio_decision(i), choices_.percents, network.percent[i], ratio_name(network.percent[i]));
    }
    validate(tree_, architecture);
    return architecture;
  }

  VisionTransformerChoices choices_;
  SpaceInfo info_;
  DecisionTree tree_;
};

}  // namespace

VisionTransformer parse_vision_transformer(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) fail("'" + std::string(json.substr(0, 60)) + "' is no {\"E\": 192, \"heads\": [3, ...], \"ratio\": [3.5, ...]}");
  static const std::vector<std::string> keys = {"E", "heads", "ratio"};
  for (const auto& [key, value] : object.items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) fail("unknown key '" + key + "'" + name_hint(key, keys));
  for (const auto& key : keys)
    if (!object.contains(key)) fail("'" + key + "' is missing");
  VisionTransformer network;
  if (!object["E"].is_number_integer() || object["E"].get<Int>() < 1)
    fail("'E' is " + object["E"].dump() + "; it must be a whole number of at least 1");
  network.width = object["E"].get<Int>();
  for (const char* key : {"heads", "ratio"}) {
    if (!object[key].is_array() || object[key].empty())
      fail(std::string("'") + key + "' is " + object[key].dump() + "; it must be a list, one number a block");
    for (const auto& item : object[key]) {
      if (!item.is_number() || item.get<double>() <= 0) fail(std::string("'") + key + "' holds " + item.dump() + "; its numbers are above 0");
      if (std::string_view(key) == "heads" && !item.is_number_integer()) fail("'heads' holds " + item.dump() + "; heads are whole numbers");
      if (std::string_view(key) == "heads")
        network.heads.push_back(item.get<Int>());
      else
        network.percent.push_back(std::llround(item.get<double>() * kPercent));
    }
  }
  if (network.heads.size() != network.percent.size())
    fail("'heads' has " + std::to_string(network.heads.size()) + " blocks but 'ratio' has " + std::to_string(network.percent.size()));
  return network;
}

std::string print(const VisionTransformer& network) {
  std::vector<std::string> ratios;
  for (const Int percent : network.percent) ratios.push_back(ratio_name(percent));
  return "{\"E\":" + std::to_string(network.width) + ",\"heads\":[" + join(names_of(network.heads), ",") + "],\"ratio\":[" + join(ratios, ",") + "]}";
}

Graph vision_transformer(const VisionTransformer& network, const NetworkOptions& options) {
  Outline outline{.width = network.width, .blocks = network.heads.size()};
  outline.block = [&](std::size_t i) { return Block{network.heads[i] * kHeadWidth, network.percent[i]}; };
  outline.end = [](Builder&, const std::vector<Value>& outputs) { return outputs.back(); };
  return netwright::network(outline, options);
}

std::unique_ptr<Space> make_autoformer(const VisionTransformerChoices& choices) { return std::make_unique<AutoFormer>(choices); }

std::unique_ptr<Space> make_autoformer_tiny() {
  return make_autoformer({.name = "autoformer_tiny", .widths = {192, 216, 240}, .heads = {3, 4}, .percents = {350, 400}, .depths = {12, 13, 14}});
}

std::unique_ptr<Space> make_autoformer_small() {
  return make_autoformer(
      {.name = "autoformer_small", .widths = {320, 384, 448}, .heads = {5, 6, 7}, .percents = {300, 350, 400}, .depths = {12, 13, 14}});
}

std::unique_ptr<Space> make_autoformer_base() {
  return make_autoformer(
      {.name = "autoformer_base", .widths = {528, 576, 624}, .heads = {8, 9, 10}, .percents = {300, 350, 400}, .depths = {14, 15, 16}});
}

}  // namespace netwright
