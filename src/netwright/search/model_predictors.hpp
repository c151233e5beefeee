#pragma once
// The models of the model-guided strategies as predictors, and boosted trees: gp, mlp, trees. Targets are standardised before they are fitted.
#include <vector>

#include "netwright/evaluation/predictor.hpp"

namespace netwright {

// gp: a Gaussian process whose length and noise are the likeliest of a grid; mlp: an ensemble of small networks; trees: gradient-boosted trees.
std::vector<PredictorEntry> model_predictors();

}  // namespace netwright
