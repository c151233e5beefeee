#include "netwright/proxy/score_evaluator.hpp"

#include <c10/util/Exception.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <new>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/cost.hpp"

namespace netwright {
namespace {

Outcome failed(const std::string& reason) { return {.status = Status::failed, .reason = reason.substr(0, reason.find('\n'))}; }

std::int64_t batch_of(const std::string& text) {
  std::int64_t batch = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), batch);
  if (error != std::errc() || end != text.data() + text.size() || batch < 2)
    throw UsageError("score: batch must be a whole number of at least 2, not '" + text + "'");
  return batch;
}

class ScoreEvaluator : public Evaluator {
 public:
  ScoreEvaluator(const EvaluatorEntry& entry, const EvaluatorCase& evaluator_case, const NetworkPlace& place, std::uint64_t seed,
                 const BatchSource& data)
      : info_(info_of(entry)), space_(evaluator_case.space), network_(evaluator_case.network) {
    check_settings(space_->info(), network_);
    options_.names = split(option(entry, evaluator_case, "proxies"), ',');
    options_.batch = batch_of(option(entry, evaluator_case, "batch"));
    options_.fill = parse_fill(option(entry, evaluator_case, "fill"));
    options_.place = place;
    if (options_.fill == Fill::oracle) {
      options_.place.dtype = at::kDouble;
    } else {
      options_.input_seed = seed;
      if (data) options_.data = data(options_.batch);
    }
    info_.metrics = {"params", "macs"};
    for (const Proxy& proxy : find_proxies(options_.names))
      if (std::find(info_.metrics.begin(), info_.metrics.end(), proxy.name) == info_.metrics.end()) info_.metrics.push_back(proxy.name);
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity&, const Progress&) override {
    const auto start = std::chrono::steady_clock::now();
    Outcome outcome = judged(candidate);
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return outcome;
  }

 private:
  Outcome judged(const Candidate& candidate) const {
    try {
      const Graph graph = space_->close(candidate.architecture, network_);
      ProxyOptions options = options_;
      options.seed = Seed(candidate.seed);
      Outcome outcome;
      for (const auto& [name, value] : score(graph, options)) outcome.metrics[name] = value;
      const Cost price = cost(graph);
      outcome.metrics["params"] = static_cast<double>(price.params);
      outcome.metrics["macs"] = static_cast<double>(price.macs);
      return outcome;
    } catch (const UsageError& error) {
      return failed(error.what());
    } catch (const c10::Error& error) {
      return failed(std::string("torch: ") + error.what_without_backtrace());
    } catch (const std::bad_alloc&) {
      return failed("out of memory");
    }
  }

  EvaluatorInfo info_;
  std::shared_ptr<const Space> space_;
  NetworkOptions network_;
  ProxyOptions options_;
};

}  // namespace

EvaluatorEntry score_entry(const NetworkPlace& place, std::uint64_t seed, const BatchSource& data) {
  EvaluatorEntry entry{
      .name = "score",
      .title = "Scores each candidate without training",
      .metrics = {},
      .traits = {"needs data", "needs torch"},
      .options = {{"proxies", "all", "names with commas between, or all"}, {"batch", "16", "images"}, {"fill", "random", "random or oracle"}}};
  for (const Proxy& proxy : proxy_list()) entry.metrics.push_back(proxy.name);
  entry.make = [entry, place, seed, data](const EvaluatorCase& evaluator_case) -> std::unique_ptr<Evaluator> {
    return std::make_unique<ScoreEvaluator>(entry, evaluator_case, place, seed, data);
  };
  return entry;
}

}  // namespace netwright
