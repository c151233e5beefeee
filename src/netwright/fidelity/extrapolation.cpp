#include "netwright/fidelity/extrapolation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"

namespace netwright {
namespace {

constexpr std::size_t fewest_points = 4;
constexpr double smallest_sigma = 1e-4;
constexpr double never = -std::numeric_limits<double>::infinity();

// Where the families live: the unit interval.
struct Scale {
  double offset = 0, factor = 1;
  double in(double value) const { return offset + factor * value; }
  double out(double value) const { return (value - offset) / factor; }
};

Scale scale_of(std::span<const CurvePoint> curve) {
  const auto [low, high] = std::ranges::minmax_element(curve, {}, &CurvePoint::value);
  if (low->value >= 0 && high->value <= 1) return {};
  const double range = std::max(high->value - low->value, 1e-12);
  return {.offset = 0.1 - 0.7 * low->value / range, .factor = 0.7 / range};
}

using State = std::vector<double>;  // theta, then ln sigma

// The posterior of one family.
class Family {
 public:
  Family(const CurveModel& model, std::span<const CurvePoint> curve, double horizon)
      : model_(model), curve_(curve), horizon_(horizon), fit_(least_squares(model, curve)) {}

  bool usable() const { return !fit_.empty() && std::isfinite(log_density(centre())); }

  double value(const State& state, double epochs) const { return model_.value(epochs, {state.data(), state.size() - 1}); }

  double log_evidence() const {
    const auto n = static_cast<double>(curve_.size()), parameters = static_cast<double>(fit_.size() + 1);
    return -0.25 * (n * std::log(variance()) + parameters * std::log(n));
  }

  // Up to a constant; -infinity outside the prior.
  double log_density(const State& state) const {
    const double sigma = std::exp(state.back());
    if (sigma < smallest_sigma || sigma > 1) return never;
    const double last = value(state, horizon_);
    if (!(last > value(state, 1)) || !(last <= 1)) return never;
    const double sum = squares(state);
    return std::isfinite(sum) ? -0.5 * sum / (sigma * sigma) - static_cast<double>(curve_.size()) * state.back() : never;
  }

  State start(Rng& rng) const {
    State state = centre();
    for (std::size_t k = 0; k + 1 < state.size(); ++k) state[k] += 0.02 * (std::abs(state[k]) + 0.02) * rng.normal();
    state.back() += 0.2 * rng.normal();
    return state;
  }

 private:
  State centre() const {
    State state = fit_;
    state.push_back(0.5 * std::log(variance()));
    return state;
  }

  double squares(const State& state) const {
    double sum = 0;
    for (const CurvePoint& point : curve_) {
      const double difference = point.value - value(state, point.epochs);
      sum += difference * difference;
    }
    return sum;
  }

  double variance() const {
    State state = fit_;
    state.push_back(0);
    return std::max(squares(state) / static_cast<double>(curve_.size()), 4 * smallest_sigma * smallest_sigma);
  }

  const CurveModel& model_;
  std::span<const CurvePoint> curve_;
  double horizon_;
  std::vector<double> fit_;
};

// The stretch move: each walker jumps along the line to another of the other half.
class Ensemble {
 public:
  Ensemble(const Family& family, int walkers, Rng& rng) : family_(family), rng_(rng) {
    constexpr int tries = 50;
    for (int i = 0; i < walkers; ++i) {
      State state;
      double density = never;
      for (int attempt = 0; attempt < tries && !std::isfinite(density); ++attempt) density = family_.log_density(state = family_.start(rng_));
      if (!std::isfinite(density)) continue;
      states_.push_back(std::move(state));
      densities_.push_back(density);
    }
  }

  const std::vector<State>& states() const { return states_; }
  bool usable() const { return states_.size() >= 4; }

  void step() {
    const std::size_t half = states_.size() / 2;
    for (std::size_t i = 0; i < states_.size(); ++i) move(i, i < half ? half : 0, i < half ? states_.size() - half : half);
  }

