// A step of the weights of a supernet under each relaxation, beside a training step of one path of it as a network of its own, in turns.
//   method_step [--space darts] [--batch 16] [--threads 1] [--rounds 3]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <iostream>
#include <string_view>

#include "measure.hpp"
#include "netwright/core/error.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/supernet/relaxation.hpp"
#include "netwright/supernet/supernet.hpp"

namespace netwright::bench {
namespace {

struct Setting {
  std::string space = "darts";
  int threads = 1, rounds = 3;
  std::int64_t batch = 16;
};

Setting read(int count, char** words) {
  Setting setting;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = words[i];
    if (name == "--space") setting.space = words[i + 1];
    else if (name == "--threads") setting.threads = std::stoi(words[i + 1]);
    else if (name == "--rounds") setting.rounds = std::stoi(words[i + 1]);
    else if (name == "--batch") setting.batch = std::stoi(words[i + 1]);
    else throw UsageError("unknown option " + std::string(name));
  }
  return setting;
}

struct Batch {
  at::Tensor images, labels;
};

void forget_gradients(const std::vector<at::Tensor>& weights) {
  for (const auto& weight : weights) at::Tensor(weight).mutable_grad().reset();
}

// As one-shot training makes it: the gradients of all paths add up.
std::size_t method_step(Supernet& supernet, const Relaxation& relaxation, const ArchitectureParameters& parameters, const Batch& batch, std::uint64_t seed) {
  forget_gradients(supernet.parameters());
  Rng rng(seed);
  auto paths = relaxation.paths(parameters, rng);
  for (Mixture& mixture : paths) {
    for (auto& [name, entry] : mixture) entry.weights = entry.weights.detach();
    at::cross_entropy_loss(supernet.forward(batch.images, mixture)[0], batch.labels).backward();
  }
  return paths.size();
}

void path_step(Network& network, const Batch& batch) {
  forget_gradients(network.parameters());
  at::cross_entropy_loss(network.forward(batch.images)[0], batch.labels).backward();
}

double peak_of(const std::function<void()>& step) {
  step();   // what only the first step allocates
  forget_peak_memory();
  const double before = peak_memory_mb();
  step();
  return peak_memory_mb() - before;
}

void measure(const Setting& setting, const RelaxationEntry& entry, const Batch& batch) {
  const auto space = find_space(setting.space);
  const auto relaxation = make_relaxation(entry.name, space->decisions());
  const auto parameters = ArchitectureParameters::start(space->decisions(), Seed(3));
  const Graph open = space->open({.search = true});
  Supernet supernet(open);
  supernet.initialise(Seed(1));
  Rng rng(5);
  Network path(close(open, picks_of(space->decisions(), sample(space->decisions(), rng))));
  path.initialise(Seed(1));
  std::size_t paths = 0;
  const auto ours = [&] { paths = method_step(supernet, *relaxation, parameters, batch, 7); };
  const auto alone = [&] { path_step(path, batch); };
  const double method_mb = peak_of(ours), path_mb = peak_of(alone);
  std::vector<double> method, one, ratios;
  for (int round = 0; round < setting.rounds; ++round) {
    one.push_back(seconds_of(alone));
    method.push_back(seconds_of(ours));
    ratios.push_back(method.back() / one.back());
  }
  report("method_step", {{"space", setting.space}, {"relaxation", entry.name}, {"paths", paths}, {"batch", setting.batch}, {"threads", setting.threads},
                         {"seconds", spread(method)}, {"one_path_seconds", spread(one)}, {"times_one_path", spread(ratios)},
                         {"peak_mb_above_weights", method_mb}, {"one_path_peak_mb", path_mb}});
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  return netwright::bench::guarded("method_step", [&] {
    const auto setting = netwright::bench::read(count, words);
    at::set_num_threads(setting.threads);
    at::manual_seed(1);
    const netwright::bench::Batch batch{at::randn({setting.batch, 3, 32, 32}).contiguous(at::MemoryFormat::ChannelsLast),
                                        at::randint(10, {setting.batch}, at::kLong)};
    for (const auto& entry : netwright::relaxations())
      if (!entry.needs_policy) netwright::bench::measure(setting, entry, batch);
  });
}
