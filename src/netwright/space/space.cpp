#include "netwright/space/space.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/architectures.hpp"
#include "netwright/space/library/builtin.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

// Whether this is a JSON object whose first key is a decision: then the generic reader understands it.
bool names_decisions(const DecisionTree& tree, std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return false;
  const auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || json.empty()) return false;
  return std::any_of(tree.begin(), tree.end(), [&](const Decision& d) { return d.name == json.begin().key(); });
}

bool same(const NetworkOptions& a, const NetworkOptions& b) {
  return a.input == b.input && a.classes == b.classes && a.search == b.search && a.settings == b.settings;
}

// Keeps the open graph that was closed last: a search closes thousands of architectures of the same, and building it is most of the work.
class LastOpen {
 public:
  template <class Build>
  std::shared_ptr<const Graph> of(const NetworkOptions& options, const Build& build) {
    const std::lock_guard lock(mutex_);
    if (!graph_ || !same(options, options_)) graph_ = std::make_shared<const Graph>(build(options)), options_ = options;
    return graph_;
  }

 private:
  std::mutex mutex_;
  NetworkOptions options_;
  std::shared_ptr<const Graph> graph_;
};

class TemplateSpace : public Space {
 public:
  explicit TemplateSpace(Template definition) : template_(std::move(definition)) {
    tree_ = decisions_of(template_.build({.input = template_.info.input, .classes = template_.info.classes}));
  }

  const SpaceInfo& info() const override { return template_.info; }
  const DecisionTree& decisions() const override { return tree_; }

  Graph open(const NetworkOptions& options) const override {
    check_settings(template_.info, options);
    return template_.build(options);
  }

  Graph close(const Architecture& architecture, const NetworkOptions& options) const override {
    validate(tree_, architecture);
    NetworkOptions closed = options;
    closed.search = false;
    const auto whole = last_open_.of(closed, [this](const NetworkOptions& own) { return open(own); });
    return netwright::close(*whole, picks_of(tree_, architecture));
  }

  std::string print(const Architecture& architecture) const override {
    return template_.print ? template_.print(tree_, architecture) : Space::print(architecture);
  }

  Architecture parse(std::string_view text) const override {
    return template_.parse && !names_decisions(tree_, text) ? template_.parse(tree_, text) : Space::parse(text);
  }

  std::uint64_t canonical(const Architecture& architecture) const override {
    return template_.canonical ? template_.canonical(tree_, architecture) : Space::canonical(architecture);
  }

 private:
  Template template_;
  DecisionTree tree_;
  mutable LastOpen last_open_;
};

std::vector<std::string> setting_names(const SpaceInfo& info) {
  std::vector<std::string> names;
  for (const auto& setting : info.settings) names.push_back(setting.name);
  return names;
}

const Setting* find_setting(const std::vector<Setting>& settings, std::string_view name) {
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& s) { return s.name == name; });
  return found == settings.end() ? nullptr : &*found;
}

[[noreturn]] void unknown_setting(const SpaceInfo& info, std::string_view name) {
  throw UsageError("space '" + info.name + "' has no setting '" + std::string(name) + "'" + name_hint(name, setting_names(info)));
}

[[noreturn]] void bad_setting(const SpaceInfo& info, std::string_view name, const std::string& value, const std::string& rule) {
  throw UsageError("space '" + info.name + "': setting '" + std::string(name) + "' is '" + value + "'; it must be " + rule);
}

Json parse_located(std::string_view text, const std::string& place) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw UsageError(place + " is not JSON: byte " + std::to_string(error.byte));
  }
}

// {"space": ..., "architecture": text or object}
Written written_json(const Json& json, const std::string& place) {
  if (!json.is_object() || !json.contains("space") || !json["space"].is_string()) throw UsageError(place + " names no space: it needs {\"space\": ..., \"architecture\": ...}");
  if (!json.contains("architecture")) throw UsageError(place + " has no \"architecture\"");
  const Json& written = json["architecture"];
  if (!written.is_string() && !written.is_object()) throw UsageError(place + ": \"architecture\" is a string or an object of picks");
  return {find_space(json["space"].get<std::string>()), written.is_string() ? written.get<std::string>() : written.dump()};
}

}  // namespace

