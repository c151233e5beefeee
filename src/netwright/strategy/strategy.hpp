#pragma once
// The search strategy: which architecture next.
//
// A strategy is a pure function of (seed, tells so far): it owns no clock, no file, no global. Replaying the tells gives the same
// asks. It never sees a layer, only decisions and outcomes.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/objective/objective.hpp"
#include "netwright/space/decision.hpp"

namespace netwright {

// A finished trial as a strategy sees it. A failed one has failed = true and whatever metrics it reached.
struct Told {
  std::int64_t trial = 0;
  Architecture architecture;
  Metrics metrics;
  bool failed = false;
};

class Strategy {
 public:
  virtual ~Strategy() = default;
  // The next architecture; nothing when there is none left (a grid that is through).
  virtual std::optional<Architecture> ask() = 0;
  virtual void tell(const Told& told) = 0;
};

// A row of numbers that says what an architecture is like, always of one length; for models. Cost: up to a millisecond.
using FeatureMap = std::function<std::vector<float>(const Architecture&)>;

// What a strategy is made of. Options come as text (from YAML) and are checked by the strategy's entry.
struct StrategyCase {
  const DecisionTree& tree;  // outlives the strategy
  Goal goal;
  Seed seed;
  std::map<std::string, std::string, std::less<>> options;
  // What models may see of an architecture beyond its decisions, by name: "path", "wl". Empty: nothing else.
  std::map<std::string, FeatureMap, std::less<>> features = {};
};

struct StrategyOption {
  std::string name;
  std::string fallback;
  std::string meaning;
};

// One line of the registry (strategy/builtin.cpp).
struct StrategyEntry {
  std::string name;
  std::string title;
  std::string paper;
  std::vector<std::string> traits;  // "may repeat", "exhaustive", "population", "several objectives"
  std::vector<StrategyOption> options;
  std::unique_ptr<Strategy> (*make)(const StrategyCase&);
  bool forwards = false;  // stands around the strategy that its option `of` names, whose options are given beside its own
};

const std::vector<StrategyEntry>& strategies();
// Errors: UsageError with the nearest name, for the strategy or an option.
std::unique_ptr<Strategy> make_strategy(std::string_view name, const StrategyCase& strategy_case);

}  // namespace netwright
