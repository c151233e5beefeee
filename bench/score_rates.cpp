// All zero-cost scores of NAS-Bench-201 cells: netwright's shared passes against each score written plainly on libtorch's modules, with the same
// weights and images, in turns. The benchmark refuses to time scores that differ.
//   score_rates [--threads 1] [--cells 6] [--batch 16] [--channels 16] [--modules 5] [--scores all] [--each 0|1] [--alone 0|1]
// --alone 1: netwright's side and nothing else, for a profiler.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <iostream>
#include <set>
#include <string_view>

#include "measure.hpp"
#include "netwright/core/error.hpp"
#include "netwright/proxy/proxy.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "plain_scores.hpp"

namespace netwright::bench {
namespace {

struct Setting {
  int threads = 1, cells = 6, each = 0, alone = 0;
  std::int64_t batch = 16, channels = 16, modules = 5;
  std::string scores = "all";
};

Setting read(int count, char** words) {
  Setting setting;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = words[i];
    const auto number = [&] { return std::stoi(words[i + 1]); };
    if (name == "--threads") setting.threads = number();
    else if (name == "--cells") setting.cells = number();
    else if (name == "--batch") setting.batch = number();
    else if (name == "--channels") setting.channels = number();
    else if (name == "--modules") setting.modules = number();
    else if (name == "--each") setting.each = number();
    else if (name == "--alone") setting.alone = number();
    else if (name == "--scores") setting.scores = words[i + 1];
    else throw UsageError("unknown option " + std::string(name));
  }
  return setting;
}

std::array<std::string, 6> operations_of(const DecisionTree& tree, const Architecture& architecture) {
  std::array<std::string, 6> found;
  for (std::size_t d = 0; d < found.size(); ++d) found[d] = tree[d].choices[static_cast<std::size_t>(architecture.picks[d])];
  return found;
}

// Both are registered in the published order.
void copy_weights(const Network& from, PlainNasbench201& to) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> wanted = to.parameters();
  std::size_t next = 0;
  for (const auto& named : from.tensors())
    if (named.trainable) wanted.at(next++).copy_(named.tensor);
  if (next != wanted.size()) throw Error("the networks have other parameters");
}

bool agree(const std::string& name, double ours, double theirs) {
  if (name == "trainability" || (!std::isfinite(ours) && !std::isfinite(theirs))) return true;  // draws its own signs
  // Condition numbers, 1/v of the smallest eigenvalues and of the smallest deviations magnify float32's rounding.
  static const std::set<std::string> magnified{"ntk_cond", "grasp", "jacob_cov", "epe_nas", "zico"};
  const double tolerance = magnified.contains(name) ? 0.1 : 1e-2;
  return std::abs(ours - theirs) <= tolerance * std::max(1.0, std::abs(theirs));
}

struct Times {
  std::vector<double> own, plain, ratios;
};

void compare_cell(const Setting& setting, const Graph& graph, const std::array<std::string, 6>& operations, Times& times, Json& each) {
  const ProxyOptions options{.batch = setting.batch, .seed = Seed(1)};
  std::map<std::string, double> ours, theirs;
  double own = seconds_of([&] { ours = score(graph, {.names = {setting.scores}, .batch = setting.batch, .seed = Seed(1)}); }), plain = 0;
  const ProxyCase made = prepare(graph, options);
  PlainNasbench201 network(operations, setting.channels, setting.modules, 10);
  copy_weights(*made.network, network);
  for (const PlainScore& one : plain_scores()) {
    if (!ours.contains(one.name)) continue;
    PlainCase given{network, made.inputs, made.noise, made.targets};
    if (one.name == "zen") {  // reads what norms have counted
      for (auto& buffer : network.named_buffers()) buffer.value().fill_(buffer.key().ends_with("running_var") ? 1 : 0);
    }
    const double seconds = seconds_of([&] { theirs[one.name] = one.compute(given); });
    plain += seconds;
    each[one.name] = each.value(one.name, 0.0) + seconds;
  }
  for (const auto& [name, value] : ours)
    if (!agree(name, value, theirs.at(name))) throw Error(name + " differs: " + std::to_string(value) + " and " + std::to_string(theirs.at(name)));
  times.own.push_back(own);
  times.plain.push_back(plain);
  times.ratios.push_back(plain / own);
}

void compare(const Setting& setting) {
  const auto space = find_space("nasbench201");
  const NetworkOptions network{.settings = {{"channels", std::to_string(setting.channels)}, {"cells", std::to_string(setting.modules)}}};
  Rng rng(5);
  Times times;
  Json each = Json::object(), own_each = Json::object();
  for (int i = 0; i < setting.cells; ++i) {
    const Architecture architecture = sample(space->decisions(), rng);
    const Graph graph = space->close(architecture, network);
    if (setting.alone != 0) {
      score(graph, {.names = {setting.scores}, .batch = setting.batch, .seed = Seed(1)});
      continue;
    }
    compare_cell(setting, graph, operations_of(space->decisions(), architecture), times, each);
    for (const PlainScore& one : plain_scores())
      if (setting.each != 0)
        own_each[one.name] = own_each.value(one.name, 0.0) + seconds_of([&] { score(graph, {.names = {one.name}, .batch = setting.batch, .seed = Seed(1)}); });
  }
  if (setting.alone != 0) return;
  Json fields{{"threads", setting.threads}, {"batch", setting.batch}, {"scores", setting.scores}, {"times_faster", spread(times.ratios)},
              {"netwright_seconds", spread(times.own)}, {"plain_seconds", spread(times.plain)}, {"plain_seconds_by_score", each}};
  if (setting.each != 0) fields["netwright_seconds_by_score"] = own_each;
  report("score_rates", fields);
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  return netwright::bench::guarded("score_rates", [&] {
    const auto setting = netwright::bench::read(count, words);
    at::set_num_threads(setting.threads);
    netwright::bench::compare(setting);
  });
}
