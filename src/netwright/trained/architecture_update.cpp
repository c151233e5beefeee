#include "netwright/trained/architecture_update.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

class FirstOrder : public ArchitectureUpdate {
 public:
  at::Tensor gradients(const BilevelCase& bilevel) const override {
    // Asking autograd for these gradients alone spares those of the weights.
    const at::Tensor loss = bilevel.architecture_loss();
    const auto gradients = torch::autograd::grad({loss}, bilevel.architecture, {}, std::nullopt, false, true);
    for (std::size_t i = 0; i < gradients.size(); ++i) bilevel.architecture[i].mutable_grad() = gradients[i];
    return loss.detach();
  }
};

class Fixed : public ArchitectureUpdate {
 public:
  at::Tensor gradients(const BilevelCase& bilevel) const override {
    const at::NoGradGuard no_grad;
    return bilevel.architecture_loss();
  }
};

}  // namespace

const std::vector<ArchitectureUpdateEntry>& architecture_updates() {
  static const std::vector<ArchitectureUpdateEntry> list = {
      {"first_order", "gradient of the validation loss at the present weights", "Liu et al. 2019, arXiv 1806.09055",
       []() -> std::unique_ptr<ArchitectureUpdate> { return std::make_unique<FirstOrder>(); }},
      {"none", "the parameters stay as they started", "", []() -> std::unique_ptr<ArchitectureUpdate> { return std::make_unique<Fixed>(); }},
  };
  return list;
}

std::unique_ptr<ArchitectureUpdate> make_architecture_update(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& entry : architecture_updates()) {
    if (entry.name == name) return entry.make();
    names.push_back(entry.name);
  }
  throw UsageError("unknown architecture update '" + std::string(name) + "'" + name_hint(name, names));
}

}  // namespace netwright
