#include "netwright/space/library/once_for_all.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/library/beyond.hpp"
#include "netwright/space/library/modules.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Json = nlohmann::ordered_json;

constexpr Int kLayers = 4;   // of a unit at its deepest
constexpr Int kUnits = 5;
const std::vector<Int> kKernels = {3, 5, 7}, kExpansions = {3, 4, 6}, kDepths = {2, 3, 4};

struct Unit {
  Int channels, stride;
  bool squeeze;
  const char* activation;
};
constexpr Unit kUnitForms[] = {{24, 2, false, "relu"}, {40, 2, true, "relu"}, {80, 2, false, "hard_swish"}, {112, 1, true, "hard_swish"}, {160, 2, true, "hard_swish"}};
constexpr Int kStem = 16, kFirst = 16, kExpand = 960, kFeatures = 1280;

std::string unit_name(Int unit) { return "unit" + std::to_string(unit + 1); }
std::string layer_name(Int unit, Int layer) { return unit_name(unit) + ".layer" + std::to_string(layer + 1); }

double width_setting(const SpaceInfo& info, const NetworkOptions& options) {
  const std::string text = setting(info, options, "width");
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0)) throw UsageError("space 'ofa_mobilenetv3': setting 'width' is '" + text + "'; it must be a positive number");
  return value;
}

// ---- the network ----

Open expanded_width(const std::string& decision, Int input) {
  Open open{.decision = decision, .values = {}, .names = {}};
  for (const Int expansion : kExpansions) {
    open.values.push_back(make_divisible(static_cast<double>(input * expansion)));
    open.names.push_back(std::to_string(expansion));
  }
  return open;
}

Open squeezed(Open expanded) {
  for (Int& value : expanded.values) value = make_divisible(static_cast<double>(value / 4));
  return expanded;
}

Value write_layer(Builder& b, Value x, const Unit& form, Int channels, Int stride, const std::string& name) {
  const Open expanded = expanded_width(name + ".expand", b.channels(x));
  MbconvOptions o{.kernel = Open{.decision = name + ".kernel", .values = kKernels}, .stride = stride, .expanded = expanded};
  if (form.squeeze) o.squeeze = squeezed(expanded);
  o.activation = form.activation;
  o.gate = "hard_sigmoid";
  o.kernel_transform = true;
  const auto scope = b.scope(name);
  return mbconv(b, x, channels, o);
}

Value write_unit(Builder& b, Value x, Int unit, Int channels) {
  const Unit& form = kUnitForms[unit];
  std::vector<Value> ends;
  std::vector<std::string> names;
  for (Int layer = 0; layer < kLayers; ++layer) {
    x = write_layer(b, x, form, channels, layer == 0 ? form.stride : 1, layer_name(unit, layer));
    if (std::find(kDepths.begin(), kDepths.end(), layer + 1) == kDepths.end()) continue;
    ends.push_back(x);
    names.push_back(std::to_string(layer + 1));
  }
  return b.select(unit_name(unit) + ".depth", ends, {.name = unit_name(unit) + ".depth", .names = names});
}

Graph build(const SpaceInfo& info, const NetworkOptions& options) {
  const double width = width_setting(info, options);
  const auto wide = [&](Int channels) { return make_divisible(static_cast<double>(channels) * width); };
  Builder b;
  Value x = conv_norm(b, b.input(options.input), {.conv = "stem.conv", .norm = "stem.bn", .channels = wide(kStem), .stride = 2, .activation = "hard_swish"});
  {
    const auto scope = b.scope("first");
    x = mbconv(b, x, wide(kFirst), {.expanded = b.channels(x), .activation = "relu"});
  }
  for (Int unit = 0; unit < kUnits; ++unit) x = write_unit(b, x, unit, wide(kUnitForms[unit].channels));
  x = conv_norm(b, x, {.conv = "final_expand.conv", .norm = "final_expand.bn", .channels = wide(kExpand), .kernel = 1, .activation = "hard_swish"});
  x = b.add("global_pool", x, {}, "pool");
  x = b.add("conv", x, {{"kernel", 1}, {"channels", wide(kFeatures)}}, "feature_mix");
  x = b.add("flatten", b.add("hard_swish", x, {}, "feature_act"), {}, "flatten");
  x = b.add("dropout", x, {{"rate", 0.1}}, "dropout");
  return b.finish({b.add("linear", x, {{"features", options.classes}}, "classifier")});
}

// ---- its notation ----

// Every number, also of layers that are not there.
struct Lists {
  std::vector<Int> kernels = std::vector<Int>(kUnits * kLayers, kKernels.front());
  std::vector<Int> expansions = std::vector<Int>(kUnits * kLayers, kExpansions.front());
  std::vector<Int> depths = std::vector<Int>(kUnits, kDepths.front());
  std::optional<Int> side;
};

// Walks all decisions with the place in the lists that belongs to each.
template <class Visit>
void each_decision(Lists& lists, Visit visit) {
  for (Int unit = 0; unit < kUnits; ++unit) {
    visit(unit_name(unit) + ".depth", lists.depths[static_cast<std::size_t>(unit)], kDepths);
    for (Int layer = 0; layer < kLayers; ++layer) {
      const auto place = static_cast<std::size_t>(unit * kLayers + layer);
      visit(layer_name(unit, layer) + ".kernel", lists.kernels[place], kKernels);
      visit(layer_name(unit, layer) + ".expand", lists.expansions[place], kExpansions);
    }
  }
}

