#include "netwright/strategy/policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace netwright {

// One softmax: which logits, which of them are open, and which one was taken.
struct TabularPolicy::Step {
  std::size_t first = 0;
  std::vector<bool> open;
  int taken = -1;
};

TabularPolicy::TabularPolicy(const DecisionTree& tree) : tree_(tree) {
  std::size_t length = 0;
  for (const Decision& decision : tree) {
    Range range{.choices = length};
    length += decision.choices.size();
    range.sizes = length;
    if (decision.kind == Kind::k_of_n) length += static_cast<std::size_t>(decision.maximum - decision.minimum + 1);
    ranges_.push_back(range);
  }
  logits_.assign(length, 0);
}

TabularPolicy::Step TabularPolicy::size_step(std::size_t decision) const {
  const auto sizes = static_cast<std::size_t>(tree_[decision].maximum - tree_[decision].minimum + 1);
  return {.first = ranges_[decision].sizes, .open = std::vector<bool>(sizes, true)};
}

TabularPolicy::Step TabularPolicy::choice_step(std::size_t decision) const {
  Step step{.first = ranges_[decision].choices, .open = {}};
  for (int choice = 0; choice < static_cast<int>(tree_[decision].choices.size()); ++choice) step.open.push_back(tree_[decision].may_pick(choice));
  return step;
}

std::vector<double> TabularPolicy::distribution(const Step& step) const {
  double highest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::size_t i = 0; i < step.open.size(); ++i)
    if (step.open[i]) highest = std::max(highest, logits_[step.first + i]);
  std::vector<double> shares(step.open.size(), 0);
  for (std::size_t i = 0; i < shares.size(); ++i)
    if (step.open[i]) sum += shares[i] = std::exp(logits_[step.first + i] - highest);
  for (double& share : shares) share /= sum;
  return shares;
}

int TabularPolicy::draw(const Step& step, Rng& rng) const {
  const std::vector<double> shares = distribution(step);
  double rest = rng.uniform();
  int last = 0;
  for (int i = 0; i < static_cast<int>(shares.size()); ++i) {
    const double share = shares[static_cast<std::size_t>(i)];
    if (share <= 0) continue;
    if (rest < share) return i;
    rest -= share;
    last = i;  // rounding may leave a little
  }
  return last;
}

Episode TabularPolicy::sample(Rng& rng) const {
  Episode episode;
  episode.architecture.picks.assign(tree_.size(), Architecture::inactive);
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    if (!active(tree_, episode.architecture, static_cast<int>(i))) continue;
    Draw drawn{.decision = i};
    Step step = choice_step(i);
    if (tree_[i].kind != Kind::k_of_n) {
      drawn.picks.push_back(draw(step, rng));
      episode.architecture.picks[i] = drawn.picks.front();
    } else {
      drawn.picks.push_back(draw(size_step(i), rng));
      std::int64_t mask = 0;
      for (int left = tree_[i].minimum + drawn.picks.front(); left > 0; --left) {
        const int member = draw(step, rng);
        step.open[static_cast<std::size_t>(member)] = false;
        mask |= std::int64_t{1} << member;
        drawn.picks.push_back(member);
      }
      episode.architecture.picks[i] = mask;
    }
    episode.draws.push_back(std::move(drawn));
  }
  return episode;
}

std::vector<TabularPolicy::Step> TabularPolicy::steps(const Episode& episode) const {
  std::vector<Step> result;
  for (const Draw& drawn : episode.draws) {
    std::size_t next = 0;
    if (tree_[drawn.decision].kind == Kind::k_of_n) {
      result.push_back(size_step(drawn.decision));
      result.back().taken = drawn.picks[next++];
    }
    Step step = choice_step(drawn.decision);
    for (; next < drawn.picks.size(); ++next) {
      step.taken = drawn.picks[next];
      result.push_back(step);
      step.open[static_cast<std::size_t>(step.taken)] = false;
    }
  }
  return result;
}

double TabularPolicy::log_probability(const Episode& episode) const {
  double sum = 0;
  for (const Step& step : steps(episode)) sum += std::log(distribution(step)[static_cast<std::size_t>(step.taken)]);
  return sum;
}

void TabularPolicy::add_gradient(const Episode& episode, double scale, std::vector<double>& gradient) const {
  for (const Step& step : steps(episode)) {
    const std::vector<double> shares = distribution(step);
    for (std::size_t i = 0; i < shares.size(); ++i) gradient[step.first + i] -= scale * shares[i];
    gradient[step.first + static_cast<std::size_t>(step.taken)] += scale;
  }
}

double TabularPolicy::entropy(const Episode& episode) const {
  double sum = 0;
  for (const Step& step : steps(episode))
    for (const double share : distribution(step)) sum -= share > 0 ? share * std::log(share) : 0;
  return sum;
}

}  // namespace netwright
