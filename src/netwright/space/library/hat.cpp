#include "netwright/space/library/hat.hpp"

#include <algorithm>
#include <functional>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/builder.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Json = nlohmann::ordered_json;

constexpr Int kAttended = 512;  // features of query, key and value
constexpr Int kMostMemory = 3;  // encoder layers that a decoder layer may attend to
constexpr Int kUsualHeads = 8;
constexpr std::size_t kEncoderLayers = 6;

[[noreturn]] void fail(const std::string& why) { throw UsageError("translation transformer: " + why); }

// The numbers of a layer, fixed or open.
struct Layer {
  Attribute ffn, heads;
  Attribute cross_heads = kUsualHeads;  // of the decoder only
  Attribute memory = Int{1};            // encoder layers
};

struct Outline {
  Attribute encoder_width, decoder_width;
  std::size_t encoder_layers = 0, decoder_layers = 0;
  std::function<Layer(std::size_t)> encoder, decoder;
  std::function<Value(Builder&, const std::vector<Value>& outputs)> end;
};

Value linear(Builder& b, Value x, const Attribute& features, const char* name) { return b.add("linear", x, {{"features", features}}, name); }

struct Attention {
  Attribute heads;
  bool causal = false;
};

// Attention from x to memory, its residual and norm.
Value attend(Builder& b, Value x, Value memory, const Attribute& width, const Attention& how) {
  const Value query = linear(b, x, kAttended, "query"), key = linear(b, memory, kAttended, "key"), value = linear(b, memory, kAttended, "value");
  Value y = b.add("attention", {query, key, value}, {{"heads", how.heads}, {"causal", Int{how.causal}}}, "attention");
  y = linear(b, y, width, "project");
  return b.add("layer_norm", b.add("add", {x, y}, {}, "residual"), {}, "norm");
}

Value feed_forward(Builder& b, Value x, const Attribute& width, const Attribute& hidden) {
  const auto scope = b.scope("ffn");
  const Value y = linear(b, b.add("relu", linear(b, x, hidden, "expand"), {}, "relu"), width, "reduce");
  return b.add("layer_norm", b.add("add", {x, y}, {}, "residual"), {}, "norm");
}

Value encoder_layer(Builder& b, Value x, const Attribute& width, const Layer& layer) {
  {
    const auto scope = b.scope("self");
    x = attend(b, x, x, width, {layer.heads});
  }
  return feed_forward(b, x, width, layer.ffn);
}

Value decoder_layer(Builder& b, Value x, Value memory, const Attribute& width, const Layer& layer) {
  {
    const auto scope = b.scope("self");
    x = attend(b, x, x, width, {layer.heads, true});
  }
  {
    const auto scope = b.scope("cross");
    x = attend(b, x, memory, width, {layer.cross_heads});
  }
  return feed_forward(b, x, width, layer.ffn);
}

// `count` encoder layers, the last first: the first count * steps steps of all that may be attended to.
Value memory_of(Builder& b, const std::vector<Value>& encoded, const Attribute& count) {
  const Int steps = b.shape(encoded.back())[0];
  std::vector<Value> latest(encoded.rbegin(), encoded.rbegin() + std::min<Int>(kMostMemory, static_cast<Int>(encoded.size())));
  if (const auto* fixed = std::get_if<Int>(&count)) {
    if (*fixed < 1 || *fixed > static_cast<Int>(latest.size()))
      fail("'dec_memory' holds " + std::to_string(*fixed) + "; it must be 1 to " + std::to_string(latest.size()));
    latest.resize(static_cast<std::size_t>(*fixed));
    return *fixed == 1 ? latest[0] : b.add("concat", latest, {}, "memory");
  }
  Open taken = std::get<Open>(count);
  for (Int& value : taken.values) taken.names.push_back(std::to_string(value)), value *= steps;
  return b.add("slice", b.add("concat", latest, {}, "memories"), {{"channels", taken}}, "memory");
}

