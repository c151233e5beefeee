#pragma once
// Asks and tells in the order that the window rule fixes, first for what the study holds, then for new trials.
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "netwright/search/search.hpp"

namespace netwright {

struct Proposal {
  Trial trial;
  Architecture architecture;
  bool recorded = false;   // it is in the study already, finished or not
};

class Window {
 public:
  Window(const SearchCase& search_case, std::vector<Trial> recorded);

  // The next proposal that the rule allows; nothing while an earlier trial must finish first, or when there are no more.
  // Errors: Error where a recorded trial is not what the strategy asks for.
  std::optional<Proposal> next();
  // Takes an outcome, in any order.
  void finish(const Trial& trial);

  std::int64_t asked() const { return asked_; }
  // Why no more asks come; nothing while they may.
  const std::optional<Ending>& ending() const { return ending_; }

 private:
  bool tell_until(std::int64_t count);
  std::optional<Ending> limit() const;
  double spent_seconds() const;
  Proposal replayed(const Job& asked) const;
  Proposal fresh(Job asked) const;

  const SearchCase& case_;
  std::unique_ptr<Scheduler> every_ask_once_;
  Scheduler& scheduler_;
  std::vector<Trial> recorded_;
  bool simulated_;
  double earlier_seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::int64_t asked_ = 0;
  std::int64_t told_ = 0;
  double told_seconds_ = 0;
  std::vector<std::uint64_t> seeds_;  // of the trials asked for; one that goes on with another has that one's
  std::deque<Architecture> untold_;             // of trials told_ .. asked_ - 1
  std::map<std::int64_t, Outcome> finished_;    // not told yet
  bool waits_ = false;                          // for all that was asked to be told
  std::optional<Ending> ending_;
};

}  // namespace netwright
