#pragma once
// Families of learning curves: accuracy after x epochs, rising and levelling off.
//
//   vap            exp(a + b/x + c ln x)                   mmf          alpha - (alpha - beta) / (1 + (kappa x)^delta)
//   pow3           c - a x^-alpha                          janoschek    alpha - (alpha - beta) exp(-kappa x^delta)
//   pow4           c - (a x + b)^-alpha                    weibull      alpha - (alpha - beta) exp(-(kappa x)^delta)
//   ilog2          c - a / ln(x + 1)                       hill3        ymax x^eta / (kappa^eta + x^eta)
//   loglog_linear  ln(a ln x + b)                          log_power    a / (1 + (x / e^b)^c)
//   exp4           c - exp(-a x^alpha + b)
// x >= 1. Starting values are those of the authors' program where methods of fitting need one.
// Source: Domhan, Springenberg and Hutter 2015 (IJCAI), table 1.
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

struct CurveModel {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<double> start;  // of the parameters
  double (*value)(double x, std::span<const double> parameters);  // may be NaN where the parameters mean no curve
};

// The eleven, in the order of the table above.
const std::vector<CurveModel>& curve_models();
// Errors: UsageError with the nearest name.
const CurveModel& find_curve_model(std::string_view name);

struct CurvePoint {
  double epochs = 1;
  double value = 0;
};

// Parameters that make the sum of squared differences small: Levenberg-Marquardt from the model's start, scaled to the data's height.
// Empty where nothing finite was found. Cost: about 50 us for 30 points.
std::vector<double> least_squares(const CurveModel& model, std::span<const CurvePoint> curve);

}  // namespace netwright
