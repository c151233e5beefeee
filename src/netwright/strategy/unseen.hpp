#pragma once
// What has not been asked yet: how strategies keep from asking twice, and notice that a space is through. Inside the room only.
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/space/decision.hpp"

namespace netwright {

class Unseen {
 public:
  explicit Unseen(const DecisionTree& tree);  // the tree outlives it

  bool seen(const Architecture& architecture) const { return seen_.contains(hash(architecture)); }
  bool mark(const Architecture& architecture) { return seen_.insert(hash(architecture)).second; }  // false where it was marked before

  // One that is not marked, uniformly, and marks it; nothing where none is left, or (in a space of more than 2^20) none is found.
  // Cost: a sample and a look-up; when a small space is almost through, what is left is listed once, in O(size).
  std::optional<Architecture> sample(Rng& rng);

  // The first of `tries` results of propose() that is not marked, else sample(); marks it.
  template <class Propose>
  std::optional<Architecture> fresh(const Propose& propose, Rng& rng, int tries = 64) {
    for (int i = 0; i < tries; ++i) {
      Architecture proposal = propose();
      if (mark(proposal)) return proposal;
    }
    return sample(rng);
  }

 private:
  bool listable();
  std::optional<Architecture> from_rest();
  void list_rest(Rng& rng);

  const DecisionTree& tree_;
  std::optional<bool> listable_;                   // small enough to list what is left; counted when it is first asked
  std::unordered_set<std::uint64_t> seen_;         // hashes
  std::optional<std::vector<Architecture>> rest_;  // shuffled; taken from the back
};

}  // namespace netwright
