#include "netwright/search/model_predictors.hpp"

#include <cmath>

#include "netwright/core/error.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/strategy/boosted_trees.hpp"
#include "netwright/strategy/gaussian_process.hpp"
#include "netwright/strategy/graph_network.hpp"
#include "netwright/strategy/mlp_ensemble.hpp"
#include "netwright/strategy/xgboost.hpp"

namespace netwright {
namespace {

FeatureRows rows_of(std::span<const FeatureRow> rows) {
  FeatureRows all{.width = rows[0].size()};
  for (const FeatureRow& row : rows) {
    if (row.size() != all.width) throw UsageError("predictor: rows of different lengths");
    all.values.insert(all.values.end(), row.begin(), row.end());
  }
  return all;
}

using Maker = std::unique_ptr<Regressor> (*)(const PredictorCase&, const FeatureRows&, std::span<const double>);

class Model : public Predictor {
 public:
  Model(const PredictorCase& predictor_case, Maker make) : case_(predictor_case), make_(make) {}

  void fit(std::span<const FeatureRow> rows, std::span<const double> values) override {
    if (rows.size() != values.size() || rows.size() < 2) throw UsageError("predictor: at least two rows, and as many values, are needed");
    middle_ = mean(values);
    const double width = standard_deviation(values);
    scale_ = width > 0 ? width : 1;
    std::vector<double> targets;
    for (const double value : values) targets.push_back((value - middle_) / scale_);
    const FeatureRows x = rows_of(rows);
    model_ = make_(case_, x, targets);
    model_->fit(x, targets);
  }

  Predicted predict(std::span<const double> row) const override {
    if (!model_) throw Error("predictor: asked before it was fitted");
    const Prediction found = model_->predict({.width = row.size(), .values = {row.begin(), row.end()}});
    return {.mean = middle_ + scale_ * found.mean[0], .deviation = scale_ * found.deviation[0]};
  }

 private:
  PredictorCase case_;
  Maker make_;
  std::unique_ptr<Regressor> model_;
  double middle_ = 0, scale_ = 1;
};

class OfGraphs : public Predictor {
 public:
  explicit OfGraphs(const PredictorCase& predictor_case) : network_({.seed = predictor_case.seed.derive("gcn")}) {}

  void fit(std::span<const FeatureRow> rows, std::span<const double> values) override {
    if (rows.size() != values.size() || rows.size() < 2) throw UsageError("predictor: at least two rows, and as many values, are needed");
    std::vector<GraphSample> graphs;
    for (const FeatureRow& row : rows) graphs.push_back(read_graph_row(row));
    network_.fit(graphs, values);
  }

  Predicted predict(std::span<const double> row) const override { return {.mean = network_.predict(read_graph_row(row))}; }

 private:
  GraphNetwork network_;
};

std::unique_ptr<Regressor> process(const PredictorCase&, const FeatureRows& x, std::span<const double> y) {
  return std::make_unique<GaussianProcess>(likeliest_options(x, y));
}

std::unique_ptr<Regressor> ensemble(const PredictorCase& predictor_case, const FeatureRows&, std::span<const double>) {
  return std::make_unique<MlpEnsemble>(MlpEnsembleOptions{.layers = 2, .width = 32, .seed = predictor_case.seed.derive("mlp")});
}

std::unique_ptr<Regressor> trees(const PredictorCase&, const FeatureRows&, std::span<const double>) {
  return std::make_unique<BoostedTrees>(BoostedTreesOptions{});
}

std::unique_ptr<Regressor> xgboost(const PredictorCase& predictor_case, const FeatureRows&, std::span<const double>) {
  return make_xgboost({.seed = predictor_case.seed.derive("xgboost").value()});
}

}  // namespace

std::vector<PredictorEntry> model_predictors() {
  return {{.name = "gp",
           .title = "Gaussian process, squared exponential kernel (Hamming on one-hot rows)",
           .paper = "Rasmussen and Williams 2006",
           .options = {},
           .make = [](const PredictorCase& c) -> std::unique_ptr<Predictor> { return std::make_unique<Model>(c, process); }},
          {.name = "mlp",
           .title = "Ensemble of five small networks",
           .paper = "White et al. 2021, arXiv 1910.11858",
           .options = {},
           .make = [](const PredictorCase& c) -> std::unique_ptr<Predictor> { return std::make_unique<Model>(c, ensemble); }},
          {.name = "trees",
           .title = "Gradient-boosted regression trees",
           .paper = "Friedman 2001, Annals of Statistics 29; Chen and Guestrin 2016, arXiv 1603.02754",
           .options = {},
           .make = [](const PredictorCase& c) -> std::unique_ptr<Predictor> { return std::make_unique<Model>(c, trees); }},
          {.name = "xgboost",
           .title = std::string("XGBoost's regression trees") + (xgboost_missing().empty() ? "" : ", not in this build"),
           .paper = "Chen and Guestrin 2016, arXiv 1603.02754",
           .options = {},
           .make = [](const PredictorCase& c) -> std::unique_ptr<Predictor> { return std::make_unique<Model>(c, xgboost); },
           .missing = xgboost_missing()},
          {.name = "gcn",
           .title = "Graph convolutional network on the network's graph",
           .paper = "Wen et al. 2020, arXiv 1912.00848",
           .options = {},
           .make = [](const PredictorCase& c) -> std::unique_ptr<Predictor> { return std::make_unique<OfGraphs>(c); },
           .graphs = true}};
}

std::vector<PredictorEntry> all_predictors() {
  std::vector<PredictorEntry> entries = plain_predictors();
  for (PredictorEntry& entry : model_predictors()) entries.push_back(std::move(entry));
  return entries;
}

std::vector<EvaluatorEntry> plain_evaluators() {
  std::vector<PredictorEntry> of_numbers = model_predictors();
  std::erase_if(of_numbers, [](const PredictorEntry& entry) { return entry.graphs; });
  return torch_free_evaluators(of_numbers);
}

}  // namespace netwright
