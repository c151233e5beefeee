#include "netwright/strategy/history.hpp"

#include <algorithm>
#include <numeric>

#include "netwright/objective/rank.hpp"
#include "netwright/objective/scalarise.hpp"
#include "netwright/strategy/acquisition.hpp"

namespace netwright {
namespace {

// Each objective over its range in the entries; one that does not vary is 1 everywhere.
std::vector<std::vector<double>> scaled(const std::vector<History::Entry>& entries) {
  std::vector<std::vector<double>> rows;
  for (const auto& entry : entries) rows.push_back(entry.point.values);
  for (std::size_t k = 0; k < rows.front().size(); ++k) {
    const auto by_value = [k](const auto& a, const auto& b) { return a[k] < b[k]; };
    const double low = std::ranges::min_element(rows, by_value)->at(k), high = std::ranges::max_element(rows, by_value)->at(k);
    for (auto& row : rows) row[k] = high > low ? (row[k] - low) / (high - low) : 1;
  }
  return rows;
}

}  // namespace

bool History::tell(const Told& told) {
  if (told.failed) return false;
  Entry entry{.architecture = told.architecture, .point = point_of(goal_, told.metrics)};
  if (!informative(entry.point)) return false;
  entries_.push_back(std::move(entry));
  return true;
}

std::vector<double> History::utilities(Rng& rng) const {
  std::vector<double> result;
  if (entries_.empty()) return result;
  if (goal_.objectives.size() == 1) {
    for (const Entry& entry : entries_) result.push_back(entry.point.values.front());
  } else {
    const std::vector<double> weights = random_weights(goal_.objectives.size(), rng);
    for (const auto& row : scaled(entries_)) result.push_back(chebyshev(row, weights));
  }
  const auto [low, high] = std::ranges::minmax(result);
  const double unit = high > low ? high - low : 1, floor = low;
  for (std::size_t i = 0; i < result.size(); ++i)
    if (entries_[i].point.violation > 0) result[i] = floor - unit * entries_[i].point.violation;
  return result;
}

std::vector<double> normal_scores(const std::vector<double>& values) {
  std::vector<double> scores = ranks(values);
  for (double& score : scores) score = normal_quantile((score - 0.5) / static_cast<double>(values.size()));
  return scores;
}

std::vector<double> standard_scores(const std::vector<double>& values) {
  const double middle = mean(values), deviation = values.size() > 1 ? standard_deviation(values) : 0;
  std::vector<double> scores;
  for (const double value : values) scores.push_back(deviation > 0 ? (value - middle) / deviation : 0);
  return scores;
}

std::vector<std::size_t> best_first(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  return order;
}

}  // namespace netwright
