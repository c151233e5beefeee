#pragma once
// The second axis of one-shot search: how the architecture parameters get their gradients.
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "netwright/nn/network.hpp"
#include "netwright/strategy/one_shot_parts.hpp"
#include "netwright/supernet/relaxation.hpp"

namespace netwright {

// One bilevel step as an update sees it: losses on one batch of each half of the training data, each a fresh forward pass.
struct BilevelCase {
  std::function<at::Tensor()> architecture_loss;      // on the half that only architecture parameters learn from
  std::function<at::Tensor()> weight_loss;            // on the half that only weights learn from; one draw of the relaxation a step
  std::vector<at::Tensor> architecture;
  std::vector<at::Tensor> weights;
  // The next step of the weights, for what looks ahead: w - rate (momentum m + dL + weight_decay w).
  double rate = 0;
  double momentum = 0;
  double weight_decay = 0;
  std::vector<at::Tensor> buffers = {};               // m, one a weight; undefined or missing = zero
  // For what learns by rewards: a draw from the policy, and how good it is on the architecture parameters' half, in [0, 1].
  std::function<Policy::Sample()> sample = {};
  std::function<double(const Architecture&)> reward = {};
};

class ArchitectureUpdate {
 public:
  virtual ~ArchitectureUpdate() = default;
  // Leaves the gradient of every architecture parameter in its grad(), and no gradient on the weights, which are as before. Returns
  // the architecture loss; what learns by rewards returns one minus their mean.
  virtual at::Tensor gradients(const BilevelCase& bilevel) = 0;
  virtual bool single_level() const { return false; }   // the architecture loss is taken on the weights' own batch
  virtual bool by_reward() const { return false; }      // asks for `sample` and `reward`, not for a differentiable relaxation
  virtual bool differentiates_twice() const { return false; }   // asks for losses without fused kernels
  virtual bool moves() const { return true; }           // false: the parameters stay, no step is made
  virtual std::vector<NamedTensor> state() const { return {}; }   // shared with the update: saving copies it, loading writes into it
};

struct ArchitectureUpdateEntry {
  std::string name;
  std::unique_ptr<ArchitectureUpdate> (*make)(const PartValues& options);
};

// first_order: d L_val(w, a) / d a at the present weights (DARTS, Liu et al. 2019, arXiv 1806.09055, section 2.3 with xi = 0).
// second_order: with w' one step ahead, v = d L_val(w', a) / d w', e = radius / |v| (norm over all weights together):
//   d L_val(w', a) / d a - rate [d L_train(w + e v, a) / d a - d L_train(w - e v, a) / d a] / (2 e)   (eqs. 7 and 8, released code)
//   Momentum and weight decay are in w' and are not differentiated. Two passes more; the weights are put back bit for bit.
//   hessian = exact differentiates twice in place of the difference; it needs a supernet without fused sums.
// single_level: d L_train(w, a) / d a. reinforce: -(R - b) d log p / d a over some samples (strategy/reward_baseline.hpp).
// none: the parameters stay (a supernet of fixed weights: the baseline of every differentiable search, and all of SPOS' training).
const std::vector<ArchitectureUpdateEntry>& architecture_updates();
// Errors: UsageError with the nearest name, for an update or an option.
std::unique_ptr<ArchitectureUpdate> make_architecture_update(std::string_view name, const std::map<std::string, std::string, std::less<>>& options = {});

// The weights after the step that second_order looks ahead to.
std::vector<at::Tensor> weights_ahead(const BilevelCase& bilevel);

}  // namespace netwright
