#include "netwright/strategy/hypervolume_guided.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "netwright/objective/hypervolume.hpp"
#include "netwright/strategy/acquisition.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {
namespace {

constexpr std::size_t fewest_parents = 10;

std::size_t count_option(const StrategyCase& strategy_case, const char* name, std::int64_t fallback) {
  return static_cast<std::size_t>(integer_option(strategy_case, name, fallback, 1));
}

std::vector<double> values_of(const std::vector<Point>& points, std::size_t objective) {
  std::vector<double> values;
  for (const Point& point : points) values.push_back(point.values[objective]);
  return values;
}

}  // namespace

HypervolumeGuided::HypervolumeGuided(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      rng_(strategy_case.seed.derive("hypervolume").rng()),
      start_(count_option(strategy_case, "start", 10)),
      candidates_(count_option(strategy_case, "candidates", 200)),
      draws_(count_option(strategy_case, "draws", 32)),
      refit_(count_option(strategy_case, "refit", 5)),
      features_(feature_option(strategy_case, "onehot")),
      normal_scores_(word_option(strategy_case, "scores", {"normal", "standard"}) == "normal"),
      history_(strategy_case.goal),
      hyperparameters_(strategy_case.goal.objectives.size() + 1),
      unseen_(tree_) {}

std::optional<Architecture> HypervolumeGuided::ask() {
  if (std::max(asked_++, history_.entries().size()) < start_ || history_.entries().empty() || rows_.width == 0) return unseen_.sample(rng_);
  std::optional<Architecture> next = most_promising();
  if (!next) return unseen_.sample(rng_);
  unseen_.mark(*next);
  return next;
}

void HypervolumeGuided::tell(const Told& told) {
  unseen_.mark(told.architecture);  // told without having been asked: a warm start
  if (!history_.tell(told)) return;
  const std::vector<float> row = features_(told.architecture);
  rows_.width = row.size();
  rows_.add(row);
}

std::optional<Architecture> HypervolumeGuided::most_promising() {
  // Scores in place of values: what is fitted and what the hypervolume is of.
  std::vector<Point> points;
  for (const History::Entry& entry : history_.entries()) points.push_back(entry.point);
  for (std::size_t k = 0; k + 1 < hyperparameters_.size(); ++k) {
    const std::vector<double> values = values_of(points, k), scores = normal_scores_ ? normal_scores(values) : standard_scores(values);
    for (std::size_t i = 0; i < points.size(); ++i) points[i].values[k] = scores[i];
  }
  std::vector<Architecture> looked_at = near_the_best(tree_, parents(points), candidates_, unseen_, rng_);
  if (looked_at.empty()) return std::nullopt;
  FeatureRows rows{.width = rows_.width, .values = {}};
  for (const Architecture& candidate : looked_at) rows.add(features_(candidate));
  const std::vector<double> chance = chances(rows);
  std::vector<double> promise = improvements(points, predictions(points, rows));
  ++fits_;
  for (std::size_t i = 0; i < promise.size(); ++i) promise[i] *= chance[i];
  return std::move(looked_at[best_first(promise).front()]);
}

// The front, and behind it the next ones until there are a few.
std::vector<const Architecture*> HypervolumeGuided::parents(const std::vector<Point>& points) const {
  std::vector<const Architecture*> result;
  for (const auto& front : non_dominated_fronts(points)) {
    if (result.size() >= fewest_parents) break;
    for (const std::size_t i : front) result.push_back(&history_.entries()[i].architecture);
  }
  return result;
}

Prediction HypervolumeGuided::fitted(std::size_t model, const std::vector<double>& targets, const FeatureRows& looked_at) {
  if (fits_ % refit_ == 0) hyperparameters_[model] = likeliest_options(rows_, targets);
  GaussianProcess process(hyperparameters_[model]);
  process.fit(rows_, targets);
  return process.predict(looked_at);
}

std::vector<Prediction> HypervolumeGuided::predictions(const std::vector<Point>& points, const FeatureRows& looked_at) {
  std::vector<Prediction> predicted;
  for (std::size_t k = 0; k + 1 < hyperparameters_.size(); ++k) predicted.push_back(fitted(k, values_of(points, k), looked_at));
  return predicted;
}

// That a candidate meets the constraints.
std::vector<double> HypervolumeGuided::chances(const FeatureRows& looked_at) {
  std::vector<double> violations;
  double least = std::numeric_limits<double>::infinity();
  for (const History::Entry& entry : history_.entries()) {
    violations.push_back(entry.point.violation);
    if (violations.back() > 0) least = std::min(least, violations.back());
  }
  std::vector<double> result(looked_at.rows(), 1);
  if (!std::isfinite(least)) return result;
  // Scaled by the least violation, and bent so that huge ones do not hide it: 0 is met, 1 the least one seen.
  for (double& violation : violations) violation = violation > 0 ? 1 + std::log(violation / least) : 0;
  const Prediction found = fitted(hyperparameters_.size() - 1, violations, looked_at);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = normal_share_below((0.5 - found.mean[i]) / std::max(found.deviation[i], 1e-9));
  return result;
}

std::vector<double> HypervolumeGuided::improvements(const std::vector<Point>& points, const std::vector<Prediction>& predicted) {
  const std::size_t objectives = predicted.size();
  std::vector<double> reference;
  for (std::size_t k = 0; k < objectives; ++k) {
    const std::vector<double> values = values_of(points, k);
    const auto [low, high] = std::ranges::minmax(values);
    reference.push_back(low - (high > low ? (high - low) / 10 : 1));
  }
  std::vector<std::vector<double>> front;
  const auto fronts = non_dominated_fronts(points);
  for (const std::size_t i : fronts.front())
    if (points[i].violation == 0) front.push_back(points[i].values);
  std::vector<double> result(predicted.front().mean.size(), front.empty() ? 1 : 0);
  if (front.empty()) return result;
  for (std::size_t draw = 0; draw < draws_; ++draw) {
    std::vector<double> normal, drawn(objectives);
    for (std::size_t k = 0; k < objectives; ++k) normal.push_back(rng_.normal());
    for (std::size_t i = 0; i < result.size(); ++i) {
      for (std::size_t k = 0; k < objectives; ++k) drawn[k] = predicted[k].mean[i] + predicted[k].deviation[i] * normal[k];
      result[i] += hypervolume_improvement(front, drawn, reference) / static_cast<double>(draws_);
    }
  }
  return result;
}

std::unique_ptr<Strategy> make_hypervolume(const StrategyCase& strategy_case) { return std::make_unique<HypervolumeGuided>(strategy_case); }

}  // namespace netwright
