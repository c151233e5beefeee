// profile, draw, show: what can be read off an architecture without running it.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "network_words.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/drawing.hpp"
#include "netwright/graph/json.hpp"
#include "netwright/space/architectures.hpp"
#include "study_words.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

// The graph that a drawing is of: a closed network, or the open graph of a space named alone.
Graph drawn_graph(const NetworkVerbOptions& options, std::string& title) {
  const std::string& text = options.architecture;
  const bool space_alone = text.find(':') == std::string::npos && !text.ends_with(".json") && !is_folder(text) && !names_architecture(text);
  if (space_alone) {
    const auto space = find_space(text);
    title = space->info().name;
    return space->open(network_options(*space, options.input, options.classes, options.settings, options.search));
  }
  NamedNetwork named = named_network(options);
  title = named.title;
  return std::move(named.graph);
}

nlohmann::ordered_json decisions_json(const Space& space, const Architecture& architecture) {
  nlohmann::ordered_json decisions = nlohmann::ordered_json::object();
  const DecisionTree& tree = space.decisions();
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (architecture.picks[i] == Architecture::inactive) continue;
    nlohmann::ordered_json names = nlohmann::ordered_json::array();
    for (const int choice : picked(tree[i], architecture.picks[i])) names.push_back(tree[i].choices[static_cast<std::size_t>(choice)]);
    decisions[tree[i].name] = tree[i].kind == Kind::k_of_n ? names : names.at(0);
  }
  return decisions;
}

// {"paper": ..., "params": "5.3M", ...} of SPACE/NAME@NETWORK.
nlohmann::ordered_json published_json(const std::string& name) {
  const auto [architecture, network] = find_named_network(trim(name));
  nlohmann::ordered_json json{{"paper", architecture.paper}};
  for (const auto& [key, value] : network.published) json[key] = value;
  return json;
}

// "published: 5.3M params, 564M macs, 74.0 top1 (Zoph et al. 2018, arXiv 1707.07012)"
std::string published_line(const nlohmann::ordered_json& published) {
  std::vector<std::string> values;
  for (const auto& [key, value] : published.items())
    if (key != "paper") values.push_back(value.get<std::string>() + " " + key);
  return "published: " + (values.empty() ? "" : join(values, ", ") + " ") + "(" + published.at("paper").get<std::string>() + ")";
}

// Published relatives may lie beyond the space (a genotype with operations of its own): then nothing, as they have no decisions.
std::optional<Architecture> architecture_within(const Written& written) {
  if (!written.network) return written.space->parse(written.text);
  try {
    return written.space->parse(written.text);
  } catch (const UsageError&) {
    return std::nullopt;
  }
}

void print_decisions(const nlohmann::ordered_json& decisions, std::ostream& out) {
  for (const auto& [name, pick] : decisions.items()) {
    std::vector<std::string> names;
    if (pick.is_array())
      names = pick.get<std::vector<std::string>>();
    else
      names.push_back(pick.get<std::string>());
    out << "  " << name << " = " << join(names, " + ") << "\n";
  }
}

int show_architecture(const ShowOptions& options, std::ostream& out) {
  const Written written = locate_written(options.what);
  const Space& space = *written.space;
  const NetworkOptions network = network_options(written, options.input, options.classes, options.settings);
  const auto architecture = architecture_within(written);
  const Cost price = cost(architecture ? space.close(*architecture, network) : space.network(written.text, network));
  const auto decisions = architecture ? decisions_json(space, *architecture) : nlohmann::ordered_json::object();
  const std::string text = architecture ? space.print(*architecture) : written.text;
  nlohmann::ordered_json paper = written.network ? published_json(options.what) : nlohmann::ordered_json::object();
  if (options.json) {
    nlohmann::ordered_json json{{"space", space.info().name}, {"architecture", text}, {"decisions", decisions}, {"cost", cost_json(price)}};
    if (!paper.empty()) json["published"] = paper;
    out << json.dump(2) << "\n";
    return done;
  }
  out << space.info().name << ":" << text << "\n\n";
  print_decisions(decisions, out);
  out << "\ninput " << to_string(network.input) << ", " << network.classes << " classes\n" << cost_lines(price);
  if (!paper.empty()) out << published_line(paper) << "\n";
  return done;
}

}  // namespace

int profile(const NetworkVerbOptions& options, std::ostream& out) {
  if (options.latency > 0) return hand_over;
  const NamedNetwork named = named_network(options);
  const Cost price = cost(named.graph);
  if (options.json)
    out << cost_json(price).dump() << "\n";
  else
    out << named.space << ", input " << to_string(named.options.input) << ", " << named.options.classes << " classes\n" << cost_lines(price);
  return done;
}

int draw(const NetworkVerbOptions& options, std::ostream& out) {
  DrawingOptions drawing{.scope = options.scope, .depth = static_cast<int>(options.depth)};
  const Graph graph = drawn_graph(options, drawing.title);
  if (options.out.empty()) {
    out << to_dot(graph, drawing);
  } else {
    write_drawing(graph, drawing, options.out);
    out << "wrote " << options.out << "\n";
  }
  return done;
}

int show(const ShowOptions& options, std::ostream& out) {
  return is_folder(options.what) ? show_trial(options, out) : show_architecture(options, out);
}

}  // namespace netwright
