#include "network_words.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "catalogue.hpp"
#include "netwright/config/text.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/graph/json.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// Of a built-in space that the data do not feed, though it may be searched without training.
std::optional<SpaceInfo> unfed_space(const Config& config) {
  const std::string& name = config.space.name;
  if (std::find(space_names().begin(), space_names().end(), name) == space_names().end()) return std::nullopt;
  const auto space = find_space(name);
  return unfed(*space, config.data).empty() ? std::nullopt : std::optional(space->info());
}

std::int64_t count_classes(const DataOptions& data) {
  const fs::path root = data.path;
  if (data.path.empty()) throw UsageError("data.path must name the folder of images (data.source is folder)");
  if (!fs::is_directory(root)) throw UsageError("data.path: there is no folder " + data.path);
  const fs::path part = fs::is_directory(root / "train") ? root / "train" : root;
  std::int64_t classes = 0;
  for (const auto& entry : fs::directory_iterator(part))
    if (entry.is_directory()) ++classes;
  if (classes < 2) throw UsageError(part.string() + " has " + std::to_string(classes) + " sub-folders; one a class, at least 2, are needed");
  return classes;
}

NetworkOptions overridden(NetworkOptions options, const Space& space, const std::string& input, std::int64_t classes,
                          const std::vector<std::string>& settings) {
  for (const auto& [name, value] : parse_settings(settings)) options.settings[name] = value;
  if (!input.empty()) options.input = parse_shape(input);
  if (classes > 0) options.classes = classes;
  check_settings(space.info(), options);
  return options;
}

}  // namespace

bool is_folder(const std::string& text) {
  std::error_code too_long;
  return fs::is_directory(text, too_long);
}

Written locate_written(const std::string& text) {
  if (!text.ends_with(".json") && !is_folder(text)) return written_architecture(text);
  const fs::path file = is_folder(text) ? fs::path(text) / "best.json" : fs::path(text);
  if (!fs::exists(file)) return written_architecture(file.string());
  nlohmann::json json = nlohmann::json::parse(read_file(file), nullptr, false);
  if (!json.is_object() || !json.contains("space") || !json["space"].is_string()) return written_architecture(file.string());
  const fs::path space = json["space"].get<std::string>();
  if (space.extension() != ".yaml" || space.is_absolute() || !fs::exists(file.parent_path() / space)) return written_architecture(file.string());
  json["space"] = (file.parent_path() / space).string();
  return written_architecture(json.dump());
}

Located locate_architecture(const std::string& text) {
  Written written = locate_written(text);
  Architecture architecture = written.space->parse(written.text);
  return {std::move(written.space), std::move(architecture)};
}

NamedNetwork named_network(const NetworkVerbOptions& options) {
  const Written written = locate_written(options.architecture);
  const NetworkOptions network = network_options(written, options.input, options.classes, options.settings, options.search);
  const std::string title = written.network ? options.architecture : written.space->info().name + ":" + written.text;
  return {written.space->info().name, title, network, written.space->network(written.text, network)};
}

Shape parse_shape(const std::string& text) {
  Shape shape;
  for (const auto& part : split(text, 'x')) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value < 1)
      throw UsageError("--input must be CHANNELSxHEIGHTxWIDTH, as 3x32x32, not '" + text + "'");
    shape.push_back(value);
  }
  return shape;
}

Settings parse_settings(const std::vector<std::string>& words) {
  Settings settings;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0) throw UsageError("a setting is written key=value, not '" + word + "'");
    settings[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return settings;
}

NetworkOptions network_options(const Space& space, const std::string& input, std::int64_t classes, const std::vector<std::string>& settings,
                               bool search) {
  return overridden({.input = space.info().input, .classes = space.info().classes, .search = search}, space, input, classes, settings);
}

NetworkOptions network_options(const Written& written, const std::string& input, std::int64_t classes, const std::vector<std::string>& settings,
                               bool search) {
  if (!written.network) return network_options(*written.space, input, classes, settings, search);
  NetworkOptions options = *written.network;
  options.search = search;
  return overridden(std::move(options), *written.space, input, classes, settings);
}

NetworkOptions network_options(const Config& config, bool search) {
  NetworkOptions options{.search = search, .settings = search ? config.space.search : config.space.network};
  if (const auto info = unfed_space(config)) {
    options.input = info->input;
    options.classes = info->classes;
  } else if (holds_text(config.data)) {
    options.input = {config.data.sequence};
    options.classes = static_cast<std::int64_t>(read_text(config.data).vocabulary.size());
  } else if (config.data.source == "fashion_mnist") {
    options.input = {1, 28, 28};
    options.classes = 10;
  } else if (config.data.source == "cifar10") {
    options.input = {3, 32, 32};
    options.classes = 10;
  } else {
    options.input = {3, config.data.size, config.data.size};
    options.classes = count_classes(config.data);
  }
  return options;
}

nlohmann::ordered_json cost_json(const Cost& cost) {
  return {{"params", cost.params},
          {"params_auxiliary", cost.params_auxiliary},
          {"macs", cost.macs},
          {"activation_bytes", cost.activation_bytes},
          {"peak_bytes", cost.peak_bytes},
          {"layers", cost.layers}};
}

std::string cost_lines(const Cost& cost) {
  const auto row = [](const std::string& name, double value, const std::string& shown) {
    return name + std::string(20 - name.size(), ' ') + shown + "  (" + std::to_string(static_cast<std::int64_t>(value)) + ")\n";
  };
  const auto count = [&](const std::string& name, std::int64_t value) {
    return row(name, static_cast<double>(value), format_count(static_cast<double>(value)));
  };
  const auto bytes = [&](const std::string& name, std::int64_t value) {
    return row(name, static_cast<double>(value), format_bytes(static_cast<double>(value)));
  };
  return count("params", cost.params) + (cost.params_auxiliary > 0 ? count("  of auxiliary head", cost.params_auxiliary) : "") +
         count("macs", cost.macs) + bytes("activation_bytes", cost.activation_bytes) + bytes("peak_bytes", cost.peak_bytes) + "layers              " +
         std::to_string(cost.layers) + "\n";
}

void write_drawing(const Graph& graph, const DrawingOptions& drawing, const std::string& file) {
  if (file.ends_with(".svg")) write_file(file, to_svg(graph, drawing));
  else if (file.ends_with(".dot")) write_file(file, to_dot(graph, drawing));
  else if (file.ends_with(".json")) write_file(file, to_json(graph));
  else throw UsageError("a drawing's file ends in .svg, .dot or .json, not '" + file + "'");
}

}  // namespace netwright
