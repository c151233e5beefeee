#pragma once
// Whether the parts of a one-shot search go together. A search asks before it starts, the matrix of every pair.
#include <string>

#include "netwright/config/options.hpp"
#include "netwright/graph/graph.hpp"

namespace netwright {

// Why the parts of a supernet phase do not go together, by their traits (strategy/one_shot_parts.hpp); empty: they do.
//   an update by gradient needs a relaxation that carries one; by second order, in steps of the weights too
//   stages that close edges need probabilities that tell these apart; regularisers an architecture loss; eigenvalue_stop its gradient;
//   stages that open choices do not go with stages that drop some
std::string misfit(const SupernetOptions& supernet);
// The same, and why no supernet of the open graph can do it, or no regulariser count its costs (graph/sharing.hpp), or which word of a
// stage's `open` names none of its decisions.
std::string misfit(const SupernetOptions& supernet, const Graph& open);
// Why the rule cannot derive from such a supernet.
std::string misfit(const SupernetOptions& supernet, const DeriveOptions& derive);

}  // namespace netwright
