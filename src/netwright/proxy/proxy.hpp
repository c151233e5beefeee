#pragma once
// Zero-cost proxies: scores of an untrained network, from one batch or from none.
//
//   std::map<std::string, double> scores = score(graph, {.names = {"synflow", "naswot"}, .seed = 7});
//
// Scores that need the same pass share it (passes.hpp). Formulas: scores.hpp. Batch norm reads the batch; dropout and drop-path are off, so that a
// score depends on weights and batch alone. Cost: for all of them about batch + 8 forward and backward passes, most of it for ntk_cond.
// Source: Abdelfattah et al. 2021, arXiv 2101.08134, and the papers named in the list. Departures: zen and ntk_cond score one draw of weights
// and inputs where their papers repeat; meco counts nodes of the graph, not software modules.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/objective/objective.hpp"
#include "netwright/proxy/passes.hpp"

namespace netwright {

struct Proxy {
  std::string name;
  std::string title;
  std::string paper;
  Direction direction;  // towards the networks that the paper expects to be better
  std::function<double(Passes&)> compute;
};

// The registry, in the order in which scores are printed.
const std::vector<Proxy>& proxy_list();

// The proxies called so; "all" is every one. Errors: UsageError with the nearest name, or for no name.
std::vector<Proxy> find_proxies(const std::vector<std::string>& names);

enum class Fill { random, oracle };
// "random" or "oracle". Errors: UsageError.
Fill parse_fill(const std::string& text);

struct LabelledBatch {
  at::Tensor images;  // {batch, ...input}
  at::Tensor labels;  // {batch} of int64
};

struct ProxyOptions {
  std::vector<std::string> names = {"all"};
  std::int64_t batch = 16;                        // at least 2
  Fill fill = Fill::random;                       // oracle: fill.hpp's rule for weights and inputs; labels are i mod classes in both
  Seed seed = Seed(0);                            // of the weights, and of inputs (standard normal) where input_seed is not given
  std::optional<std::uint64_t> input_seed = {};   // oracle: 99991 where it is not given
  NetworkPlace place = {};
  std::optional<LabelledBatch> data = {};         // scored in place of drawn inputs; `batch` is then not read
};

// Builds and fills the network. Errors: UsageError for an open graph, one that is no classifier, a batch below 2, or data that does not fit.
ProxyCase prepare(const Graph& closed, const ProxyOptions& options);

// Values by name; NaN or infinite where a score has no finite value (naswot of two samples with one pattern: -infinity).
// Errors: those of prepare and find_proxies.
std::map<std::string, double> score(const Graph& closed, const ProxyOptions& options = {});
std::map<std::string, double> score(const ProxyCase& proxy_case, const std::vector<std::string>& names);

}  // namespace netwright
