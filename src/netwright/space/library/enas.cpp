#include "netwright/space/library/enas.hpp"

#include <algorithm>
#include <charconv>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/library/beyond.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

// ---- numbers of the official code ----

bool is_numbers(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789 ,;\t\r\n") == std::string_view::npos; }

std::vector<Int> read_numbers(std::string_view text) {
  std::vector<Int> numbers;
  for (const char* at = text.data(), *end = at + text.size(); at < end;) {
    Int value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error == std::errc()) numbers.push_back(value);
    at = error == std::errc() ? next : at + 1;
  }
  return numbers;
}

// ---- micro ----

Value reduce_or_keep(Builder& b, Value x, PairPlace place) {
  if (place.stride == 1 && b.channels(x) == place.channels) return b.add("identity", x, {}, "identity");
  return place.stride == 1 ? relu_conv_bn(b, x, place.channels, {.kernel = 1}) : factorized_reduce(b, x, place.channels, true);
}

// The numbers in the order of the decisions: they are the picks.
Architecture picks_of_numbers(const DecisionTree& tree, std::string_view text, const std::string& space) {
  Architecture architecture{read_numbers(text)};
  if (architecture.picks.size() != tree.size())
    throw UsageError(space + ": an architecture has " + std::to_string(tree.size()) + " numbers, not " + std::to_string(architecture.picks.size()));
  validate(tree, architecture);
  return architecture;
}

// ---- macro ----

constexpr int kLayers = 12;
const std::vector<std::string> kMacroOperations = {"conv_3x3", "sep_conv_3x3", "conv_5x5", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3"};

std::string layer_name(int layer) { return "layer" + std::to_string(layer); }
std::string skip_name(int layer, int value) { return layer_name(layer) + ".skip" + std::to_string(value); }
bool pools_after(int layer) { return layer == kLayers / 3 - 1 || layer == 2 * kLayers / 3 - 1; }

SpaceInfo macro_info() {
  return {.name = "enas_macro",
          .title = "12 layers of six operations, and skips from any earlier layer",
          .paper = "Pham et al. 2018, arXiv 1802.03268",
          .traits = {"chain", "open", "uniform"},
          .settings = {{"channels", "24", "channels of the first third of the layers; doubled by each reduction"}},
          .search_settings = {{"channels", "36", "channels of all layers"}}};
}

Value conv_batch(Builder& b, Value x, Attributes attributes, std::string_view name) {
  return b.add("batch_norm", b.add("conv", x, std::move(attributes), name), {}, "bn");
}

// 1x1, batch norm, ReLU; then the window, with batch norm behind a convolution.
Value macro_operation(Builder& b, Value x, Int channels, const std::string& name) {
  x = b.add("relu", conv_batch(b, x, {{"kernel", 1}, {"channels", channels}}, "pointwise"), {}, "act");
  const Int kernel = name.back() - '0';
  if (name.ends_with("pool_3x3")) return b.add(name.substr(0, std::string("avg_pool").size()), x, {{"kernel", kernel}, {"padding", 1}}, "pool");
  if (!name.starts_with("sep")) return conv_batch(b, x, {{"kernel", kernel}, {"channels", channels}}, "conv");
  x = b.add("conv", x, {{"kernel", kernel}, {"groups", 0}}, "depthwise");
  return conv_batch(b, x, {{"kernel", 1}, {"channels", channels}}, "separable");
}

// Writes a layer from the value before it and all earlier ones.
using MacroLayer = std::function<Value(Builder&, const std::vector<Value>& values, Int channels, int layer)>;

Graph macro_network(const SpaceInfo& info, const NetworkOptions& options, bool search, const MacroLayer& write) {
  NetworkOptions form = options;
  form.search = search;
  check_settings(info, form);
  Int channels = integer_setting(info, form, "channels");
  if (channels < 2 || channels % 2 != 0) throw UsageError("enas_macro: channels=" + std::to_string(channels) + " is not an even number of at least 2");
  Builder b;
  std::vector<Value> values;
  {
    const auto scope = b.scope("stem");
    const Value image = b.input(options.input);
    values.push_back(conv_bn(b, image, channels, {.kernel = 3, .activation = ""}));
  }
  for (int layer = 0; layer < kLayers; ++layer) {
    {
      const auto scope = b.scope(layer_name(layer));
      values.push_back(write(b, values, channels, layer));
    }
    if (!pools_after(layer)) continue;
    if (!search) channels *= 2;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto scope = b.scope("reduction" + std::to_string(layer) + ".value" + std::to_string(i));
      values[i] = factorized_reduce(b, values[i], channels, true);
    }
  }
  const double dropout = search ? 0.0 : 0.1;   // shared weights are noise enough
  return without_dead_nodes(b.finish({classifier(b, values.back(), options.classes, dropout)}));
}

