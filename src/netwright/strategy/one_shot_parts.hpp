#pragma once
// What one-shot search is put together from, by name: relaxations, architecture updates, regularisers and derivations.
//
// These lists hold names, options and sources, so that a config is checked and `list` answers without torch; what a part does stands
// in the rooms supernet and trained, under the same name. A new part is one line here and one line there, beside its code.
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

struct PartOption {
  std::string name;
  std::string fallback;
  std::string meaning;
  double low = -std::numeric_limits<double>::infinity();   // numbers: the range, both ends included
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> words = {};                     // where it is a word: the ones it may be
  bool free = false;                                       // any text: the name of a choice, a file
};

// Traits say what parts give and ask, so that what does not go together is refused before it runs (config/method.hpp):
//   relaxations  "mixes": several candidates of a decision run; "whole architectures": one at a time, drawn as a whole;
//                "gradient": to the parameters; "gradient in weight steps": there too; "policy": drawn from one that learns
//   updates      "needs gradient", "needs gradient in weight steps"; "by reward": learns from accuracies; "fixed": nothing moves
//   regularisers "counts costs": of each choice, where no table of them is given
//   derivations  "needs mixture": takes choices out of one
struct SearchPart {
  std::string name;
  std::string title;
  std::string paper;
  std::vector<PartOption> options = {};
  std::vector<std::string> traits = {};
  bool has(std::string_view trait) const;
};

const std::vector<SearchPart>& relaxation_parts();
const std::vector<SearchPart>& architecture_update_parts();
const std::vector<SearchPart>& regulariser_parts();
const std::vector<SearchPart>& derivation_parts();

// `what` names the list in the message. Errors: UsageError with the nearest name.
const SearchPart& find_part(const std::vector<SearchPart>& parts, std::string_view what, std::string_view name);

// A part's options, each as given or else its default. Numbers may carry k, M, G. Errors: UsageError naming the part, the option, the
// value and the rule or the nearest name.
class PartValues {
 public:
  PartValues() = default;
  PartValues(const SearchPart& part, const std::map<std::string, std::string, std::less<>>& given);
  double number(std::string_view name) const;
  const std::string& text(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace netwright
