#pragma once
// Test problems with known fronts, to hold multi-objective selection to: ZDT of two objectives to be minimised.
#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace netwright {

// A problem over real variables within bounds; costs are to be minimised.
struct RealProblem {
  std::vector<double> lower, upper;
  std::function<std::vector<double>(std::span<const double>)> costs;
};

// ZDT1, 2, 3, 4 or 6. f1 = x_1 (ZDT6: 1 - exp(-4 x_1) sin^6(6 pi x_1)); f2 = g h(f1 / g). All variables in [0, 1], but for ZDT4's
// second to last in [-5, 5]. Source: Zitzler, Deb and Thiele 2000, Evolutionary Computation 8(2), definition 4.
// Errors: UsageError for another number, or fewer than two variables.
RealProblem zdt(int number, std::size_t variables);

// The hypervolume of the true front, by its integral: a curve f2 = 1 - f1^p with p = 1/2 (ZDT1, 4) or 2 (ZDT2, 6), or the five falling pieces of
// 1 - sqrt(f1) - f1 sin(10 pi f1) (ZDT3). The reference is at least 1 in both objectives. Errors: UsageError for another problem, or a reference below 1.
double zdt_front_hypervolume(int number, std::array<double, 2> reference);

}  // namespace netwright
