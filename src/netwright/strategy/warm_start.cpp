#include "netwright/strategy/warm_start.hpp"

#include <algorithm>
#include <set>

namespace netwright {

WarmStart::WarmStart(const DecisionTree& tree, std::vector<Architecture> first, std::unique_ptr<Strategy> strategy) : strategy_(std::move(strategy)) {
  std::set<Architecture> seen;
  for (Architecture& architecture : first) {
    validate(tree, architecture);
    if (seen.insert(architecture).second) first_.push_back(std::move(architecture));
  }
  std::ranges::reverse(first_);
}

std::optional<Architecture> WarmStart::ask() {
  if (first_.empty()) return strategy_ ? strategy_->ask() : std::nullopt;
  Architecture next = std::move(first_.back());
  first_.pop_back();
  return next;
}

void WarmStart::tell(const Told& told) {
  if (strategy_) strategy_->tell(told);
}

}  // namespace netwright
