#include "netwright/strategy/pruning.hpp"

#include <algorithm>

#include "netwright/objective/rank.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {
namespace {

constexpr int tries = 64;                 // for a proposal that is new
constexpr std::size_t most_samples = 8;   // times `samples` a living choice that a round may ask for

std::size_t count(const std::vector<bool>& flags) { return static_cast<std::size_t>(std::ranges::count(flags, true)); }

}  // namespace

Pruning::Pruning(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      goal_(strategy_case.goal),
      rng_(strategy_case.seed.derive("pruning").rng()),
      samples_(static_cast<std::size_t>(integer_option(strategy_case, "samples", 6, 1))),
      unseen_(tree_) {
  revive();
}

void Pruning::revive() {
  alive_.clear(), asked_.clear(), known_.clear();
  asks_of_round_ = 0;
  for (const Decision& decision : tree_) {
    auto& choices = alive_.emplace_back();
    for (int i = 0; i < static_cast<int>(decision.choices.size()); ++i) choices.push_back(decision.may_pick(i));
    asked_.emplace_back(choices.size(), 0);
  }
}

bool Pruning::open(std::size_t decision) const {
  const std::size_t least = tree_[decision].kind == Kind::k_of_n ? static_cast<std::size_t>(std::max(1, tree_[decision].minimum)) : 1;
  return count(alive_[decision]) > least && reachable(decision);
}

bool Pruning::reachable(std::size_t decision) const {
  const auto& condition = tree_[decision].condition;
  if (!condition) return true;
  const auto parent = static_cast<std::size_t>(condition->parent);
  return reachable(parent) && std::ranges::any_of(condition->choices, [&](int choice) { return alive_[parent][static_cast<std::size_t>(choice)]; });
}

bool Pruning::lives(const Architecture& architecture) const {
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    if (architecture.picks[i] == Architecture::inactive) continue;
    for (const int choice : picked(tree_[i], architecture.picks[i]))
      if (!alive_[i][static_cast<std::size_t>(choice)]) return false;
  }
  return true;
}

std::vector<int> Pruning::living(std::size_t decision) const {
  std::vector<int> choices;
  for (std::size_t i = 0; i < alive_[decision].size(); ++i)
    if (alive_[decision][i]) choices.push_back(static_cast<int>(i));
  return choices;
}

// The least used of this round first; of equally used ones any.
void Pruning::choose(Architecture& architecture, std::size_t decision) {
  std::vector<int> choices = living(decision);
  rng_.shuffle(choices);
  std::ranges::stable_sort(choices, {}, [&](int choice) { return asked_[decision][static_cast<std::size_t>(choice)]; });
  if (tree_[decision].kind != Kind::k_of_n) {
    architecture.picks[decision] = choices.front();
    return;
  }
  const auto low = static_cast<std::size_t>(tree_[decision].minimum), high = std::min(static_cast<std::size_t>(tree_[decision].maximum), choices.size());
  const std::size_t size = low + rng_.below(high - low + 1);
  architecture.picks[decision] = 0;
  for (std::size_t i = 0; i < size; ++i) architecture.picks[decision] |= std::int64_t{1} << choices[i];
}

// Parents stand before children, so what is active is known when it is chosen.
Architecture Pruning::proposal() {
  Architecture architecture = sample(tree_, rng_);
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    if (active(tree_, architecture, static_cast<int>(i))) {
      choose(architecture, i);
    } else {
      architecture.picks[i] = Architecture::inactive;
    }
  }
  return architecture;
}

std::optional<Architecture> Pruning::ask() {
  for (std::size_t round = 0; round < 2; ++round) {
    for (int i = 0; i < tries; ++i) {
      Architecture next = proposal();
      // Also what the tree's rule forbids counts as used, or the same would be proposed again.
      for (std::size_t d = 0; d < tree_.size(); ++d)
        if (next.picks[d] != Architecture::inactive)
          for (const int choice : picked(tree_[d], next.picks[d])) ++asked_[d][static_cast<std::size_t>(choice)];
      if (!tree_.allows(next) || !unseen_.mark(next)) continue;
      ++asks_of_round_;
      return next;
    }
    prune();
  }
  return unseen_.sample(rng_);
}

