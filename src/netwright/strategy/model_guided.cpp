#include "netwright/strategy/model_guided.hpp"

#include <algorithm>

#include "netwright/strategy/acquisition.hpp"
#include "netwright/strategy/candidates.hpp"
#include "netwright/strategy/mlp_ensemble.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {
namespace {

constexpr double most = 1e9;

std::size_t count_option(const StrategyCase& strategy_case, const char* name, std::int64_t fallback, std::int64_t minimum = 1) {
  return static_cast<std::size_t>(integer_option(strategy_case, name, fallback, minimum));
}

// The first word is the default.
void put_first(std::vector<std::string>& words, const char* first) {
  std::ranges::stable_partition(words, [&](const std::string& word) { return word == first; });
}

}  // namespace

ModelGuided::ModelGuided(const StrategyCase& strategy_case, const ModelDefaults& defaults)
    : tree_(strategy_case.tree),
      rng_(strategy_case.seed.derive("model").rng()),
      seed_(strategy_case.seed.derive("fits")),
      start_(count_option(strategy_case, "start", 10)),
      batch_(count_option(strategy_case, "batch", defaults.batch)),
      candidates_(count_option(strategy_case, "candidates", defaults.candidates)),
      parents_(count_option(strategy_case, "parents", defaults.parents)),
      features_(feature_option(strategy_case, defaults.features)),
      acquisition_(acquisition_option(strategy_case, defaults.acquisition)),
      normal_scores_(word_option(strategy_case, "scores", {"normal", "standard"}) == "normal"),
      fit_(std::string_view(defaults.model) == "gp" ? gaussian_process(strategy_case) : networks(strategy_case)),
      history_(strategy_case.goal),
      unseen_(tree_) {}

ModelGuided::Acquisition ModelGuided::acquisition_option(const StrategyCase& strategy_case, const char* fallback) {
  std::vector<std::string> words = {"ei", "pi", "ucb", "its", "mean"};
  put_first(words, fallback);
  const std::string name = word_option(strategy_case, "acquisition", words);
  const double beta = number_option(strategy_case, "beta", 0.5, 0, most);
  const std::map<std::string, Acquisition> known = {
      {"ei", expected_improvement},
      {"pi", probability_of_improvement},
      {"ucb", [beta](double mean, double deviation, double) { return upper_confidence_bound(mean, deviation, beta); }},
      {"its", [this](double mean, double deviation, double) { return thompson_draw(mean, deviation, rng_); }},
      {"mean", [](double mean, double, double) { return mean; }}};
  return known.at(name);
}

ModelGuided::Fit ModelGuided::gaussian_process(const StrategyCase& strategy_case) {
  const std::uint64_t every = count_option(strategy_case, "refit", 5);
  return [this, every](const FeatureRows& x, std::span<const double> y) -> std::unique_ptr<Regressor> {
    if (fits_ % every == 0) hyperparameters_ = likeliest_options(x, y);
    auto process = std::make_unique<GaussianProcess>(hyperparameters_);
    process->fit(x, y);
    return process;
  };
}

ModelGuided::Fit ModelGuided::networks(const StrategyCase& strategy_case) {
  const MlpEnsembleOptions options{.members = count_option(strategy_case, "members", 5),
                                   .layers = count_option(strategy_case, "layers", 3),
                                   .width = count_option(strategy_case, "width", 20),
                                   .epochs = count_option(strategy_case, "epochs", 100)};
  return [this, options](const FeatureRows& x, std::span<const double> y) -> std::unique_ptr<Regressor> {
    MlpEnsembleOptions own = options;
    own.seed = seed_.derive("fit", fits_);
    auto ensemble = std::make_unique<MlpEnsemble>(own);
    ensemble->fit(x, y);
    return ensemble;
  };
}

std::optional<Architecture> ModelGuided::ask() {
  if (std::max(asked_++, history_.entries().size()) < start_ || history_.entries().empty()) return unseen_.sample(rng_);
  if (planned_.empty()) plan();
  while (!planned_.empty()) {
    Architecture next = std::move(planned_.front());
    planned_.pop_front();
    if (unseen_.mark(next)) return next;
  }
  return unseen_.sample(rng_);
}

void ModelGuided::tell(const Told& told) {
  unseen_.mark(told.architecture);  // told without having been asked: a warm start
  if (history_.tell(told)) {
    const std::vector<float> row = features_(told.architecture);
    rows_.width = row.size();
    rows_.add(row);
  }
}

std::vector<Architecture> ModelGuided::candidates(const std::vector<double>& utilities) {
  std::vector<const Architecture*> parents;
  for (const std::size_t i : best_first(utilities))
    if (parents.size() < parents_) parents.push_back(&history_.entries()[i].architecture);
  return near_the_best(tree_, parents, candidates_, unseen_, rng_);
}

void ModelGuided::plan() {
  const std::vector<double> utilities = history_.utilities(rng_);
  const std::vector<double> y = normal_scores_ ? normal_scores(utilities) : standard_scores(utilities);
  std::vector<Architecture> looked_at = candidates(utilities);
  if (looked_at.empty() || rows_.width == 0) return;
  const std::unique_ptr<Regressor> model = fit_(rows_, y);
  ++fits_;
  FeatureRows x{.width = rows_.width, .values = {}};
  for (const Architecture& candidate : looked_at) x.add(features_(candidate));
  const Prediction prediction = model->predict(x);
  const double best = std::ranges::max(y);
  std::vector<double> promise;
  for (std::size_t i = 0; i < looked_at.size(); ++i) promise.push_back(acquisition_(prediction.mean[i], prediction.deviation[i], best));
  const std::vector<std::size_t> order = best_first(promise);
  for (std::size_t i = 0; i < std::min(batch_, order.size()); ++i) planned_.push_back(std::move(looked_at[order[i]]));
}

std::unique_ptr<Strategy> make_bayesian(const StrategyCase& strategy_case) {
  return std::make_unique<ModelGuided>(strategy_case, ModelDefaults{});
}

std::unique_ptr<Strategy> make_bananas(const StrategyCase& strategy_case) {
  return std::make_unique<ModelGuided>(
      strategy_case, ModelDefaults{.model = "networks", .acquisition = "its", .features = "path", .batch = 10, .candidates = 100});
}

std::unique_ptr<Strategy> make_npenas(const StrategyCase& strategy_case) {
  return std::make_unique<ModelGuided>(
      strategy_case, ModelDefaults{.model = "networks", .acquisition = "mean", .features = "onehot", .batch = 10, .candidates = 100});
}

}  // namespace netwright
