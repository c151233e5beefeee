// One training step (forward and backward) of a kind of network, on fused kernels and on torch's operations one by one, in turns.
//   training_step [--work darts] [--batch 16] [--threads 1] [--rounds 5] [--side both] [--alone 0] [--checkpoint 0] [--paced 0]
// --side fused or torch: that one by itself. --alone N: N steps of the fused side and nothing else, for a profiler. --checkpoint 1: that side computes
// cells again in backward.
// --paced 1: says "ready" before each round and waits for a line: bench/rivals/in_turns.py gives them to a process of each side and to its rivals by
// turns; with --alone the seconds of each step follow: bench/builds_in_turns.py gives them to programs of several builds.
// bench/rivals/training_step.py times the same networks written in PyTorch's own modules.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <ctime>
#include <iostream>
#include <string_view>

#include "measure.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/nn/fused.hpp"
#include "netwright/space/architectures.hpp"
#include "netwright/space/space.hpp"
#include "netwright/supernet/relaxation.hpp"
#include "netwright/supernet/supernet.hpp"

namespace netwright::bench {
namespace {

struct Work {
  std::string name, meaning, space;
  std::string relaxation;        // of a supernet; empty: the published network `network`
  std::string network;
  std::int64_t batch, side = 32;
};

const std::vector<Work>& works() {
  static const std::vector<Work> list = {
      {"darts", "DARTS supernet, 16 channels, 8 cells, all candidates", "darts", "softmax", "", 16},
      {"darts_path", "the same, one candidate an edge (GDAS)", "darts", "gumbel_hard", "", 16},
      {"darts_v2", "DARTS_V2 to be trained, 36 channels, 20 cells", "darts", "", "darts/DARTS_V2@cifar", 32},
      {"nasbench201", "NAS-Bench-201 supernet, all candidates", "nasbench201", "softmax", "", 64},
      {"mobile", "Once-for-All's MobileNetV3 supernet, its largest network", "ofa_mobilenetv3", "sandwich", "", 8, 112},
      {"mobile_path", "the same, a network drawn at random", "ofa_mobilenetv3", "uniform", "", 8, 112},
  };
  return list;
}

const Work& find_work(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& work : works()) {
    if (work.name == name) return work;
    names.push_back(work.name);
  }
  throw UsageError("unknown work '" + std::string(name) + "'" + name_hint(name, names));
}

struct Setting {
  std::string work = "darts", side = "both";
  int threads = 1, rounds = 5, alone = 0, checkpoint = 0, paced = 0;
  std::int64_t batch = 0;        // 0: the work's own
};

Setting read(int count, char** words) {
  Setting setting;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = words[i];
    if (name == "--work")
      setting.work = words[i + 1];
    else if (name == "--side")
      setting.side = words[i + 1];
    else if (name == "--threads")
      setting.threads = std::stoi(words[i + 1]);
    else if (name == "--rounds")
      setting.rounds = std::stoi(words[i + 1]);
    else if (name == "--alone")
      setting.alone = std::stoi(words[i + 1]);
    else if (name == "--checkpoint")
      setting.checkpoint = std::stoi(words[i + 1]);
    else if (name == "--paced")
      setting.paced = std::stoi(words[i + 1]);
    else if (name == "--batch")
      setting.batch = std::stoi(words[i + 1]);
    else
      throw UsageError("unknown option " + std::string(name));
  }
  if (setting.side != "both" && setting.side != "fused" && setting.side != "torch") throw UsageError("unknown side '" + setting.side + "': both, fused or torch");
  if (setting.alone > 0) setting.side = "fused";
  return setting;
}

// A network of the work with its loss; every step of one seed draws the same paths.
class Side {
 public:
  Side(const Work& work, const Graph& graph, const DecisionTree& tree, const LoweringOptions& lowering)
      : parameters_(ArchitectureParameters::start(tree, Seed(3))) {
    if (!work.relaxation.empty()) relaxation_ = make_relaxation(work.relaxation, tree);
    if (relaxation_) supernet_ = std::make_unique<Supernet>(graph, NetworkPlace{}, lowering);
    else network_ = std::make_unique<Network>(graph, NetworkPlace{}, lowering);
    if (supernet_) supernet_->initialise(Seed(1));
    else network_->initialise(Seed(1));
  }

  double step(const at::Tensor& images, const at::Tensor& labels, std::uint64_t seed) {
    for (const auto& list : {weights(), parameters_.defined()})
      for (const auto& tensor : list) at::Tensor(tensor).mutable_grad().reset();
    Rng rng(seed);
    at::manual_seed(seed);  // of dropout
    const at::Tensor scores = supernet_ ? supernet_->forward(images, relaxation_->paths(parameters_, rng)[0])[0] : network_->forward(images)[0];
    const at::Tensor loss = at::cross_entropy_loss(scores, labels);
    loss.backward();
    return loss.item<double>();
  }

