// One training step (forward and backward, weights and architecture parameters) of the DARTS search network: netwright's supernet
// against the same network as plain libtorch modules, with the same weights, in turns.
//   supernet_step [--threads 1] [--rounds 9] [--batch 16] [--only netwright|plain] [--without convolve,normalise]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <iostream>
#include <string_view>

#include "measure.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/space.hpp"
#include "netwright/supernet/relaxation.hpp"
#include "netwright/supernet/supernet.hpp"
#include "plain_darts.hpp"

namespace netwright::bench {
namespace {

struct Setting {
  int threads = 1, rounds = 9;
  std::int64_t batch = 16;
  std::string only;
  std::vector<std::string> without;   // patterns that are left out (nn/fused.hpp)
};

Setting read(int count, char** words) {
  Setting setting;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = words[i];
    if (name == "--threads")
      setting.threads = std::stoi(words[i + 1]);
    else if (name == "--rounds")
      setting.rounds = std::stoi(words[i + 1]);
    else if (name == "--batch")
      setting.batch = std::stoi(words[i + 1]);
    else if (name == "--only")
      setting.only = words[i + 1];
    else if (name == "--without")
      setting.without = split(words[i + 1], ',');
    else
      throw UsageError("unknown option " + std::string(name));
  }
  return setting;
}

struct Step {
  std::vector<at::Tensor> weights, architecture;
  std::function<at::Tensor()> forward;

  void run() {
    for (auto* list : {&weights, &architecture})
      for (auto& tensor : *list) tensor.mutable_grad().reset();
    forward().backward();
  }
};

struct Case {
  at::Tensor images, labels;
  std::shared_ptr<const Space> space = find_space("darts");
  Graph graph = space->open({.search = true});
  std::unique_ptr<Relaxation> relaxation = make_relaxation("softmax", space->decisions());
  Supernet supernet, exact{graph, {.dtype = at::kDouble}};   // exact: the same weights in float64, the judge of both
  ArchitectureParameters exact_parameters, parameters = ArchitectureParameters::start(space->decisions(), Seed(3));
  std::shared_ptr<PlainDarts> plain = std::make_shared<PlainDarts>(16, 8, 10);
  at::Tensor normal, reduce;

  explicit Case(const Setting& setting) : supernet(graph, {}, {.without = setting.without}) {
    const std::int64_t batch = setting.batch;
    at::manual_seed(1);
    images = at::randn({batch, 3, 32, 32}).contiguous(at::MemoryFormat::ChannelsLast);
    labels = at::randint(10, {batch}, at::kLong);
    plain->to_channels_last();
    share_values();
  }

  // The plain network starts at the supernet's weights: both register them in the same order.
  void share_values() {
    const at::NoGradGuard no_grad;
    const auto ours = supernet.parameters();
    const auto theirs = plain->parameters();
    if (ours.size() != theirs.size()) throw Error("the networks differ in their number of weights");
    for (std::size_t i = 0; i < ours.size(); ++i) {
      if (ours[i].sizes() != theirs[i].sizes()) throw Error("weight " + std::to_string(i) + " differs in its shape");
      at::Tensor(theirs[i]).copy_(ours[i]);
    }
    const auto vectors = parameters.defined();
    normal = at::stack(at::TensorList(vectors).slice(0, 14)).detach().requires_grad_(true);
    reduce = at::stack(at::TensorList(vectors).slice(14, 14)).detach().requires_grad_(true);
  }

