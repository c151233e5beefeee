#include "netwright/fidelity/curve_models.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

using Parameters = std::span<const double>;

double vap(double x, Parameters p) { return std::exp(p[0] + p[1] / x + p[2] * std::log(x)); }
double pow3(double x, Parameters p) { return p[0] - p[1] * std::pow(x, -p[2]); }
double pow4(double x, Parameters p) { return p[0] - std::pow(p[1] * x + p[2], -p[3]); }
double ilog2(double x, Parameters p) { return p[0] - p[1] / std::log(x + 1); }
double loglog_linear(double x, Parameters p) { return std::log(p[0] * std::log(x) + p[1]); }
double exp4(double x, Parameters p) { return p[0] - std::exp(-p[1] * std::pow(x, p[3]) + p[2]); }
double mmf(double x, Parameters p) { return p[0] - (p[0] - p[1]) / (1 + std::pow(p[2] * x, p[3])); }
double janoschek(double x, Parameters p) { return p[0] - (p[0] - p[1]) * std::exp(-p[2] * std::pow(x, p[3])); }
double weibull(double x, Parameters p) { return p[0] - (p[0] - p[1]) * std::exp(-std::pow(p[2] * x, p[3])); }
double hill3(double x, Parameters p) { return p[0] * std::pow(x, p[1]) / (std::pow(p[2], p[1]) + std::pow(x, p[1])); }
double log_power(double x, Parameters p) { return p[0] / (1 + std::pow(x / std::exp(p[1]), p[2])); }

struct Problem {
  const CurveModel& model;
  std::span<const CurvePoint> curve;

  // Infinity where the parameters mean no curve.
  double squares(const Eigen::VectorXd& parameters, Eigen::VectorXd* residuals = nullptr) const {
    double sum = 0;
    for (std::size_t i = 0; i < curve.size(); ++i) {
      const double value = model.value(curve[i].epochs, {parameters.data(), static_cast<std::size_t>(parameters.size())});
      if (!std::isfinite(value)) return std::numeric_limits<double>::infinity();
      const double residual = curve[i].value - value;
      if (residuals != nullptr) (*residuals)[static_cast<Eigen::Index>(i)] = residual;
      sum += residual * residual;
    }
    return sum;
  }

  // Derivatives of the model's values, by central differences.
  Eigen::MatrixXd slopes(Eigen::VectorXd parameters) const {
    Eigen::MatrixXd slopes(static_cast<Eigen::Index>(curve.size()), parameters.size());
    Eigen::VectorXd low(slopes.rows()), high(slopes.rows());
    for (Eigen::Index k = 0; k < parameters.size(); ++k) {
      const double at = parameters[k], step = 1e-6 * std::max(1e-2, std::abs(at));
      parameters[k] = at + step;
      const bool finite = std::isfinite(squares(parameters, &high));
      parameters[k] = at - step;
      slopes.col(k) = finite && std::isfinite(squares(parameters, &low)) ? Eigen::VectorXd((low - high) / (2 * step)) : Eigen::VectorXd::Zero(slopes.rows());
      parameters[k] = at;
    }
    return slopes;
  }
};

// One damped step that lowers the sum, or false.
bool improve(const Problem& problem, Eigen::VectorXd& parameters, double& sum, double& damping) {
  Eigen::VectorXd residuals(static_cast<Eigen::Index>(problem.curve.size()));
  problem.squares(parameters, &residuals);
  const Eigen::MatrixXd slopes = problem.slopes(parameters);
  const Eigen::MatrixXd normal = slopes.transpose() * slopes;
  for (; damping < 1e8; damping *= 10) {
    Eigen::MatrixXd damped = normal;
    damped.diagonal() += damping * (normal.diagonal().array() + 1e-9).matrix();
    const Eigen::VectorXd next = parameters + damped.ldlt().solve(slopes.transpose() * residuals);
    const double lower = problem.squares(next);
    if (!(lower < sum)) continue;
    const bool worth = sum - lower > 1e-12 * (sum + 1e-12);
    parameters = next, sum = lower;
    damping = std::max(1e-12, damping / 10);
    return worth;
  }
  return false;
}

}  // namespace

const std::vector<CurveModel>& curve_models() {
  static const std::vector<CurveModel> models = {
      {"vap", {"a", "b", "c"}, {-0.622028, -0.47005, 0.042322}, vap},
      {"pow3", {"c", "a", "alpha"}, {0.84, 0.52, 0.01}, pow3},
      {"pow4", {"c", "a", "b", "alpha"}, {0.8, 200, 0, 0.1}, pow4},
      {"ilog2", {"c", "a"}, {0.78, 0.43}, ilog2},
      {"loglog_linear", {"a", "b"}, {0.5, 1.5}, loglog_linear},
      {"exp4", {"c", "a", "b", "alpha"}, {0.7, 0.8, -0.8, 0.3}, exp4},
      {"mmf", {"alpha", "beta", "kappa", "delta"}, {0.7, 0.1, 0.01, 5}, mmf},
      {"janoschek", {"alpha", "beta", "kappa", "delta"}, {0.73, 0.07, 0.355, 0.46}, janoschek},
      {"weibull", {"alpha", "beta", "kappa", "delta"}, {0.7, 0.1, 0.01, 1}, weibull},
      {"hill3", {"ymax", "eta", "kappa"}, {0.772320, 0.586449, 2.460843}, hill3},
      {"log_power", {"a", "b", "c"}, {0.77, 2.98, -0.51}, log_power},
  };
  return models;
}

const CurveModel& find_curve_model(std::string_view name) {
  std::vector<std::string> names;
  for (const CurveModel& model : curve_models()) {
    if (model.name == name) return model;
    names.push_back(model.name);
  }
  throw UsageError("unknown curve model '" + std::string(name) + "'" + name_hint(name, names));
}

std::vector<double> least_squares(const CurveModel& model, std::span<const CurvePoint> curve) {
  constexpr int most_steps = 200;
  const Problem problem{model, curve};
  Eigen::VectorXd parameters = Eigen::Map<const Eigen::VectorXd>(model.start.data(), static_cast<Eigen::Index>(model.start.size()));
  double sum = problem.squares(parameters), damping = 1e-3;
  if (!std::isfinite(sum)) return {};
  for (int step = 0; step < most_steps && improve(problem, parameters, sum, damping); ++step) {
  }
  return {parameters.data(), parameters.data() + parameters.size()};
}

}  // namespace netwright
