#include "catalogue.hpp"

#include <algorithm>

#include "netwright/config/text.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/rank_evaluator.hpp"
#include "netwright/evaluation/timed_evaluator.hpp"
#include "netwright/fidelity/scheduler.hpp"
#include "netwright/fidelity/stop_rule.hpp"
#include "netwright/search/model_predictors.hpp"
#include "netwright/strategy/one_shot_parts.hpp"
#include "netwright/strategy/strategy.hpp"
#include "recipes.hpp"
#include "warm_start_words.hpp"

namespace netwright {
namespace {

EvaluatorEntry train_entry() {
  EvaluatorEntry entry{.name = "train",
                       .title = "Trains each candidate from scratch for some epochs",
                       .metrics = {"val_accuracy", "val_loss", "val_perplexity", "train_loss", "params", "macs", "train_seconds"},
                       .traits = {"needs data", "needs torch"}};
  for (const auto& name : training_option_names()) entry.options.push_back({name, "", "as in a retrain phase"});
  return entry;
}

std::vector<std::string> proxy_names() {
  std::vector<std::string> names;
  for (const auto& proxy : proxies()) names.push_back(proxy.name);
  return names;
}

EvaluatorEntry score_entry() {
  return {.name = "score",
          .title = "Scores each candidate without training",
          .metrics = proxy_names(),
          .traits = {"needs data", "needs images", "needs torch"},
          .options = {{"proxies", "all", "names with commas between, or all"}, {"batch", "16", "images"}, {"fill", "random", "random or oracle"}}};
}

EvaluatorEntry inherit_entry() {
  return {.name = "inherit",
          .title = "Reads each candidate's weights out of a trained supernet and validates it",
          .metrics = {"val_accuracy", "val_loss", "val_perplexity", "params", "macs"},
          .traits = {"needs data", "needs open graph", "needs torch"},
          .options = {{"images", "0", "validation images; 0 = all"}, {"recalibrate", "0", "training images for statistics of its own; 0 = those of each batch"}}};
}

}  // namespace

bool has_trait(const std::vector<std::string>& traits, const std::string& trait) {
  return std::find(traits.begin(), traits.end(), trait) != traits.end();
}

std::string unfed(const Space& space, const DataOptions& data) {
  const auto& traits = space.info().traits;
  const std::string name = "space '" + space.info().name + "'";
  if (holds_text(data)) return has_trait(traits, "language model") ? "" : name + " holds no language models, and the data are text";
  return has_trait(traits, "sequence") ? name + " reads sequences of numbers, and the data are images" : "";
}

std::string no_supernet(const Space& space, const DataOptions& data) {
  if (has_trait(space.info().traits, "open")) return unfed(space, data);
  return "space '" + space.info().name + "' has no open graph, so no supernet can be made of it";
}

std::vector<EvaluatorEntry> known_evaluators() {
  std::vector<EvaluatorEntry> entries = plain_evaluators();
  for (auto& entry : {train_entry(), score_entry(), inherit_entry()}) entries.push_back(entry);
  return with_timing(with_ranks(std::move(entries)));
}

const std::vector<Described>& proxies() {
  static const std::vector<Described> list{
      {"params", "Trainable parameters", "", {"arithmetic"}},
      {"macs", "Multiply-accumulates of one sample", "", {"arithmetic"}},
      {"grad_norm",
       "Norm of the gradient of one batch's loss",
       "Abdelfattah et al. 2021, arXiv 2101.08134",
       {"needs data", "needs labels", "gradient"}},
      {"synflow", "Sum of synaptic flow, |weight x gradient| on an input of ones", "Tanaka et al. 2020, arXiv 2006.05467", {"gradient"}},
      {"naswot", "Log-determinant of the kernel of ReLU patterns", "Mellor et al. 2021, arXiv 2006.04647", {"needs data"}},
      {"jacob_cov", "Correlation of the input gradients of a batch", "Mellor et al. 2020, arXiv 2006.04647v1", {"needs data", "gradient"}},
      {"snip", "Sum of |weight x gradient| of one batch's loss", "Lee et al. 2019, arXiv 1810.02340", {"needs data", "needs labels", "gradient"}},
      {"grasp", "Sum of -weight x (Hessian x gradient)", "Wang et al. 2020, arXiv 2002.07376", {"needs data", "needs labels", "gradient"}},
      {"fisher", "Squared activation x gradient of every channel", "Turner et al. 2020, arXiv 1906.04113", {"needs data", "needs labels", "gradient"}},
      {"plain", "Sum of weight x gradient of one batch's loss", "Abdelfattah et al. 2021, arXiv 2101.08134", {"needs data", "needs labels", "gradient"}},
      {"l2_norm", "Sum of the layers' weight norms", "Abdelfattah et al. 2021, arXiv 2101.08134", {}},
      {"synflow_bn", "Synaptic flow with batch norm", "Abdelfattah et al. 2021, arXiv 2101.08134", {"gradient"}},
      {"epe_nas", "Correlation of the input gradients within each class", "Lopes et al. 2021, arXiv 2102.08099", {"needs data", "needs labels", "gradient"}},
      {"linear_regions", "Distinct ReLU patterns in a batch", "Chen et al. 2021, arXiv 2102.11535", {"needs data"}},
      {"ntk_cond", "Condition number of the neural tangent kernel", "Chen et al. 2021, arXiv 2102.11535", {"needs data", "gradient"}},
      {"zico", "Mean over deviation of the gradients of two half batches", "Li et al. 2023, arXiv 2301.11300", {"needs data", "needs labels", "gradient"}},
      {"zen", "How much features move with the input, and the batch norms' scale", "Lin et al. 2021, arXiv 2102.01063", {"needs data"}},
      {"expressivity", "Entropy of the blocks' principal components", "Lee and Ham 2024, arXiv 2403.19232", {"needs data"}},
      {"progressivity", "Least growth of that entropy from block to block", "Lee and Ham 2024, arXiv 2403.19232", {"needs data"}},
      {"trainability", "How blocks keep the size of gradients", "Lee and Ham 2024, arXiv 2403.19232", {"needs data", "gradient"}},
      {"meco", "Least eigenvalues of the channel correlations of feature maps", "Jiang et al. 2023 (NeurIPS)", {"needs data"}},
  };
  return list;
}

const std::vector<Described>& one_shot_strategies() {
  static const std::vector<Described> list = [] {
    std::vector<Described> described;
    for (const auto& recipe : recipes()) described.push_back({recipe.name, recipe.title, recipe.paper, {"one-shot", "needs open graph", "needs torch"}});
    return described;
  }();
  return list;
}

std::vector<Described> all_strategies() {
  std::vector<Described> list;
  for (const auto& entry : strategies()) list.push_back({entry.name, entry.title, entry.paper, entry.traits});
  for (const auto& strategy : one_shot_strategies()) list.push_back(strategy);
  return list;
}

KnownNames known_names() {
  KnownNames names{.spaces = space_names()};
  for (const auto& entry : strategies()) {
    auto& options = names.strategies[entry.name];
    if (entry.forwards) continue;  // any option: the inner strategy has its own
    for (const auto& option : entry.options) options.push_back(option.name);
    for (const auto& option : warm_start_options()) options.push_back(option.name);
  }
  for (const auto& entry : known_evaluators()) {
    auto& options = names.evaluators[entry.name];
    if (entry.forwards) continue;  // any option: the inner evaluator has its own
    for (const auto& option : entry.options) options.push_back(option.name);
  }
  for (const auto& entry : schedulers())
    for (auto& options = names.fidelities[entry.name]; const auto& option : entry.options) options.push_back(option.name);
  names.stop_rules["none"] = {};
  for (const auto& entry : stop_rules())
    for (auto& options = names.stop_rules[entry.name]; const auto& option : entry.options) options.push_back(option.name);
  const auto add_parts = [](auto& known, const std::vector<SearchPart>& parts) {
    for (const auto& part : parts)
      for (auto& options = known[part.name]; const auto& option : part.options) options.push_back(option.name);
  };
  add_parts(names.relaxations, relaxation_parts());
  add_parts(names.updates, architecture_update_parts());
  add_parts(names.regularisers, regulariser_parts());
  add_parts(names.derivations, derivation_parts());
  return names;
}

}  // namespace netwright