  Step ours() {
    return {supernet.parameters(), parameters.defined(), [this] {
              Rng rng(1);
              return at::cross_entropy_loss(supernet.forward(images, relaxation->draw(parameters, rng))[0], labels);
            }};
  }
  Step reference() {
    const at::NoGradGuard no_grad;
    const auto from = supernet.tensors(), to = exact.tensors();
    for (std::size_t i = 0; i < to.size(); ++i) at::Tensor(to[i].tensor).copy_(from[i].tensor);
    exact_parameters = parameters;
    for (auto& vector : exact_parameters.vectors)
      if (vector.defined()) vector = vector.detach().to(at::kDouble).requires_grad_(true);
    return {exact.parameters(), exact_parameters.defined(), [this] {
              Rng rng(1);
              return at::cross_entropy_loss(exact.forward(images, relaxation->draw(exact_parameters, rng))[0], labels);
            }};
  }
  Step theirs() {
    return {plain->parameters(), {normal, reduce}, [this] {
              return at::cross_entropy_loss(plain->forward(images, at::softmax(normal, 1), at::softmax(reduce, 1)), labels);
            }};
  }
};

at::Tensor flat_gradients(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> list;
  for (const auto& tensor : tensors) list.push_back(tensor.grad().reshape({-1}).to(at::kDouble));
  return at::cat(list);
}

double relative_difference(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  const at::Tensor x = flat_gradients(a), y = flat_gradients(b);
  return ((x - y).norm() / y.norm()).item<double>();
}

double peak_of(Step& step) {
  forget_peak_memory();
  step.run();
  return peak_memory_mb();
}

// What the machine could do at best: a matrix product, and a copy of 64 MB.
Json machine() {
  const at::Tensor a = at::randn({1024, 1024}), b = at::randn({1024, 1024}), big = at::randn({16 << 20});
  at::Tensor out = at::empty_like(big), product = at::mm(a, b);
  std::vector<double> gemm, copy;
  for (int i = 0; i < 5; ++i) {
    gemm.push_back(2.147 / seconds_of([&] { at::mm_out(product, a, b); }));
    copy.push_back(2 * 0.0671 / seconds_of([&] { out.copy_(big); }));
  }
  return {{"gemm_gflops", median(gemm)}, {"copy_gb_per_s", median(copy)}};
}

void compare(const Setting& setting) {
  Case networks(setting);
  Step ours = networks.ours(), theirs = networks.theirs();
  Json fields{{"threads", setting.threads}, {"batch", setting.batch}, {"without", setting.without}};
  if (setting.only.empty()) {
    fields["netwright_peak_mb"] = peak_of(ours);
    fields["plain_peak_mb"] = peak_of(theirs);
    Step exact = networks.reference();
    exact.run();
    // Float32 through 8 cells of batch norms leaves some thousandths in a gradient, whoever computes it.
    const double own = relative_difference(ours.weights, exact.weights), plain = relative_difference(theirs.weights, exact.weights);
    fields["weight_gradient_error"] = own;
    fields["plain_weight_gradient_error"] = plain;
    fields["architecture_gradient_error"] = relative_difference(ours.architecture, exact.architecture);
    fields["plain_architecture_gradient_error"] = relative_difference(theirs.architecture, exact.architecture);
    if (own > 2e-2 || plain > 2e-2) throw Error("the gradients differ: " + fields.dump());
  }
  std::vector<double> own, plain, ratios;
  for (int round = 0; round < setting.rounds; ++round) {
    if (setting.only != "plain") own.push_back(seconds_of([&] { ours.run(); }));
    if (setting.only != "netwright") plain.push_back(seconds_of([&] { theirs.run(); }));
    if (setting.only.empty()) ratios.push_back(own.back() / plain.back());
  }
  if (!own.empty()) fields["netwright_seconds"] = spread(own);
  if (!plain.empty()) fields["plain_seconds"] = spread(plain);
  if (!ratios.empty()) fields["ratio"] = spread(ratios);
  fields["gflop"] = 6e-9 * static_cast<double>(cost(networks.graph).macs * setting.batch);
  fields["activation_mb"] = 1e-6 * static_cast<double>(cost(networks.graph).activation_bytes * setting.batch);
  fields.update(machine());
  report("supernet_step", fields);
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  return netwright::bench::guarded("supernet_step", [&] {
    const auto setting = netwright::bench::read(count, words);
    at::set_num_threads(setting.threads);
    netwright::bench::compare(setting);
  });
}
