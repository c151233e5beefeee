#include "netwright/strategy/controller.hpp"

#include <cmath>

#include "netwright/space/variation.hpp"
#include "netwright/strategy/options.hpp"
#include "netwright/strategy/surrogate.hpp"

namespace netwright {
namespace {

constexpr int tries = 1000;  // for a draw that keeps the tree's rule

// The published form, replaced where options say so.
ControllerForm read_form(const StrategyCase& strategy_case, ControllerForm form) {
  RecurrentOptions& network = form.network;
  network.layers = static_cast<std::size_t>(integer_option(strategy_case, "layers", static_cast<std::int64_t>(network.layers), 1));
  network.hidden = static_cast<std::size_t>(integer_option(strategy_case, "hidden", static_cast<std::int64_t>(network.hidden), 1));
  network.temperature = number_option(strategy_case, "temperature", network.temperature, 0, 1e6);
  network.tanh_constant = number_option(strategy_case, "tanh", network.tanh_constant, 0, 1e6);
  form.learning_rate = number_option(strategy_case, "learning_rate", form.learning_rate, 0, 10);
  form.baseline = share_option(strategy_case, "baseline", form.baseline);
  form.entropy = number_option(strategy_case, "entropy", form.entropy, 0, 1e6);
  form.power = number_option(strategy_case, "power", form.power, 0, 100);
  form.batch = integer_option(strategy_case, "batch", form.batch, 1);
  form.passes = integer_option(strategy_case, "passes", form.passes, 1);
  form.clip = number_option(strategy_case, "clip", form.clip, 0, 1);
  return form;
}

}  // namespace

ControllerSearch::ControllerSearch(const StrategyCase& strategy_case, const ControllerForm& form)
    : tree_(strategy_case.tree),
      form_(form),
      rng_(strategy_case.seed.derive("controller").rng()),
      policy_(strategy_case.tree, form.network, strategy_case.seed.derive("controller")),
      adam_(policy_.weights().size(), {.learning_rate = form.learning_rate}),
      rewards_(strategy_case.goal, form.power) {
  if (form.baseline_start) baseline_.emplace(form.baseline, *form.baseline_start);
}

std::optional<Architecture> ControllerSearch::ask() {
  RecurrentPolicy::Written written = policy_.sample(rng_);
  for (int i = 0; i < tries && !tree_.allows(written.episode.architecture); ++i) written = policy_.sample(rng_);
  Architecture architecture = written.episode.architecture;
  if (!tree_.allows(architecture)) return sample(tree_, rng_);  // teaches nothing: the policy did not draw it
  open_.add(architecture, std::move(written));
  return architecture;
}

void ControllerSearch::tell(const Told& told) {
  std::optional<RecurrentPolicy::Written> drawn = open_.take(told.architecture);
  if (!drawn) return;  // told without having been asked: the policy did not draw it
  const double reward = rewards_.of(told);
  if (!baseline_) baseline_.emplace(form_.baseline, reward);
  const double bonus = form_.entropy_in_reward && form_.entropy > 0 ? policy_.entropy(drawn->episode) : 0;
  const double advantage = baseline_->advantage(reward, bonus, form_.entropy);
  batch_.push_back({.drawn = std::move(*drawn), .advantage = advantage});
  if (static_cast<std::int64_t>(batch_.size()) < form_.batch) return;
  for (std::int64_t pass = 0; pass < form_.passes; ++pass) learn();
  batch_.clear();
}

// What the objective gains by the log-probability: d ratio = ratio * d log p.
double ControllerSearch::slope(const Lesson& lesson, double log_probability) const {
  if (form_.clip <= 0) return lesson.advantage;
  const double ratio = std::exp(log_probability - lesson.drawn.log_probability);
  return ratio * clipped_surrogate(ratio, lesson.advantage, form_.clip).slope;
}

void ControllerSearch::learn() {
  std::vector<double> gradient(policy_.weights().size(), 0);
  const double share = -1.0 / static_cast<double>(batch_.size()), entropy = form_.entropy_in_reward ? 0 : form_.entropy;
  for (const Lesson& lesson : batch_) {
    const auto scale = [&](double log_probability) { return share * slope(lesson, log_probability); };
    policy_.add_gradient(lesson.drawn.episode, scale, share * entropy, gradient);
  }
  adam_.step(policy_.weights(), gradient);
}

std::unique_ptr<Strategy> make_reinforce_lstm(const StrategyCase& strategy_case) {
  const ControllerForm published{.network = {.layers = 2, .hidden = 35, .spread = 0.08}, .learning_rate = 6e-4, .power = 3, .batch = 8};
  return std::make_unique<ControllerSearch>(strategy_case, read_form(strategy_case, published));
}

std::unique_ptr<Strategy> make_ppo(const StrategyCase& strategy_case) {
  const ControllerForm published{.network = {.layers = 1, .hidden = 100, .spread = 0.1}, .learning_rate = 3.5e-4, .baseline = 0.95, .entropy = 1e-5,
                                 .batch = 20, .passes = 4, .clip = 0.2};
  return std::make_unique<ControllerSearch>(strategy_case, read_form(strategy_case, published));
}

std::unique_ptr<Strategy> make_enas_controller(const StrategyCase& strategy_case) {
  const ControllerForm published{.network = {.layers = 1, .hidden = 64, .temperature = 5, .tanh_constant = 1.1, .spread = 0.1},
                                 .learning_rate = 3.5e-3, .baseline = 0.99, .baseline_start = 0, .entropy = 1e-4, .entropy_in_reward = true,
                                 .batch = 10};
  return std::make_unique<ControllerSearch>(strategy_case, read_form(strategy_case, published));
}

}  // namespace netwright
