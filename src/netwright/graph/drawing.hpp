#pragma once
// Graphs as pictures: DOT text, and SVG laid out by Graphviz.
//
// A box is a node, or a scope whose nodes are deeper than `depth` name components; it is titled by the scope's label
// ("cell3.edge0" -> "sep_conv_3x3") and coloured by the kind of its most costly operation. Scopes with several boxes are framed, but for one that
// a path leaves and enters again.
// A choice lists its candidates under the decision's name (those of the supernet only in italics), a select its inputs and how
// many of them are picked; open attributes show their values. Legible on light and on dark ground: no background is drawn.
#include <string>

#include "netwright/graph/graph.hpp"

namespace netwright {

struct DrawingOptions {
  std::string scope = "";       // draws what stands in this scope, with dashed boxes for what it reads and feeds; empty = the graph
  int depth = 2;                // name components shown below the scope; 0 = every node
  std::string title = "";
  bool shapes = true;           // writes the shape of each value on its edge
  bool left_to_right = false;   // otherwise from top to bottom
};

// Errors: UsageError for a scope that holds no node (with the nearest one) and for a negative depth.
std::string to_dot(const Graph& graph, const DrawingOptions& options = {});

// A stand-alone SVG file. Cost: about 10 ms for 50 boxes, seconds for 1,000. One drawing is laid out at a time (Graphviz is not
// thread-safe). Errors: those of to_dot; Error when Graphviz cannot lay it out.
std::string to_svg(const Graph& graph, const DrawingOptions& options = {});

}  // namespace netwright
