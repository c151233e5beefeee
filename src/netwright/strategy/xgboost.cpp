// XGBoost through its C interface.
#include "netwright/strategy/xgboost.hpp"

#include <xgboost/c_api.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

void check(int status) {
  if (status == 0) return;
  // "[12:00:00] source.cc:1: Check failed: ...", and a stack below it.
  std::string words = XGBGetLastError();
  words.resize(std::min(words.size(), words.find('\n')));
  const auto place = words.find(": ");
  throw Error("xgboost: " + (place == std::string::npos ? words : words.substr(place + 2)));
}

// A handle of the library, given back to it.
template <int (*free)(void*)>
struct Freed {
  void operator()(void* handle) const { free(handle); }
};
using Matrix = std::unique_ptr<void, Freed<XGDMatrixFree>>;
using Booster = std::unique_ptr<void, Freed<XGBoosterFree>>;

Matrix matrix_of(const FeatureRows& x) {
  const std::vector<float> values(x.values.begin(), x.values.end());
  constexpr float no_value_is_missing = std::numeric_limits<float>::quiet_NaN();
  void* handle = nullptr;
  check(XGDMatrixCreateFromMat_omp(values.data(), x.rows(), x.width, no_value_is_missing, &handle, 1));
  return Matrix(handle);
}

class Xgboost : public Regressor {
 public:
  explicit Xgboost(const XgboostOptions& options) : options_(options) {}

  void fit(const FeatureRows& x, std::span<const double> y) override {
    if (x.rows() != y.size() || y.empty()) throw UsageError("xgboost: as many targets as rows are needed, and at least one");
    const Matrix rows = matrix_of(x);
    const std::vector<float> targets(y.begin(), y.end());
    check(XGDMatrixSetFloatInfo(rows.get(), "label", targets.data(), targets.size()));
    void* const handle = rows.get();
    void* booster = nullptr;
    check(XGBoosterCreate(&handle, 1, &booster));
    booster_.reset(booster);
    set_options(std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(y.size()));
    for (int round = 0; round < options_.rounds; ++round) check(XGBoosterUpdateOneIter(booster, round, handle));
    width_ = x.width;
  }

  Prediction predict(const FeatureRows& x) const override {
    if (!booster_) throw UsageError("xgboost: predict() before fit()");
    if (x.width != width_) throw UsageError("xgboost: rows of " + std::to_string(x.width) + " features; it was fitted on " + std::to_string(width_));
    const Matrix rows = matrix_of(x);
    bst_ulong count = 0;
    const float* values = nullptr;
    check(XGBoosterPredict(booster_.get(), rows.get(), 0, 0, 0, &count, &values));
    return {.mean = {values, values + count}, .deviation = std::vector<double>(count, 0.0)};
  }

 private:
  void set_options(double mean) const {
    const auto set = [&](const char* name, const std::string& value) { check(XGBoosterSetParam(booster_.get(), name, value.c_str())); };
    set("objective", "reg:squarederror");
    set("tree_method", "exact");
    set("max_depth", std::to_string(options_.depth));
    set("learning_rate", std::to_string(options_.rate));
    set("base_score", std::to_string(mean));
    set("seed", std::to_string(options_.seed & 0x7fffffff));
    set("nthread", "1");
    set("verbosity", "0");
  }

  XgboostOptions options_;
  Booster booster_;
  std::size_t width_ = 0;
};

}  // namespace

std::string xgboost_missing() { return ""; }

std::unique_ptr<Regressor> make_xgboost(const XgboostOptions& options) { return std::make_unique<Xgboost>(options); }

}  // namespace netwright
