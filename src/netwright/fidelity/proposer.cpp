#include "netwright/fidelity/proposer.hpp"

#include <utility>

#include "netwright/space/variation.hpp"
#include "netwright/strategy/warm_start.hpp"

namespace netwright {
namespace {

class OneStrategy : public Proposer {
 public:
  explicit OneStrategy(std::unique_ptr<Strategy> strategy) : strategy_(std::move(strategy)) {}

  std::optional<Architecture> ask() override { return strategy_->ask(); }

  void tell(const Told& told, std::int64_t, bool first) override {
    if (!first) return;
    Told own = told;
    own.trial = told_++;
    strategy_->tell(own);
  }

 private:
  std::unique_ptr<Strategy> strategy_;
  std::int64_t told_ = 0;
};

class OneABudget : public Proposer {
 public:
  OneABudget(const SchedulerCase& scheduler_case, const BudgetModels& options)
      : make_(scheduler_case.make_strategy),
        tree_(scheduler_case.tree),
        rng_(scheduler_case.seed.derive("bohb").rng()),
        options_(options),
        first_(scheduler_case.tree, scheduler_case.first, nullptr) {}

  std::optional<Architecture> ask() override {
    if (!first_.through()) return first_.ask();
    Model* model = usable_model();
    const bool random = rng_.chance(options_.random_share);
    if (model == nullptr || random) return sample(tree_, rng_);
    return model->strategy->ask();
  }

  void tell(const Told& told, std::int64_t epochs, bool) override {
    Model& model = models_[epochs];
    if (!model.strategy) model.strategy = make_(epochs, static_cast<std::int64_t>(options_.enough));
    Told own = told;
    own.trial = static_cast<std::int64_t>(model.told++);
    model.strategy->tell(own);
  }

 private:
  struct Model {
    std::unique_ptr<Strategy> strategy;
    std::size_t told = 0;
  };

  // Of the largest budget with enough observations.
  Model* usable_model() {
    for (auto model = models_.rbegin(); model != models_.rend(); ++model)
      if (model->second.told >= options_.enough) return &model->second;
    return nullptr;
  }

  StrategyMaker make_;
  const DecisionTree& tree_;
  Rng rng_;
  BudgetModels options_;
  WarmStart first_;
  std::map<std::int64_t, Model> models_;  // by epochs
};

}  // namespace

std::unique_ptr<Strategy> search_strategy(const SchedulerCase& scheduler_case) {
  auto strategy = scheduler_case.make_strategy(0, 0);
  if (scheduler_case.first.empty()) return strategy;
  return std::make_unique<WarmStart>(scheduler_case.tree, scheduler_case.first, std::move(strategy));
}

std::unique_ptr<Proposer> one_strategy(std::unique_ptr<Strategy> strategy) { return std::make_unique<OneStrategy>(std::move(strategy)); }

std::unique_ptr<Proposer> one_strategy_a_budget(const SchedulerCase& scheduler_case, const BudgetModels& models) {
  return std::make_unique<OneABudget>(scheduler_case, models);
}

}  // namespace netwright
