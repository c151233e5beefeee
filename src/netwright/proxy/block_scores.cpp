// Scores of AZ-NAS: what changes from one block to the next.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "netwright/proxy/blocks.hpp"
#include "netwright/proxy/scores.hpp"

namespace netwright {
namespace {

constexpr double undefined_score = std::numeric_limits<double>::quiet_NaN();

// {batch, channels, height, width} -> {places, channels} float64.
at::Tensor places(const at::Tensor& maps) { return maps.detach().to(at::kDouble).permute({0, 2, 3, 1}).reshape({-1, maps.size(1)}); }

// Entropy of the shares of the principal components' variances.
double component_entropy(const at::Tensor& maps) {
  const at::Tensor rows = places(maps), centred = rows - rows.mean(0, /*keepdim=*/true);
  const at::Tensor variances = at::linalg_eigvalsh(at::mm(centred.t(), centred) / rows.size(0));
  const at::Tensor shares = (variances / variances.sum()).clamp_min(0);  // a rounding error below 0 has no logarithm
  return -(shares * (shares + 1e-8).log()).sum().item<double>();
}

std::vector<double> entropies(Passes& passes) {
  std::vector<double> found;
  for (const std::size_t node : block_results(passes.network().graph())) found.push_back(component_entropy(passes.values()[node]));
  return found;
}

at::Tensor random_signs(const at::Tensor& like, const Seed& seed) {
  at::Tensor signs = at::empty(like.sizes(), at::kFloat);
  Rng rng = seed.rng();
  auto* values = signs.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < signs.numel(); ++i) values[i] = rng.chance(0.5) ? 1.0f : -1.0f;
  return signs.to(like.options());
}

// Puts the pixels that become one in `to` side by side as channels; what a size that does not divide lacks is zero.
at::Tensor folded(const at::Tensor& maps, const at::Tensor& to) {
  const std::int64_t factor = (maps.size(2) + to.size(2) - 1) / to.size(2);
  if (factor <= 1) return maps;
  const at::Tensor padded = at::constant_pad_nd(maps, {0, to.size(3) * factor - maps.size(3), 0, to.size(2) * factor - maps.size(2)});
  return at::pixel_unshuffle(padded, factor);
}

// -s - 1/s + 2, s the largest singular value of the mean product of a random sign with what the block's backward pass makes of it: 0 where a
// block keeps gradients' size. Minus infinity where it hands gradients on untouched.
double gradient_flow(const at::Tensor& before, const at::Tensor& after, const Seed& seed) {
  const at::Tensor out = random_signs(after, seed);
  const at::Tensor in = torch::autograd::grad({after}, {before}, {out}, /*retain_graph=*/true, false, /*allow_unused=*/true)[0];
  if (!in.defined() || (in.sizes() == out.sizes() && at::equal(in, out))) return -std::numeric_limits<double>::infinity();
  const at::Tensor rows = places(folded(in, out)), columns = places(folded(out, in));
  const double most = at::linalg_svdvals(at::mm(rows.t(), columns) / rows.size(0)).max().item<double>();
  return -most - 1 / (most + 1e-6) + 2;
}

}  // namespace

double expressivity(Passes& passes) {
  const auto found = entropies(passes);
  if (found.empty()) return undefined_score;
  double sum = 0;
  for (const double entropy : found) sum += entropy;
  return sum;
}

double progressivity(Passes& passes) {
  const auto found = entropies(passes);
  if (found.size() < 2) return undefined_score;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < found.size(); ++i) least = std::min(least, found[i] - found[i - 1]);
  return least;
}

double trainability(Passes& passes) {
  const auto blocks = block_results(passes.network().graph());
  if (blocks.size() < 2) return undefined_score;
  double sum = 0;
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    const Seed seed = passes.given().seed.derive("signs", i);
    sum += gradient_flow(passes.values()[blocks[i - 1]], passes.values()[blocks[i]], seed);
  }
  return sum / static_cast<double>(blocks.size() - 1);
}

}  // namespace netwright
