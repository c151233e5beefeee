#include "plan.hpp"

#include <algorithm>

#include "catalogue.hpp"
#include "fidelity_words.hpp"
#include "network_words.hpp"
#include "phases.hpp"
#include "netwright/config/method.hpp"
#include "netwright/config/text.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/machine.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/objective/test_part.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/one_shot_parts.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {
namespace {

using Member = std::int64_t Cost::*;

const std::vector<std::pair<std::string, Member>>& members() {
  static const std::vector<std::pair<std::string, Member>> list{{"params", &Cost::params},
                                                                {"params_auxiliary", &Cost::params_auxiliary},
                                                                {"macs", &Cost::macs},
                                                                {"activation_bytes", &Cost::activation_bytes},
                                                                {"peak_bytes", &Cost::peak_bytes},
                                                                {"layers", &Cost::layers}};
  return list;
}

struct Seen {
  Architecture architecture;
  Cost cost;
};

struct Survey {
  const Space& space;
  const NetworkOptions& options;
  std::vector<Seen> seen;

  const Seen& look(Architecture architecture) {
    const Cost price = cost(space.close(architecture, options));
    return seen.emplace_back(Seen{std::move(architecture), price});
  }
};

// Steps to a neighbour with fewer (sign = 1) or more (sign = -1) parameters, in first-improvement order, until none is left or the looks are spent.
void climb(Survey& survey, std::size_t start, std::int64_t sign, int looks) {
  Seen at = survey.seen.at(start);
  for (bool moved = true; moved && looks > 0;) {
    moved = false;
    for (auto& next : neighbours(survey.space.decisions(), at.architecture)) {
      if (looks-- <= 0) return;
      const Seen candidate = survey.look(std::move(next));
      if (sign * candidate.cost.params >= sign * at.cost.params) continue;
      at = candidate;
      moved = true;
      break;
    }
  }
}

std::size_t extreme(const std::vector<Seen>& seen, std::int64_t sign) {
  const auto less = [&](const Seen& a, const Seen& b) { return sign * a.cost.params < sign * b.cost.params; };
  return static_cast<std::size_t>(std::min_element(seen.begin(), seen.end(), less) - seen.begin());
}

double value_of(const Cost& cost, const std::string& metric, bool& known) {
  for (const auto& [name, member] : members()) {
    if (name != metric) continue;
    known = true;
    return static_cast<double>(cost.*member);
  }
  known = false;
  return 0;
}

std::string phase_place(const Config& config, std::size_t index) { return "phases[" + std::to_string(index) + "]." + config.phases[index].kind; }

// "" or why an evaluator that reads data cannot judge the space by these.
std::string unjudged(const EvaluatorEntry& entry, const Space& space, const DataOptions& data) {
  if (has_trait(entry.traits, "needs images") && holds_text(data)) return "it looks at images, and the data are text";
  return has_trait(entry.traits, "needs open graph") ? no_supernet(space, data) : unfed(space, data);
}

void check_search(const Config& config, const std::shared_ptr<const Space>& space, const SearchOptions& search, Networks& networks) {
  const Goal goal = within(config.goal, search);
  refuse_test_part(goal);
  strategy_of(search, space, goal, Seed(config.seed));
  scheduler_of(search, space, goal, Seed(config.seed));
  stop_rule_of(search);
  const auto evaluators = known_evaluators();
  const EvaluatorEntry& entry = find_evaluator(evaluators, search.evaluator);
  const EvaluatorCase evaluator_case{.space = space, .network = networks.single(), .options = search.evaluator_options};
  if (entry.unsuited)
    if (const std::string reason = entry.unsuited(evaluator_case); !reason.empty()) throw Unsupported("evaluator '" + entry.name + "': " + reason);
  const EvaluatorEntry* judge = judging(evaluators, search.evaluator, evaluator_case);
  const bool data = judge != nullptr && has_trait(judge->traits, "needs data");
  if (const std::string reason = data ? unjudged(*judge, *space, config.data) : ""; !reason.empty()) throw Unsupported("evaluator '" + entry.name + "': " + reason);
  if (data || has_trait(entry.traits, "needs networks") || (judge != nullptr && has_trait(judge->traits, "needs networks"))) networks.close_one(data);
  if (search.evaluator == "train") read_training(search.evaluator_options, {}, "evaluator train");
}

void check_retrain(const Config& config, std::size_t index) {
  const auto end = config.phases.begin() + static_cast<std::ptrdiff_t>(index);
  const auto finds = [](const Phase& p) { return std::holds_alternative<DeriveOptions>(p.options) || std::holds_alternative<SearchOptions>(p.options); };
  if (std::none_of(config.phases.begin(), end, finds)) throw UsageError("needs a derive or search phase before it");
  const auto regrows = [](const Phase& p) {
    const auto* supernet = std::get_if<SupernetOptions>(&p.options);
    return supernet != nullptr && std::any_of(supernet->stages.begin(), supernet->stages.end(), [](const StageOptions& s) { return !s.network.empty(); });
  };
  if (std::get<RetrainOptions>(config.phases[index].options).weights == "supernet" && std::any_of(config.phases.begin(), end, regrows))
    throw UsageError("weights: supernet needs a supernet whose stages all train one network");
}

// What trains single networks.
void check_fed(const Space& space, const DataOptions& data) {
  if (const std::string reason = unfed(space, data); !reason.empty()) throw Unsupported(reason);
}

void check_baselines(const Config& config, const BaselineOptions& baselines) {
  if (baselines.resnet && holds_text(config.data)) throw UsageError("resnet: the hand-made network reads images, and the data are text; write resnet: false");
}

void check_supernet(const Config& config, const SupernetOptions& supernet, Networks& networks) {
  const Graph& open = networks.open();
  PartValues(find_part(relaxation_parts(), "relaxation", supernet.relaxation), supernet.relaxation_options);
  PartValues(find_part(architecture_update_parts(), "architecture update", supernet.update), supernet.update_options);
  for (const auto& part : supernet.regularisers) PartValues(find_part(regulariser_parts(), "regulariser", part.name), part.options);
  if (const std::string reason = misfit(supernet, open); !reason.empty()) throw Unsupported(reason);
  double needed = networks.training_bytes(supernet.batch);
  for (const auto& stage : supernet.stages)
    if (!stage.network.empty()) needed = std::max(needed, networks.training_bytes(supernet.batch, stage.network));
  if (needed > memory_limit(config))
    throw UsageError("the supernet needs about " + format_bytes(needed) + " at batch " + std::to_string(supernet.batch) + ", the limit is " +
                     format_bytes(memory_limit(config)) + "; choose a smaller batch, fewer channels or cells, or raise max_memory");
}

void check_derive(const Config& config, std::size_t index, const DeriveOptions& derive) {
  PartValues(find_part(derivation_parts(), "derivation", derive.rule), derive.rule_options);
  for (std::size_t i = index; i-- > 0;) {
    const auto* supernet = std::get_if<SupernetOptions>(&config.phases[i].options);
    if (supernet == nullptr) continue;
    if (const std::string reason = misfit(*supernet, derive); !reason.empty()) throw Unsupported(reason);
    return;
  }
}

}  // namespace

