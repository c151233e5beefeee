#pragma once
// The models of the model-guided strategies as predictors: gp and mlp. Targets are standardised before they are fitted.
#include <vector>

#include "netwright/evaluation/predictor.hpp"

namespace netwright {

// gp: a Gaussian process whose length and noise are the likeliest of a grid; mlp: an ensemble of small networks.
std::vector<PredictorEntry> model_predictors();

}  // namespace netwright
