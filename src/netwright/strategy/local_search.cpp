#include "netwright/strategy/local_search.hpp"

#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {

LocalSearch::LocalSearch(const StrategyCase& strategy_case, bool first_improvement)
    : tree_(strategy_case.tree),
      goal_(strategy_case.goal),
      rng_(strategy_case.seed.derive("local search").rng()),
      first_(first_improvement),
      starts_(static_cast<std::size_t>(integer_option(strategy_case, "start", first_improvement ? 1 : 10, 1))),
      samples_left_(starts_),
      samples_to_ask_(starts_),
      unseen_(tree_) {}

std::optional<Architecture> LocalSearch::ask() {
  if (samples_to_ask_ > 0) {
    --samples_to_ask_;
    return ask_sample();
  }
  while (!to_ask_.empty()) {
    Architecture next = std::move(to_ask_.front());
    to_ask_.pop_front();
    if (unseen_.mark(next)) return next;
  }
  return ask_sample();
}

std::optional<Architecture> LocalSearch::ask_sample() { return unseen_.sample(rng_); }

void LocalSearch::tell(const Told& told) {
  const Standing reached = told.failed ? standing(goal_, {}) : standing(goal_, told.metrics);
  const std::uint64_t code = hash(told.architecture);
  known_[code] = reached;
  unseen_.mark(told.architecture);
  const Place place{.architecture = told.architecture, .standing = reached};
  if (waiting_.erase(code) > 0) {
    weigh(place);
  } else if (informative(reached) && (!start_ || better(reached, start_->standing))) {
    start_ = place;
  }
  if (!here_ && samples_left_ > 0 && --samples_left_ == 0) start_climb();
  if (here_ && waiting_.empty()) settle();
}

void LocalSearch::start_climb() {
  samples_left_ = samples_to_ask_ = starts_;
  if (!start_) return;  // every one failed: as many again
  samples_to_ask_ = 0;
  arrive(*std::exchange(start_, std::nullopt));
}

void LocalSearch::arrive(Place place) {
  here_ = std::move(place);
  best_neighbour_.reset();
  to_ask_.clear();
  waiting_.clear();
  std::vector<Architecture> around = neighbours(tree_, here_->architecture);
  rng_.shuffle(around);
  for (Architecture& neighbour : around) {
    const auto found = known_.find(hash(neighbour));
    if (found != known_.end()) {
      weigh({.architecture = neighbour, .standing = found->second});
      continue;
    }
    waiting_.insert(hash(neighbour));
    if (!unseen_.seen(neighbour)) to_ask_.push_back(std::move(neighbour));
  }
}

void LocalSearch::weigh(const Place& neighbour) {
  if (informative(neighbour.standing) && (!best_neighbour_ || better(neighbour.standing, best_neighbour_->standing))) best_neighbour_ = neighbour;
  if (first_ && best_neighbour_ && better(best_neighbour_->standing, here_->standing)) waiting_.clear();
}

// All neighbours are known, or a better one is enough: go there, or stay for good and start elsewhere.
void LocalSearch::settle() {
  while (here_ && waiting_.empty()) {
    if (best_neighbour_ && better(best_neighbour_->standing, here_->standing)) {
      arrive(Place(*best_neighbour_));
      continue;
    }
    ++climbs_;
    here_.reset();
    to_ask_.clear();
    samples_left_ = samples_to_ask_ = starts_;
  }
}

std::unique_ptr<Strategy> make_local_search(const StrategyCase& strategy_case) {
  return std::make_unique<LocalSearch>(strategy_case, word_option(strategy_case, "step", {"best", "first"}) == "first");
}

std::unique_ptr<Strategy> make_hill_climbing(const StrategyCase& strategy_case) {
  return std::make_unique<LocalSearch>(strategy_case, word_option(strategy_case, "step", {"first", "best"}) == "first");
}

}  // namespace netwright
