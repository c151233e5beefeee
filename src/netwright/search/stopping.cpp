#include "netwright/search/stopping.hpp"

#include <algorithm>
#include <cmath>

namespace netwright {

void Stopping::append(Curve& curve, const Report& report) const {
  const double value = score(goal_, report.metrics);
  if (std::isfinite(value)) curve.push_back({.epochs = static_cast<double>(report.step), .value = value});
}

void Stopping::add(const Trial& trial) {
  if (rule_ == nullptr) return;
  Curve curve;
  // A trial that goes on with another's state begins where that one ended.
  if (trial.continues >= 0) curve = curves_.at(static_cast<std::size_t>(trial.continues));
  for (const Report& report : trial.outcome.reports) append(curve, report);
  if (trial.outcome.status == Status::failed) curve.clear();
  const auto place = static_cast<std::size_t>(trial.number);
  if (curves_.size() <= place) curves_.resize(place + 1);
  curves_[place] = std::move(curve);
}

Stopping::Watch::Watch(const Stopping& stopping, const Trial& trial) : stopping_(stopping), trial_(trial) {
  const auto from = static_cast<std::size_t>(std::max<std::int64_t>(0, trial.continues));
  if (trial.continues >= 0 && from < stopping.curves_.size()) curve_ = stopping.curves_[from];
}

bool Stopping::Watch::ends_at(const Report& report) {
  if (stopping_.rule_ == nullptr) return false;
  stopping_.append(curve_, report);
  if (curve_.empty()) return false;
  const auto seen = static_cast<std::size_t>(std::min(stopping_.seen(trial_), stopping_.known()));
  const Running running{.trial = trial_.number, .curve = curve_, .last_epoch = static_cast<double>(trial_.fidelity.epochs)};
  return stopping_.rule_->stops(running, std::span(stopping_.curves_).first(seen));
}

}  // namespace netwright