Graph Space::close(const Architecture& architecture, const NetworkOptions& options) const {
  validate(decisions(), architecture);
  NetworkOptions closed = options;
  closed.search = false;
  return netwright::close(open(closed), picks_of(decisions(), architecture));
}

Graph Space::network(std::string_view text, const NetworkOptions& options) const { return close(parse(text), options); }

std::string Space::print(const Architecture& architecture) const { return netwright::print(decisions(), architecture); }

Architecture Space::parse(std::string_view text) const { return netwright::parse(decisions(), text); }

std::uint64_t Space::canonical(const Architecture& architecture) const { return hash(architecture); }

std::unique_ptr<Space> make_space(Template definition) { return std::make_unique<TemplateSpace>(std::move(definition)); }

Picks picks_of(const DecisionTree& tree, const Architecture& architecture) {
  std::map<std::string, std::vector<int>> picks;
  for (std::size_t i = 0; i < tree.size(); ++i)
    if (architecture.picks.at(i) != Architecture::inactive) picks[tree[i].name] = picked(tree[i], architecture.picks[i]);
  return [picks = std::move(picks)](const std::string& decision) {
    const auto found = picks.find(decision);
    if (found == picks.end()) throw Error("decision '" + decision + "' has no pick in this architecture");
    return found->second;
  };
}

std::string setting(const SpaceInfo& info, const NetworkOptions& options, std::string_view name) {
  const Setting* known = find_setting(info.settings, name);
  if (known == nullptr) unknown_setting(info, name);
  if (const auto given = options.settings.find(name); given != options.settings.end()) return given->second;
  const Setting* other = options.search ? find_setting(info.search_settings, name) : nullptr;
  return other != nullptr ? other->fallback : known->fallback;
}

std::int64_t integer_setting(const SpaceInfo& info, const NetworkOptions& options, std::string_view name, std::int64_t least) {
  const std::string text = setting(info, options, name);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) bad_setting(info, name, text, "a whole number");
  if (value < least) bad_setting(info, name, text, "at least " + std::to_string(least));
  return value;
}

bool flag_setting(const SpaceInfo& info, const NetworkOptions& options, std::string_view name) {
  const std::string text = setting(info, options, name);
  if (text != "true" && text != "false") bad_setting(info, name, text, "true or false");
  return text == "true";
}

void check_settings(const SpaceInfo& info, const NetworkOptions& options) {
  for (const auto& [name, value] : options.settings)
    if (find_setting(info.settings, name) == nullptr) unknown_setting(info, name);
}

Written written_architecture(std::string_view text) {
  const std::string trimmed = trim(text);
  if (trimmed.starts_with('{')) return written_json(parse_located(trimmed, "the architecture"), "the architecture");
  const auto colon = trimmed.find(':');
  const bool file = trimmed.ends_with(".json");
  std::error_code too_long;
  if (file && (colon == std::string::npos || std::filesystem::exists(trimmed, too_long)))
    return written_json(parse_located(read_file(trimmed), "'" + trimmed + "'"), "'" + trimmed + "'");
  if (names_architecture(trimmed)) {
    const auto [architecture, network] = find_named_network(trimmed);
    return {find_space(architecture.space), architecture.text, network.options};
  }
  if (colon == std::string::npos) throw UsageError("'" + trimmed + "' is no architecture: write SPACE:TEXT, SPACE/NAME, or name a .json file");
  const std::string rest = trimmed.substr(colon + 1);
  return {find_space(trimmed.substr(0, colon)), file ? read_file(rest) : rest};
}

Located find_architecture(std::string_view text) {
  Written written = written_architecture(text);
  Architecture architecture = written.space->parse(written.text);
  return {std::move(written.space), std::move(architecture)};
}

std::string to_json(const Space& space, const Architecture& architecture) {
  Json json;
  json["space"] = space.info().name;
  json["architecture"] = space.print(architecture);
  json["picks"] = Json::parse(print_json(space.decisions(), architecture));
  return json.dump();
}

}  // namespace netwright
