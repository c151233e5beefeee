// Differentiable search in its smallest form: two cells, each one edge that is a 3x3 convolution, a 5x5 convolution or nothing.
// The images are stripes, across, upright or along either diagonal, in noise.
#include <ATen/ATen.h>

#include <iostream>

#include "netwright/space/space.hpp"
#include "netwright/supernet/derive.hpp"
#include "netwright/supernet/relaxation.hpp"
#include "netwright/supernet/supernet.hpp"
#include "netwright/training/device.hpp"
#include "netwright/training/optimiser.hpp"

std::pair<at::Tensor, at::Tensor> stripes(std::int64_t count) {
  const at::Tensor labels = at::randint(4, {count}, at::kLong), angle = labels.view({-1, 1, 1, 1}).to(at::kFloat) * 0.7853982;
  const at::Tensor x = at::arange(16, at::kFloat).view({1, 1, 1, 16}), y = x.transpose(2, 3),
                   phase = 6.2831853 * at::empty({count, 1, 1, 1}).uniform_();
  return {at::sin(1.3 * (x * at::cos(angle) + y * at::sin(angle)) + phase) + 0.5 * at::randn({count, 1, 16, 16}), labels};
}

int main() {
  const netwright::Seed seed(1);
  netwright::open_device("cpu", 1);
  netwright::seed_torch(seed);
  const auto space = netwright::find_space("minimal2");
  netwright::Supernet supernet(space->open({.input = {1, 16, 16}, .classes = 4, .search = true}));
  supernet.initialise(seed.derive("weights"));
  auto alphas = netwright::ArchitectureParameters::start(space->decisions(), seed.derive("alphas"));
  const auto relaxation = netwright::make_relaxation("softmax", space->decisions());
  netwright::Optimiser learn(supernet.parameters(), {.learning_rate = 0.05, .weight_decay = 3e-4});
  netwright::Optimiser choose(alphas.defined(), {.name = "adam", .learning_rate = 0.02, .beta1 = 0.5});
  netwright::Rng rng = seed.derive("draws").rng();
  double loss_value = 0;
  const auto step = [&](netwright::Optimiser& optimiser) {  // each step on images of its own: weights and alphas never share any
    const auto [images, labels] = stripes(32);
    learn.clear_gradients(), choose.clear_gradients();
    const at::Tensor loss = at::cross_entropy_loss(supernet.forward(images, relaxation->draw(alphas, rng))[0], labels);
    loss.backward(), optimiser.step();
    loss_value = loss.item<double>();
  };
  for (int round = 0; round < 60; ++round) step(choose), step(learn);
  std::cout << "loss " << loss_value << '\n';
  if (loss_value > 0.9) return 1;  // guessing gives 1.39
  std::cout << "derived: " << space->print(netwright::strongest(space->decisions(), relaxation->probabilities(alphas))) << '\n';
}
