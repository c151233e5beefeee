#include "netwright/fidelity/asha.hpp"

#include <cmath>
#include <map>
#include <utility>

#include "netwright/core/error.hpp"
#include "netwright/fidelity/brackets.hpp"
#include "netwright/fidelity/options.hpp"
#include "netwright/fidelity/proposer.hpp"

namespace netwright {
namespace {

class Asha : public Scheduler {
 public:
  explicit Asha(const SchedulerCase& scheduler_case)
      : epochs_(rung_epochs(budget_range(scheduler_case))),
        rungs_(scheduler_case.goal, epochs_.size(), budget_range(scheduler_case).eta),
        proposer_(one_strategy(search_strategy(scheduler_case))) {}

  Turn ask() override {
    if (const auto promotion = rungs_.promote()) {
      const Issued from = issued_.at(static_cast<std::size_t>(promotion->number));
      return issue({.architecture = from.architecture, .rung = promotion->rung + 1}, promotion->number);
    }
    std::optional<Architecture> fresh = exhausted_ ? std::nullopt : proposer_->ask();
    if (fresh) return issue({.architecture = std::move(*fresh)}, -1);
    exhausted_ = true;
    return {.next = outstanding_ > 0 ? Next::wait : Next::exhausted};
  }

  void tell(const Told& told) override {
    const Issued& issued = issued_.at(static_cast<std::size_t>(told.trial));
    --outstanding_;
    rungs_.finish(issued.rung, {.number = told.trial, .metrics = told.metrics, .failed = told.failed});
    proposer_->tell(told, epochs_[issued.rung], issued.rung == 0);
  }

 private:
  struct Issued {
    Architecture architecture;
    std::size_t rung = 0;
  };

  static std::vector<std::int64_t> rung_epochs(const BudgetRange& range) {
    std::vector<std::int64_t> epochs;
    for (std::int64_t i = 0; i <= rungs_above_first(range); ++i)
      epochs.push_back(whole_epochs(range.minimum * std::pow(range.eta, static_cast<double>(i))));
    return epochs;
  }

  Turn issue(Issued issued, std::int64_t continues) {
    const Job job{.architecture = issued.architecture,
                  .epochs = epochs_[issued.rung],
                  .continues = continues,
                  .from_epochs = issued.rung == 0 ? 0 : epochs_[issued.rung - 1]};
    issued_.push_back(std::move(issued));
    ++outstanding_;
    return {.next = Next::job, .job = job};
  }

  std::vector<std::int64_t> epochs_;
  AshaRungs rungs_;
  std::unique_ptr<Proposer> proposer_;
  std::vector<Issued> issued_;  // by job number
  std::int64_t outstanding_ = 0;
  bool exhausted_ = false;
};

}  // namespace

std::optional<AshaRungs::Promotion> AshaRungs::promote() {
  for (std::size_t rung = rungs_.size() - 1; rung-- > 0;)
    if (const auto promotion = promote_from(rung)) return promotion;
  return std::nullopt;
}

std::optional<AshaRungs::Promotion> AshaRungs::promote_from(std::size_t rung) {
  Level& level = rungs_[rung];
  if (level.settled) return std::nullopt;
  const auto top = static_cast<std::size_t>(std::floor(static_cast<double>(level.finished.size()) / eta_));
  const std::vector<std::size_t> order = best_first(goal_, level.finished);
  for (std::size_t i = 0; i < top; ++i) {
    if (level.promoted[order[i]] != 0 || !usable(goal_, level.finished[order[i]])) continue;
    level.promoted[order[i]] = 1;
    return Promotion{.rung = rung, .number = level.finished[order[i]].number};
  }
  level.settled = true;
  return std::nullopt;
}

void AshaRungs::finish(std::size_t rung, Measured measured) {
  rungs_[rung].finished.push_back(std::move(measured));
  rungs_[rung].promoted.push_back(0);
  rungs_[rung].settled = false;
}

std::unique_ptr<Scheduler> make_asha(const SchedulerCase& scheduler_case) { return std::make_unique<Asha>(scheduler_case); }

}  // namespace netwright
