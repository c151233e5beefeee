#pragma once
// Regularisers: what is added to, or multiplied with, the architecture loss. Any number of them combine, in the order of the config.
#include <memory>

#include "netwright/supernet/relaxation.hpp"

namespace netwright {

struct RegulariserCase {
  const DecisionTree& tree;
  const ArchitectureParameters& parameters;
  const Mixture& mixture;               // the weights of this pass
  const Relaxation& relaxation;
  double progress = 0;                  // 0 in the first epoch, 1 in the last
};

class Regulariser {
 public:
  virtual ~Regulariser() = default;
  virtual at::Tensor apply(const at::Tensor& loss, const RegulariserCase& c) const = 0;
};

// What a choice costs: one row a decision, `fixed` what stands outside of all.
struct CostTable {
  std::vector<std::vector<double>> choices;
  double fixed = 0;
};

// params or macs of each choice, over all places that name its decision; what stands inside a candidate counts at its largest there, and
// an open attribute as the difference to the largest network. A select's inputs cost nothing themselves.
// For choices of closed candidates the sum over a one-hot mixture is the cost of the closed search network.
CostTable cost_table(const Graph& open, const DecisionTree& tree, const std::string& metric);
// {"decision": [cost a choice, ...], ...}: a table that was measured. Errors: UsageError naming file and decision.
CostTable read_cost_table(const std::string& file, const DecisionTree& tree);

// fixed + sum_d sum_i w_di cost_di, over what is active with certainty; a decision inside a candidate counts with that candidate's weight.
at::Tensor expected_cost(const CostTable& table, const DecisionTree& tree, const std::vector<at::Tensor>& weights);

// sum over decisions of logsumexp(a) / their number (Beta-DARTS, Ye et al. 2022, arXiv 2203.01665, eq. 11).
at::Tensor mean_log_sum_exp(const std::vector<at::Tensor>& vectors);
// -mean (sigmoid(a) - 1/2)^2, or of its absolute value (FairDARTS, Chu et al. 2020, arXiv 1911.12126, eqs. 4 and 5).
at::Tensor zero_one_loss(const std::vector<at::Tensor>& vectors, bool absolute);

struct RegulariserSource {
  const DecisionTree& tree;
  const Graph& open;
};
struct RegulariserEntry {
  std::string name;
  std::unique_ptr<Regulariser> (*make)(const PartValues& options, const RegulariserSource& source);
};
const std::vector<RegulariserEntry>& regularisers();
// Errors: UsageError with the nearest name, for a regulariser or an option.
std::unique_ptr<Regulariser> make_regulariser(std::string_view name, const std::map<std::string, std::string, std::less<>>& options, const RegulariserSource& source);

}  // namespace netwright
