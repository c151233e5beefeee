#pragma once
// Text within HTML, SVG and Graphviz labels.
#include <string>
#include <string_view>

namespace netwright {

// & < > " ' as entities; control characters but newline and tab are left out. For content and for quoted attributes.
std::string escape_html(std::string_view text);

}  // namespace netwright
