#include "netwright/trained/stage.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace netwright {
namespace {

using Rows = std::vector<std::vector<double>>;

// To [0, 1] over the list; a list that is constant, but for rounding, to ones.
std::vector<double> normalised(const std::vector<double>& values) {
  constexpr double rounding = 1e-12;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  std::vector<double> result;
  for (const double value : values) result.push_back(*high - *low > rounding ? (value - *low) / (*high - *low) : 1.0);
  return result;
}

std::vector<double> pickable_shares(const std::vector<double>& row, const std::vector<bool>& pickable) {
  std::vector<double> shares;
  double total = 0;
  for (std::size_t i = 0; i < row.size(); ++i)
    if (pickable[i]) shares.push_back(row[i]), total += row[i];
  for (auto& share : shares) share = total > 0 ? share / total : 0;
  return shares;
}

// What the rows have in common with earlier ones: the mean over these of sum min(then, now).
std::vector<double> stability_of(const Rows& rows, const std::vector<bool>& pickable, const std::vector<Rows>& earlier) {
  std::vector<double> stability;
  for (std::size_t e = 0; e < rows.size(); ++e) {
    const auto now = pickable_shares(rows[e], pickable);
    double common = 0;
    for (const Rows& then : earlier) {
      const auto before = pickable_shares(then.at(e), pickable);
      for (std::size_t i = 0; i < now.size(); ++i) common += std::min(before[i], now[i]);
    }
    stability.push_back(common / static_cast<double>(earlier.size()));
  }
  return stability;
}

double entropy_of(const std::vector<double>& shares) {
  double sum = 0;
  for (const double p : shares)
    if (p > 0) sum -= p * std::log(p);
  return shares.size() > 1 ? sum / std::log(static_cast<double>(shares.size())) : 0;
}

std::vector<bool> pickable_of(const Decision& decision) {
  std::vector<bool> list;
  for (int i = 0; i < static_cast<int>(decision.choices.size()); ++i) list.push_back(decision.may_pick(i));
  return list;
}

void take_out_all_but(const DecisionTree& tree, ArchitectureParameters& parameters, std::size_t decision, int kept) {
  for (int i = 0; i < static_cast<int>(tree[decision].choices.size()); ++i)
    if (i != kept) parameters.take_out(tree, decision, static_cast<std::size_t>(i));
}

// Once a select has as many inputs with a closed decision as it picks, its other inputs are shut.
void shut_rest(const DecisionTree& tree, ArchitectureParameters& parameters, std::size_t closed) {
  const auto& condition = tree[closed].condition;
  if (!condition || tree[static_cast<std::size_t>(condition->parent)].kind != Kind::k_of_n) return;
  std::vector<std::size_t> open;
  int decided = 0;
  for (const int child : tree.children(condition->parent)) {
    const auto left = parameters.left(tree[static_cast<std::size_t>(child)], static_cast<std::size_t>(child));
    if (left.size() == 1) ++decided;
    else open.push_back(static_cast<std::size_t>(child));
  }
  if (decided < tree[static_cast<std::size_t>(condition->parent)].maximum) return;
  for (const std::size_t child : open) take_out_all_but(tree, parameters, child, -1);
}

}  // namespace

std::vector<int> kept_choices(const std::vector<double>& probabilities, int keep) {
  std::vector<int> order(probabilities.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return probabilities[static_cast<std::size_t>(a)] < probabilities[static_cast<std::size_t>(b)]; });
  order.erase(order.begin(), order.end() - std::min<std::ptrdiff_t>(keep, static_cast<std::ptrdiff_t>(order.size())));
  std::sort(order.begin(), order.end());
  return order;
}

void drop_choices(const DecisionTree& tree, ArchitectureParameters& parameters, const Rows& probabilities, int keep, bool search_only_first) {
  for (std::size_t d = 0; d < tree.size(); ++d) {
    if (tree[d].kind == Kind::k_of_n || probabilities[d].empty()) continue;
    const auto left = parameters.left(tree[d], d);
    std::vector<double> of_left;
    for (const auto i : left) {
      const bool first = search_only_first && !tree[d].may_pick(static_cast<int>(i));
      of_left.push_back(first ? -1 : probabilities[d][static_cast<std::size_t>(i)]);
    }
    const auto kept = kept_choices(of_left, keep);
    for (std::size_t k = 0; k < left.size(); ++k)
      if (!std::binary_search(kept.begin(), kept.end(), static_cast<int>(k))) parameters.take_out(tree, d, static_cast<std::size_t>(left[k]));
  }
}

