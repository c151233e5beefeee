#pragma once
// Everything that can be named in a config, with what it asks of the others. The parts that need torch are described here so that
// `list`, `matrix` and `check` answer without loading it; what they do is added by the programs that link it.
#include <string>
#include <vector>

#include "netwright/config/config.hpp"
#include "netwright/evaluation/registry.hpp"
#include "netwright/space/space.hpp"

namespace netwright {

// cost, tabular, command; then train, score, inherit, whose `make` is empty.
std::vector<EvaluatorEntry> known_evaluators();

struct Described {
  std::string name;
  std::string title;
  std::string paper;
  std::vector<std::string> traits;
};

// Scores without training, in the order in which they are printed.
const std::vector<Described>& proxies();

// Strategies that train one supernet in place of single candidates: the recipes.
const std::vector<Described>& one_shot_strategies();
std::vector<Described> all_strategies();

// "" or the reason why such data do not feed the space's networks.
std::string unfed(const Space& space, const DataOptions& data);
// "" or the reason why the space has no supernet that such data feed.
std::string no_supernet(const Space& space, const DataOptions& data);

// For read_config: names of spaces, strategies, evaluators and their options.
KnownNames known_names();

bool has_trait(const std::vector<std::string>& traits, const std::string& trait);

}  // namespace netwright
