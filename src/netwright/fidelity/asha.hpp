#pragma once
// ASHA: successive halving that never waits.
//
// A job: from the highest rung but the top down, the best of the floor(|rung| / eta) best finished there that is not promoted yet goes
// to the next rung; where there is none, a new architecture starts at rung 0.
// Several objectives: best as in ranking.hpp (Schmucker et al. 2021, arXiv 2106.12639, without its epsilon-net: crowding breaks ties).
// Source: Li et al. 2020, arXiv 1810.05934, algorithm 2. Cost: O(n log n) in a rung's size when one of its trials was told.
#include <memory>
#include <optional>
#include <vector>

#include "netwright/fidelity/ranking.hpp"
#include "netwright/fidelity/scheduler.hpp"

namespace netwright {

// The bookkeeping alone, for members with numbers of any kind.
class AshaRungs {
 public:
  AshaRungs(Goal goal, std::size_t rungs, double eta) : goal_(std::move(goal)), rungs_(rungs), eta_(eta) {}

  struct Promotion {
    std::size_t rung = 0;      // where it stands
    std::int64_t number = 0;
  };
  // The next promotion, marked as made; nothing when a new member must start.
  std::optional<Promotion> promote();
  void finish(std::size_t rung, Measured measured);
  std::size_t size(std::size_t rung) const { return rungs_[rung].finished.size(); }

 private:
  struct Level {
    std::vector<Measured> finished;
    std::vector<char> promoted;
    bool settled = false;  // nothing was told since no promotion was found
  };
  std::optional<Promotion> promote_from(std::size_t rung);

  Goal goal_;
  std::vector<Level> rungs_;
  double eta_;
};

std::unique_ptr<Scheduler> make_asha(const SchedulerCase& scheduler_case);

}  // namespace netwright