CostRange cost_range(const Space& space, const NetworkOptions& options, std::uint64_t seed, int samples) {
  if (has_trait(space.info().traits, "table")) return {};  // decisions alone: there are no networks to count
  Survey survey{space, options, {}};
  Rng rng = Seed(seed).derive("check").rng();
  if (approximate_size(space.decisions()) <= samples) {
    enumerate(space.decisions(), [&](const Architecture& a) { return survey.look(a), true; });
  } else {
    for (int i = 0; i < samples; ++i) survey.look(sample(space.decisions(), rng));
  }
  const std::size_t sampled = survey.seen.size();
  if (approximate_size(space.decisions()) > samples) {
    climb(survey, extreme(survey.seen, 1), 1, samples / 2);
    climb(survey, extreme(survey.seen, -1), -1, samples / 2);
  }
  CostRange range{.looked_at = static_cast<std::int64_t>(survey.seen.size())};
  range.fewest = survey.seen[extreme(survey.seen, 1)].architecture, range.most = survey.seen[extreme(survey.seen, -1)].architecture;
  for (const auto& [name, member] : members()) {
    std::vector<std::int64_t> values;
    for (const auto& seen : survey.seen) values.push_back(seen.cost.*member);
    range.smallest.*member = *std::min_element(values.begin(), values.end());
    range.largest.*member = *std::max_element(values.begin(), values.end());
    values.resize(sampled);
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    range.typical.*member = values[values.size() / 2];
  }
  return range;
}

