#include "netwright/space/library/mobile_chain.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/library/beyond.hpp"
#include "netwright/space/library/modules.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

[[noreturn]] void fail(std::string_view layer, const std::string& why) {
  throw UsageError("layer '" + std::string(layer) + "': " + why + "; the form is ir_k3_e6, ir_k3_s2, k3e6 or skip, with channels and stride as in 'k3e6 24 s2'");
}

// Reads "k5" off the front; 0 where the letter does not stand there.
Int take(std::string_view& rest, char letter) {
  if (rest.empty() || rest.front() != letter) return 0;
  Int value = 0;
  const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), value);
  if (error != std::errc()) return 0;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return value;
}

// "ir_k3_e6_g2" or "k3e6".
void read_operation(std::string_view text, const std::string& word, ChainLayer& layer) {
  if (word == "skip" || word == "zero") return void(layer.skip = true);
  std::string bare = word;
  for (const char* family : {"ir_", "mb_"})
    if (bare.starts_with(family)) bare.erase(0, 3);
  std::erase(bare, '_');
  std::string_view rest = bare;
  layer.kernel = take(rest, 'k');
  const Int shuffled = take(rest, 's');
  layer.expansion = shuffled > 0 ? 1 : take(rest, 'e');
  layer.groups = std::max({Int{1}, shuffled, take(rest, 'g')});
  if (layer.groups > 1 && layer.expansion == 0) layer.expansion = 1;
  if (layer.kernel < 1 || layer.kernel % 2 == 0 || layer.expansion < 1 || !rest.empty()) fail(text, "'" + word + "' is no operation");
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) words.emplace_back();
    else words.back() += c;
  }
  std::erase(words, "");
  return words;
}

Int positive(std::string_view text, std::string_view digits) {
  Int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 1) fail(text, "'" + std::string(digits) + "' is no whole number of at least 1");
  return value;
}

std::string layer_name(std::size_t number) { return "layer" + std::to_string(number + 1); }

Value convolve(Builder& b, Value x, const ChainForm& form, const std::string& name, Int channels, Int kernel, Int stride) {
  return conv_norm(b, x, {.conv = name + ".conv", .norm = name + ".bn", .channels = channels, .kernel = kernel, .stride = stride, .activation = form.activation, .bias = form.biases});
}

Value write_layer(Builder& b, Value x, const ChainForm& form, const ChainLayer& layer) {
  const Int channels = layer.channels == 0 ? b.channels(x) : layer.channels;
  if (layer.skip) {
    if (layer.stride == 1 && channels == b.channels(x)) return b.add("identity", x);
    return conv_norm(b, x, {.conv = "conv", .norm = "bn", .channels = channels, .kernel = 1, .stride = layer.stride, .activation = form.activation});
  }
  return mbconv(b, x, channels,
                {.kernel = layer.kernel,
                 .stride = layer.stride,
                 .expanded = b.channels(x) * layer.expansion,
                 .activation = form.activation,
                 .bias = form.biases,
                 .groups = layer.groups});
}

Value write_start(Builder& b, const ChainForm& form, const NetworkOptions& options) {
  Value x = convolve(b, b.input(options.input), form, "stem", form.stem, 3, 2);
  if (form.first == 0) return x;
  const auto scope = b.scope("first");
  return write_layer(b, x, form, {.channels = form.first});
}

Graph write_end(Builder& b, Value x, const ChainForm& form, const NetworkOptions& options) {
  x = convolve(b, x, form, "head", form.head, 1, 1);
  return b.finish({named_classifier(b, x, options.classes, form.dropout, "classifier")});
}

// ---- the spaces ----

struct Stage {
  Int channels, layers, stride;
};

struct ChainSpace {
  SpaceInfo info;
  std::vector<Stage> stages;            // default widths; the setting `widths` replaces them
  std::vector<std::string> operations;  // in the order of the choices; "skip" last
  bool skip_first = false;              // a stage's first layer may be skipped too
  ChainForm form;

  std::size_t around() const { return form.first > 0 ? 3 : 2; }   // widths beside the stages'
};

std::string default_widths(const ChainSpace& space) {
  std::vector<std::string> parts = {std::to_string(space.form.stem)};
  if (space.form.first > 0) parts.push_back(std::to_string(space.form.first));
  for (const auto& stage : space.stages) parts.push_back(std::to_string(stage.channels));
  parts.push_back(std::to_string(space.form.head));
  return join(parts, ",");
}

// Widths and biases as the settings have them.
ChainSpace resolved(ChainSpace space, const NetworkOptions& options) {
  const auto parts = split(setting(space.info, options, "widths"), ',');
  const std::size_t expected = space.stages.size() + space.around();
  if (parts.size() != expected)
    throw UsageError("space '" + space.info.name + "': setting 'widths' has " + std::to_string(parts.size()) + " numbers; it needs " + std::to_string(expected) + ", as " + default_widths(space));
  std::vector<Int> widths;
  for (const auto& part : parts) widths.push_back(positive(part, trim(part)));
  auto next = widths.begin();
  space.form.stem = *next++;
  if (space.form.first > 0) space.form.first = *next++;
  for (auto& stage : space.stages) stage.channels = *next++;
  space.form.head = *next;
  space.form.biases = flag_setting(space.info, options, "biases");
  return space;
}

BranchSpec candidate(const ChainSpace& space, const std::string& operation, const Stage& stage, Int stride) {
  ChainLayer layer = parse_chain_layer(operation);
  layer.channels = stage.channels;
  layer.stride = stride;
  return {operation, [form = space.form, layer](Builder& b, Value x) { return write_layer(b, x, form, layer); }};
}

