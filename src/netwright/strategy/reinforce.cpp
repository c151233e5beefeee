#include "netwright/strategy/reinforce.hpp"

#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"

namespace netwright {
namespace {

constexpr int tries = 1000;  // for a draw that keeps the tree's rule

}  // namespace

Reinforce::Reinforce(const StrategyCase& strategy_case)
    : tree_(strategy_case.tree),
      rng_(strategy_case.seed.derive("reinforce").rng()),
      policy_(strategy_case.tree),
      adam_(policy_.logits().size(), {.learning_rate = number_option(strategy_case, "learning_rate", 0.05, 0, 10)}),
      decay_(share_option(strategy_case, "baseline", 0.9)),
      entropy_(number_option(strategy_case, "entropy", 0, 0, 1e6)),
      rewards_(strategy_case.goal, number_option(strategy_case, "power", 1, 0, 100)) {}

std::optional<Architecture> Reinforce::ask() {
  Episode episode = policy_.sample(rng_);
  for (int i = 0; i < tries && !tree_.allows(episode.architecture); ++i) episode = policy_.sample(rng_);
  if (!tree_.allows(episode.architecture)) return sample(tree_, rng_);  // teaches nothing: the policy did not draw it
  Architecture architecture = episode.architecture;
  open_.add(architecture, std::move(episode));
  return architecture;
}

void Reinforce::tell(const Told& told) {
  const std::optional<Episode> episode = open_.take(told.architecture);
  if (!episode) return;  // told without having been asked: the policy did not draw it
  const double value = rewards_.of(told);
  if (!baseline_) baseline_.emplace(decay_, value);
  const double advantage = baseline_->advantage(value, policy_.entropy(*episode), entropy_);
  std::vector<double> gradient(policy_.logits().size(), 0);
  policy_.add_gradient(*episode, -advantage, gradient);
  adam_.step(policy_.logits(), gradient);
}

std::unique_ptr<Strategy> make_reinforce(const StrategyCase& strategy_case) { return std::make_unique<Reinforce>(strategy_case); }

}  // namespace netwright
