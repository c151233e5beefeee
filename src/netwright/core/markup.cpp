#include "netwright/core/markup.hpp"

namespace netwright {

std::string escape_html(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') result += "&amp;";
    else if (c == '<') result += "&lt;";
    else if (c == '>') result += "&gt;";
    else if (c == '"') result += "&quot;";
    else if (c == '\'') result += "&#39;";
    else if (static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\t') result += c;
  }
  return result;
}

}  // namespace netwright