Graph open_chain(const ChainSpace& space, const NetworkOptions& options) {
  Builder b;
  Value x = write_start(b, space.form, options);
  std::size_t number = 0;
  for (const auto& stage : space.stages)
    for (Int i = 0; i < stage.layers; ++i) {
      std::vector<BranchSpec> candidates;
      for (const auto& operation : space.operations)
        if (i > 0 || space.skip_first || operation != "skip") candidates.push_back(candidate(space, operation, stage, i == 0 ? stage.stride : 1));
      const std::string name = layer_name(number++);
      x = b.choice(name, x, candidates, name);
    }
  return write_end(b, x, space.form, options);
}

std::string print_chain(const DecisionTree& tree, const Architecture& architecture) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < tree.size(); ++i) parts.push_back(tree[i].choices[static_cast<std::size_t>(architecture.picks[i])]);
  return join(parts, ",");
}

Architecture parse_picks(const DecisionTree& tree, std::string_view text) {
  if (text.find('=') != std::string_view::npos || trim(text).starts_with('{')) return parse(tree, text);
  const auto layers = parse_chain(text);
  if (layers.size() != tree.size()) throw UsageError("the chain has " + std::to_string(layers.size()) + " layers; the space has " + std::to_string(tree.size()));
  Architecture architecture{std::vector<Int>(tree.size(), 0)};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& choices = tree[i].choices;
    const auto found = std::find_if(choices.begin(), choices.end(), [&](const auto& choice) { return parse_chain_layer(choice) == layers[i]; });
    if (found == choices.end()) throw UsageError("layer " + std::to_string(i + 1) + " of the chain is none of " + join(choices, ", "));
    architecture.picks[i] = found - choices.begin();
  }
  return architecture;
}

std::unique_ptr<Space> make_chain_space(ChainSpace space) {
  space.info.settings = {{"widths", default_widths(space), space.form.first > 0 ? "channels of stem, first layer, stages and head" : "channels of stem, stages and head"},
                         {"biases", "false", "convolutions before a batch norm have a bias"}};
  space.info.traits = {"chain", "open", "uniform"};
  space.info.input = {3, 224, 224};
  space.info.classes = 1000;
  auto inner = make_space(Template{.info = space.info,
                                   .build = [space](const NetworkOptions& options) { return open_chain(resolved(space, options), options); },
                                   .print = print_chain,
                                   .parse = parse_picks});
  return extended(std::move(inner), {.network = [space](std::string_view text, const NetworkOptions& options) -> std::optional<Graph> {
                    if (text.find('=') != std::string_view::npos || trim(text).starts_with('{')) return std::nullopt;
                    const auto layers = parse_chain(text);
                    if (std::none_of(layers.begin(), layers.end(), [](const ChainLayer& layer) { return layer.placed; })) return std::nullopt;
                    return chain_network(resolved(space, options).form, layers, options);
                  }});
}

}  // namespace

ChainLayer parse_chain_layer(std::string_view text) {
  const auto words = words_of(text);
  if (words.empty()) fail(text, "is empty");
  ChainLayer layer;
  read_operation(text, words[0], layer);
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with('g')) {
      layer.groups = positive(text, std::string_view(words[i]).substr(1));
      continue;
    }
    layer.placed = true;
    if (words[i].starts_with('s')) layer.stride = positive(text, std::string_view(words[i]).substr(1));
    else layer.channels = positive(text, words[i]);
  }
  return layer;
}

std::vector<ChainLayer> parse_chain(std::string_view text) {
  std::vector<ChainLayer> layers;
  if (!trim(text).starts_with('[')) {
    for (const auto& part : split(text, ',')) layers.push_back(parse_chain_layer(part));
    return layers;
  }
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), [](const auto& item) { return item.is_string(); }))
    throw UsageError("a chain that starts with '[' is a JSON list of layers, as [\"ir_k3_e6\", \"skip\"]");
  for (const auto& item : json) layers.push_back(parse_chain_layer(item.get<std::string>()));
  return layers;
}

Graph chain_network(const ChainForm& form, const std::vector<ChainLayer>& layers, const NetworkOptions& options) {
  Builder b;
  Value x = write_start(b, form, options);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto scope = b.scope(layer_name(i));
    x = write_layer(b, x, form, layers[i]);
  }
  return write_end(b, x, form, options);
}

std::unique_ptr<Space> make_proxylessnas() {
  return make_chain_space({.info = {.name = "proxylessnas", .title = "21 inverted residuals, each with kernel 3, 5 or 7 and expansion 3 or 6, or left out", .paper = "Cai et al. 2019, arXiv 1812.00332"},
                           .stages = {{24, 4, 2}, {40, 4, 2}, {80, 4, 2}, {96, 4, 1}, {192, 4, 2}, {320, 1, 1}},
                           .operations = {"mb_k3_e3", "mb_k5_e3", "mb_k7_e3", "mb_k3_e6", "mb_k5_e6", "mb_k7_e6", "skip"},
                           .form = {.stem = 32, .first = 16, .head = 1280, .activation = "relu6"}});
}

std::unique_ptr<Space> make_fbnet() {
  return make_chain_space({.info = {.name = "fbnet", .title = "22 inverted residuals, each with its own kernel, expansion and groups, or left out", .paper = "Wu et al. 2019, arXiv 1812.03443"},
                           .stages = {{16, 1, 1}, {24, 4, 2}, {32, 4, 2}, {64, 4, 2}, {112, 4, 1}, {184, 4, 2}, {352, 1, 1}},
                           .operations = {"ir_k3_e1", "ir_k3_s2", "ir_k3_e3", "ir_k3_e6", "ir_k5_e1", "ir_k5_s2", "ir_k5_e3", "ir_k5_e6", "skip"},
                           .skip_first = true,
                           .form = {.stem = 16, .head = 1984, .activation = "relu"}});
}

}  // namespace netwright
