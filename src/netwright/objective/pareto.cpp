#include "netwright/objective/pareto.hpp"

#include <algorithm>
#include <charconv>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/objective/fronts.hpp"

namespace netwright {
namespace {

bool eligible(const Point& candidate) { return candidate.violation == 0 && informative(candidate); }

std::string number(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;  // the shortest text that reads back the same
  return std::string(digits, end);
}

Constraint parse_constraint(std::string_view part, std::size_t sign) {
  Constraint constraint;
  constraint.metric = trim(part.substr(0, sign));
  constraint.at_least = part[sign] == '>';
  if (constraint.metric.empty()) throw UsageError("goal: '" + std::string(part) + "' names no metric before its bound");
  const std::string bound = trim(part.substr(sign + 2));
  double value = 0;
  const auto [end, error] = std::from_chars(bound.data(), bound.data() + bound.size(), value);
  constraint.at_most = error == std::errc() && end == bound.data() + bound.size() ? value : parse_count(bound);
  return constraint;
}

Objective parse_objective(std::string_view part) {
  std::vector<std::string> words;
  for (const std::string& word : split(part, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  if (words.size() == 1) return {.metric = words[0]};
  if (words.size() != 2) throw UsageError("goal: '" + std::string(part) + "' is neither 'maximise METRIC' nor 'METRIC <= NUMBER'");
  if (words[0] == "maximise") return {.metric = words[1], .direction = Direction::maximise};
  if (words[0] == "minimise") return {.metric = words[1], .direction = Direction::minimise};
  throw UsageError("goal: unknown direction '" + words[0] + "'" + name_hint(words[0], {"maximise", "minimise"}));
}

}  // namespace

bool dominates(const Goal& goal, const Metrics& a, const Metrics& b) { return dominates(point_of(goal, a), point_of(goal, b)); }

std::vector<std::size_t> non_dominated(const Goal& goal, const std::vector<Metrics>& trials) {
  std::vector<Point> points;
  for (const Metrics& metrics : trials) points.push_back(point_of(goal, metrics));
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!eligible(points[i])) continue;
    const auto beats_new = [&](std::size_t member) { return dominates(points[member], points[i]); };
    if (std::ranges::any_of(front, beats_new)) continue;
    std::erase_if(front, [&](std::size_t member) { return dominates(points[i], points[member]); });
    front.push_back(i);
  }
  return front;
}

std::string to_string(const Goal& goal) {
  std::vector<std::string> parts;
  for (const Objective& objective : goal.objectives) {
    parts.push_back((objective.direction == Direction::maximise ? "maximise " : "minimise ") + objective.metric);
  }
  for (const Constraint& constraint : goal.constraints) {
    parts.push_back(constraint.metric + (constraint.at_least ? " >= " : " <= ") + number(constraint.at_most));
  }
  return join(parts, ", ");
}

Goal parse_goal(std::string_view text) {
  Goal goal{.objectives = {}};
  for (const std::string& raw : split(text, ',')) {
    const std::string part = trim(raw);
    if (part.empty()) throw UsageError("goal: empty part in '" + std::string(text) + "'");
    const std::size_t sign = std::min(part.find("<="), part.find(">="));
    if (sign == std::string::npos) {
      goal.objectives.push_back(parse_objective(part));
    } else {
      goal.constraints.push_back(parse_constraint(part, sign));
    }
  }
  if (goal.objectives.empty()) throw UsageError("goal: '" + std::string(text) + "' has no objective, only constraints");
  return goal;
}

}  // namespace netwright
