// A relaxation of one's own: softmax without what is below half of the uniform share. What gets weight zero is not run.
#include <ATen/ATen.h>

#include <iostream>

#include "netwright/space/space.hpp"
#include "netwright/supernet/independent.hpp"
#include "netwright/supernet/supernet.hpp"

namespace {

class Clipped : public netwright::IndependentRelaxation {
 public:
  using IndependentRelaxation::IndependentRelaxation;

 protected:
  netwright::MixtureEntry weigh(const at::Tensor& logits, const netwright::Decision&, const netwright::DrawCase&) const override {
    const at::Tensor share = at::softmax(logits, 0);
    const at::Tensor clipped = at::relu(share - 0.5 / static_cast<double>(logits.numel()));
    const at::Tensor weights = clipped / clipped.sum();
    return {weights, netwright::to_values(weights)};
  }
};

}  // namespace

int main() {
  const auto space = netwright::find_space("nasbench201");
  netwright::Supernet supernet(space->open({.input = {3, 8, 8}, .search = true, .settings = {{"channels", "4"}, {"cells", "1"}}}));
  // Uneven parameters, so that some candidates fall below the bound. OneShot::use_relaxation takes the same object for a whole search.
  const auto alphas = netwright::ArchitectureParameters::start(space->decisions(), netwright::Seed(1), {}, {.deviation = 1.5});
  const Clipped relaxation(space->decisions());
  netwright::Rng rng(1);
  const netwright::Mixture mixture = relaxation.draw(alphas, rng);
  int idle = 0;
  for (const auto& [decision, entry] : mixture)
    for (const double weight : entry.values) idle += weight == 0 ? 1 : 0;
  const at::Tensor logits = supernet.forward(at::randn({2, 3, 8, 8}), mixture)[0];
  logits.square().sum().backward();
  std::cout << "candidates that are not run: " << idle << " of " << 5 * mixture.size() << ", parameters learn: " << alphas.vectors[0].grad().defined() << '\n';
}
