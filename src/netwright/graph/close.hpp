#pragma once
// From an open graph to a closed one.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "netwright/graph/graph.hpp"

namespace netwright {

// What a decision picked: indices into its choices (one for a choice or an open attribute, k for a select).
using Picks = std::function<std::vector<int>(const std::string& decision)>;

// Of each node of a closed graph, where its weights stand in the supernet of the open one: node "." branch "." inner node.
using Origins = std::map<std::string, std::string>;

// Replaces every choice by its picked branch, every select by the combination of its picked inputs, every open attribute by its
// number; then drops the nodes that no output reads. Inlined nodes take the open node's name as their scope, whose label becomes
// the branch's name. `picks` is asked only for decisions that are active; `origins`, where it is given, is filled.
// Errors: UsageError for a pick out of range or a search_only branch, and for shapes that no longer fit.
Graph close(const Graph& open, const Picks& picks, Origins* origins = nullptr);

// Drops nodes that no output reads (inputs stay).
Graph without_dead_nodes(const Graph& graph);

}  // namespace netwright