 private:
  void move(std::size_t walker, std::size_t first, std::size_t count) {
    constexpr double stretch = 2;  // Goodman and Weare's a
    const State& other = states_[first + rng_.below(count)];
    const double z = std::pow((stretch - 1) * rng_.uniform() + 1, 2) / stretch;
    State next = other;
    for (std::size_t k = 0; k < next.size(); ++k) next[k] += z * (states_[walker][k] - other[k]);
    const double density = family_.log_density(next);
    const double log_odds = static_cast<double>(next.size() - 1) * std::log(z) + density - densities_[walker];
    if (!(std::log(1 - rng_.uniform()) < log_odds)) return;
    states_[walker] = std::move(next);
    densities_[walker] = density;
  }

  const Family& family_;
  Rng& rng_;
  std::vector<State> states_;
  std::vector<double> densities_;
};

Extrapolation summary(std::vector<double> draws) {
  Extrapolation result{.draws = std::move(draws)};
  result.mean = mean(result.draws);
  result.deviation = result.draws.size() > 1 ? standard_deviation(result.draws) : 0;
  return result;
}

// The last value, as uncertain as the curve is wide.
Extrapolation flat(std::span<const CurvePoint> curve, Rng& rng) {
  constexpr int count = 200;
  std::vector<double> values, draws;
  for (const CurvePoint& point : curve) values.push_back(point.value);
  const double width = values.size() > 1 ? standard_deviation(values) : 1;
  for (int i = 0; i < count; ++i) draws.push_back(values.back() + width * rng.normal());
  return summary(std::move(draws));
}

// What one family thinks of the horizon, a walker and a step each; empty where no walker can start.
std::vector<double> draws_of(const Family& family, double horizon, const ExtrapolationOptions& options, Rng& rng) {
  std::vector<double> draws;
  Ensemble ensemble(family, options.walkers, rng);
  for (int step = 0; step < options.steps && ensemble.usable(); ++step) {
    ensemble.step();
    if (step < options.steps / 2 || step % 4 != 0) continue;
    for (const State& state : ensemble.states()) draws.push_back(family.value(state, horizon));
  }
  return draws;
}

struct Opinion {
  double log_evidence = 0;
  std::vector<double> draws;
};

// As many draws of each family as its evidence weighs.
std::vector<double> mixed(const std::vector<Opinion>& opinions, Rng& rng) {
  constexpr double count = 2000;
  double best = never, total = 0;
  for (const Opinion& opinion : opinions) best = std::max(best, opinion.log_evidence);
  for (const Opinion& opinion : opinions) total += std::exp(opinion.log_evidence - best);
  std::vector<double> draws;
  for (const Opinion& opinion : opinions) {
    const auto share = std::llround(count * std::exp(opinion.log_evidence - best) / total);
    for (std::int64_t i = 0; i < share; ++i) draws.push_back(opinion.draws[rng.below(opinion.draws.size())]);
  }
  return draws;
}

}  // namespace

double Extrapolation::chance_above(double value) const {
  const auto above = std::ranges::count_if(draws, [&](double draw) { return draw > value; });
  return draws.empty() ? 1 : static_cast<double>(above) / static_cast<double>(draws.size());
}

Extrapolation extrapolate(std::span<const CurvePoint> curve, double horizon, Seed seed, const ExtrapolationOptions& options) {
  if (curve.empty()) throw UsageError("extrapolate: the curve has no points");
  for (const CurvePoint& point : curve)
    if (!(point.epochs >= 1) || point.epochs > horizon) throw UsageError("extrapolate: epochs from 1 to the horizon are needed");
  Rng rng = seed.derive("extrapolation").rng();
  if (curve.size() < fewest_points) return flat(curve, rng);
  const Scale scale = scale_of(curve);
  std::vector<CurvePoint> scaled(curve.begin(), curve.end());
  for (CurvePoint& point : scaled) point.value = scale.in(point.value);
  std::vector<Opinion> opinions;
  for (const CurveModel& model : curve_models()) {
    const Family family(model, scaled, horizon);
    if (!family.usable()) continue;
    std::vector<double> draws = draws_of(family, horizon, options, rng);
    if (!draws.empty()) opinions.push_back({.log_evidence = family.log_evidence(), .draws = std::move(draws)});
  }
  if (opinions.empty()) return flat(curve, rng);
  std::vector<double> draws = mixed(opinions, rng);
  for (double& draw : draws) draw = scale.out(draw);
  return summary(std::move(draws));
}

}  // namespace netwright
