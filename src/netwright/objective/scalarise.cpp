#include "netwright/objective/scalarise.hpp"

#include <algorithm>
#include <cmath>

namespace netwright {

double mnas_reward(double accuracy, double cost, double target, MnasExponents exponents) {
  return accuracy * std::pow(cost / target, cost <= target ? exponents.within : exponents.beyond);
}

double fbnet_loss(double loss, double cost, double alpha, double beta) { return loss * alpha * std::pow(std::log(cost), beta); }

double weighted_sum(std::span<const double> values, std::span<const double> weights) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += weights[i] * values[i];
  return sum;
}

double chebyshev(std::span<const double> values, std::span<const double> weights, double rho) {
  double most = 0, sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double missing = weights[i] * (1 - values[i]);
    most = i == 0 ? missing : std::max(most, missing);
    sum += missing;
  }
  return -(most + rho * sum);
}

// Exponential draws over their sum are uniform on the simplex.
std::vector<double> random_weights(std::size_t count, Rng& rng) {
  std::vector<double> weights(count);
  double sum = 0;
  for (double& weight : weights) sum += weight = -std::log1p(-rng.uniform());
  for (double& weight : weights) weight = sum > 0 ? weight / sum : 1 / static_cast<double>(count);
  return weights;
}

}  // namespace netwright
