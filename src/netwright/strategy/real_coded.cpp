#include "netwright/strategy/real_coded.hpp"

#include <algorithm>
#include <cmath>

#include "netwright/strategy/nsga2.hpp"

namespace netwright {
namespace {

// How far a child lies from the middle, in halves of the parents' distance; `room` is what the bound leaves, in the same unit.
double spread(double u, double room, double eta) {
  const double alpha = 2 - std::pow(room, -(eta + 1));
  return u <= 1 / alpha ? std::pow(u * alpha, 1 / (eta + 1)) : std::pow(1 / (2 - u * alpha), 1 / (eta + 1));
}

void cross_variable(double& x, double& y, double lower, double upper, double eta, Rng& rng) {
  constexpr double alike = 1e-14;
  if (std::abs(x - y) <= alike) return;
  const double low = std::min(x, y), high = std::max(x, y), distance = high - low, middle = (low + high) / 2;
  const double u = rng.uniform();
  const double below = spread(u, 1 + 2 * (low - lower) / distance, eta), above = spread(u, 1 + 2 * (upper - high) / distance, eta);
  x = std::clamp(middle - below * distance / 2, lower, upper);
  y = std::clamp(middle + above * distance / 2, lower, upper);
  if (rng.chance(0.5)) std::swap(x, y);
}

struct Individual {
  RealSolution solution;
  Point point;
  Survivor standing;
};

Individual evaluated(const RealProblem& problem, std::vector<double> variables) {
  Individual result;
  result.solution = {.variables = std::move(variables), .costs = {}};
  result.solution.costs = problem.costs(result.solution.variables);
  for (const double cost : result.solution.costs) result.point.values.push_back(-cost);
  return result;
}

std::vector<Individual> survivors(std::vector<Individual> all, std::size_t count) {
  std::vector<Point> points;
  for (const Individual& individual : all) points.push_back(individual.point);
  std::vector<Individual> kept;
  for (const Survivor& survivor : nsga2_survivors(points, count)) {
    kept.push_back(std::move(all[survivor.index]));
    kept.back().standing = survivor;
  }
  return kept;
}

const Individual& tournament(const std::vector<Individual>& parents, Rng& rng) {
  const Individual& a = parents[rng.below(parents.size())];
  const Individual& b = parents[rng.below(parents.size())];
  return crowded_better(b.standing, a.standing) ? b : a;
}

std::vector<Individual> children(const std::vector<Individual>& parents, const RealProblem& problem, const RealNsga2Options& options, Rng& rng) {
  const double mutation = options.mutation > 0 ? options.mutation : 1 / static_cast<double>(problem.lower.size());
  std::vector<Individual> result;
  while (result.size() < options.population) {
    std::vector<double> x = tournament(parents, rng).solution.variables, y = tournament(parents, rng).solution.variables;
    if (rng.chance(options.crossover)) simulated_binary_crossover(x, y, problem, options.crossover_eta, rng);
    for (std::vector<double>* child : {&x, &y}) {
      if (result.size() == options.population) break;
      polynomial_mutation(*child, problem, mutation, options.mutation_eta, rng);
      result.push_back(evaluated(problem, std::move(*child)));
    }
  }
  return result;
}

}  // namespace

void simulated_binary_crossover(std::vector<double>& x, std::vector<double>& y, const RealProblem& problem, double eta, Rng& rng) {
  for (std::size_t i = 0; i < x.size(); ++i)
    if (rng.chance(0.5)) cross_variable(x[i], y[i], problem.lower[i], problem.upper[i], eta, rng);
}

void polynomial_mutation(std::vector<double>& x, const RealProblem& problem, double chance, double eta, Rng& rng) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!rng.chance(chance)) continue;
    const double range = problem.upper[i] - problem.lower[i], u = rng.uniform();
    const double room = u < 0.5 ? 1 - (x[i] - problem.lower[i]) / range : 1 - (problem.upper[i] - x[i]) / range;
    const double share = u < 0.5 ? u : 1 - u;
    const double step = 1 - std::pow(2 * share + (1 - 2 * share) * std::pow(room, eta + 1), 1 / (eta + 1));
    x[i] = std::clamp(x[i] + (u < 0.5 ? -step : step) * range, problem.lower[i], problem.upper[i]);
  }
}

std::vector<RealSolution> minimise_nsga2(const RealProblem& problem, const RealNsga2Options& options, Seed seed) {
  Rng rng = seed.derive("nsga2").rng();
  std::vector<Individual> population;
  for (std::size_t i = 0; i < options.population; ++i) {
    std::vector<double> x;
    for (std::size_t k = 0; k < problem.lower.size(); ++k) x.push_back(problem.lower[k] + rng.uniform() * (problem.upper[k] - problem.lower[k]));
    population.push_back(evaluated(problem, std::move(x)));
  }
  population = survivors(std::move(population), options.population);
  for (std::size_t generation = 1; generation < options.generations; ++generation) {
    std::vector<Individual> all = children(population, problem, options, rng);
    std::ranges::move(population, std::back_inserter(all));
    population = survivors(std::move(all), options.population);
  }
  std::vector<RealSolution> result;
  for (Individual& individual : population) result.push_back(std::move(individual.solution));
  return result;
}

}  // namespace netwright
