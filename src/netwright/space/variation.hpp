#pragma once
// What every strategy does to architectures, written once over the decision tree.
// All results are valid and normalised. Cost: O(decisions), below 1 us for NAS-Bench-201. Where the tree has a rule, what breaks it is
// drawn again: sample stays uniform (Error after 100,000 tries), mutate and crossover give their (first) parent after 1,000.
#include <functional>
#include <string>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/space/decision.hpp"

namespace netwright {

// Uniform over architectures (not over picks): each pick is drawn with the size of the sub-tree below it.
Architecture sample(const DecisionTree& tree, Rng& rng);

// Changes one active decision, uniformly chosen among those that can change, to another legal pick, uniformly (k_of_n: one member
// is swapped for another, or added or dropped where the bounds allow). Decisions that become active are sampled.
// A tree with nothing to change gives the architecture back.
Architecture mutate(const DecisionTree& tree, const Architecture& architecture, Rng& rng);

// Each decision from one parent or the other with equal chance, in tree order; what only one parent has active comes from it.
Architecture crossover(const DecisionTree& tree, const Architecture& a, const Architecture& b, Rng& rng);

// All architectures that differ in the pick of exactly one decision (and in what that pick switches on: each newly active
// decision at its first legal pick; those that it switches off become inactive). In a k_of_n, the picks one step away: one member
// swapped, added or dropped.
std::vector<Architecture> neighbours(const DecisionTree& tree, const Architecture& architecture);

// One-hot (multi-hot for k_of_n), all decisions in order, zeros where inactive. Length: encoding_length(tree).
std::vector<float> encode(const DecisionTree& tree, const Architecture& architecture);
std::size_t encoding_length(const DecisionTree& tree);

// The exact number of architectures, as decimal digits; and its value as a double (inf when beyond).
std::string size(const DecisionTree& tree);
double approximate_size(const DecisionTree& tree);

// Calls visit for every architecture, in tree order, until it returns false. For small spaces.
void enumerate(const DecisionTree& tree, const std::function<bool(const Architecture&)>& visit);

// "stem=conv_3x3,edges=0+2": every active decision, in tree order. parse(print(a)) == a.
std::string print(const DecisionTree& tree, const Architecture& architecture);
// {"stem": "conv_3x3", "edges": ["0", "2"]}: the same, as a JSON object on one line. parse(print_json(a)) == a.
std::string print_json(const DecisionTree& tree, const Architecture& architecture);
// Reads both forms (a text that starts with "{" is JSON; there a number may stand for a choice written as that number).
// Errors: UsageError naming the decision, the value, and the nearest name; missing active decisions and picks for inactive ones are
// errors too.
Architecture parse(const DecisionTree& tree, std::string_view text);

}  // namespace netwright
