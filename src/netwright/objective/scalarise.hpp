#pragma once
// One number out of several objectives.
#include <span>
#include <string>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/objective/objective.hpp"

namespace netwright {

// MnasNet's reward, to be maximised: accuracy * (cost / target)^w, w = within while cost <= target, else beyond.
//   soft: within = beyond = -0.07 (a doubled latency costs 5 % of the accuracy); hard: within = 0, beyond = -1.
// cost and target in one unit, both positive. Source: Tan et al. 2019, arXiv 1807.11626, equations 2 and 3.
struct MnasExponents {
  double within = -0.07;
  double beyond = -0.07;
};
inline constexpr MnasExponents mnas_soft{-0.07, -0.07}, mnas_hard{0, -1};
double mnas_reward(double accuracy, double cost, double target, MnasExponents exponents = mnas_soft);

// FBNet's loss, to be minimised: loss * alpha * ln(cost)^beta; cost > 1. Source: Wu et al. 2019, arXiv 1812.03443, equation 2.
// Departure: the paper writes log; the natural one is meant here.
double fbnet_loss(double loss, double cost, double alpha = 0.2, double beta = 0.6);

// sum of weight * value, to be maximised. As many weights as values.
double weighted_sum(std::span<const double> values, std::span<const double> weights);

// The augmented Chebyshev value, to be maximised, of values that are to be maximised and scaled to [0, 1]:
//   -(max_i w_i (1 - v_i) + rho sum_i w_i (1 - v_i))
// Source: ParEGO, Knowles 2006, IEEE TEC 10(1), equation 2, with rho = 0.05.
double chebyshev(std::span<const double> values, std::span<const double> weights, double rho = 0.05);

// Uniform over the weights >= 0 whose sum is 1. Departure from ParEGO: not restricted to a lattice.
std::vector<double> random_weights(std::size_t count, Rng& rng);

}  // namespace netwright
