#pragma once
// The second axis of one-shot search: how the architecture parameters get their gradients.
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace netwright {

// One bilevel step as an update sees it: losses on one batch of each half of the training data, each a fresh forward pass.
struct BilevelCase {
  std::function<at::Tensor()> architecture_loss;      // on the half that only architecture parameters learn from
  std::function<at::Tensor()> weight_loss;            // on the half that only weights learn from
  std::vector<at::Tensor> architecture;
  std::vector<at::Tensor> weights;
};

class ArchitectureUpdate {
 public:
  virtual ~ArchitectureUpdate() = default;
  // Leaves the gradient of every architecture parameter in its grad(), and no gradient on the weights. Returns the architecture loss.
  virtual at::Tensor gradients(const BilevelCase& bilevel) const = 0;
};

struct ArchitectureUpdateEntry {
  std::string name;
  std::string title;
  std::string paper;
  std::unique_ptr<ArchitectureUpdate> (*make)();
};

// first_order: d L_val(w, alpha) / d alpha at the present weights (DARTS, Liu et al. 2019, arXiv 1806.09055, section 2.3 with xi = 0).
// none: the parameters stay (a supernet of fixed, uniform weights: the baseline of every differentiable search).
const std::vector<ArchitectureUpdateEntry>& architecture_updates();
// Errors: UsageError with the nearest name.
std::unique_ptr<ArchitectureUpdate> make_architecture_update(std::string_view name);

}  // namespace netwright
