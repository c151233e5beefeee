#include "netwright/trained/derivation.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "netwright/core/error.hpp"
#include "netwright/learned/policy.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/supernet/derive.hpp"

namespace netwright {
namespace {

using Probabilities = std::vector<std::vector<double>>;

Part first_images(const Part& part, const PartValues& options) {
  Part taken = part;
  const auto count = static_cast<std::size_t>(options.number("images"));
  if (count > 0 && count < taken.indices.size()) taken.indices.resize(count);
  return taken;
}

Architecture by_strength(OneShot& search, const PartValues& options, const Part&, const Seed&) {
  if (options.text("limit").empty()) return strongest(search.tree(), search.probabilities());
  return strongest_with_limit(search.tree(), search.probabilities(), options.text("limit"), static_cast<int>(options.number("at_most")), options.text("within"));
}

// Inputs of a free select that reach the bound; each input's strength is its own weight, or its decision's strongest.
std::int64_t inputs_above(const DecisionTree& tree, const Probabilities& probabilities, std::size_t d, double bound, std::int64_t fallback) {
  std::vector<std::pair<double, int>> reached;
  for (int i = 0; i < static_cast<int>(tree[d].choices.size()); ++i) {
    double strength = probabilities[d].empty() ? 0 : probabilities[d][static_cast<std::size_t>(i)];
    for (const int child : tree.children(static_cast<int>(d))) {
      const auto& of = tree[static_cast<std::size_t>(child)].condition->choices;
      if (std::find(of.begin(), of.end(), i) == of.end()) continue;
      for (const double p : probabilities[static_cast<std::size_t>(child)]) strength = std::max(strength, p);
    }
    if (strength >= bound) reached.emplace_back(-strength, i);
  }
  std::sort(reached.begin(), reached.end());
  if (static_cast<int>(reached.size()) < tree[d].minimum) return fallback;
  std::int64_t mask = 0;
  for (std::size_t k = 0; k < reached.size() && static_cast<int>(k) < tree[d].maximum; ++k) mask |= std::int64_t{1} << reached[k].second;
  return mask;
}

Architecture by_threshold(OneShot& search, const PartValues& options, const Part&, const Seed&) {
  const DecisionTree& tree = search.tree();
  const Probabilities probabilities = search.probabilities();
  const Architecture few = strongest(tree, probabilities);
  Architecture architecture = few;
  for (std::size_t d = 0; d < tree.size(); ++d)
    if (tree[d].kind == Kind::k_of_n && architecture.picks[d] != Architecture::inactive)
      architecture.picks[d] = inputs_above(tree, probabilities, d, options.number("bound"), architecture.picks[d]);
  // What an input switches on that was off is picked by its strength.
  const Architecture all = normalised(tree, architecture);
  for (std::size_t d = 0; d < tree.size(); ++d) {
    if (all.picks[d] == Architecture::inactive || few.picks[d] != Architecture::inactive || tree[d].kind == Kind::k_of_n || probabilities[d].empty()) continue;
    int best = -1;
    for (int i = 0; i < static_cast<int>(tree[d].choices.size()); ++i)
      if (tree[d].may_pick(i) && (best < 0 || probabilities[d][static_cast<std::size_t>(i)] > probabilities[d][static_cast<std::size_t>(best)])) best = i;
    architecture.picks[d] = best;
  }
  return normalised(tree, architecture);
}

Architecture by_perturbation(OneShot& search, const PartValues& options, const Part& validation, const Seed& seed) {
  const DecisionTree& tree = search.tree();
  const Part part = first_images(validation, options);
  ArchitectureParameters parameters = search.parameters();
  std::vector<std::size_t> order;
  for (std::size_t d = 0; d < tree.size(); ++d)
    if (tree[d].kind != Kind::k_of_n && parameters.vectors[d].defined()) order.push_back(d);
  Rng rng = seed.derive("perturbation").rng();
  rng.shuffle(order);
  Probabilities probabilities = search.probabilities();
  for (const std::size_t d : order) {
    int kept = -1;
    double lowest = INFINITY;
    for (const auto i : parameters.left(tree[d], d)) {
      if (!tree[d].may_pick(static_cast<int>(i))) continue;
      ArchitectureParameters without = parameters;
      without.take_out(tree, d, static_cast<std::size_t>(i));
      const double left = merit(search.evaluate(without, part, search.options().batch), part);
      if (left < lowest) lowest = left, kept = static_cast<int>(i);
    }
    if (kept < 0) continue;
    for (const auto i : parameters.left(tree[d], d))
      if (i != kept) parameters.take_out(tree, d, static_cast<std::size_t>(i));
    // Its strength among its select's inputs stays that of the choice that was kept.
    for (std::size_t i = 0; i < probabilities[d].size(); ++i)
      if (static_cast<int>(i) != kept) probabilities[d][i] = 0;
  }
  return strongest(tree, probabilities);
}

// Drawn from all that the rule of the whole architecture allows; with what a stage took out only where a hundred draws meet nothing else.
Architecture lawful(const DecisionTree& tree, const ArchitectureParameters& parameters, Rng& rng) {
  const auto is_left = [&](const Architecture& drawn) {
    for (std::size_t d = 0; d < tree.size(); ++d)
      for (const int choice : picked(tree[d], drawn.picks[d]))
        if (parameters.is_out(d, static_cast<std::size_t>(choice))) return false;
    return true;
  };
  Architecture drawn = sample(tree, rng);
  for (int i = 0; i < 100 && !is_left(drawn); ++i) drawn = sample(tree, rng);
  return drawn;
}

Architecture by_samples(OneShot& search, const PartValues& options, const Part& validation, const Seed& seed) {
  const Part part = first_images(validation, options);
  const auto policy = search.policy() ? search.policy() : make_parameter_policy(search.tree(), search.parameters());
  Rng rng = seed.derive("samples").rng();
  const at::NoGradGuard no_grad;
  Architecture best;
  double highest = -INFINITY;
  for (int i = 0; i < static_cast<int>(options.number("samples")); ++i) {
    Architecture drawn = normalised(search.tree(), policy->sample(rng, search.parameters().out).architecture);
    if (!search.tree().allows(drawn)) drawn = lawful(search.tree(), search.parameters(), rng);
    const double merit_of = merit(search.evaluate(drawn, part, search.options().batch), part);
    if (merit_of > highest) highest = merit_of, best = drawn;
  }
  return best;
}

struct Rule {
  std::string name;
  Architecture (*derive)(OneShot&, const PartValues&, const Part&, const Seed&);
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> list = {{"strongest", by_strength}, {"threshold", by_threshold}, {"perturbation", by_perturbation}, {"best_of", by_samples}};
  return list;
}

}  // namespace

Architecture strongest_with_limit(const DecisionTree& tree, Probabilities probabilities, const std::string& choice, int most, const std::string& within) {
  for (;;) {
    const Architecture architecture = strongest(tree, probabilities);
    int count = 0;
    double* weakest = nullptr;
    for (std::size_t d = 0; d < tree.size(); ++d) {
      if (tree[d].kind == Kind::k_of_n || architecture.picks[d] == Architecture::inactive || !tree[d].name.starts_with(within)) continue;
      const auto pick = static_cast<std::size_t>(architecture.picks[d]);
      if (tree[d].choices[pick] != choice) continue;
      ++count;
      if (weakest == nullptr || probabilities[d][pick] < *weakest) weakest = &probabilities[d][pick];
    }
    // A pick of weight zero has no rival left: nothing more can be taken away.
    if (count <= most || weakest == nullptr || *weakest <= 0) return architecture;
    *weakest = 0;
  }
}

Architecture derive(OneShot& search, const DeriveOptions& options, const Part& validation, const Seed& seed) {
  const PartValues values(find_part(derivation_parts(), "derivation", options.rule), options.rule_options);
  for (const auto& rule : rules())
    if (rule.name == options.rule) return rule.derive(search, values, validation, seed);
  throw Error("derivation '" + options.rule + "' has a name and no code");
}

}  // namespace netwright
