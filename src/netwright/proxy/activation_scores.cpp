// Scores made of values inside the network and of how samples differ in it.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>

#include "netwright/proxy/blocks.hpp"
#include "netwright/proxy/patterns.hpp"
#include "netwright/proxy/scores.hpp"

namespace netwright {
namespace {

constexpr double undefined_score = std::numeric_limits<double>::quiet_NaN();
constexpr double small = 1e-5;

// Correlations between rows; of one row {{1}}. NaN where a row does not vary.
at::Tensor correlations(const at::Tensor& rows) {
  if (rows.size(0) == 1) return at::ones({1, 1}, rows.options());
  return at::corrcoef(rows);
}

// The least eigenvalue of the correlations between rows; 0 where one number a row leaves nothing to correlate.
double least_correlation(const at::Tensor& values) {
  const at::Tensor rows = values.detach().flatten(1).to(at::kDouble);
  if (rows.size(1) < 2) return 0;
  return at::linalg_eigvalsh(at::nan_to_num(correlations(rows))).min().item<double>();
}

bool finite(const at::Tensor& tensor) { return at::isfinite(tensor).all().item<bool>(); }

// The features that the classifier pools: what the last global pooling before the result reads.
std::optional<std::size_t> pooled_node(const Graph& graph) {
  const auto needed = needed_nodes(graph);
  for (std::size_t i = graph.nodes.size(); i-- > 0;)
    if (needed[i] && graph.nodes[i].op == "global_pool") return static_cast<std::size_t>(graph.nodes[i].inputs.at(0));
  return std::nullopt;
}

}  // namespace

double naswot(Passes& passes) {
  if (passes.patterns().empty()) return undefined_score;
  return log_determinant(agreement_kernel(passes.patterns()));
}

double linear_regions(Passes& passes) {
  std::vector<at::Tensor> maps;
  for (const at::Tensor& pattern : passes.patterns())
    if (pattern.dim() == 4) maps.push_back(pattern);
  return static_cast<double>(distinct_patterns(maps));
}

double zen(Passes& passes) {
  const auto features = pooled_node(passes.network().graph());
  if (!features) return undefined_score;
  const at::NoGradGuard no_grad;
  const ProxyCase& given = passes.given();
  passes.restore_statistics();
  std::vector<bool> wanted(passes.network().graph().nodes.size());
  wanted[*features] = true;
  const at::Tensor calm = passes.network().values(given.inputs, wanted)[*features];
  const at::Tensor disturbed = passes.network().values(given.inputs + 0.01 * given.noise, wanted)[*features];
  double score = std::log((calm - disturbed).to(at::kDouble).abs().flatten(1).sum(1).mean().item<double>());
  for (const NamedTensor& named : passes.network().tensors())
    if (named.name.ends_with(".running_var")) score += 0.5 * std::log(named.tensor.mean(at::kDouble).item<double>());
  return score;
}

double meco(Passes& passes) {
  const at::NoGradGuard no_grad;
  const Graph& graph = passes.network().graph();
  const auto values = passes.network().values(passes.given().inputs.slice(0, 0, 1));
  double sum = 0;
  std::unordered_map<const void*, double> found;  // ReLUs and poolings of one value are one tensor, and an identity is what it reads
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].inputs.size() != 1 || graph.nodes[i].shape.size() != 3) continue;
    const auto [entry, is_new] = found.try_emplace(values[i].unsafeGetTensorImpl(), 0.0);
    if (is_new) entry->second = least_correlation(values[i][0]);
    sum += entry->second;
  }
  return sum;
}

double jacob_cov(Passes& passes) {
  const at::Tensor matrix = correlations(passes.jacobian());
  if (!finite(matrix)) return undefined_score;
  const at::Tensor values = at::linalg_eigvalsh(matrix) + small;
  return -(values.log() + values.reciprocal()).sum().item<double>();
}

double epe_nas(Passes& passes) {
  double sum = 0;
  for (std::int64_t label = 0; label < passes.given().classes; ++label) {
    const at::Tensor rows = passes.jacobian().index({passes.given().targets == label});
    if (rows.size(0) > 0) sum += std::abs((correlations(rows).abs() + small).log().sum().item<double>());
  }
  return sum;
}

double ntk_cond(Passes& passes) {
  if (!finite(passes.tangent_kernel())) return undefined_score;
  const at::Tensor values = at::linalg_eigvalsh(passes.tangent_kernel());
  const double least = values.min().item<double>(), most = values.max().item<double>();
  return least > 0 ? most / least : std::numeric_limits<double>::infinity();
}

}  // namespace netwright
