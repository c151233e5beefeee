#pragma once
// Did the search find something? The found network beside its baselines, from the trials alone.
#include <optional>
#include <string>
#include <vector>

#include "netwright/objective/objective.hpp"
#include "netwright/study/study.hpp"

namespace netwright {

// Mean and sample standard deviation over runs (0 for one run).
struct Spread {
  double mean = 0;
  double deviation = 0;
  int runs = 0;
};

// One trained network: all finished runs of one labelled architecture.
struct NetworkRow {
  std::string label;                   // "best", "random", "resnet"
  std::string title;                   // "found by the search", "random architecture", "hand-made ResNet"
  std::string architecture;
  std::optional<Spread> params, macs, epochs, validation, test;   // the last two by the verdict's measure
  bool chosen = false;                 // the network that the search stands for
};

struct Verdict {
  enum class Kind { beats, does_not_beat, no_baselines, not_retrained, nothing };
  Kind kind = Kind::nothing;
  std::string sentence;                // plain English, one or two sentences
  std::string architecture;            // printed form; empty where nothing finished
  std::string measure = "accuracy";    // of val_MEASURE and test_MEASURE; "perplexity" (smaller is better) where the networks model text
  std::vector<NetworkRow> rows;        // the found networks, then the baselines, each best first
};

// Of the networks labelled "best" the one with the highest val_accuracy (of text the lowest val_perplexity) is chosen: the test part never
// chooses. It beats its baselines when its test accuracy (validation accuracy where no test was measured) is above that of every baseline network.
// Without labelled networks the best trial under the goal speaks. Never throws.
Verdict verdict(const std::vector<Trial>& trials, const Goal& goal);

}  // namespace netwright