std::vector<ConstraintOutlook> outlook(const Goal& goal, const CostRange& range) {
  std::vector<ConstraintOutlook> list;
  for (const auto& constraint : goal.constraints) {
    ConstraintOutlook view{.constraint = constraint};
    if (range.looked_at == 0) {
      list.push_back(view);
      continue;
    }
    view.reached = value_of(constraint.at_least ? range.largest : range.smallest, constraint.metric, view.known);
    if (view.known) view.can_be_met = constraint.at_least ? view.reached >= constraint.at_most : view.reached <= constraint.at_most;
    list.push_back(view);
  }
  return list;
}

Networks::Networks(const Space& space, const Config& config) : Networks(space, config.data, network_options(config, true), network_options(config)) {}
Networks::Networks(const Space& space, DataOptions data, NetworkOptions searched, NetworkOptions final)
    : space_(space), data_(std::move(data)), searched_(std::move(searched)), final_(std::move(final)) {}

const Graph& Networks::open() {
  if (const std::string reason = no_supernet(space_, data_); !reason.empty()) throw Unsupported(reason);
  if (!open_) open_ = space_.open(searched_);
  return *open_;
}

double Networks::training_bytes(std::int64_t batch) {
  if (!cost_) cost_ = cost(open());
  return netwright::training_bytes(*cost_, batch);
}

double Networks::training_bytes(std::int64_t batch, const Settings& settings) {
  NetworkOptions own = searched_;
  for (const auto& [name, value] : settings) own.settings[name] = value;
  return netwright::training_bytes(netwright::cost(space_.open(own)), batch);
}

void Networks::close_one(bool classified) {
  Rng rng = Seed(0).rng();
  if (!output_) output_ = space_.close(sample(space_.decisions(), rng), final_).output().shape;
  const Shape scores = holds_text(data_) ? Shape{final_.input.at(0), final_.classes} : Shape{final_.classes};
  if (classified && *output_ != scores)
    throw Unsupported("space '" + space_.info().name + "' gives " + to_string(*output_) + ", not one number for each of " + std::to_string(final_.classes) + " classes");
}

void refuse_phase(const Config& config, std::size_t index, const std::shared_ptr<const Space>& space, Networks& networks) {
  const auto& options = config.phases[index].options;
  if (const auto* search = std::get_if<SearchOptions>(&options)) check_search(config, space, *search, networks);
  if (const auto* derive = std::get_if<DeriveOptions>(&options)) check_derive(config, index, *derive);
  if (const auto* supernet = std::get_if<SupernetOptions>(&options)) check_supernet(config, *supernet, networks);
  if (std::holds_alternative<RetrainOptions>(options)) check_retrain(config, index), check_fed(*space, config.data);
  if (const auto* baselines = std::get_if<BaselineOptions>(&options)) check_fed(*space, config.data), check_baselines(config, *baselines);
}

void refuse_impossible(const Config& config, const std::shared_ptr<const Space>& space) {
  check_settings(space->info(), network_options(config));
  check_settings(space->info(), network_options(config, true));
  Networks networks(*space, config);
  for (std::size_t i = 0; i < config.phases.size(); ++i) {
    try {
      refuse_phase(config, i, space, networks);
    } catch (const UsageError& error) {
      throw UsageError(phase_place(config, i) + ": " + error.what());
    }
  }
}

double memory_limit(const Config& config) {
  if (config.max_memory_bytes > 0) return config.max_memory_bytes;
  return 0.75 * usable_memory_bytes();
}

}  // namespace netwright
