#pragma once
// The decision tree: what is open in a space, without a word about layers.
#include <cstdint>
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

// Decisions in an order where parents stand before children. Names are unique.
class DecisionTree {
 public:
  DecisionTree() = default;
  // Errors: UsageError for a duplicate name, a parent that is not before its child, no choices, or more than 62 in a k_of_n.
  explicit DecisionTree(std::vector<Decision> decisions);

  std::size_t size() const { return decisions_.size(); }
  const Decision& operator[](std::size_t i) const { return decisions_[i]; }
  auto begin() const { return decisions_.begin(); }
  auto end() const { return decisions_.end(); }
  // Errors: UsageError with the nearest name.
  int find(std::string_view name) const;
  const std::vector<int>& children(int parent) const;   // parent -1: the roots

 private:
  std::vector<Decision> decisions_;
  std::vector<std::vector<int>> children_;  // [parent + 1]
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

// Sets what is inactive to Architecture::inactive; fills what became active with its first legal pick.
Architecture normalised(const DecisionTree& tree, Architecture architecture);
// Errors: UsageError naming the decision and the rule that its pick breaks.
void validate(const DecisionTree& tree, const Architecture& architecture);
std::uint64_t hash(const Architecture& architecture);

}  // namespace netwright
