#include "netwright/config/method.hpp"

#include <algorithm>
#include <set>

#include "netwright/core/names.hpp"
#include "netwright/graph/sharing.hpp"
#include "netwright/strategy/one_shot_parts.hpp"

namespace netwright {
namespace {

const SearchPart& relaxation_of(const SupernetOptions& supernet) { return find_part(relaxation_parts(), "relaxation", supernet.relaxation); }
const SearchPart& update_of(const SupernetOptions& supernet) { return find_part(architecture_update_parts(), "architecture update", supernet.update); }

std::string quoted(const SearchPart& part) { return "'" + part.name + "'"; }

std::string no_update(const SearchPart& relaxation, const SearchPart& update) {
  if (update.has("needs gradient") && !relaxation.has("gradient"))
    return "relaxation " + quoted(relaxation) + " carries no gradient; update " + quoted(update) + " needs one (reinforce and none do not)";
  if (update.has("needs gradient in weight steps") && !relaxation.has("gradient in weight steps"))
    return "relaxation " + quoted(relaxation) + " carries no gradient in steps of the weights, which update " + quoted(update) + " differentiates";
  return "";
}

std::string no_stages(const SupernetOptions& supernet, const SearchPart& relaxation, const SearchPart& update) {
  const auto any = [&](const auto& asks) { return std::any_of(supernet.stages.begin(), supernet.stages.end(), asks); };
  if (any([](const StageOptions& s) { return s.open.has_value(); }) && any([](const StageOptions& s) { return s.keep > 0 || s.close_every > 0; }))
    return "stages with open say which choices there are; keep and close_every would take out others";
  const auto regrows = [](const StageOptions& s) { return !s.network.empty(); };
  if (!supernet.stages.empty() && regrows(supernet.stages[0])) return "the first stage's network is the phase's: its settings stand in space.search";
  if (any([&](const StageOptions& s) { return regrows(s) && !s.fresh; })) return "a stage with a network of its own starts anew: write fresh: true beside it";
  if (any(regrows) && any([](const StageOptions& s) { return s.teacher; })) return "a teacher's network is that of all stages: network settings do not go with it";
  if (!supernet.stages.empty() && supernet.stages[0].teacher) return "the first stage has no network to learn from: teacher stands in a later one";
  if (supernet.distil && any([](const StageOptions& s) { return s.teacher; })) return "distil and a stage's teacher are two teachers: one is needed";
  const bool ranks = relaxation.has("gradient") || relaxation.has("policy") || update.has("by reward");
  if (!ranks && any([](const StageOptions& s) { return s.close_every > 0; }))
    return "a stage with close_every closes the surest edge, and relaxation " + quoted(relaxation) + " with update " + quoted(update) + " holds all choices alike";
  return "";
}

std::string no_architecture_loss(const SupernetOptions& supernet, const SearchPart& relaxation, const SearchPart& update) {
  if (!supernet.regularisers.empty() && !update.has("needs gradient"))
    return "regularisers change the architecture loss, which update " + quoted(update) + " does not use";
  if (supernet.eigenvalue_stop > 0 && !(relaxation.has("gradient") && update.has("needs gradient")))
    return "eigenvalue_stop watches the gradient of the architecture loss, which relaxation " + quoted(relaxation) + " with update " + quoted(update) + " does not follow";
  return "";
}

// The last words of the names of a graph's decisions.
void add_words(const Graph& graph, std::set<std::string>& words) {
  const auto add = [&](const std::string& name) {
    if (!name.empty()) words.insert(name.substr(name.rfind('.') + 1));
  };
  for (const Node& node : graph.nodes) {
    add(node.decision);
    for (const auto& [attribute, open] : open_attributes(node)) add(open.decision);
    for (const auto& branch : node.branches)
      if (!branch.body.empty()) add_words(branch.graph(), words);
  }
}

std::string no_such_decision(const SupernetOptions& supernet, const Graph& open) {
  std::set<std::string> words;
  add_words(open, words);
  for (const auto& stage : supernet.stages)
    for (const auto& [word, count] : stage.open.value_or(std::map<std::string, std::int64_t>{}))
      if (!words.contains(word)) return "no decision's name ends in '" + word + "', which a stage opens" + name_hint(word, {words.begin(), words.end()});
  return "";
}

std::string no_images(const SupernetOptions& supernet, const Graph& open) {
  const Shape& input = open.nodes.front().shape;
  return supernet.resolutions.empty() || input.size() == 3 ? "" : "resolutions are of images; the network reads " + to_string(input);
}

}  // namespace

std::string misfit(const SupernetOptions& supernet) {
  const SearchPart &relaxation = relaxation_of(supernet), &update = update_of(supernet);
  for (const auto& reason : {no_update(relaxation, update), no_stages(supernet, relaxation, update), no_architecture_loss(supernet, relaxation, update)})
    if (!reason.empty()) return reason;
  return "";
}

std::string misfit(const SupernetOptions& supernet, const Graph& open) {
  if (std::string reason = misfit(supernet); !reason.empty()) return reason;
  if (std::string reason = no_sharing(open); !reason.empty()) return reason;
  if (std::string reason = no_such_decision(supernet, open); !reason.empty()) return reason;
  if (std::string reason = no_images(supernet, open); !reason.empty()) return reason;
  if (std::string reason = relaxation_of(supernet).has("whole architectures") ? "" : no_mixing(open); !reason.empty()) return reason;
  for (const auto& part : supernet.regularisers) {
    const auto table = part.options.find("table");
    const bool given = table != part.options.end() && !table->second.empty();
    if (given || !find_part(regulariser_parts(), "regulariser", part.name).has("counts costs")) continue;
    if (const std::string reason = no_counting(open); !reason.empty())
      return "regulariser '" + part.name + "' cannot count costs: " + reason + "; give it a table of them";
  }
  return "";
}

std::string misfit(const SupernetOptions& supernet, const DeriveOptions& derive) {
  const SearchPart &relaxation = relaxation_of(supernet), &rule = find_part(derivation_parts(), "derivation", derive.rule);
  if (rule.has("needs mixture") && !relaxation.has("mixes"))
    return "rule " + quoted(rule) + " takes choices out of a mixture, and relaxation " + quoted(relaxation) + " runs one candidate of each decision";
  return "";
}

}  // namespace netwright
