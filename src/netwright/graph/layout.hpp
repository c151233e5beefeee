#pragma once
// A text in DOT laid out by Graphviz, as SVG: the same bytes for the same text, on every machine and in every thread.
#include <string>

namespace netwright {

// One layout at a time runs, whoever asks. Cost: 10 to 300 ms. Errors: Error with Graphviz' own words.
std::string lay_out(const std::string& dot);

}  // namespace netwright
