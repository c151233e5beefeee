#pragma once
// NSGA-II over real variables: for continuous problems, and to hold the selection of nsga2.hpp to published fronts.
//
// Simulated binary crossover: a variable of both parents, with chance 1/2, is replaced by two values around their mean, the spread
// drawn with distribution index eta and kept within the bounds; polynomial mutation moves a variable by at most its range.
// Source: Deb and Agrawal 1995, Complex Systems 9; Deb et al. 2002, IEEE TEC 6(2), whose bounded forms are used.
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/objective/zdt.hpp"

namespace netwright {

struct RealNsga2Options {
  std::size_t population = 100;
  std::size_t generations = 250;  // the first, random one counts
  double crossover = 0.9;         // chance that two parents are crossed
  double crossover_eta = 15;
  double mutation = 0;            // chance a variable; 0 = 1 / variables
  double mutation_eta = 20;
};

struct RealSolution {
  std::vector<double> variables, costs;
};

// Changes both parents in place. eta >= 0; x and y have as many variables as the problem, within its bounds.
void simulated_binary_crossover(std::vector<double>& x, std::vector<double>& y, const RealProblem& problem, double eta, Rng& rng);
void polynomial_mutation(std::vector<double>& x, const RealProblem& problem, double chance, double eta, Rng& rng);

// The last population. Cost: population * generations evaluations and that of nsga2_survivors() a generation.
std::vector<RealSolution> minimise_nsga2(const RealProblem& problem, const RealNsga2Options& options, Seed seed);

}  // namespace netwright
