// space, list: what there is.
#include <algorithm>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>

#include "catalogue.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/evaluation/predictor.hpp"
#include "netwright/fidelity/scheduler.hpp"
#include "netwright/fidelity/stop_rule.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/graph/operation.hpp"
#include "netwright/search/model_predictors.hpp"
#include "netwright/space/architectures.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/one_shot_parts.hpp"
#include "netwright/strategy/strategy.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

std::string kind_name(Kind kind) {
  switch (kind) {
    case Kind::one_of:
      return "one_of";
    case Kind::ordinal:
      return "ordinal";
    case Kind::k_of_n:
      return "k_of_n";
  }
  return "";
}

Json decision_json(const DecisionTree& tree, const Decision& decision) {
  Json json{{"name", decision.name}, {"kind", kind_name(decision.kind)}, {"choices", decision.choices}};
  if (decision.kind == Kind::k_of_n) json["minimum"] = decision.minimum, json["maximum"] = decision.maximum;
  Json never = Json::array();
  for (int i = 0; i < static_cast<int>(decision.choices.size()); ++i)
    if (!decision.may_pick(i)) never.push_back(decision.choices[static_cast<std::size_t>(i)]);
  if (!never.empty()) json["search_only"] = never;
  if (decision.condition) {
    const Decision& parent = tree[static_cast<std::size_t>(decision.condition->parent)];
    Json when = Json::array();
    for (const int choice : decision.condition->choices) when.push_back(parent.choices[static_cast<std::size_t>(choice)]);
    json["active_when"] = {{"decision", parent.name}, {"picks", when}};
  }
  return json;
}

Json space_json(const Space& space) {
  const SpaceInfo& info = space.info();
  Json decisions = Json::array();
  for (const auto& decision : space.decisions()) decisions.push_back(decision_json(space.decisions(), decision));
  Json settings = Json::array();
  for (const auto& setting : info.settings) settings.push_back({{"name", setting.name}, {"default", setting.fallback}, {"meaning", setting.meaning}});
  return {{"name", info.name},     {"title", info.title},  {"paper", info.paper}, {"size", size(space.decisions())}, {"decisions", decisions},
          {"traits", info.traits}, {"settings", settings}, {"input", info.input}, {"classes", info.classes}};
}

Json operation_json(const Operation& operation) {
  Json attributes = Json::array();
  for (const auto& attribute : operation.attributes) {
    Json json{{"name", attribute.name}, {"meaning", attribute.meaning}, {"required", attribute.required}};
    if (!attribute.required)
      std::visit(
          [&](const auto& v) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(v)>, Open>) json["default"] = v;
          },
          attribute.fallback);
    attributes.push_back(json);
  }
  std::vector<std::string> traits;
  if (operation.commutative) traits.emplace_back("commutative");
  if (operation.keeps_zero) traits.emplace_back("keeps zero");
  if (operation.parameters) traits.emplace_back("parameters");
  return {{"name", operation.name}, {"title", operation.meaning}, {"paper", ""}, {"traits", traits}, {"attributes", attributes}};
}

Json described(const Described& entry) { return {{"name", entry.name}, {"title", entry.title}, {"paper", entry.paper}, {"traits", entry.traits}}; }

Json list_spaces() {
  Json list = Json::array();
  for (const auto& name : space_names()) {
    const auto space = find_space(name);
    list.push_back({{"name", name},
                    {"title", space->info().title},
                    {"paper", space->info().paper},
                    {"traits", space->info().traits},
                    {"size", size(space->decisions())}});
  }
  return list;
}

template <class Option>
Json options_json(const std::vector<Option>& options) {
  Json list = Json::array();
  for (const auto& option : options) list.push_back({{"name", option.name}, {"default", option.fallback}, {"meaning", option.meaning}});
  return list;
}

Json list_strategies() {
  Json list = Json::array();
  for (const auto& entry : all_strategies()) {
    Json json = described(entry);
    for (const auto& registered : strategies())
      if (registered.name == entry.name) json["options"] = options_json(registered.options);
    list.push_back(json);
  }
  return list;
}

Json list_evaluators() {
  Json list = Json::array();
  for (const auto& entry : known_evaluators())
    list.push_back({{"name", entry.name},
                    {"title", entry.title},
                    {"paper", ""},
                    {"traits", entry.traits},
                    {"metrics", entry.metrics},
                    {"options", options_json(entry.options)}});
  return list;
}

Json list_proxies() {
  Json list = Json::array();
  for (const auto& proxy : proxies()) list.push_back(described(proxy));
  return list;
}

Json list_operations() {
  Json list = Json::array();
  for (const auto& entry : operations()) list.push_back(operation_json(entry));
  return list;
}

// One entry a network, its cost by our count beside what the paper prints.
Json list_architectures() {
  Json list = Json::array();
  for (const auto& architecture : named_architectures()) {
    const auto space = find_space(architecture.space);
    for (const auto& network : architecture.networks) {
      const Cost counted = cost(space->network(architecture.text, network.options));
      Json published = Json::object();
      for (const auto& [key, value] : network.published) published[key] = value;
      list.push_back({{"name", architecture.space + "/" + architecture.name + "@" + network.name},
                      {"paper", architecture.paper},
                      {"params", counted.params - counted.params_auxiliary},
                      {"macs", counted.macs},
                      {"published", published}});
    }
  }
  return list;
}

