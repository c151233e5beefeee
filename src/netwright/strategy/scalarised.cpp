#include "netwright/strategy/scalarised.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/objective/fronts.hpp"
#include "netwright/objective/scalarise.hpp"
#include "netwright/strategy/inner.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {
namespace {

constexpr const char* scalar = "scalarised";  // the metric that the inner strategy sees
constexpr double huge = std::numeric_limits<double>::max();

double value_of(const Metrics& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? std::nan("") : found->second;
}

std::string text_option(const StrategyCase& strategy_case, std::string_view name, const std::string& fallback) {
  const auto given = strategy_case.options.find(name);
  return given == strategy_case.options.end() ? fallback : given->second;
}

std::string cost_metric(const StrategyCase& strategy_case) {
  const auto& objectives = strategy_case.goal.objectives;
  const std::string cost = text_option(strategy_case, "cost", objectives.size() > 1 ? objectives[1].metric : "");
  if (cost.empty()) throw UsageError("strategy option cost: name the metric that is weighed against the first objective");
  return cost;
}

double target_of(const StrategyCase& strategy_case) {
  const std::string text = text_option(strategy_case, "target", "");
  if (text.empty()) throw UsageError("strategy option target: give the cost that is aimed at, in the cost's unit");
  const double target = parse_count(text);
  if (!(target > 0)) throw UsageError("strategy option target: '" + text + "' is not above 0");
  return target;
}

Scalarised::Form product(const StrategyCase& strategy_case, MnasExponents exponents) {
  return [accuracy = strategy_case.goal.objectives.at(0).metric, cost = cost_metric(strategy_case), target = target_of(strategy_case),
          exponents](const Metrics& metrics) { return mnas_reward(value_of(metrics, accuracy), value_of(metrics, cost), target, exponents); };
}

Scalarised::Form fbnet(const StrategyCase& strategy_case) {
  return [loss = strategy_case.goal.objectives.at(0).metric, cost = cost_metric(strategy_case),
          alpha = number_option(strategy_case, "alpha", 0.2, 0, huge),
          beta = number_option(strategy_case, "beta", 0.6, 0, huge)](const Metrics& metrics) {
    return -fbnet_loss(value_of(metrics, loss), value_of(metrics, cost), alpha, beta);
  };
}

double weight(const std::string& word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) throw UsageError("strategy option weights: '" + word + "' is not a number");
  return value;
}

std::vector<double> weights_of(const StrategyCase& strategy_case) {
  const std::size_t count = strategy_case.goal.objectives.size();
  const std::string text = text_option(strategy_case, "weights", "");
  if (text.empty()) return std::vector<double>(count, 1);
  std::vector<double> weights;
  for (const std::string& word : split(text, ' '))
    if (!word.empty()) weights.push_back(weight(word));
  if (weights.size() != count)
    throw UsageError("strategy option weights: '" + text + "' has " + std::to_string(weights.size()) + " numbers for " + std::to_string(count) +
                     " objectives");
  return weights;
}

Scalarised::Form sum(const StrategyCase& strategy_case) {
  return [goal = Goal{.objectives = strategy_case.goal.objectives}, weights = weights_of(strategy_case)](const Metrics& metrics) {
    return weighted_sum(point_of(goal, metrics).values, weights);
  };
}

Scalarised::Form soft(const StrategyCase& strategy_case) { return product(strategy_case, mnas_soft); }
Scalarised::Form hard(const StrategyCase& strategy_case) { return product(strategy_case, mnas_hard); }

Scalarised::Form plain_product(const StrategyCase& strategy_case) {
  const double exponent = number_option(strategy_case, "exponent", -0.07, -huge, huge);
  return product(strategy_case, {exponent, exponent});
}

struct NamedForm {
  const char* name;
  Scalarised::Form (*make)(const StrategyCase&);
};

constexpr NamedForm forms[] = {{"sum", sum}, {"mnas_soft", soft}, {"mnas_hard", hard}, {"product", plain_product}, {"fbnet", fbnet}};

}  // namespace

Scalarised::Form scalar_form(const StrategyCase& strategy_case) {
  std::vector<std::string> names;
  for (const NamedForm& form : forms) names.emplace_back(form.name);
  const std::string name = word_option(strategy_case, "form", names);
  return std::ranges::find(forms, name, &NamedForm::name)->make(strategy_case);
}

Scalarised::Scalarised(const StrategyCase& strategy_case) : form_(scalar_form(strategy_case)) {
  StrategyCase inner = inner_case(strategy_case, {"form", "cost", "target", "exponent", "alpha", "beta", "weights"});
  inner.goal.objectives = {{.metric = scalar, .direction = Direction::maximise}};
  inner_ = make_inner(strategy_case, inner);
}

std::optional<Architecture> Scalarised::ask() { return inner_->ask(); }

void Scalarised::tell(const Told& told) {
  Told seen = told;
  if (!told.failed) seen.metrics[scalar] = form_(told.metrics);
  inner_->tell(seen);
}

std::unique_ptr<Strategy> make_scalarised(const StrategyCase& strategy_case) { return std::make_unique<Scalarised>(strategy_case); }

}  // namespace netwright
