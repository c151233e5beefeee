#pragma once
// The decision tree: what is open in a space, without a word about layers.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

enum class Kind {
  one_of,    // one of the choices, without order
  ordinal,   // one of the choices, which are ordered (kernel 3 < 5 < 7)
  k_of_n,    // a subset of minimum..maximum choices
};

// The decision is active where `parent` is active and picks at least one of `choices`.
struct Condition {
  int parent = -1;
  std::vector<int> choices;   // ascending
  bool operator==(const Condition&) const = default;
};

struct Decision {
  std::string name;
  Kind kind = Kind::one_of;
  std::vector<std::string> choices;      // k_of_n: at most 62
  std::vector<bool> search_only;         // choices of a supernet that are never picked; empty = none
  int minimum = 1;                       // k_of_n: how many are picked
  int maximum = 1;
  std::optional<Condition> condition;    // none: always active

  int pickable() const;                  // how many choices may be picked
  bool may_pick(int choice) const;
};

struct Architecture;

// What a space asks of an architecture as a whole, beyond the choices of each decision (NAS-Bench-101: a path from input to output).
// What breaks it is no architecture of the space: it is never sampled, bred or enumerated, is nobody's neighbour, and is refused.
struct Rule {
  std::string text;                                // completes "the space asks that ..."
  std::function<bool(const Architecture&)> holds;  // of architectures whose picks are legal one by one
  std::function<std::string()> count;              // how many there are, exactly, as decimal digits
  // For searches decision by decision: the rule looks at no decision before `first`, and `may_hold` tells whether picks of the first
  // `decided` decisions can be completed; null: only whole architectures can be judged.
  std::size_t first = 0;
  std::function<bool(const Architecture&, std::size_t decided)> may_hold = nullptr;
};

struct Draws;  // how a pick is drawn so that architectures come out uniform (draws.hpp)

// Decisions in an order where parents stand before children. Names are unique.
// Names and choices are not empty and hold none of "=,+" and no blanks, so that printed architectures can be read back.
class DecisionTree {
 public:
  DecisionTree() = default;
  // Errors: UsageError for a duplicate name or choice, a parent that is not before its child, a condition on a choice that is not
  // there, no choice that may be picked, bounds that cannot be met, more than 62 choices in a k_of_n, or more than 2^20 subsets in
  // a k_of_n with a child that several choices switch on.
  explicit DecisionTree(std::vector<Decision> decisions, std::optional<Rule> rule = std::nullopt);

  std::size_t size() const { return decisions_.size(); }
  const Decision& operator[](std::size_t i) const { return decisions_[i]; }
  auto begin() const { return decisions_.begin(); }
  auto end() const { return decisions_.end(); }
  // Errors: UsageError with the nearest name.
  int find(std::string_view name) const;
  const std::vector<int>& children(int parent) const;   // parent -1: the roots
  const Draws* draws() const { return draws_.get(); }   // null for an empty tree
  const std::optional<Rule>& rule() const { return rule_; }
  bool allows(const Architecture& architecture) const { return !rule_ || rule_->holds(architecture); }  // looks at the rule only

 private:
  std::vector<Decision> decisions_;
  std::vector<std::vector<int>> children_;  // [parent + 1]
  std::shared_ptr<const Draws> draws_;
  std::optional<Rule> rule_;
};

// One pick a decision, in the tree's order: an index (one_of, ordinal), a bit mask (k_of_n), or inactive.
struct Architecture {
  static constexpr std::int64_t inactive = -1;
  std::vector<std::int64_t> picks;
  bool operator==(const Architecture&) const = default;
  auto operator<=>(const Architecture&) const = default;
};

std::vector<int> picked(const Decision& decision, std::int64_t pick);   // the chosen indices, ascending
bool active(const DecisionTree& tree, const Architecture& architecture, int decision);  // looks at the parent's pick only

// Sets what is inactive to Architecture::inactive; fills what became active with its first legal pick. May break the tree's rule.
Architecture normalised(const DecisionTree& tree, Architecture architecture);
// Errors: UsageError naming the decision and the rule that its pick breaks, or the tree's rule.
void validate(const DecisionTree& tree, const Architecture& architecture);
std::uint64_t hash(const Architecture& architecture);

}  // namespace netwright
