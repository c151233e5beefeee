#include "netwright/fidelity/stop_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/fidelity/extrapolation.hpp"
#include "netwright/fidelity/options.hpp"
#include "netwright/objective/rank.hpp"

namespace netwright {
namespace {

constexpr double no_limit = std::numeric_limits<double>::infinity();

// The best value up to an epoch; nothing where the curve has no point there yet, or ended before.
std::optional<double> best_until(const Curve& curve, double epoch) {
  if (curve.empty() || curve.back().epochs < epoch) return std::nullopt;
  double best = -no_limit;
  for (const CurvePoint& point : curve)
    if (point.epochs <= epoch) best = std::max(best, point.value);
  return std::isfinite(best) ? std::optional(best) : std::nullopt;
}

std::optional<double> average_until(const Curve& curve, double epoch) {
  std::vector<double> values;
  for (const CurvePoint& point : curve)
    if (point.epochs <= epoch) values.push_back(point.value);
  return values.empty() ? std::nullopt : std::optional(mean(values));
}

// Not before `warm_up` epochs, nor with fewer than `others` curves to compare with.
struct Patience {
  double warm_up = 0, others = 5;
  explicit Patience(const FidelityOptions& options)
      : warm_up(number_option(options, "warm_up", 0, 0, no_limit)), others(number_option(options, "others", 5, 1, no_limit)) {}
};

class Median : public StopRule {
 public:
  explicit Median(const FidelityOptions& options) : patience_(options) {}

  bool stops(const Running& running, std::span<const Curve> others) const override {
    const double now = running.curve.back().epochs;
    std::vector<double> averages;
    for (const Curve& curve : others)
      if (const auto average = average_until(curve, now)) averages.push_back(*average);
    if (now <= patience_.warm_up || static_cast<double>(averages.size()) < patience_.others) return false;
    return best_until(running.curve, now).value_or(-no_limit) < quantile(averages, 0.5);
  }

 private:
  Patience patience_;
};

class Percentile : public StopRule {
 public:
  explicit Percentile(const FidelityOptions& options) : patience_(options), percent_(number_option(options, "percent", 25, 0, 100)) {}

  bool stops(const Running& running, std::span<const Curve> others) const override {
    const double now = running.curve.back().epochs;
    std::vector<double> bests;
    for (const Curve& curve : others)
      if (const auto best = best_until(curve, now)) bests.push_back(*best);
    if (now <= patience_.warm_up || static_cast<double>(bests.size()) < patience_.others) return false;
    return best_until(running.curve, now).value_or(-no_limit) < quantile(bests, 1 - percent_ / 100);
  }

 private:
  Patience patience_;
  double percent_;
};

class TopShare : public StopRule {
 public:
  explicit TopShare(const FidelityOptions& options)
      : minimum_(number_option(options, "minimum", 1, 1, no_limit)), eta_(number_option(options, "eta", 3, 1.01, no_limit)) {}

  bool stops(const Running& running, std::span<const Curve> others) const override {
    const double now = running.curve.back().epochs;
    const auto rung = passed_rung(running.curve);
    if (!rung) return false;
    const double own = best_until(running.curve, *rung).value_or(-no_limit);
    std::size_t reached = 1, better = 0;
    for (const Curve& curve : others) {
      const auto best = best_until(curve, *rung);
      if (!best) continue;
      ++reached;
      better += *best > own ? 1 : 0;
    }
    // The first ones at a rung go on: the top share of few is at least one.
    const double top = std::max(1.0, std::floor(static_cast<double>(reached) / eta_));
    return (running.last_epoch == 0 || now < running.last_epoch) && static_cast<double>(better) >= top;
  }

 private:
  // The rung that the last report reached and the one before it had not.
  std::optional<double> passed_rung(const Curve& curve) const {
    const double now = curve.back().epochs, before = curve.size() > 1 ? curve[curve.size() - 2].epochs : 0;
    std::optional<double> passed;
    for (double rung = minimum_; rung <= now; rung *= eta_)
      if (rung > before) passed = rung;
    return passed;
  }

  double minimum_, eta_;
};

class CurveRule : public StopRule {
 public:
  explicit CurveRule(const FidelityOptions& options)
      : chance_(number_option(options, "chance", 0.05, 0, 1)),
        after_(number_option(options, "after", 5, 1, no_limit)),
        every_(number_option(options, "every", 5, 1, no_limit)) {}

  bool stops(const Running& running, std::span<const Curve> others) const override {
    const double now = running.curve.back().epochs;
    if (running.last_epoch <= now || now < after_ || std::fmod(now - after_, every_) != 0) return false;
    double best = -no_limit;
    for (const Curve& curve : others)
      if (!curve.empty() && curve.back().epochs >= running.last_epoch) best = std::max(best, curve.back().value);
    if (!std::isfinite(best)) return false;
    const Seed seed = Seed(0).derive("curve", static_cast<std::uint64_t>(running.trial)).derive("epoch", static_cast<std::uint64_t>(now));
    return extrapolate(running.curve, running.last_epoch, seed).chance_above(best) < chance_;
  }

 private:
  double chance_, after_, every_;
};

template <class Rule>
std::unique_ptr<StopRule> make(const FidelityOptions& options) {
  return std::make_unique<Rule>(options);
}

}  // namespace

const std::vector<StopRuleEntry>& stop_rules() {
  const StrategyOption warm_up{"warm_up", "0", "epochs before which nothing is stopped"}, others{"others", "5", "curves needed to compare with"};
  static const std::vector<StopRuleEntry> entries = {
      {.name = "median",
       .title = "Stops what is below the median of the others' running averages",
       .paper = "Golovin et al. 2017 (KDD)",
       .options = {warm_up, others},
       .make = make<Median>},
      {.name = "percentile",
       .title = "Stops what is not among the best so many percent",
       .paper = "",
       .options = {{"percent", "25", "share that goes on"}, warm_up, others},
       .make = make<Percentile>},
      {.name = "top_share",
       .title = "At each rung only the best 1/eta go on (ASHA's stopping variant)",
       .paper = "Li et al. 2020, arXiv 1810.05934",
       .options = {{"minimum", "1", "epochs of the first rung"}, {"eta", "3", "one in so many goes on"}},
       .make = make<TopShare>},
      {.name = "curve",
       .title = "Stops what will hardly beat the best, by extrapolating its learning curve",
       .paper = "Domhan et al. 2015 (IJCAI)",
       .options = {{"chance", "0.05", "stops below this chance"}, {"after", "5", "epochs before the first look"}, {"every", "5", "epochs between looks"}},
       .make = make<CurveRule>},
  };
  return entries;
}

std::unique_ptr<StopRule> make_stop_rule(std::string_view name, const FidelityOptions& options) {
  std::vector<std::string> names, known;
  for (const StopRuleEntry& entry : stop_rules()) names.push_back(entry.name);
  const auto entry = std::ranges::find(stop_rules(), name, &StopRuleEntry::name);
  if (entry == stop_rules().end()) throw UsageError("unknown stop rule '" + std::string(name) + "'" + name_hint(name, names));
  for (const StrategyOption& option : entry->options) known.push_back(option.name);
  for (const auto& [option, value] : options)
    if (std::ranges::find(known, option) == known.end())
      throw UsageError("stop rule " + entry->name + ": unknown option '" + option + "'" + name_hint(option, known));
  return entry->make(options);
}

}  // namespace netwright
