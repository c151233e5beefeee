#include "netwright/strategy/boosted_trees.hpp"

#include <algorithm>
#include <numeric>

#include "netwright/core/error.hpp"

namespace netwright {

namespace {

constexpr double rounding = 1e-12;  // a share of all squared residuals that is no gain

}  // namespace

// A tree while it grows: which node each row is in, and the rows in the order of every feature.
struct BoostedTrees::Growth {
  struct Split {
    double gain = 0;
    std::size_t feature = 0;
    double threshold = 0;
    bool found = false;
  };
  struct Half {
    double sum = 0, count = 0, last = 0;
  };

  Growth(const FeatureRows& rows, double penalty) : x(rows), lambda(penalty), node_of(rows.rows()) {
    for (std::size_t f = 0; f < x.width; ++f) {
      std::vector<std::size_t>& order = orders.emplace_back(x.rows());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return at(a, f) < at(b, f); });
    }
  }

  double at(std::size_t row, std::size_t feature) const { return x.values[row * x.width + feature]; }
  double worth(double sum, double count) const { return sum * sum / (count + lambda); }

  std::vector<Half> totals(const Tree& tree, const std::vector<double>& residuals) const {
    std::vector<Half> sums(tree.size());
    for (std::size_t i = 0; i < node_of.size(); ++i) sums[node_of[i]].sum += residuals[i], sums[node_of[i]].count += 1;
    return sums;
  }

  void scan(std::size_t feature, std::size_t first, const std::vector<double>& residuals, const std::vector<Half>& all, std::vector<Split>& best) const {
    std::vector<Half> left(all.size());
    for (const std::size_t i : orders[feature]) {
      const std::size_t node = node_of[i];
      if (node < first) continue;  // a leaf of an earlier level
      Half& half = left[node];
      const double value = at(i, feature);
      if (half.count > 0 && value > half.last) {
        const Half& total = all[node];
        const double gain = worth(half.sum, half.count) + worth(total.sum - half.sum, total.count - half.count) - worth(total.sum, total.count);
        if (gain > best[node].gain) best[node] = {.gain = gain, .feature = feature, .threshold = (half.last + value) / 2, .found = true};
      }
      half.sum += residuals[i], half.count += 1, half.last = value;
    }
  }

  // Splits the nodes from `first` on where that gains; false where none does.
  bool split_level(Tree& tree, std::size_t first, const std::vector<double>& residuals) {
    const std::vector<Half> all = totals(tree, residuals);
    std::vector<Split> best(tree.size(), {.gain = rounding * std::inner_product(residuals.begin(), residuals.end(), residuals.begin(), 0.0)});
    for (std::size_t f = 0; f < x.width; ++f) scan(f, first, residuals, all, best);
    const std::size_t before = tree.size();
    for (std::size_t node = first; node < before; ++node) {
      if (!best[node].found) continue;
      tree[node] = {.feature = best[node].feature, .threshold = best[node].threshold, .left = tree.size()};
      tree.resize(tree.size() + 2);
    }
    for (std::size_t i = 0; i < node_of.size(); ++i) {
      const Node& node = tree[node_of[i]];
      if (node.left != 0) node_of[i] = node.left + (at(i, node.feature) < node.threshold ? 0 : 1);
    }
    return tree.size() > before;
  }

  Tree grow(const std::vector<double>& residuals, std::size_t depth, double rate) {
    Tree tree(1);
    std::ranges::fill(node_of, std::size_t{0});
    std::size_t first = 0;
    for (std::size_t level = 0; level < depth; ++level) {
      const std::size_t next = tree.size();
      if (!split_level(tree, first, residuals)) break;
      first = next;
    }
    const std::vector<Half> sums = totals(tree, residuals);
    for (std::size_t node = 0; node < tree.size(); ++node) tree[node].value = rate * sums[node].sum / (sums[node].count + lambda);
    return tree;
  }

  const FeatureRows& x;
  double lambda;
  std::vector<std::vector<std::size_t>> orders;
  std::vector<std::size_t> node_of;
};

void BoostedTrees::fit(const FeatureRows& x, std::span<const double> y) {
  if (x.rows() != y.size() || y.empty()) throw UsageError("boosted trees: as many targets as rows are needed, and at least one");
  width_ = x.width;
  middle_ = std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(y.size());
  trees_.clear();
  std::vector<double> residuals;
  for (const double target : y) residuals.push_back(target - middle_);
  Growth growth(x, options_.penalty);
  for (std::size_t t = 0; t < options_.trees; ++t) {
    const Tree& tree = trees_.emplace_back(growth.grow(residuals, options_.depth, options_.rate));
    for (std::size_t i = 0; i < residuals.size(); ++i) residuals[i] -= tree[growth.node_of[i]].value;
  }
}

const BoostedTrees::Node& BoostedTrees::leaf(const Tree& tree, const double* row) {
  const Node* node = tree.data();
  while (node->left != 0) node = &tree[node->left + (row[node->feature] < node->threshold ? 0 : 1)];
  return *node;
}

Prediction BoostedTrees::predict(const FeatureRows& x) const {
  if (width_ == 0 || x.width != width_) throw UsageError("boosted trees: not fitted on rows of this width");
  Prediction prediction;
  for (std::size_t i = 0; i < x.rows(); ++i) {
    double sum = middle_;
    for (const Tree& tree : trees_) sum += leaf(tree, x.values.data() + i * width_).value;
    prediction.mean.push_back(sum);
    prediction.deviation.push_back(0);
  }
  return prediction;
}

}  // namespace netwright
