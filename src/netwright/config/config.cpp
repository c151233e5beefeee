#include "netwright/config/config.hpp"

#include "netwright/config/sections.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

std::string beside(const fs::path& folder, const std::string& file) {
  return file.empty() || fs::path(file).is_absolute() ? file : (folder / file).lexically_normal().string();
}

void drop_comments(Tree& tree) {
  for (auto& item : tree.items) drop_comments(item);
  for (auto& entry : tree.entries) {
    entry.comment.clear();
    drop_comments(entry.value);
  }
}

}  // namespace

Config read_config_text(std::string_view text, const std::string& origin, const std::vector<std::string>& overrides, const KnownNames& names) {
  Tree tree = parse_tree(text, origin);
  if (tree.kind == Tree::Kind::nothing && overrides.empty()) throw UsageError(origin + ": the config is empty");
  for (const auto& assignment : overrides) override_tree(tree, assignment);
  Config config;
  read_fields(config, {tree, ""}, config_fields(names));
  if (config.phases.empty()) throw UsageError(origin + ": the config has no phases");
  return config;
}

Config read_config(const fs::path& file, const std::vector<std::string>& overrides, const KnownNames& names) {
  Config config = read_config_text(read_file(file), file.string(), overrides, names);
  if (is_space_file(config.space.name)) config.space.name = beside(file.parent_path(), config.space.name);
  config.data.path = beside(file.parent_path(), config.data.path);
  for (Phase& phase : config.phases)
    if (auto* search = std::get_if<SearchOptions>(&phase.options))
      for (std::string* named : files_in(*search)) *named = beside(file.parent_path(), *named);
  return config;
}

std::vector<std::string*> files_in(SearchOptions& search) {
  std::vector<std::string*> files;
  const auto add = [&](Settings& options, std::string_view key) {
    if (const auto found = options.find(key); found != options.end()) files.push_back(&found->second);
  };
  for (const char* key : {"file", "table", "state"}) add(search.evaluator_options, key);
  add(search.strategy_options, "warm_start");
  return files;
}

bool is_space_file(std::string_view name) { return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".nwt"); }

std::string resolved_yaml(const Config& config) {
  Tree tree = write_fields(config, config_fields({}));
  drop_comments(tree);
  return emit(tree);
}

std::string commented_config() {
  Config config{.name = "fashion", .space = {.name = "space.yaml"}};
  config.phases = {{"supernet", SupernetOptions{}},
                   {"derive", DeriveOptions{}},
                   {"retrain", RetrainOptions{}},
                   {"baselines", BaselineOptions{}},
                   {"export", ExportOptions{}}};
  return "# A search for a network: netwright check FILE, then netwright search FILE --out DIR.\n"
         "# Every key is shown with its default and may be left out, or given on the command line: seed=3 phases.retrain.epochs=20\n\n" +
         emit(write_fields(config, config_fields({})));
}

TrainingOptions read_training(const Settings& settings, const TrainingOptions& defaults, const std::string& origin) {
  Tree tree{.kind = Tree::Kind::map, .place = origin};
  for (const auto& [key, value] : settings) {
    Tree leaf = scalar(value);
    leaf.place = origin;
    tree.entries.push_back({.key = key, .place = origin, .value = std::move(leaf)});
  }
  TrainingOptions options = defaults;
  read_fields(options, {tree, ""}, training_fields());
  return options;
}

std::vector<std::string> training_option_names() {
  std::vector<std::string> names;
  for (const auto& field : training_fields()) names.push_back(field.name);
  return names;
}

}  // namespace netwright
