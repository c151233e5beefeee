// init and check: a config that runs, and what is known of one before it runs.
#include <filesystem>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "catalogue.hpp"
#include "network_words.hpp"
#include "phases.hpp"
#include "netwright/config/tree.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/space/variation.hpp"
#include "plan.hpp"
#include "shape_flow.hpp"
#include "starter_space.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// A file that has phases is a config; any other YAML file is a space.
bool is_config(const std::string& file) { return parse_tree(read_file(file), file).find("phases") != nullptr; }

bool names_a_file(const std::string& text) {
  std::error_code too_long;
  return text.ends_with(".yaml") || text.ends_with(".yml") || fs::exists(text, too_long);
}

Json outlook_json(const std::vector<ConstraintOutlook>& list) {
  Json json = Json::array();
  for (const auto& view : list) {
    Json item{
        {"metric", view.constraint.metric}, {view.constraint.at_least ? "at_least" : "at_most", view.constraint.at_most}, {"known", view.known}};
    if (view.known) item["can_be_met"] = view.can_be_met, item["reached"] = view.reached;
    json.push_back(item);
  }
  return json;
}

Json range_json(const CostRange& range) {
  return {{"smallest", cost_json(range.smallest)},
          {"typical", cost_json(range.typical)},
          {"largest", cost_json(range.largest)},
          {"looked_at", range.looked_at}};
}

void print_range(const CostRange& range, std::ostream& out) {
  if (range.looked_at == 0) {
    out << "cost              not known: the space is a table's decisions, without networks\n";
    return;
  }
  const auto row = [&](const char* name, std::int64_t Cost::*member, std::string (*format)(double)) {
    out << "  " << std::left << std::setw(18) << name;
    for (const Cost* price : {&range.smallest, &range.typical, &range.largest}) out << std::setw(12) << format(static_cast<double>(price->*member));
    out << "\n";
  };
  out << "cost              smallest    typical     largest     (" << range.looked_at << " architectures looked at)\n";
  row("params", &Cost::params, format_count);
  row("macs", &Cost::macs, format_count);
  row("activation_bytes", &Cost::activation_bytes, format_bytes);
  row("peak_bytes", &Cost::peak_bytes, format_bytes);
}

void print_outlook(const std::vector<ConstraintOutlook>& list, std::ostream& out) {
  for (const auto& view : list) {
    out << "constraint  " << view.constraint.metric << (view.constraint.at_least ? " >= " : " <= ") << format_count(view.constraint.at_most) << ": ";
    if (!view.known)
      out << "known only after measuring\n";
    else
      out << (view.can_be_met ? "can be met" : "cannot be met as far as looked") << " (best seen " << format_count(view.reached) << ")\n";
  }
}

// Draws the open graph where that is asked for; true where it was.
bool drawn(const Space& space, const NetworkOptions& search, const std::string& file) {
  if (!file.empty()) write_drawing(space.open(search), {.title = space.info().name}, file);
  return !file.empty();
}

int check_space(const Space& space, const NetworkOptions& network, const CheckOptions& options, std::ostream& out) {
  const CostRange range = cost_range(space, network, 0);
  NetworkOptions search = network;
  search.search = true;
  Json found{{"space", space.info().name}, {"size", size(space.decisions())}, {"decisions", space.decisions().size()}, {"cost", range_json(range)}};
  if (has_trait(space.info().traits, "open")) found["supernet"] = cost_json(cost(space.open(search)));
  std::vector<ShapeLine> shapes;
  if (range.looked_at > 0) shapes = shape_flow(space.close(range.fewest, network), space.close(range.most, network));
  const bool drew = drawn(space, search, options.draw);
  if (options.json) {
    found["shapes"] = shape_flow_json(shapes);
    out << found.dump(2) << "\n";
    return done;
  }
  out << "space " << space.info().name << ": " << size(space.decisions()) << " architectures, " << space.decisions().size() << " decisions; input "
      << to_string(network.input) << ", " << network.classes << " classes\n";
  print_range(range, out);
  if (!shapes.empty()) print_shape_flow(shapes, out);
  if (found.contains("supernet")) out << "supernet  " << format_count(found.at("supernet").at("params").get<double>()) << " params\n";
  if (drew) out << "wrote " << options.draw << "\n";
  out << "ok\n";
  return done;
}

int check_config(const CheckOptions& options, std::ostream& out) {
  const Config config = read_config(options.file, options.overrides, known_names());
  const auto space = find_space(config.space.name);
  refuse_impossible(config, space);
  const NetworkOptions network = network_options(config);
  const CostRange range = cost_range(*space, network, config.seed);
  Goal goal = config.goal;
  for (const auto& phase : config.phases)
    if (const auto* search = std::get_if<SearchOptions>(&phase.options)) goal = within(std::move(goal), *search);
  const auto views = outlook(goal, range);
  const bool drew = drawn(*space, network_options(config, true), options.draw);
  Json found{
      {"config", options.file},    {"space", space->info().name},        {"size", size(space->decisions())}, {"decisions", space->decisions().size()},
      {"cost", range_json(range)}, {"constraints", outlook_json(views)}, {"phases", Json::array()},          {"max_memory", memory_limit(config)}};
  std::vector<std::string> kinds;
  for (const auto& phase : config.phases) {
    kinds.push_back(phase.kind);
    found["phases"].push_back(phase.kind);
    if (const auto* supernet = std::get_if<SupernetOptions>(&phase.options))
      found["supernet_bytes"] = training_bytes(cost(space->open(network_options(config, true))), supernet->batch);
  }
  if (options.json) {
    out << found.dump(2) << "\n";
  } else {
    out << options.file << ": " << config.name << ", seed " << config.seed << ", phases " << join(kinds, ", ") << "\n";
    out << "space " << space->info().name << ": " << size(space->decisions()) << " architectures, " << space->decisions().size()
        << " decisions; input " << to_string(network.input) << ", " << network.classes << " classes\n";
    print_range(range, out);
    print_outlook(views, out);
    if (found.contains("supernet_bytes"))
      out << "supernet  about " << format_bytes(found.at("supernet_bytes").get<double>()) << " to train (limit " << format_bytes(memory_limit(config))
          << ")\n";
    if (drew) out << "wrote " << options.draw << "\n";
  }
  for (const auto& view : views)
    if (!view.can_be_met)
      throw UsageError(options.file + ": no architecture found that meets " + view.constraint.metric + (view.constraint.at_least ? " >= " : " <= ") +
                       format_count(view.constraint.at_most) + "; the best seen has " + format_count(view.reached));
  if (!options.json) out << "ok\n";
  return done;
}

}  // namespace

int init(const InitOptions& options, std::ostream& out) {
  const fs::path config = options.file;
  const fs::path space = config.parent_path() / "space.yaml";
  for (const auto& file : {config, space})
    if (!options.force && fs::exists(file)) throw UsageError(file.string() + " exists; give another name, or --force to overwrite it");
  if (config == space) throw UsageError("the config cannot be called space.yaml; that is the space's file");
  write_file(space, starter_space());
  write_file(config, commented_config());
  out << "wrote " << config.string() << " and " << space.string() << "\nnext: netwright check " << config.string() << "\n";
  return done;
}

int check(const CheckOptions& options, std::ostream& out) {
  if (names_a_file(options.file) && is_config(options.file)) return check_config(options, out);
  const auto space = find_space(options.file);
  return check_space(*space, network_options(*space, "", 0, options.overrides), options, out);
}

}  // namespace netwright
