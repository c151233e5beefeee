#pragma once
// Progressive searches: which candidates and decisions a stage drops or closes, read off the probabilities.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "netwright/space/decision.hpp"
#include "netwright/supernet/relaxation.hpp"

namespace netwright {

// The `keep` most probable choices of one decision, ascending; of equal ones the later stay.
// Source: P-DARTS (Chen et al. 2019, arXiv 1904.12760, released code: the smallest are dropped, the first of equal ones first).
std::vector<int> kept_choices(const std::vector<double>& probabilities, int keep);

// Takes out all but the `keep` most probable choices of every one-of-n decision that has more. Where `search_only_first` is set, choices
// that are never picked go first, whatever they weigh (the last stage of P-DARTS).
void drop_choices(const DecisionTree& tree, ArchitectureParameters& parameters, const std::vector<std::vector<double>>& probabilities, int keep,
                  bool search_only_first);

// SGAS' first criterion, of each row of probabilities of one edge's choices (Li et al. 2020, arXiv 1912.00195, eqs. 2, 3 and 5):
//   importance = sum of the pickable choices' probabilities; certainty = 1 - entropy of these, normalised, over log of their number;
//   score = normalised importance * normalised certainty, each mapped to [0, 1] over the edges (one that is the same
//   for all to 1: it tells none apart; without a 'none', and under a policy, all edges are equally important).
// With the rows of earlier epochs, the second (eqs. 4 and 6): the score times normalised stability, the mean over them of what they and
// the rows have in common, sum of min(then, now) over the pickable choices, normalised. The search of stages uses the first.
struct EdgeScores {
  std::vector<double> importance, entropy, score;   // entropy: over log of the number of choices, in [0, 1]
  std::vector<double> stability;                    // empty without earlier rows
  int edge = -1;                                    // the best; the first of equal ones; -1 without edges
  int choice = -1;                                  // the most probable pickable choice of that edge
};
EdgeScores edge_scores(const std::vector<std::vector<double>>& rows, const std::vector<bool>& pickable,
                       const std::vector<std::vector<std::vector<double>>>& earlier = {});

// Closes the one-of-n decision with the best score among those still open: takes out its other choices. Where the select above has then
// as many closed inputs as it picks, the decisions on its other inputs are closed too: all their choices are taken out.
// Returns the decision, -1 where none is open.
int close_best_edge(const DecisionTree& tree, ArchitectureParameters& parameters, const std::vector<std::vector<double>>& probabilities);

// Takes out, of every decision that picks one choice, all but the last `open[word]` of its pickable choices, word the last one of the
// decision's name; all but the last where the word is not given. Selects keep all. Source: progressive shrinking (Once-for-All, Cai et al.
// 2020, arXiv 1908.09791, section 3.3), whose spaces write sizes in ascending order.
void open_choices(const DecisionTree& tree, ArchitectureParameters& parameters, const std::map<std::string, std::int64_t>& open);

// Every decision at its last choice, selects at all the inputs they may take.
Architecture largest_architecture(const DecisionTree& tree);

}  // namespace netwright
