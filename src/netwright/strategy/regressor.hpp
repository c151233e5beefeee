#pragma once
// Models that predict a number, with its uncertainty, from a row of features. Plain arithmetic: no tensors.
#include <cstddef>
#include <span>
#include <vector>

namespace netwright {

// Rows of equal width, one after the other.
struct FeatureRows {
  std::size_t width = 0;
  std::vector<double> values;

  std::size_t rows() const { return width == 0 ? 0 : values.size() / width; }
  void add(std::span<const float> row) { values.insert(values.end(), row.begin(), row.end()); }
};

struct Prediction {
  std::vector<double> mean, deviation;  // one a row; the deviation is that of the model, without the noise of a measurement
};

class Regressor {
 public:
  virtual ~Regressor() = default;
  // As many targets as rows; at least one. Forgets what was fitted before.
  // Errors: UsageError where the numbers of rows and targets differ, or there are none.
  virtual void fit(const FeatureRows& x, std::span<const double> y) = 0;
  // Errors: UsageError before the first fit(), or for rows of another width.
  virtual Prediction predict(const FeatureRows& x) const = 0;
};

}  // namespace netwright
