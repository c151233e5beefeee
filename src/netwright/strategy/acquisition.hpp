#pragma once
// How promising a prediction is, where larger is better: what a model-guided search asks for next.
#include "netwright/core/rng.hpp"

namespace netwright {

// (m - best) Phi(z) + s phi(z), z = (m - best) / s: how much better than `best` one may expect it to be. At s = 0: max(0, m - best).
// Source: Mockus 1975; Jones, Schonlau and Welch 1998.
double expected_improvement(double mean, double deviation, double best);
double probability_of_improvement(double mean, double deviation, double best);  // Phi(z)
double upper_confidence_bound(double mean, double deviation, double beta);      // m + beta s

// A draw of N(m, s^2): each candidate for itself. Source: independent Thompson sampling, White et al. 2021, arXiv 1910.11858.
double thompson_draw(double mean, double deviation, Rng& rng);

double normal_density(double z);
double normal_share_below(double z);     // Phi
double normal_quantile(double share);    // Phi^-1, share in (0, 1), to 1e-9 relative (Acklam's fit and one Halley step)

}  // namespace netwright