std::string print_lists(const DecisionTree& tree, const Architecture& architecture) {
  Lists lists;
  each_decision(lists, [&](const std::string& name, Int& number, const std::vector<Int>& values) {
    const Int pick = architecture.picks[static_cast<std::size_t>(tree.find(name))];
    if (pick != Architecture::inactive) number = values[static_cast<std::size_t>(pick)];
  });
  const Json json = {{"ks", lists.kernels}, {"e", lists.expansions}, {"d", lists.depths}};
  return json.dump();
}

std::string numbers(const std::vector<Int>& values) {
  std::vector<std::string> words;
  for (const Int value : values) words.push_back(std::to_string(value));
  return join(words, ", ");
}

void read_list(const Json& json, const std::string& key, const std::vector<Int>& values, std::vector<Int>& list) {
  if (!json.contains(key)) throw UsageError("ofa: the lists lack '" + key + "'; they are {\"ks\": [...], \"e\": [...], \"d\": [...]}");
  const Json given = json[key].is_array() ? json[key] : Json::array({json[key]});
  if (given.size() != list.size() && given.size() != 1)
    throw UsageError("ofa: '" + key + "' has " + std::to_string(given.size()) + " numbers; it needs " + std::to_string(list.size()) + ", or one for all");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& number = given[given.size() == 1 ? 0 : i];
    if (!number.is_number_integer() || std::find(values.begin(), values.end(), number.get<Int>()) == values.end())
      throw UsageError("ofa: '" + key + "'[" + std::to_string(i) + "] is " + number.dump() + "; it must be one of " + numbers(values));
    list[i] = number.get<Int>();
  }
}

// "k5 e4 d3" as lists of one.
Json short_form(std::string_view text) {
  Json json;
  for (const auto& word : split(trim(text), ' ')) {
    const std::string digits = word.empty() ? "" : word.substr(1);
    const char* key = word.starts_with('k') ? "ks" : word.starts_with('e') ? "e" : word.starts_with('d') ? "d" : word.starts_with('r') ? "r" : nullptr;
    if (key == nullptr || digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos || digits.size() > 4)
      throw UsageError("ofa: '" + word + "' is no part of a setting; the form is 'k5 e4 d3', or {\"ks\": [...], \"e\": [...], \"d\": [...]}");
    json[key] = Json::array({std::stoll(digits)});
  }
  return json;
}

std::optional<Int> side_of(const Json& json) {
  if (!json.contains("r")) return std::nullopt;
  const Json& given = json["r"].is_array() && json["r"].size() == 1 ? json["r"][0] : json["r"];
  if (!given.is_number_integer() || given.get<Int>() < 1) throw UsageError("ofa: 'r' is " + json["r"].dump() + "; it must be one side in pixels, as 224");
  return given.get<Int>();
}

Lists parse_lists(std::string_view text) {
  const Json json = trim(text).starts_with('{') ? Json::parse(text, nullptr, false) : short_form(text);
  if (!json.is_object()) throw UsageError("ofa: the lists are no JSON object");
  for (const auto& [key, value] : json.items())
    if (const std::vector<std::string> known = {"ks", "e", "d", "r"}; std::find(known.begin(), known.end(), key) == known.end())
      throw UsageError("ofa: unknown key '" + key + "'" + name_hint(key, known));
  Lists lists;
  read_list(json, "ks", kKernels, lists.kernels);
  read_list(json, "e", kExpansions, lists.expansions);
  read_list(json, "d", kDepths, lists.depths);
  lists.side = side_of(json);
  return lists;
}

Architecture architecture_of(const DecisionTree& tree, Lists lists) {
  Architecture architecture{std::vector<Int>(tree.size(), 0)};
  each_decision(lists, [&](const std::string& name, const Int& number, const std::vector<Int>& values) {
    architecture.picks[static_cast<std::size_t>(tree.find(name))] = std::find(values.begin(), values.end(), number) - values.begin();
  });
  return normalised(tree, std::move(architecture));
}

bool is_generic(const DecisionTree& tree, std::string_view text) {
  if (text.find('=') != std::string_view::npos) return true;
  const auto json = Json::parse(text, nullptr, false);
  return json.is_object() && !json.empty() && std::any_of(tree.begin(), tree.end(), [&](const Decision& d) { return json.contains(d.name); });
}

}  // namespace

std::unique_ptr<Space> make_ofa_mobilenetv3() {
  const SpaceInfo info{.name = "ofa_mobilenetv3",
                       .title = "MobileNetV3 with elastic kernel, expansion and depth",
                       .paper = "Cai et al. 2020, arXiv 1908.09791",
                       .traits = {"chain", "open", "uniform"},
                       .settings = {{"width", "1.0", "width multiplier"}},
                       .input = {3, 224, 224},
                       .classes = 1000};
  auto space = make_space(Template{.info = info,
                                   .build = [info](const NetworkOptions& options) { return build(info, options); },
                                   .print = print_lists,
                                   .parse = [](const DecisionTree& tree, std::string_view text) {
                                     return is_generic(tree, text) ? parse(tree, text) : architecture_of(tree, parse_lists(text));
                                   }});
  const Space* inner = space.get();   // lives as long as the space that holds it
  return extended(std::move(space), {.network = [inner](std::string_view text, const NetworkOptions& options) -> std::optional<Graph> {
                    if (is_generic(inner->decisions(), text)) return std::nullopt;
                    const Lists lists = parse_lists(text);
                    NetworkOptions sized = options;
                    if (lists.side) sized.input = {options.input.at(0), *lists.side, *lists.side};
                    return inner->close(architecture_of(inner->decisions(), lists), sized);
                  }});
}

}  // namespace netwright