Value open_macro_layer(Builder& b, const std::vector<Value>& values, Int channels, int layer) {
  std::vector<BranchSpec> candidates;
  for (const auto& name : kMacroOperations)
    candidates.push_back({name, [name, channels](Builder& inner, Value x) { return macro_operation(inner, x, channels, name); }});
  std::vector<Value> terms = {b.choice(layer_name(layer) + ".op", values.back(), candidates, "op")};
  for (int value = 0; value < layer; ++value)
    terms.push_back(b.choice(skip_name(layer, value), values[static_cast<std::size_t>(value)],
                             {{"no", [](Builder& inner, Value x) { return inner.add("zero", x, {}, "zero"); }},
                              {"yes", [](Builder& inner, Value x) { return inner.add("identity", x, {}, "identity"); }}},
                             "skip" + std::to_string(value)));
  if (layer == 0) return terms[0];
  return b.add("batch_norm", b.add("add", terms, {}, "add"), {}, "bn");
}

Graph close_macro(const SpaceInfo& info, const DecisionTree& tree, const Architecture& architecture, const NetworkOptions& options) {
  validate(tree, architecture);
  std::size_t next = 0;
  return macro_network(info, options, false, [&](Builder& b, const std::vector<Value>& values, Int channels, int layer) {
    const std::string& name = kMacroOperations[static_cast<std::size_t>(architecture.picks.at(next++))];
    std::vector<Value> joined;
    for (int value = 0; value < layer; ++value)
      if (architecture.picks.at(next++) == 1) joined.push_back(values[static_cast<std::size_t>(value)]);
    {
      const auto scope = b.scope("op", name);
      joined.push_back(macro_operation(b, values.back(), channels, name));
    }
    if (layer == 0) return joined[0];
    const Value all = joined.size() == 1 ? joined[0] : b.add("concat", joined, {}, "concat");
    return relu_conv_bn(b, all, channels, {.kernel = 1});
  });
}

}  // namespace

PairFamily enas_micro_family() {
  constexpr PairDefaults defaults{.cifar_channels = 36, .cifar_cells = 15, .imagenet_channels = 48, .imagenet_cells = 12};
  const std::vector<std::string> written = {"sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3"};
  std::vector<PairOperation> operations = pair_operations(written);
  operations.push_back({"identity", reduce_or_keep, false});
  return {.info = {.name = "enas_micro",
                   .title = "two cells of five added pairs, five operations",
                   .paper = "Pham et al. 2018, arXiv 1802.03268",
                   .traits = {"cell", "open", "uniform"},
                   .settings = pair_settings(defaults),
                   .search_settings = {{"channels", "20", ""}, {"cells", "6", ""}}},
          .defaults = defaults,
          .operations = operations,
          .pickable = operations.size(),
          .newest_first = false,
          .always_fits_last = false,
          .first_reads_stem = false,
          .late_auxiliary = true,
          .parse_other = [](const DecisionTree& tree, std::string_view text) -> std::optional<Architecture> {
            if (!is_numbers(text)) return std::nullopt;
            return picks_of_numbers(tree, text, "enas_micro");
          }};
}

std::unique_ptr<Space> make_enas_micro() { return make_pair_space(enas_micro_family()); }

std::unique_ptr<Space> make_enas_macro() {
  const SpaceInfo info = macro_info();
  Template open{.info = info,
                .build = [info](const NetworkOptions& options) { return macro_network(info, options, options.search, open_macro_layer); },
                .parse = [](const DecisionTree& tree, std::string_view text) {
                  return is_numbers(text) ? picks_of_numbers(tree, text, "enas_macro") : parse(tree, text);
                }};
  return extended(make_space(std::move(open)), {.close = [info](const DecisionTree& tree, const Architecture& a, const NetworkOptions& options) {
                    return close_macro(info, tree, a, options);
                  }});
}

}  // namespace netwright
