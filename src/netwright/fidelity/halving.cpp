#include "netwright/fidelity/halving.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "netwright/fidelity/options.hpp"
#include "netwright/fidelity/proposer.hpp"
#include "netwright/fidelity/ranking.hpp"

namespace netwright {
namespace {

constexpr double no_limit = std::numeric_limits<double>::infinity();

class Brackets : public Scheduler {
 public:
  Brackets(std::vector<Bracket> brackets, Goal goal, std::unique_ptr<Proposer> proposer)
      : brackets_(std::move(brackets)), goal_(std::move(goal)), proposer_(std::move(proposer)) {}

  Turn ask() override {
    while (true) {
      if (std::optional<Job> job = next_of_rung()) return issue(std::move(*job));
      if (told_of_rung_ < told_.size()) return {.next = Next::wait};
      if (told_.empty() && rung_ == 0) return {.next = Next::exhausted};
      end_rung();
    }
  }

  void tell(const Told& told) override {
    const auto place = static_cast<std::size_t>(told.trial - first_of_rung_);
    told_.at(place) = {.number = told.trial, .metrics = told.metrics, .failed = told.failed};
    ++told_of_rung_;
    proposer_->tell(told, epochs(rung_), rung_ == 0);
  }

 private:
  const Bracket& bracket() const { return brackets_[bracket_]; }
  std::int64_t epochs(std::size_t rung) const { return whole_epochs(bracket().rungs[rung].epochs); }

  std::optional<Job> next_of_rung() {
    if (rung_ > 0) {
      if (told_.size() == promoted_.size()) return std::nullopt;
      Job job = promoted_[told_.size()];
      return job;
    }
    if (told_.size() >= static_cast<std::size_t>(bracket().rungs[0].count) || dry_) return std::nullopt;
    std::optional<Architecture> fresh = proposer_->ask();
    dry_ = !fresh;
    return fresh ? std::optional(Job{.architecture = std::move(*fresh), .epochs = epochs(0)}) : std::nullopt;
  }

  Turn issue(Job job) {
    members_.push_back(job.architecture);
    told_.emplace_back();
    ++issued_;
    return {.next = Next::job, .job = std::move(job)};
  }

  // The best of the rung become jobs of the next; after the last rung the next bracket begins.
  void end_rung() {
    promoted_.clear();
    if (rung_ + 1 < bracket().rungs.size()) {
      const auto places = static_cast<std::size_t>(bracket().rungs[rung_ + 1].count);
      for (const std::size_t i : best_first(goal_, told_)) {
        if (promoted_.size() == places || !usable(goal_, told_[i])) break;
        promoted_.push_back(
            {.architecture = members_[i], .epochs = epochs(rung_ + 1), .continues = told_[i].number, .from_epochs = epochs(rung_)});
      }
    }
    if (promoted_.empty()) bracket_ = (bracket_ + 1) % brackets_.size();
    rung_ = promoted_.empty() ? 0 : rung_ + 1;
    first_of_rung_ = issued_;
    members_.clear(), told_.clear();
    told_of_rung_ = 0;
  }

  std::vector<Bracket> brackets_;
  Goal goal_;
  std::unique_ptr<Proposer> proposer_;
  std::size_t bracket_ = 0, rung_ = 0;
  std::vector<Job> promoted_;          // of this rung, above the first
  std::vector<Architecture> members_;  // of this rung, as far as issued
  std::vector<Measured> told_;         // the same, filled as they are told
  std::size_t told_of_rung_ = 0;
  std::int64_t first_of_rung_ = 0, issued_ = 0;  // job numbers
  bool dry_ = false;
};

}  // namespace

std::unique_ptr<Scheduler> make_halving(const SchedulerCase& scheduler_case) {
  const BudgetRange range = budget_range(scheduler_case);
  const double all = std::pow(range.eta, static_cast<double>(rungs_above_first(range)));
  const auto count = static_cast<std::int64_t>(std::ceil(number_option(scheduler_case.options, "configurations", std::round(all), 1, no_limit)));
  return std::make_unique<Brackets>(std::vector{halving_bracket(count, range)}, scheduler_case.goal, one_strategy(search_strategy(scheduler_case)));
}

std::unique_ptr<Scheduler> make_hyperband(const SchedulerCase& scheduler_case) {
  return std::make_unique<Brackets>(hyperband_brackets(budget_range(scheduler_case)), scheduler_case.goal,
                                    one_strategy(search_strategy(scheduler_case)));
}

std::unique_ptr<Scheduler> make_bohb(const SchedulerCase& scheduler_case) {
  const double enough = number_option(scheduler_case.options, "enough", 0, 0, no_limit);
  const BudgetModels models{.enough = enough > 0 ? static_cast<std::size_t>(enough) : scheduler_case.tree.size() + 1,
                            .random_share = number_option(scheduler_case.options, "random", 1.0 / 3, 0, 1)};
  return std::make_unique<Brackets>(bohb_brackets(budget_range(scheduler_case)), scheduler_case.goal,
                                    one_strategy_a_budget(scheduler_case, models));
}

}  // namespace netwright