template <class Entries>
Json list_entries(const Entries& entries) {
  Json list = Json::array();
  for (const auto& entry : entries) {
    Json traits = Json::array();
    if constexpr (requires { entry.traits; }) traits = entry.traits;
    list.push_back({{"name", entry.name}, {"title", entry.title}, {"paper", entry.paper}, {"traits", traits}, {"options", options_json(entry.options)}});
  }
  return list;
}

Json list_schedules() { return list_entries(schedulers()); }
Json list_stop_rules() { return list_entries(stop_rules()); }
Json list_relaxations() { return list_entries(relaxation_parts()); }
Json list_updates() { return list_entries(architecture_update_parts()); }
Json list_regularisers() { return list_entries(regulariser_parts()); }
Json list_derivations() { return list_entries(derivation_parts()); }

Json list_predictors() {
  const std::vector<PredictorEntry> entries = all_predictors();
  return list_entries(entries);
}

std::size_t widest(const Json& list, const char* key) {
  std::size_t width = 0;
  for (const auto& entry : list) width = std::max(width, entry.at(key).get<std::string>().size());
  return width;
}

void print_list(const Json& list, std::ostream& out) {
  const std::size_t width = widest(list, "name");
  for (const auto& entry : list) {
    const auto name = entry.at("name").get<std::string>();
    out << name << std::string(width - name.size() + 2, ' ') << entry.at("title").get<std::string>();
    if (const auto paper = entry.at("paper").get<std::string>(); !paper.empty()) out << " (" << paper << ")";
    out << "\n";
  }
}

void print_architectures(const Json& list, std::ostream& out) {
  const std::size_t width = widest(list, "name");
  for (const auto& entry : list) {
    const auto name = entry.at("name").get<std::string>();
    out << name << std::string(width - name.size() + 2, ' ') << std::left << std::setw(8) << format_count(entry.at("params").get<double>()) << " params  "
        << std::setw(8) << format_count(entry.at("macs").get<double>()) << " macs";
    std::vector<std::string> published;
    for (const auto& [key, value] : entry.at("published").items()) published.push_back(value.get<std::string>() + " " + key);
    out << "  published: " << (published.empty() ? "" : join(published, ", ") + " ") << "(" << entry.at("paper").get<std::string>() << ")\n";
  }
}

struct Listing {
  std::string name;
  Json (*make)();
  void (*print)(const Json&, std::ostream&) = print_list;
};

const std::vector<Listing>& listings() {
  static const std::vector<Listing> list{{"spaces", list_spaces},
                                         {"strategies", list_strategies},
                                         {"evaluators", list_evaluators},
                                         {"proxies", list_proxies},
                                         {"operations", list_operations},
                                         {"schedules", list_schedules},
                                         {"stop_rules", list_stop_rules},
                                         {"predictors", list_predictors},
                                         {"relaxations", list_relaxations},
                                         {"updates", list_updates},
                                         {"regularisers", list_regularisers},
                                         {"derivations", list_derivations},
                                         {"architectures", list_architectures, print_architectures}};
  return list;
}

void print_space(const Json& json, std::ostream& out) {
  out << json.at("name").get<std::string>() << ": " << json.at("title").get<std::string>() << "\n";
  if (const auto paper = json.at("paper").get<std::string>(); !paper.empty()) out << "paper      " << paper << "\n";
  out << "size       " << json.at("size").get<std::string>() << " architectures\ntraits     "
      << join(json.at("traits").get<std::vector<std::string>>(), ", ") << "\n";
  out << "decisions  " << json.at("decisions").size() << "\n";
  for (const auto& decision : json.at("decisions")) {
    out << "  " << decision.at("name").get<std::string>() << " (" << decision.at("kind").get<std::string>()
        << "): " << join(decision.at("choices").get<std::vector<std::string>>(), ", ");
    if (decision.contains("active_when"))
      out << "  [where " << decision.at("active_when").at("decision").get<std::string>() << " picks "
          << join(decision.at("active_when").at("picks").get<std::vector<std::string>>(), " or ") << "]";
    out << "\n";
  }
  out << "settings\n";
  for (const auto& setting : json.at("settings"))
    out << "  " << setting.at("name").get<std::string>() << "=" << setting.at("default").get<std::string>() << "  "
        << setting.at("meaning").get<std::string>() << "\n";
}

}  // namespace

int space(const ListOptions& options, std::ostream& out) {
  const Json json = space_json(*find_space(options.space));
  if (options.json)
    out << json.dump(2) << "\n";
  else
    print_space(json, out);
  return done;
}

int list(const ListOptions& options, std::ostream& out) {
  std::vector<std::string> names;
  for (const auto& listing : listings()) {
    names.push_back(listing.name);
    if (listing.name != options.what) continue;
    const Json json = listing.make();
    if (options.json)
      out << json.dump(2) << "\n";
    else
      listing.print(json, out);
    return done;
  }
  throw UsageError("list: '" + options.what + "' is none of " + join(names, ", ") +
                   (nearest_name(options.what, names).empty() ? "" : name_hint(options.what, names)));
}

}  // namespace netwright