  std::vector<at::Tensor> weights() const { return supernet_ ? supernet_->parameters() : network_->parameters(); }

 private:
  ArchitectureParameters parameters_;
  std::unique_ptr<Relaxation> relaxation_;
  std::unique_ptr<Supernet> supernet_;
  std::unique_ptr<Network> network_;
};

std::vector<std::string> all_patterns() {
  std::vector<std::string> names{"weighted_sum", "shared"};
  for (const auto& pattern : fused_patterns()) names.push_back(pattern.name);
  return names;
}

// Of all threads of this process.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void wait_for_turn() {
  std::cout << "ready" << std::endl;
  std::string line;
  if (!std::getline(std::cin, line)) throw Error("nobody gives turns any more");
}

Graph published(std::string_view name) {
  const auto [architecture, network] = find_named_network(name);
  return find_space(architecture.space)->network(architecture.text, network.options);
}

// The first steps of a process take memory from the system: they are not timed.
constexpr int kFirstSteps = 3;

// One side, what it is measured by and what its numbers are called in front.
struct Timed {
  Side side;
  std::string prefix;
  double peak_mb = 0, loss = 0;
  std::vector<double> seconds = {}, processor = {};

  void begin(const at::Tensor& images, const at::Tensor& labels) {
    forget_peak_memory();
    const double before = peak_memory_mb();
    for (int i = 0; i < kFirstSteps; ++i) loss = side.step(images, labels, 1);
    peak_mb = peak_memory_mb() - before;
  }
  void time(const at::Tensor& images, const at::Tensor& labels, int round) {
    const double before = processor_seconds();
    seconds.push_back(seconds_of([&] { side.step(images, labels, static_cast<std::uint64_t>(round)); }));
    processor.push_back(processor_seconds() - before);
  }
  void tell(Json& fields) const {
    fields[prefix + "peak_mb_above_weights"] = peak_mb;
    fields[prefix + "seconds"] = spread(seconds);
    fields[prefix + "processor_seconds"] = median(processor);
  }
};

std::vector<Timed> sides_of(const Setting& setting, const Work& work, const Space& space) {
  const bool search = !work.relaxation.empty();
  const Graph graph = search ? space.open({.input = {3, work.side, work.side}, .search = true}) : published(work.network);
  std::vector<std::string> without = all_patterns();
  if (!search) without.erase(without.begin(), without.begin() + 2);   // those two are the supernet's
  std::vector<Timed> sides;
  if (setting.side != "torch") sides.push_back({Side(work, graph, space.decisions(), {.checkpoint = setting.checkpoint != 0}), ""});
  if (setting.side != "fused") sides.push_back({Side(work, graph, space.decisions(), {.without = without}), "torch_"});
  return sides;
}

void run_alone(const Setting& setting, Side& side, const at::Tensor& images, const at::Tensor& labels) {
  for (int i = 0; i < setting.alone; ++i) {
    if (setting.paced != 0) wait_for_turn();
    const double seconds = seconds_of([&] { side.step(images, labels, static_cast<std::uint64_t>(i)); });
    if (setting.paced != 0) std::cout << seconds << '\n';
  }
}

void compare(const Setting& setting) {
  const Work& work = find_work(setting.work);
  const auto space = find_space(work.space);
  std::vector<Timed> sides = sides_of(setting, work, *space);
  const std::int64_t batch = setting.batch > 0 ? setting.batch : work.batch;
  at::manual_seed(1);
  const at::Tensor images = at::randn({batch, 3, work.side, work.side}).contiguous(at::MemoryFormat::ChannelsLast), labels = at::randint(10, {batch}, at::kLong);
  if (setting.alone > 0) return run_alone(setting, sides[0].side, images, labels);
  for (auto& timed : sides) timed.begin(images, labels);
  if (const double apart = std::abs(sides.front().loss - sides.back().loss); apart > 1e-3) throw Error("the losses differ by " + std::to_string(apart));
  std::vector<double> ratios;
  for (int round = 0; round < setting.rounds; ++round) {
    if (setting.paced != 0) wait_for_turn();
    for (auto& timed : sides) timed.time(images, labels, round);
    ratios.push_back(sides.back().seconds.back() / sides.front().seconds.back());
  }
  Json fields{{"work", work.name}, {"meaning", work.meaning}, {"batch", batch}, {"threads", setting.threads}};
  std::int64_t weights = 0;
  for (const auto& tensor : sides[0].side.weights()) weights += tensor.numel();
  fields["weights"] = weights;
  for (const auto& timed : sides) timed.tell(fields);
  if (sides.size() > 1) fields["times_faster"] = spread(ratios);
  report("training_step", fields);
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  return netwright::bench::guarded("training_step", [&] {
    const auto setting = netwright::bench::read(count, words);
    at::set_num_threads(setting.threads);
    netwright::bench::compare(setting);
  });
}
