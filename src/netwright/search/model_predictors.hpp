#pragma once
// The models of the model-guided strategies as predictors, boosted trees and a graph network: gp, mlp, trees, xgboost, gcn. Targets are standardised before they are fitted.
#include <vector>

#include "netwright/evaluation/registry.hpp"

namespace netwright {

// gp: a Gaussian process whose length and noise are the likeliest of a grid; mlp: an ensemble of small networks; trees: gradient-boosted trees;
// xgboost: those of XGBoost, in builds that link it;
// gcn: a graph convolutional network, which reads graphs and knows no uncertainty.
std::vector<PredictorEntry> model_predictors();

// Those of evaluation/predictor.hpp and these.
std::vector<PredictorEntry> all_predictors();

// The evaluators that need no torch, with all of these that read numbers as predictors.
std::vector<EvaluatorEntry> plain_evaluators();

}  // namespace netwright
