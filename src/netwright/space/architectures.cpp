#include "netwright/space/architectures.hpp"

#include <algorithm>
#include <charconv>

#include <yaml-cpp/yaml.h>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/library/embedded.hpp"

namespace netwright {
namespace {

[[noreturn]] void fail(const std::string& origin, const YAML::Node& node, const std::string& what) {
  throw UsageError(origin + ":" + std::to_string(node.Mark().line + 1) + ": " + what);
}

void check_keys(const std::string& origin, const YAML::Node& map, const std::vector<std::string>& known) {
  if (!map.IsMap()) fail(origin, map, "must be a map of " + join(known, ", "));
  for (const auto& entry : map) {
    const auto key = entry.first.as<std::string>();
    if (std::find(known.begin(), known.end(), key) == known.end()) fail(origin, entry.first, "unknown key '" + key + "'" + name_hint(key, known));
  }
}

std::string word(const std::string& origin, const YAML::Node& map, const char* key) {
  if (!map[key] || !map[key].IsScalar()) fail(origin, map, std::string("needs '") + key + "'");
  return map[key].as<std::string>();
}

std::int64_t whole(const std::string& origin, const YAML::Node& node) {
  const auto text = node.as<std::string>();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) fail(origin, node, "'" + text + "' is not a whole number of at least 1");
  return value;
}

Shape read_shape(const std::string& origin, const YAML::Node& node) {
  Shape shape;
  for (const auto& part : split(node.as<std::string>(), 'x')) {
    YAML::Node size(part);
    shape.push_back(whole(origin, size));
  }
  return shape;
}

PublishedNetwork read_network(const std::string& origin, const YAML::Node& map, const SpaceInfo& info) {
  check_keys(origin, map, {"name", "input", "classes", "settings", "published", "exact"});
  PublishedNetwork network{.name = word(origin, map, "name"), .options = {.input = info.input, .classes = info.classes}};
  if (map["input"]) network.options.input = read_shape(origin, map["input"]);
  if (map["classes"]) network.options.classes = whole(origin, map["classes"]);
  if (const auto settings = map["settings"])
    for (const auto& entry : settings) network.options.settings[entry.first.as<std::string>()] = entry.second.as<std::string>();
  if (const auto published = map["published"])
    for (const auto& entry : published) network.published.emplace_back(entry.first.as<std::string>(), entry.second.as<std::string>());
  if (const auto exact = map["exact"]) {
    check_keys(origin, exact, {"params", "macs"});
    if (exact["params"]) network.exact_params = whole(origin, exact["params"]);
    if (exact["macs"]) network.exact_macs = whole(origin, exact["macs"]);
  }
  try {
    check_settings(info, network.options);
  } catch (const UsageError& error) {
    fail(origin, map, error.what());
  }
  return network;
}

NamedArchitecture read_architecture(const std::string& origin, const YAML::Node& map, const SpaceInfo& info) {
  check_keys(origin, map, {"name", "text", "paper", "networks"});
  NamedArchitecture architecture{
      .space = info.name, .name = word(origin, map, "name"), .text = word(origin, map, "text"), .paper = word(origin, map, "paper")};
  if (!map["networks"] || !map["networks"].IsSequence() || map["networks"].size() == 0) fail(origin, map, "needs a list 'networks'");
  for (const auto& network : map["networks"]) architecture.networks.push_back(read_network(origin, network, info));
  return architecture;
}

template <class List>
std::vector<std::string> names_of(const List& list) {
  std::vector<std::string> names;
  for (const auto& entry : list) names.push_back(entry.name);
  return names;
}

const PublishedNetwork& find_network(const NamedArchitecture& architecture, std::string_view name) {
  const std::string full = architecture.space + "/" + architecture.name;
  const auto names = names_of(architecture.networks);
  if (name.empty() && architecture.networks.size() == 1) return architecture.networks.front();
  if (name.empty()) throw UsageError("'" + full + "' has several networks: write " + full + "@" + names.front() + " (" + join(names, ", ") + ")");
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw UsageError("'" + full + "' has no network '" + std::string(name) + "'" + name_hint(name, names));
  return architecture.networks[static_cast<std::size_t>(found - names.begin())];
}

}  // namespace

std::vector<NamedArchitecture> read_named_architectures(const std::string& yaml, const std::string& origin) {
  try {
    const YAML::Node file = YAML::Load(yaml);
    check_keys(origin, file, {"space", "architectures"});
    const auto space = find_space(word(origin, file, "space"));
    std::vector<NamedArchitecture> list;
    for (const auto& entry : file["architectures"]) list.push_back(read_architecture(origin, entry, space->info()));
    return list;
  } catch (const YAML::Exception& error) {
    throw UsageError(origin + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
}

const std::vector<NamedArchitecture>& named_architectures() {
  static const std::vector<NamedArchitecture> list = [] {
    std::vector<NamedArchitecture> all;
    for (const auto& file : embedded_architectures())
      for (auto& architecture : read_named_architectures(std::string(file.text), std::string(file.name))) all.push_back(std::move(architecture));
    return all;
  }();
  return list;
}

bool names_architecture(std::string_view text) {
  const bool file = text.ends_with(".json") || text.ends_with(".yaml") || text.ends_with(".yml");
  return !file && text.find('/') != std::string_view::npos && text.find(':') == std::string_view::npos && !text.starts_with('/') && !text.starts_with('.');
}

FoundNetwork find_named_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto at = text.find('@', slash);
  const std::string space(text.substr(0, slash)), whole(text.substr(0, at));
  std::vector<std::string> spaces, inside, all;
  for (const auto& architecture : named_architectures()) {
    if (std::find(spaces.begin(), spaces.end(), architecture.space) == spaces.end()) spaces.push_back(architecture.space);
    const std::string full = architecture.space + "/" + architecture.name;
    if (full == whole) return {architecture, find_network(architecture, at == std::string_view::npos ? std::string_view{} : text.substr(at + 1))};
    if (architecture.space == space) inside.push_back(architecture.name);
    all.push_back(full);
  }
  const std::string name = whole.substr(slash + 1);
  if (!inside.empty()) throw UsageError("space '" + space + "' has no architecture named '" + name + "'" + name_hint(name, inside));
  const std::string nearest = nearest_name(whole, all);
  throw UsageError("there is no architecture '" + whole + "'" + (nearest.empty() ? "; spaces with named ones: " + join(spaces, ", ") : name_hint(whole, all)));
}

}  // namespace netwright
