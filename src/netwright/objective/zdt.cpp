#include "netwright/objective/zdt.hpp"

#include <cmath>
#include <numbers>
#include <string>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

constexpr double pi = std::numbers::pi;

// The share of the other variables' mean.
double mean_of_rest(std::span<const double> x) {
  double sum = 0;
  for (const double value : x.subspan(1)) sum += value;
  return sum / static_cast<double>(x.size() - 1);
}

double plain_g(std::span<const double> x) { return 1 + 9 * mean_of_rest(x); }

double rippled_g(std::span<const double> x) {
  double sum = 1 + 10 * static_cast<double>(x.size() - 1);
  for (const double value : x.subspan(1)) sum += value * value - 10 * std::cos(4 * pi * value);
  return sum;
}

std::vector<double> zdt1(std::span<const double> x) {
  const double g = plain_g(x);
  return {x[0], g * (1 - std::sqrt(x[0] / g))};
}

std::vector<double> zdt2(std::span<const double> x) {
  const double g = plain_g(x);
  return {x[0], g * (1 - (x[0] / g) * (x[0] / g))};
}

std::vector<double> zdt3(std::span<const double> x) {
  const double g = plain_g(x), share = x[0] / g;
  return {x[0], g * (1 - std::sqrt(share) - share * std::sin(10 * pi * x[0]))};
}

std::vector<double> zdt4(std::span<const double> x) {
  const double g = rippled_g(x);
  return {x[0], g * (1 - std::sqrt(x[0] / g))};
}

std::vector<double> zdt6(std::span<const double> x) {
  const double f = 1 - std::exp(-4 * x[0]) * std::pow(std::sin(6 * pi * x[0]), 6);
  const double g = 1 + 9 * std::pow(mean_of_rest(x), 0.25);
  return {f, g * (1 - (f / g) * (f / g))};
}

[[noreturn]] void refuse(int number, const std::string& why) { throw UsageError("ZDT" + std::to_string(number) + ": " + why); }

// ZDT6's f1 does not reach 0: its smallest value, where tan(6 pi x) = 9 pi.
double smallest_f1(int number) {
  if (number != 6) return 0;
  const double x = std::atan(9 * pi) / (6 * pi);
  return 1 - std::exp(-4 * x) * std::pow(std::sin(6 * pi * x), 6);
}

double zdt3_curve(double x) { return 1 - std::sqrt(x) - x * std::sin(10 * pi * x); }
// Its integral from 0 to x.
double zdt3_integral(double x) {
  const double turn = 10 * pi;
  return x - 2.0 / 3 * std::pow(x, 1.5) + x * std::cos(turn * x) / turn - std::sin(turn * x) / (turn * turn);
}

// Where `falls` turns from true to false between low and high.
template <class Falls>
double turning_point(double low, double high, const Falls& falls) {
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (falls(middle) ? low : high) = middle;
  }
  return low;
}

struct LowerEdge {
  double integral = 0, lowest = 0;
};

// The least value so far over [0, 1]: along a piece of the front the curve itself, between pieces the end of the one before. A piece ends at the
// curve's minimum in each period of the sine, and begins where the curve comes down to the last minimum.
LowerEdge zdt3_lower_edge() {
  LowerEdge edge{.lowest = zdt3_curve(0)};
  double end = 0;
  for (int period = 0; period < 5; ++period) {
    const double at = period / 5.0;
    const auto falls = [](double x) { return -0.5 / std::sqrt(x) - std::sin(10 * pi * x) - 10 * pi * x * std::cos(10 * pi * x) < 0; };
    const double minimum = turning_point(at + 0.01, at + 0.12, falls);
    const double start = period == 0 ? 0 : turning_point(at - 0.04, minimum, [&](double x) { return zdt3_curve(x) > edge.lowest; });
    edge.integral += edge.lowest * (start - end) + zdt3_integral(minimum) - zdt3_integral(start);
    end = minimum;
    edge.lowest = zdt3_curve(minimum);
  }
  edge.integral += edge.lowest * (1 - end);
  return edge;
}

}  // namespace

RealProblem zdt(int number, std::size_t variables) {
  if (variables < 2) refuse(number, "needs at least two variables");
  RealProblem problem{.lower = std::vector<double>(variables, 0), .upper = std::vector<double>(variables, 1)};
  if (number == 1) problem.costs = zdt1;
  if (number == 2) problem.costs = zdt2;
  if (number == 3) problem.costs = zdt3;
  if (number == 6) problem.costs = zdt6;
  if (number == 4) {
    problem.costs = zdt4;
    for (std::size_t i = 1; i < variables; ++i) problem.lower[i] = -5, problem.upper[i] = 5;
  }
  if (!problem.costs) refuse(number, "is none of ZDT1, 2, 3, 4, 6");
  return problem;
}

double zdt_front_hypervolume(int number, std::array<double, 2> reference) {
  const bool root = number == 1 || number == 4;
  if (!root && number != 2 && number != 3 && number != 6) refuse(number, "is none of ZDT1, 2, 3, 4, 6");
  if (reference[0] < 1 || reference[1] < 1) refuse(number, "the reference must be at least 1 in both objectives");
  if (number == 3) {
    const LowerEdge edge = zdt3_lower_edge();
    return reference[1] - edge.integral + (reference[0] - 1) * (reference[1] - edge.lowest);
  }
  const double p = root ? 0.5 : 2, start = smallest_f1(number);
  const double above_curve = (reference[1] - 1) * (1 - start) + (1 - std::pow(start, p + 1)) / (p + 1);
  return above_curve + (reference[0] - 1) * reference[1];
}

}  // namespace netwright
