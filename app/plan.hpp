#pragma once
// What is known of a search before any work: costs over the space, constraints that can be met, parts that do not fit together.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "netwright/config/config.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/space.hpp"

namespace netwright {

struct CostRange {
  Cost smallest;  // componentwise over everything that was looked at
  Cost typical;   // componentwise median of the sample
  Cost largest;
  Architecture fewest, most;   // parameters, of all that was looked at
  std::int64_t looked_at = 0;  // 0: the space has no networks
};

// Samples `samples` architectures, then climbs from the cheapest and the dearest of them, by parameters, along neighbours, looking at no more
// than as many again. A bound that is reached by none of them may still be reached by others. Cost: 2 samples closed graphs.
// Errors: those of building a network (impossible shapes, settings).
CostRange cost_range(const Space& space, const NetworkOptions& options, std::uint64_t seed, int samples = 200);

struct ConstraintOutlook {
  Constraint constraint;
  bool known = false;  // the metric is arithmetic; otherwise it is known only after measuring
  bool can_be_met = true;
  double reached = 0;  // the best value seen
};
std::vector<ConstraintOutlook> outlook(const Goal& goal, const CostRange& range);

// The networks of a space as a config wants them, made when they are first asked for.
class Networks {
 public:
  Networks(const Space& space, const Config& config);
  Networks(const Space& space, DataOptions data, NetworkOptions searched, NetworkOptions final);   // the supernet's, and those of single networks
  const NetworkOptions& single() const { return final_; }
  // The form that a supernet trains. Errors: Unsupported with the reason where the space has none, or the data do not feed it.
  const Graph& open();
  double training_bytes(std::int64_t batch);   // of the supernet
  double training_bytes(std::int64_t batch, const Settings& settings);   // of the one of a stage with settings of its own. Errors: those of open().
  // Closes one architecture. Errors: UsageError where the data do not fit (a space of series, and images); with `classified`, Unsupported
  // where its output is no score a class (a pyramid of features), of a text a score a class at every step.
  void close_one(bool classified);

 private:
  const Space& space_;
  DataOptions data_;
  NetworkOptions searched_, final_;
  std::optional<Graph> open_;
  std::optional<Cost> cost_;
  std::optional<Shape> output_;   // of a closed network
};

// Refuses one phase that cannot run after those before it. Errors: UsageError, without the phase's name.
void refuse_phase(const Config& config, std::size_t index, const std::shared_ptr<const Space>& space, Networks& networks);

// Refuses what cannot run: strategies' options, evaluators that cannot judge the space, a supernet of a space that has none, a supernet or a
// smallest network beyond the memory limit. Errors: UsageError, naming the phase.
void refuse_impossible(const Config& config, const std::shared_ptr<const Space>& space);

// The limit of a config, or three quarters of usable_memory_bytes().
double memory_limit(const Config& config);

}  // namespace netwright