void Pruning::tell(const Told& told) {
  unseen_.mark(told.architecture);
  Known known{.architecture = told.architecture};
  if (!told.failed) known.point = point_of(goal_, told.metrics);
  known.usable = !told.failed && informative(known.point) && known.point.violation == 0;
  if (lives(known.architecture)) known_.push_back(std::move(known));
  if (judged()) prune();
}

bool Pruning::judged() const {
  std::vector<std::vector<std::size_t>> seen;
  for (const auto& choices : alive_) seen.emplace_back(choices.size(), 0);
  for (const Known& known : known_)
    for (std::size_t i = 0; i < tree_.size(); ++i)
      if (known.architecture.picks[i] != Architecture::inactive)
        for (const int choice : picked(tree_[i], known.architecture.picks[i])) ++seen[i][static_cast<std::size_t>(choice)];
  std::size_t most = 1;
  bool all = true, any = false;  // without an open decision there is nothing to judge: what is left is still to be asked for
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    most = std::max(most, count(alive_[i]));
    if (!open(i)) continue;
    any = true;
    for (std::size_t choice = 0; choice < seen[i].size(); ++choice) all = all && (!alive_[i][choice] || seen[i][choice] >= samples_);
  }
  // A choice that the tree's rule makes rare does not hold up the others for ever.
  return any && (all || asks_of_round_ >= most_samples * samples_ * most);
}

std::vector<double> Pruning::worth(std::size_t objective) const {
  std::vector<double> values;
  for (const Known& known : known_)
    if (known.usable) values.push_back(known.point.values[objective]);
  const std::vector<double> rank = ranks(values);
  std::vector<double> result;
  std::size_t next = 0;
  for (const Known& known : known_) result.push_back(known.usable ? rank[next++] : 0);
  return result;
}

// The least sum of ranks over the objectives; of equal ones the one with the least worth, then the last.
int Pruning::worst_choice(std::size_t decision, const std::vector<std::vector<double>>& worths) const {
  const std::vector<int> choices = living(decision);
  std::vector<double> sums(choices.size(), 0), totals(choices.size(), 0);
  for (const auto& worth : worths) {
    std::vector<double> means;
    for (const int choice : choices) {
      std::vector<double> own;
      for (std::size_t i = 0; i < known_.size(); ++i) {
        const std::int64_t pick = known_[i].architecture.picks[decision];
        if (pick != Architecture::inactive && std::ranges::count(picked(tree_[decision], pick), choice) > 0) own.push_back(worth[i]);
      }
      means.push_back(own.empty() ? 0 : mean(own));
    }
    const std::vector<double> rank = ranks(means);
    for (std::size_t i = 0; i < choices.size(); ++i) sums[i] += rank[i], totals[i] += means[i];
  }
  std::size_t worst = 0;
  for (std::size_t i = 1; i < choices.size(); ++i)
    if (sums[i] < sums[worst] || (sums[i] == sums[worst] && totals[i] <= totals[worst])) worst = i;
  return choices[worst];
}

void Pruning::prune() {
  std::vector<std::vector<double>> worths;
  for (std::size_t k = 0; k < goal_.objectives.size(); ++k) worths.push_back(worth(k));
  std::vector<std::pair<std::size_t, int>> dropped;
  for (std::size_t i = 0; i < tree_.size(); ++i)
    if (open(i)) dropped.emplace_back(i, worst_choice(i, worths));
  for (const auto& [decision, choice] : dropped) alive_[decision][static_cast<std::size_t>(choice)] = false;
  if (dropped.empty()) {
    ++finished_;
    return revive();
  }
  std::erase_if(known_, [&](const Known& known) { return !lives(known.architecture); });
  for (auto& choices : asked_) std::ranges::fill(choices, 0);
  asks_of_round_ = 0;
}

std::unique_ptr<Strategy> make_pruning(const StrategyCase& strategy_case) { return std::make_unique<Pruning>(strategy_case); }

}  // namespace netwright
