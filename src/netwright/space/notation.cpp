// Architectures as text and as JSON.
#include <nlohmann/json.hpp>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/picks.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;
using Written = std::vector<std::pair<std::string, std::vector<std::string>>>;  // decision, choices

std::int64_t choice_index(const Decision& decision, const std::string& word) {
  for (std::size_t i = 0; i < decision.choices.size(); ++i)
    if (decision.choices[i] == word) return static_cast<std::int64_t>(i);
  throw UsageError("decision '" + decision.name + "' has no choice '" + word + "'" + name_hint(word, decision.choices));
}

std::int64_t read_pick(const Decision& decision, const std::vector<std::string>& words) {
  if (decision.kind != Kind::k_of_n) {
    if (words.size() != 1) throw UsageError("decision '" + decision.name + "' picks one choice, not " + std::to_string(words.size()));
    return choice_index(decision, words[0]);
  }
  std::int64_t mask = 0;
  for (const auto& word : words) {
    const std::int64_t bit = std::int64_t{1} << choice_index(decision, word);
    if ((mask & bit) != 0) throw UsageError("decision '" + decision.name + "' picks '" + word + "' twice");
    mask |= bit;
  }
  return mask;
}

Architecture assemble(const DecisionTree& tree, const Written& written) {
  Architecture architecture{std::vector<std::int64_t>(tree.size(), Architecture::inactive)};
  std::set<int> given;
  for (const auto& [name, words] : written) {
    const int i = tree.find(name);
    if (!given.insert(i).second) throw UsageError("decision '" + name + "' is given twice");
    architecture.picks[static_cast<std::size_t>(i)] = read_pick(tree[static_cast<std::size_t>(i)], words);
  }
  validate(tree, architecture);
  return architecture;
}

Written read_text(std::string_view text) {
  Written written;
  if (trim(text).empty()) return written;
  for (const auto& part : split(text, ',')) {
    const auto equal = part.find('=');
    if (equal == std::string::npos) throw UsageError("'" + part + "' is no pick: write decision=choice, or decision=choice+choice");
    const std::string value = trim(std::string_view(part).substr(equal + 1));
    written.emplace_back(trim(std::string_view(part).substr(0, equal)), value.empty() ? std::vector<std::string>{} : split(value, '+'));
  }
  return written;
}

std::string read_word(const std::string& decision, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  throw UsageError("decision '" + decision + "' picks " + value.dump() + "; a pick is a string, or a list of them");
}

Written read_object(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw UsageError("an architecture that starts with '{' is JSON, and this is none: byte " + std::to_string(error.byte));
  }
  Written written;
  for (const auto& [name, value] : json.items()) {
    std::vector<std::string> words;
    if (!value.is_array()) words.push_back(read_word(name, value));
    else
      for (const auto& item : value) words.push_back(read_word(name, item));
    written.emplace_back(name, std::move(words));
  }
  return written;
}

std::vector<std::string> words_of(const Decision& decision, std::int64_t pick) {
  std::vector<std::string> words;
  for (const int choice : picked(decision, pick)) words.push_back(decision.choices[static_cast<std::size_t>(choice)]);
  return words;
}

}  // namespace

std::string print(const DecisionTree& tree, const Architecture& architecture) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < tree.size(); ++i)
    if (architecture.picks[i] != Architecture::inactive) parts.push_back(tree[i].name + "=" + join(words_of(tree[i], architecture.picks[i]), "+"));
  return join(parts, ",");
}

std::string print_json(const DecisionTree& tree, const Architecture& architecture) {
  Json json = Json::object();
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (architecture.picks[i] == Architecture::inactive) continue;
    const auto words = words_of(tree[i], architecture.picks[i]);
    if (tree[i].kind == Kind::k_of_n) json[tree[i].name] = words;
    else json[tree[i].name] = words.front();
  }
  return json.dump();
}

Architecture parse(const DecisionTree& tree, std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool object = first != std::string_view::npos && text[first] == '{';
  return assemble(tree, object ? read_object(text) : read_text(text));
}

}  // namespace netwright