void open_choices(const DecisionTree& tree, ArchitectureParameters& parameters, const std::map<std::string, std::int64_t>& open) {
  for (std::size_t d = 0; d < tree.size(); ++d) {
    if (tree[d].kind == Kind::k_of_n) continue;
    const auto found = open.find(tree[d].name.substr(tree[d].name.rfind('.') + 1));
    std::int64_t left = found == open.end() ? 1 : found->second;
    for (int i = static_cast<int>(tree[d].choices.size()) - 1; i >= 0; --i) {
      const bool stays = left > 0 && tree[d].may_pick(i);
      if (stays) --left;
      else parameters.take_out(tree, d, static_cast<std::size_t>(i));
    }
  }
}

Architecture largest_architecture(const DecisionTree& tree) {
  Architecture largest;
  for (std::size_t d = 0; d < tree.size(); ++d) {
    std::int64_t pick = 0;
    int taken = 0;
    for (int i = static_cast<int>(tree[d].choices.size()) - 1; i >= 0; --i) {
      if (!tree[d].may_pick(i) || taken == (tree[d].kind == Kind::k_of_n ? tree[d].maximum : 1)) continue;
      pick = tree[d].kind == Kind::k_of_n ? pick | std::int64_t{1} << i : i;
      ++taken;
    }
    largest.picks.push_back(pick);
  }
  return normalised(tree, largest);
}

EdgeScores edge_scores(const Rows& rows, const std::vector<bool>& pickable, const std::vector<Rows>& earlier) {
  EdgeScores scores;
  if (rows.empty()) return scores;
  std::vector<double> certainty;
  for (std::size_t e = 0; e < rows.size(); ++e) {
    double importance = 0;
    for (std::size_t i = 0; i < rows[e].size(); ++i)
      if (pickable[i]) importance += rows[e][i];
    const auto shares = pickable_shares(rows[e], pickable);
    scores.importance.push_back(importance);
    scores.entropy.push_back(entropy_of(shares));
    certainty.push_back(1 - scores.entropy.back());
  }
  const auto a = normalised(scores.importance), b = normalised(certainty);
  for (std::size_t e = 0; e < rows.size(); ++e) scores.score.push_back(a[e] * b[e]);
  if (!earlier.empty()) {
    scores.stability = stability_of(rows, pickable, earlier);
    const auto s = normalised(scores.stability);
    for (std::size_t e = 0; e < rows.size(); ++e) scores.score[e] *= s[e];
  }
  scores.edge = static_cast<int>(std::max_element(scores.score.begin(), scores.score.end()) - scores.score.begin());
  const auto& best = rows[static_cast<std::size_t>(scores.edge)];
  for (int i = 0; i < static_cast<int>(best.size()); ++i)
    if (pickable[static_cast<std::size_t>(i)] && (scores.choice < 0 || best[static_cast<std::size_t>(i)] > best[static_cast<std::size_t>(scores.choice)])) scores.choice = i;
  return scores;
}

int close_best_edge(const DecisionTree& tree, ArchitectureParameters& parameters, const Rows& probabilities) {
  // Edges of equally many choices are compared with each other.
  std::map<std::size_t, std::vector<std::size_t>> groups;
  for (std::size_t d = 0; d < tree.size(); ++d)
    if (tree[d].kind != Kind::k_of_n && parameters.vectors[d].defined() && parameters.left(tree[d], d).size() > 1) groups[tree[d].choices.size()].push_back(d);
  if (groups.empty()) return -1;
  const auto& group = std::max_element(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); })->second;
  Rows rows;
  for (const std::size_t d : group) rows.push_back(probabilities[d]);
  const EdgeScores scores = edge_scores(rows, pickable_of(tree[group.front()]));
  const std::size_t closed = group[static_cast<std::size_t>(scores.edge)];
  take_out_all_but(tree, parameters, closed, scores.choice);
  shut_rest(tree, parameters, closed);
  return static_cast<int>(closed);
}

}  // namespace netwright
