#pragma once
// What a learning curve will reach, with its uncertainty.
//
//   f(t) = f_k(t | theta_k) + N(0, sigma^2), averaged over the eleven families k of curve_models.hpp
// For each family the posterior over (theta, sigma) comes from an affine-invariant ensemble sampler, started around its least squares; the
// families are weighed by the root of their evidence, exp(-BIC / 4), BIC = n ln(residuals^2 / n) + parameters ln n (whole evidence is too
// sure of one family: tested on synthetic curves). Prior: sigma > 0, f(horizon) >
// f(1), f(horizon) at most 1, flat otherwise. Values in [0, 1] are used as they are; others are moved there first.
// Cost: families x walkers x steps x points: about 60 ms for 15 points. Deterministic for a seed.
// Source: Domhan, Springenberg and Hutter 2015 (IJCAI); sampler: Goodman and Weare 2010, CAMCoS 5(1).
// Departure: the paper samples one linear combination of all families (47 dimensions, thousands of steps); the average over families has
// at most five dimensions at a time, so that few steps suffice.
#include <span>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/fidelity/curve_models.hpp"

namespace netwright {

struct ExtrapolationOptions {
  int walkers = 24;  // a family
  int steps = 400;   // the first half is thrown away
};

struct Extrapolation {
  std::vector<double> draws;  // of f(horizon), without noise; from the posterior
  double mean = 0;
  double deviation = 0;

  // P(f(horizon) > value).
  double chance_above(double value) const;
};

// The curve must rise: pass negated values where less is better. Below 4 points, or where no family fits: the last value, with the
// curve's own deviation. Errors: UsageError for a horizon before the last point or epochs below 1.
Extrapolation extrapolate(std::span<const CurvePoint> curve, double horizon, Seed seed, const ExtrapolationOptions& options = {});

}  // namespace netwright
