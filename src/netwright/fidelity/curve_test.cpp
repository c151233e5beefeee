#include <gtest/gtest.h>

#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/fidelity/curve_models.hpp"
#include "netwright/fidelity/extrapolation.hpp"
#include "netwright/fidelity/stop_rule.hpp"

namespace netwright {
namespace {

TEST(CurveModels, KnownValues) {
  // Closed forms at x = 1.
  EXPECT_NEAR(find_curve_model("pow3").value(1, std::vector{0.84, 0.52, 0.01}), 0.32, 1e-12);
  EXPECT_NEAR(find_curve_model("hill3").value(2, std::vector{0.6, 1.0, 2.0}), 0.3, 1e-12);
  EXPECT_NEAR(find_curve_model("mmf").value(100, std::vector{0.7, 0.1, 0.01, 5.0}), 0.4, 1e-12);
  EXPECT_NEAR(find_curve_model("log_power").value(std::exp(2.0), std::vector{0.8, 2.0, -3.0}), 0.4, 1e-12);
  EXPECT_NEAR(find_curve_model("exp4").value(1, std::vector{1.0, 0.5, 0.0, 2.0}), 1 - std::exp(-0.5), 1e-12);
  EXPECT_THROW(find_curve_model("pow5"), UsageError);
}

TEST(CurveModels, LeastSquaresFindsItsOwnCurve) {
  for (const CurveModel& model : curve_models()) {
    std::vector<double> truth = model.start;
    for (std::size_t i = 0; i < truth.size(); ++i) truth[i] *= i % 2 == 0 ? 1.05 : 0.95;
    Curve curve;
    for (int x = 1; x <= 40; ++x) curve.push_back({static_cast<double>(x), model.value(x, truth)});
    const auto fit = least_squares(model, curve);
    ASSERT_FALSE(fit.empty()) << model.name;
    for (const CurvePoint& point : curve) EXPECT_NEAR(model.value(point.epochs, fit), point.value, 2e-3) << model.name;
  }
}

Curve noisy(double ceiling, double speed, double noise, int epochs, Rng& rng) {
  Curve curve;
  for (int x = 1; x <= epochs; ++x) {
    const double value = ceiling - (ceiling - 0.1) * std::exp(-speed * std::pow(x, 0.7));
    curve.push_back({static_cast<double>(x), value + noise * rng.normal()});
  }
  return curve;
}

TEST(Extrapolation, IsCalibratedOnSyntheticCurves) {
  Rng rng = Seed(3).rng();
  int inside = 0;
  double error = 0, last_error = 0;
  constexpr int runs = 24;
  for (int run = 0; run < runs; ++run) {
    const double ceiling = 0.5 + 0.45 * rng.uniform(), speed = 0.08 + 0.12 * rng.uniform();
    const Curve curve = noisy(ceiling, speed, 0.005, 15, rng);
    const double truth = ceiling - (ceiling - 0.1) * std::exp(-speed * std::pow(60, 0.7));
    const Extrapolation reached = extrapolate(curve, 60, Seed(static_cast<std::uint64_t>(run)));
    inside += reached.chance_above(truth) > 0.05 && reached.chance_above(truth) < 0.95 ? 1 : 0;
    error += std::abs(reached.mean - truth);
    last_error += std::abs(curve.back().value - truth);
  }
  EXPECT_GE(inside, runs * 7 / 10);       // of nine in ten expected
  EXPECT_LT(error, 0.5 * last_error);     // much nearer than the last value
}

TEST(Extrapolation, IsAFunctionOfItsSeed) {
  Rng rng = Seed(1).rng();
  const Curve curve = noisy(0.8, 0.1, 0.01, 12, rng);
  EXPECT_EQ(extrapolate(curve, 50, Seed(4)).draws, extrapolate(curve, 50, Seed(4)).draws);
  EXPECT_THROW(extrapolate(curve, 5, Seed(4)), UsageError);
  EXPECT_GT(extrapolate(std::span(curve).first(2), 50, Seed(4)).deviation, 0);
}

// The paper's promise: what would be the best is stopped with a chance of about 5 %.
TEST(CurveRule, StopsLosersAndKeepsWinners) {
  Rng rng = Seed(8).rng();
  const std::vector<Curve> others = {noisy(0.8, 0.15, 0.003, 60, rng)};
  const auto rule = make_stop_rule("curve", {{"after", "12"}, {"every", "4"}});
  int winners_stopped = 0, losers_stopped = 0;
  for (int run = 0; run < 8; ++run) {
    const Curve winner = noisy(0.92, 0.12, 0.003, 12, rng), loser = noisy(0.45, 0.2, 0.003, 12, rng);
    winners_stopped += rule->stops({.trial = run, .curve = winner, .last_epoch = 60}, others) ? 1 : 0;
    losers_stopped += rule->stops({.trial = run, .curve = loser, .last_epoch = 60}, others) ? 1 : 0;
  }
  EXPECT_LE(winners_stopped, 1);
  EXPECT_GE(losers_stopped, 6);
}

}  // namespace
}  // namespace netwright