Value embedded(Builder& b, Value numbers, Int entries, const Attribute& width, const char* name) {
  const Value rows = b.add("embedding", numbers, {{"entries", entries}, {"features", width}, {"scaled", Int{1}}}, name);
  return b.add("positions", rows, {}, std::string(name) + "_positions");
}

Graph network(const Outline& o, const NetworkOptions& options) {
  if (options.input.size() != 1 || options.input[0] < 2)
    fail("the input is " + to_string(options.input) + "; it is one number for each source and target step, at least 2");
  if (options.classes < 1) fail("classes=" + std::to_string(options.classes) + " is below 1");
  const Int source = options.input[0] / 2;
  Builder b;
  const Value numbers = b.input(options.input);
  Value x = embedded(b, b.add("slice", numbers, {{"channels", source}}, "source_numbers"), options.classes, o.encoder_width, "source");
  std::vector<Value> encoded;
  for (std::size_t i = 0; i < o.encoder_layers; ++i) {
    const auto scope = b.scope("encoder.layer" + std::to_string(i), "encoder layer");
    encoded.push_back(x = encoder_layer(b, x, o.encoder_width, o.encoder(i)));
  }
  x = embedded(b, b.add("slice", numbers, {{"offset", source}}, "target_numbers"), options.classes, o.decoder_width, "target");
  std::vector<Value> decoded;
  for (std::size_t i = 0; i < o.decoder_layers; ++i) {
    const auto scope = b.scope("decoder.layer" + std::to_string(i), "decoder layer");
    const Layer layer = o.decoder(i);
    decoded.push_back(x = decoder_layer(b, x, memory_of(b, encoded, layer.memory), o.decoder_width, layer));
  }
  return b.finish({b.add("linear", o.end(b, decoded), {{"features", options.classes}, {"tied", "target"}}, "classifier")});
}

// ---- the space ----

// Decisions and choices of one list of numbers.
struct Numbers {
  const char* key;       // in JSON
  const char* decision;  // behind "encoder.layerI." or "decoder.layerI."
  std::vector<Int> TranslationTransformer::*list;
  std::vector<Int> choices;
};

const std::vector<Numbers>& encoder_numbers() {
  static const std::vector<Numbers> list = {{"enc_ffn", "ffn", &TranslationTransformer::encoder_ffn, {1024, 2048, 3072}},
                                            {"enc_heads", "heads", &TranslationTransformer::encoder_heads, {4, 8}}};
  return list;
}

const std::vector<Numbers>& decoder_numbers() {
  static const std::vector<Numbers> list = {{"dec_ffn", "ffn", &TranslationTransformer::decoder_ffn, {1024, 2048, 3072}},
                                            {"dec_heads", "heads", &TranslationTransformer::decoder_heads, {4, 8}},
                                            {"dec_cross_heads", "cross_heads", &TranslationTransformer::decoder_cross_heads, {4, 8}},
                                            {"dec_memory", "memory", &TranslationTransformer::decoder_memory, {1, 2, 3}}};
  return list;
}

const std::vector<Int>& widths() {
  static const std::vector<Int> list = {512, 640};
  return list;
}

const std::vector<Int>& depths() {
  static const std::vector<Int> list = {1, 2, 3, 4, 5, 6};
  return list;
}

std::string layer_name(const char* side, std::size_t layer) { return std::string(side) + ".layer" + std::to_string(layer) + "."; }

Outline open_outline() {
  Outline o{.encoder_width = Open{"encoder.width", widths()},
            .decoder_width = Open{"decoder.width", widths()},
            .encoder_layers = kEncoderLayers,
            .decoder_layers = static_cast<std::size_t>(depths().back())};
  o.encoder = [](std::size_t i) {
    const auto open = [&](std::size_t n) { return Open{layer_name("encoder", i) + encoder_numbers()[n].decision, encoder_numbers()[n].choices}; };
    return Layer{open(0), open(1)};
  };
  o.decoder = [](std::size_t i) {
    const auto open = [&](std::size_t n) { return Open{layer_name("decoder", i) + decoder_numbers()[n].decision, decoder_numbers()[n].choices}; };
    return Layer{open(0), open(1), open(2), open(3)};
  };
  o.end = [](Builder& b, const std::vector<Value>& outputs) {
    std::vector<std::string> names;
    for (const Int depth : depths()) names.push_back(std::to_string(depth));
    return b.select("decoder.depth", outputs, {.name = "decoder.depth", .names = names});
  };
  return o;
}

