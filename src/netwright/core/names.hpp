#pragma once
// Names that a person mistypes.
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

// The known name nearest to `word` (case-blind Damerau-Levenshtein distance, at most max(2, length / 3) edits); empty when none is near.
std::string nearest_name(std::string_view word, const std::vector<std::string>& known);

// "; did you mean 'x'?" or "; known: a, b, c" (at most eight are listed).
std::string name_hint(std::string_view word, const std::vector<std::string>& known);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string trim(std::string_view text);

}  // namespace netwright
