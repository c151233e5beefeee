#pragma once
// What a model learns from: the told trials as numbers to be maximised. Inside the room only.
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/objective/fronts.hpp"
#include "netwright/objective/standing.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {

class History {
 public:
  struct Entry {
    Architecture architecture;
    Point point;
  };

  explicit History(const Goal& goal) : goal_(goal) {}
  // True where the trial tells something: not failed, with a finite value of every objective.
  bool tell(const Told& told);
  const std::vector<Entry>& entries() const { return entries_; }

  // One number an entry, larger is better. One objective: its value. Several: the augmented Chebyshev value of the objectives scaled to
  // [0, 1] over the history, under weights drawn anew (ParEGO). Entries that miss constraints come below all others, by how far.
  std::vector<double> utilities(Rng& rng) const;

 private:
  Goal goal_;
  std::vector<Entry> entries_;
};

// Ranks turned into quantiles of the normal distribution: outliers (networks that did not learn) do not stretch the scale.
// Mean 0, deviation about 1; equal values stay equal.
std::vector<double> normal_scores(const std::vector<double>& values);
// (value - mean) / deviation; zeros where all are equal.
std::vector<double> standard_scores(const std::vector<double>& values);

// Indices, best first; equal ones in their order.
std::vector<std::size_t> best_first(const std::vector<double>& values);

}  // namespace netwright