SpaceInfo hat_info() {
  constexpr Int usual_steps = 60, words = 32768;
  return {.name = "hat",
          .title = "translation transformers of elastic widths, depth, heads and attended encoder layers",
          .paper = "Wang et al. 2020, arXiv 2005.14187",
          .traits = {"chain", "sequence", "transformer", "open", "uniform"},
          .input = {usual_steps},
          .classes = words};
}

class Hat final : public Space {
 public:
  Hat() : info_(hat_info()), tree_(decisions_of(open({.input = {2}, .classes = 2}))) {}
  const SpaceInfo& info() const override { return info_; }
  const DecisionTree& decisions() const override { return tree_; }
  Graph open(const NetworkOptions& options) const override {
    check_settings(info_, options);
    return netwright::network(open_outline(), options);
  }
  Graph close(const Architecture& architecture, const NetworkOptions& options) const override {
    validate(tree_, architecture);
    check_settings(info_, options);
    return translation_transformer(network_of(architecture), options);
  }
  std::string print(const Architecture& architecture) const override { return netwright::print(network_of(architecture)); }
  Architecture parse(std::string_view text) const override {
    return is_network(text) ? architecture_of(parse_translation_transformer(text)) : Space::parse(text);
  }
  Graph network(std::string_view text, const NetworkOptions& options) const override {
    if (!is_network(text)) return Space::network(text, options);
    check_settings(info_, options);
    return translation_transformer(parse_translation_transformer(text), options);
  }

 private:
  static bool is_network(std::string_view text) {
    const Json object = Json::parse(text, nullptr, false);
    return object.is_object() && object.contains("enc_ffn");
  }

  Int picked_of(const Architecture& architecture, const std::string& decision, const std::vector<Int>& choices) const {
    return choices.at(static_cast<std::size_t>(architecture.picks.at(static_cast<std::size_t>(tree_.find(decision)))));
  }

  TranslationTransformer network_of(const Architecture& a) const {
    TranslationTransformer network{.encoder_width = picked_of(a, "encoder.width", widths()),
                                   .decoder_width = picked_of(a, "decoder.width", widths())};
    const auto depth = static_cast<std::size_t>(picked_of(a, "decoder.depth", depths()));
    for (const auto& numbers : encoder_numbers())
      for (std::size_t i = 0; i < kEncoderLayers; ++i)
        (network.*numbers.list).push_back(picked_of(a, layer_name("encoder", i) + numbers.decision, numbers.choices));
    for (const auto& numbers : decoder_numbers())
      for (std::size_t i = 0; i < depth; ++i)
        (network.*numbers.list).push_back(picked_of(a, layer_name("decoder", i) + numbers.decision, numbers.choices));
    return network;
  }

  Architecture architecture_of(const TranslationTransformer& network) const {
    Architecture a{std::vector<Int>(tree_.size(), Architecture::inactive)};
    const auto set = [&](const std::string& decision, const std::vector<Int>& choices, Int value) {
      const auto found = std::find(choices.begin(), choices.end(), value);
      if (found == choices.end()) fail(decision + " is " + std::to_string(value) + ", which is not in the space hat");
      a.picks[static_cast<std::size_t>(tree_.find(decision))] = found - choices.begin();
    };
    set("encoder.width", widths(), network.encoder_width), set("decoder.width", widths(), network.decoder_width);
    if (network.encoder_ffn.size() != kEncoderLayers)
      fail("'enc_ffn' has " + std::to_string(network.encoder_ffn.size()) + " layers; the space hat has " + std::to_string(kEncoderLayers));
    set("decoder.depth", depths(), static_cast<Int>(network.decoder_ffn.size()));
    for (const auto& numbers : encoder_numbers())
      for (std::size_t i = 0; i < kEncoderLayers; ++i) set(layer_name("encoder", i) + numbers.decision, numbers.choices, (network.*numbers.list)[i]);
    for (const auto& numbers : decoder_numbers())
      for (std::size_t i = 0; i < network.decoder_ffn.size(); ++i)
        set(layer_name("decoder", i) + numbers.decision, numbers.choices, (network.*numbers.list)[i]);
    validate(tree_, a);
    return a;
  }

