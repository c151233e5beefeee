#include "netwright/strategy/acquisition.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace netwright {
namespace {

constexpr double root_two_pi = 2.5066282746310002;

// Acklam's rational fits: in the middle, and in the lower tail.
double middle_fit(double share) {
  constexpr double a[] = {-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690, -30.66479806614716, 2.506628277459239};
  constexpr double b[] = {-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572};
  const double q = share - 0.5, r = q * q;
  const double above = ((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5];
  return above * q / (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

double tail_fit(double share) {
  constexpr double c[] = {-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783};
  constexpr double d[] = {0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416};
  const double q = std::sqrt(-2 * std::log(share));
  return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) / ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
}

}  // namespace

double normal_density(double z) { return std::exp(-0.5 * z * z) / root_two_pi; }

double normal_share_below(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double normal_quantile(double share) {
  constexpr double tail = 0.02425;
  const double lower = std::min(share, 1 - share);
  double z = lower < tail ? tail_fit(lower) : middle_fit(lower);
  const double error = (normal_share_below(z) - lower) * root_two_pi * std::exp(0.5 * z * z);
  z -= error / (1 + 0.5 * z * error);
  return share <= 0.5 ? z : -z;
}

double expected_improvement(double mean, double deviation, double best) {
  if (!(deviation > 0)) return std::max(0.0, mean - best);
  const double z = (mean - best) / deviation;
  return (mean - best) * normal_share_below(z) + deviation * normal_density(z);
}

double probability_of_improvement(double mean, double deviation, double best) {
  if (!(deviation > 0)) return mean > best ? 1 : 0;
  return normal_share_below((mean - best) / deviation);
}

double upper_confidence_bound(double mean, double deviation, double beta) { return mean + beta * deviation; }

double thompson_draw(double mean, double deviation, Rng& rng) { return mean + deviation * rng.normal(); }

}  // namespace netwright
