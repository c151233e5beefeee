// The registry of strategies, in reading order.
#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/strategy/annealing.hpp"
#include "netwright/strategy/controller.hpp"
#include "netwright/strategy/evolution.hpp"
#include "netwright/strategy/genetic.hpp"
#include "netwright/strategy/grid.hpp"
#include "netwright/strategy/hypervolume_guided.hpp"
#include "netwright/strategy/islands.hpp"
#include "netwright/strategy/local_search.hpp"
#include "netwright/strategy/model_guided.hpp"
#include "netwright/strategy/nsga2.hpp"
#include "netwright/strategy/pareto_evolution.hpp"
#include "netwright/strategy/pruning.hpp"
#include "netwright/strategy/random_search.hpp"
#include "netwright/strategy/reinforce.hpp"
#include "netwright/strategy/scalarised.hpp"
#include "netwright/strategy/tpe.hpp"

namespace netwright {

namespace {

using Entries = std::vector<StrategyEntry>;

Entries plain_strategies() {
  return {
    {.name = "random",
     .title = "Random search: uniform over the architectures",
     .paper = "Bergstra and Bengio 2012, JMLR 13",
     .traits = {"no model"},
     .options = {{"replacement", "false", "may ask the same architecture twice"}},
     .make = make_random_search},
    {.name = "grid",
     .title = "Every architecture once, in tree order",
     .paper = "",
     .traits = {"exhaustive", "no model"},
     .options = {},
     .make = make_grid},
  };
}

Entries evolutions() {
  return {
    {.name = "evolution",
     .title = "Regularized (aging) evolution by mutation",
     .paper = "Real et al. 2019, arXiv 1802.01548",
     .traits = {"may repeat", "population"},
     .options = {{"population", "50", "members that live at once (P); as many asks are random first"},
                 {"sample", "10", "members drawn for a tournament (S)"},
                 {"removal", "oldest", "who leaves when a child enters: oldest | worst | worst_drawn"},
                 {"identity", "0", "chance that a child is its parent, evaluated again"}},
     .make = make_evolution},
    {.name = "pareto_evolution",
     .title = "Regularized evolution for several objectives",
     .paper = "Real et al. 2019, arXiv 1802.01548; Deb et al. 2002, IEEE TEC 6(2)",
     .traits = {"population", "several objectives"},
     .options = {{"population", "50", "members that live at once"}, {"sample", "10", "members drawn for a tournament"}},
     .make = make_pareto_evolution},
    {.name = "nsga2",
     .title = "NSGA-II: a population spread along the front",
     .paper = "Deb et al. 2002, IEEE TEC 6(2); Lu et al. 2019, arXiv 1810.03522",
     .traits = {"population", "several objectives"},
     .options = {{"population", "40", "survivors of a generation, and its children"},
                 {"crossover", "0.9", "chance that a child has two parents"},
                 {"mutation", "1", "chance that a child has one decision changed"}},
     .make = make_nsga2},
    {.name = "pruning",
     .title = "Every decision loses its worst choice by the ranks of the objectives, until one architecture is left",
     .paper = "Chen et al. 2021, arXiv 2102.11535",
     .traits = {"no model", "several objectives"},
     .options = {{"samples", "6", "architectures that each living choice is judged by"}},
     .make = make_pruning},
    {.name = "genetic",
     .title = "Genetic algorithm with crossover and elites",
     .paper = "Holland 1975",
     .traits = {"population"},
     .options = {{"population", "20", "members of a generation"},
                 {"elite", "4", "best members that live on"},
                 {"tournament", "3", "members drawn for a parent"},
                 {"crossover", "0.9", "chance that a child has two parents"},
                 {"mutation", "0.5", "chance that a child has one decision changed"}},
     .make = make_genetic},
  };
}

Entries climbs() {
  return {
    {.name = "local_search",
     .title = "Local search: climb to where no neighbour is better, then start again",
     .paper = "White et al. 2021, arXiv 2005.02960",
     .traits = {"no model"},
     .options = {{"step", "best", "best: all neighbours first | first: the first better one"},
                 {"start", "10", "random architectures before each climb (1 where step is first)"}},
     .make = make_local_search},
    {.name = "hill_climbing",
     .title = "Hill climbing: go to the first better neighbour, start again on a top",
     .paper = "White et al. 2021, arXiv 2005.02960",
     .traits = {"no model"},
     .options = {{"step", "first", "first: the first better neighbour | best: all neighbours first"},
                 {"start", "1", "random architectures before each climb (10 where step is best)"}},
     .make = make_hill_climbing},
    {.name = "annealing",
     .title = "Simulated annealing",
     .paper = "Kirkpatrick et al. 1983, Science 220",
     .traits = {"no model"},
     .options = {{"start", "10", "random architectures before the first step"},
                 {"temperature", "0.5", "at the start, in standard deviations of the random ones"},
                 {"cooling", "0.97", "factor of the temperature a trial"}},
     .make = make_annealing},
    {.name = "reinforce",
     .title = "REINFORCE: a policy of independent logits, one softmax a decision",
     .paper = "Williams 1992; Dong and Yang 2020, arXiv 2001.00326",
     .traits = {"may repeat", "policy"},
     .options = {{"learning_rate", "0.05", "of Adam"},
                 {"baseline", "0.9", "decay of the rewards' moving average"},
                 {"entropy", "0", "weight of the entropy bonus"},
                 {"power", "1", "exponent of the reward"}},
     .make = make_reinforce},
  };
}

using Options = std::vector<StrategyOption>;

// What the controllers differ in, as text.
struct ControllerTexts {
  const char *layers, *hidden, *learning_rate, *baseline, *entropy, *power, *batch, *passes, *clip, *temperature, *tanh;
};

Options controller_options(const ControllerTexts& texts) {
  return {{"layers", texts.layers, "of the LSTM"},
          {"hidden", texts.hidden, "units a layer"},
          {"learning_rate", texts.learning_rate, "of Adam"},
          {"baseline", texts.baseline, "decay of the rewards' moving average"},
          {"entropy", texts.entropy, "weight of the entropy bonus"},
          {"power", texts.power, "exponent of the reward"},
          {"batch", texts.batch, "trials an update"},
          {"passes", texts.passes, "updates a batch"},
          {"clip", texts.clip, "range that the probabilities' ratio is clipped to, around 1; 0: REINFORCE"},
          {"temperature", texts.temperature, "divides logits; 0: none"},
          {"tanh", texts.tanh, "bounds logits; 0: none"}};
}

Entries controllers() {
  return {
    {.name = "reinforce_lstm",
     .title = "REINFORCE with a two-layer LSTM that writes the architecture",
     .paper = "Zoph and Le 2017, arXiv 1611.01578",
     .traits = {"may repeat", "policy", "model"},
     .options = controller_options({.layers = "2", .hidden = "35", .learning_rate = "6e-4", .baseline = "0.95", .entropy = "0", .power = "3",
                                    .batch = "8", .passes = "1", .clip = "0", .temperature = "0", .tanh = "0"}),
     .make = make_reinforce_lstm},
    {.name = "ppo",
     .title = "PPO with a one-layer LSTM: the controller of NASNet",
     .paper = "Zoph et al. 2018, arXiv 1707.07012; Schulman et al. 2017, arXiv 1707.06347",
     .traits = {"may repeat", "policy", "model"},
     .options = controller_options({.layers = "1", .hidden = "100", .learning_rate = "3.5e-4", .baseline = "0.95", .entropy = "1e-5", .power = "1",
                                    .batch = "20", .passes = "4", .clip = "0.2", .temperature = "0", .tanh = "0"}),
     .make = make_ppo},
    {.name = "enas_controller",
     .title = "The controller of ENAS: bounded logits, entropy in the reward",
     .paper = "Pham et al. 2018, arXiv 1802.03268",
     .traits = {"may repeat", "policy", "model"},
     .options = controller_options({.layers = "1", .hidden = "64", .learning_rate = "3.5e-3", .baseline = "0.99", .entropy = "1e-4", .power = "1",
                                    .batch = "10", .passes = "1", .clip = "0", .temperature = "5", .tanh = "1.1"}),
     .make = make_enas_controller},
  };
}

// What the searches that a model guides share; `seen`: what the features are by default.
struct ModelTexts {
  const char *batch, *candidates, *seen, *acquisition;
};

Options model_options(const ModelTexts& texts, const Options& more) {
  Options options = {{"start", "10", "random architectures before the first fit"},
                     {"batch", texts.batch, "asks a fit"},
                     {"candidates", texts.candidates, "architectures that the model looks at"},
                     {"parents", "10", "best trials that candidates are mutated from"},
                     {"features", "auto", std::string("what the model sees: onehot | path | wl; auto: ") + texts.seen},
                     {"acquisition", texts.acquisition, "which candidate is asked: ei | pi | ucb | its | mean"},
                     {"beta", "0.5", "deviations that ucb adds"},
                     {"scores", "normal", "targets: normal scores of the ranks | standard scores"}};
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

Options ensemble_options() {
  return {{"members", "5", "networks of the ensemble"}, {"layers", "3", "hidden layers of each"}, {"width", "20", "units a layer"}, {"epochs", "100", "passes a fit"}};
}

Entries kernel_models() {
  return {
    {.name = "bayesian",
     .title = "Bayesian optimisation with a Gaussian process",
     .paper = "Ru et al. 2021, arXiv 2006.07556; Knowles 2006, IEEE TEC 10(1)",
     .traits = {"model", "several objectives"},
     .options = model_options({.batch = "1", .candidates = "200", .seen = "onehot", .acquisition = "ei"},
                              {{"refit", "5", "fits between two choices of the kernel's length and noise"}}),
     .make = make_bayesian},
    {.name = "hypervolume",
     .title = "Expected hypervolume improvement: a Gaussian process an objective",
     .paper = "Emmerich et al. 2006, IEEE TEC 10(4); Daulton et al. 2020, arXiv 2006.05078",
     .traits = {"model", "several objectives"},
     .options = {{"start", "10", "random architectures before the first fit"},
                 {"candidates", "200", "architectures that the models look at"},
                 {"draws", "32", "drawn values of each that the improvement is the mean of"},
                 {"features", "auto", "what the models see: onehot | path | wl; auto: onehot"},
                 {"scores", "normal", "targets: normal scores of the ranks | standard scores"},
                 {"refit", "5", "fits between two choices of the kernels' length and noise"}},
     .make = make_hypervolume},
    {.name = "tpe",
     .title = "TPE: what good trials pick against what the others pick",
     .paper = "Bergstra et al. 2011, NeurIPS 24",
     .traits = {"model", "several objectives"},
     .options = {{"start", "20", "random architectures before the first model"},
                 {"good", "0.2", "share of the trials that counts as good"},
                 {"candidates", "24", "draws that are compared"},
                 {"prior", "1", "weight of the uniform distribution, in trials"}},
     .make = make_tpe},
  };
}

Entries network_models() {
  return {
    {.name = "bananas",
     .title = "BANANAS: an ensemble of networks on the path encoding",
     .paper = "White et al. 2021, arXiv 1910.11858",
     .traits = {"model", "several objectives"},
     .options = model_options({.batch = "10", .candidates = "100", .seen = "path, where the space has it", .acquisition = "its"}, ensemble_options()),
     .make = make_bananas},
    {.name = "npenas",
     .title = "Evolution whose children a predictor chooses",
     .paper = "Wei et al. 2020, arXiv 2003.12857",
     .traits = {"model", "several objectives"},
     .options = model_options({.batch = "10", .candidates = "100", .seen = "onehot", .acquisition = "mean"}, ensemble_options()),
     .make = make_npenas},
  };
}

Entries wrappers() {
  return {
    {.name = "islands",
     .title = "Several searches side by side that send each other their best",
     .paper = "Whitley et al. 1999",
     .traits = {"may repeat", "around another"},
     .options = {{"of", "evolution", "the strategy of each island; its options stand beside these"},
                 {"islands", "4", "how many"},
                 {"migration", "25", "trials of an island between two messages"}},
     .make = make_islands,
     .forwards = true},
    {.name = "scalarised",
     .title = "Any strategy for one objective, under a number made of several",
     .paper = "Tan et al. 2019, arXiv 1807.11626; Wu et al. 2019, arXiv 1812.03443",
     .traits = {"may repeat", "around another", "several objectives"},
     .options = {{"of", "evolution", "the strategy; its options stand beside these"},
                 {"form", "sum", "sum | mnas_soft | mnas_hard | product | fbnet"},
                 {"cost", "", "metric weighed against the first objective; empty: the second objective's"},
                 {"target", "", "the cost that is aimed at"},
                 {"exponent", "-0.07", "of cost / target, for product"},
                 {"alpha", "0.2", "factor, for fbnet"},
                 {"beta", "0.6", "exponent, for fbnet"},
                 {"weights", "", "one number an objective, for sum; empty: 1 each"}},
     .make = make_scalarised,
     .forwards = true},
  };
}

}  // namespace

const std::vector<StrategyEntry>& strategies() {
  static const Entries entries = [] {
    Entries all;
    for (const Entries& group : {plain_strategies(), evolutions(), climbs(), controllers(), kernel_models(), network_models(), wrappers()})
      all.insert(all.end(), group.begin(), group.end());
    return all;
  }();
  return entries;
}

std::unique_ptr<Strategy> make_strategy(std::string_view name, const StrategyCase& strategy_case) {
  std::vector<std::string> names;
  for (const StrategyEntry& entry : strategies()) names.push_back(entry.name);
  const auto entry = std::ranges::find(strategies(), name, &StrategyEntry::name);
  if (entry == strategies().end()) throw UsageError("unknown strategy '" + std::string(name) + "'" + name_hint(name, names));
  std::vector<std::string> known;
  for (const StrategyOption& option : entry->options) known.push_back(option.name);
  for (const auto& [option, value] : strategy_case.options) {
    if (entry->forwards) break;  // the inner strategy checks what is not its own
    if (std::ranges::find(known, option) != known.end()) continue;
    const std::string hint = known.empty() ? "; it has no options" : name_hint(option, known);
    throw UsageError("strategy " + entry->name + ": unknown option '" + option + "'" + hint);
  }
  return entry->make(strategy_case);
}

}  // namespace netwright
