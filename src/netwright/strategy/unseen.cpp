#include "netwright/strategy/unseen.hpp"

#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

constexpr double listable_size = 1 << 20;
constexpr int tries_before_listing = 64;
constexpr int tries_at_most = 10000;  // in a space too large to list, where so many repeats mean that little is left

}  // namespace

Unseen::Unseen(const DecisionTree& tree) : tree_(tree) {}

std::optional<Architecture> Unseen::sample(Rng& rng) {
  if (rest_) return from_rest();
  for (int i = 0; i < tries_at_most; ++i) {
    Architecture drawn = netwright::sample(tree_, rng);
    if (mark(drawn)) return drawn;
    if (i + 1 == tries_before_listing && listable()) {
      list_rest(rng);
      return from_rest();
    }
  }
  return std::nullopt;
}

// Counting a space with a rule takes seconds: only where it matters.
bool Unseen::listable() {
  if (!listable_) listable_ = approximate_size(tree_) <= listable_size;
  return *listable_;
}

std::optional<Architecture> Unseen::from_rest() {
  while (!rest_->empty()) {
    Architecture next = std::move(rest_->back());
    rest_->pop_back();
    if (mark(next)) return next;
  }
  return std::nullopt;
}

void Unseen::list_rest(Rng& rng) {
  rest_.emplace();
  enumerate(tree_, [&](const Architecture& architecture) {
    if (!seen(architecture)) rest_->push_back(architecture);
    return true;
  });
  rng.shuffle(*rest_);
}

}  // namespace netwright
