#pragma once
// The recipes of the source tree, built into the program: what the one-shot methods of the field are made of.
#include <string>
#include <vector>

namespace netwright {

struct Recipe {
  std::string name;    // "darts-second", as its file
  std::string title;   // of its first line, "# TITLE: PAPER"
  std::string paper;
  std::string yaml;
};

// In order of name.
const std::vector<Recipe>& recipes();

}  // namespace netwright