  SpaceInfo info_;
  DecisionTree tree_;
};

// ---- text ----

Int whole(const Json& value, const std::string& key) {
  if (!value.is_number_integer() || value.get<Int>() < 1) fail("'" + key + "' holds " + value.dump() + "; it must be a whole number of at least 1");
  return value.get<Int>();
}

// `layers` numbers, the usual one where the key is missing.
std::vector<Int> numbers_of(const Json& object, const char* key, std::size_t layers, Int usual) {
  if (!object.contains(key)) return std::vector<Int>(layers, usual);
  if (!object[key].is_array()) fail(std::string("'") + key + "' is " + object[key].dump() + "; it must be a list, one number a layer");
  std::vector<Int> list;
  for (const auto& item : object[key]) list.push_back(whole(item, key));
  if (list.size() != layers) fail(std::string("'") + key + "' has " + std::to_string(list.size()) + " layers, not " + std::to_string(layers));
  return list;
}

std::size_t layers_of(const Json& object, const char* key) {
  if (!object.contains(key) || !object[key].is_array() || object[key].empty())
    fail(std::string("'") + key + "' is missing, or no list of one number a layer");
  return object[key].size();
}

}  // namespace

TranslationTransformer parse_translation_transformer(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) fail("'" + std::string(json.substr(0, 60)) + "' is no JSON object");
  std::vector<std::string> keys = {"E", "D"};
  for (const auto* list : {&encoder_numbers(), &decoder_numbers()})
    for (const auto& numbers : *list) keys.emplace_back(numbers.key);
  for (const auto& [key, value] : object.items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) fail("unknown key '" + key + "'" + name_hint(key, keys));
  for (const char* key : {"E", "D"})
    if (!object.contains(key)) fail(std::string("'") + key + "' is missing");
  TranslationTransformer network{.encoder_width = whole(object["E"], "E"), .decoder_width = whole(object["D"], "D")};
  const std::size_t encoder = layers_of(object, "enc_ffn"), decoder = layers_of(object, "dec_ffn");
  for (const auto& numbers : encoder_numbers()) network.*numbers.list = numbers_of(object, numbers.key, encoder, kUsualHeads);
  for (const auto& numbers : decoder_numbers())
    network.*numbers.list = numbers_of(object, numbers.key, decoder, std::string_view(numbers.decision) == "memory" ? 1 : kUsualHeads);
  return network;
}

std::string print(const TranslationTransformer& network) {
  Json object = {{"E", network.encoder_width}};
  for (const auto& numbers : encoder_numbers()) object[numbers.key] = network.*numbers.list;
  object["D"] = network.decoder_width;
  for (const auto& numbers : decoder_numbers()) object[numbers.key] = network.*numbers.list;
  return object.dump();
}

Graph translation_transformer(const TranslationTransformer& network, const NetworkOptions& options) {
  Outline o{.encoder_width = network.encoder_width,
            .decoder_width = network.decoder_width,
            .encoder_layers = network.encoder_ffn.size(),
            .decoder_layers = network.decoder_ffn.size()};
  o.encoder = [&](std::size_t i) { return Layer{network.encoder_ffn[i], network.encoder_heads[i]}; };
  o.decoder = [&](std::size_t i) {
    return Layer{network.decoder_ffn[i], network.decoder_heads[i], network.decoder_cross_heads[i], network.decoder_memory[i]};
  };
  o.end = [](Builder&, const std::vector<Value>& outputs) { return outputs.back(); };
  return netwright::network(o, options);
}

std::unique_ptr<Space> make_hat() { return std::make_unique<Hat>(); }

}  // namespace netwright
