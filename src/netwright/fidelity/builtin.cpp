// The registry of schedulers, in reading order.
#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/fidelity/asha.hpp"
#include "netwright/fidelity/halving.hpp"
#include "netwright/fidelity/options.hpp"
#include "netwright/fidelity/proposer.hpp"

namespace netwright {
namespace {

class Full : public Scheduler {
 public:
  Full(Strategy& strategy, std::int64_t epochs) : strategy_(strategy), epochs_(epochs) {}

  Turn ask() override {
    std::optional<Architecture> asked = strategy_.ask();
    if (!asked) return {.next = Next::exhausted};
    return {.next = Next::job, .job = {.architecture = std::move(*asked), .epochs = epochs_}};
  }
  void tell(const Told& told) override { strategy_.tell(told); }

 private:
  Strategy& strategy_;
  std::int64_t epochs_;
};

class OwnedFull : public Scheduler {
 public:
  explicit OwnedFull(const SchedulerCase& scheduler_case)
      : strategy_(search_strategy(scheduler_case)),
        full_(*strategy_, static_cast<std::int64_t>(number_option(scheduler_case.options, "maximum", 0, 0, 1e15))) {}
  Turn ask() override { return full_.ask(); }
  void tell(const Told& told) override { full_.tell(told); }

 private:
  std::unique_ptr<Strategy> strategy_;
  Full full_;
};

std::unique_ptr<Scheduler> make_full(const SchedulerCase& scheduler_case) { return std::make_unique<OwnedFull>(scheduler_case); }

std::vector<StrategyOption> with_range(std::vector<StrategyOption> more) {
  std::vector<StrategyOption> options = {{"minimum", "1", "epochs of the first rung"},
                                         {"maximum", "81", "epochs of the last rung"},
                                         {"eta", "3", "a rung trains so many times longer, and keeps one in so many"}};
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

}  // namespace

const std::vector<SchedulerEntry>& schedulers() {
  static const std::vector<SchedulerEntry> entries = {
      {.name = "full",
       .title = "Every architecture once, with the same budget",
       .paper = "",
       .options = {{"maximum", "0", "epochs; 0: the evaluator's own full measure"}},
       .make = make_full},
      {.name = "halving",
       .title = "Successive halving, again and again",
       .paper = "Jamieson and Talwalkar 2016, arXiv 1502.07943",
       .options = with_range({{"configurations", "", "architectures of the first rung; empty: eta^(rungs - 1)"}}),
       .make = make_halving},
      {.name = "hyperband",
       .title = "Successive halving in brackets from many short to few long trainings",
       .paper = "Li et al. 2018, JMLR 18(185)",
       .options = with_range({}),
       .make = make_hyperband},
      {.name = "bohb",
       .title = "Hyperband whose strategy has a model for each budget; a third of the asks random",
       .paper = "Falkner et al. 2018, arXiv 1807.01774",
       .options = with_range({{"random", "0.333333333333", "share of random asks"},
                              {"enough", "0", "observations that a budget's model needs, and its `start`; 0: decisions + 1"}}),
       .make = make_bohb},
      {.name = "asha",
       .title = "Asynchronous successive halving: promotes whenever it can, never waits",
       .paper = "Li et al. 2020, arXiv 1810.05934",
       .options = with_range({}),
       .make = make_asha},
  };
  return entries;
}

std::unique_ptr<Scheduler> make_scheduler(std::string_view name, const SchedulerCase& scheduler_case) {
  std::vector<std::string> names, known;
  for (const SchedulerEntry& entry : schedulers()) names.push_back(entry.name);
  const auto entry = std::ranges::find(schedulers(), name, &SchedulerEntry::name);
  if (entry == schedulers().end()) throw UsageError("unknown fidelity schedule '" + std::string(name) + "'" + name_hint(name, names));
  for (const StrategyOption& option : entry->options) known.push_back(option.name);
  for (const auto& [option, value] : scheduler_case.options)
    if (std::ranges::find(known, option) == known.end())
      throw UsageError("fidelity " + entry->name + ": unknown option '" + option + "'" + name_hint(option, known));
  return entry->make(scheduler_case);
}

std::unique_ptr<Scheduler> full_fidelity(Strategy& strategy, std::int64_t epochs) { return std::make_unique<Full>(strategy, epochs); }

}  // namespace netwright
