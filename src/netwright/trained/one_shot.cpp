#include "netwright/trained/one_shot.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "netwright/config/method.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/learned/policy.hpp"
#include "netwright/nn/fused.hpp"
#include "netwright/supernet/derive.hpp"
#include "netwright/supernet/elastic.hpp"
#include "netwright/supernet/partial.hpp"
#include "netwright/trained/stage.hpp"
#include "netwright/training/checkpoint.hpp"
#include "netwright/training/device.hpp"
#include "netwright/training/schedule.hpp"

namespace netwright {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t kLossCheckSteps = 20;   // how often a loss is read back from the device
constexpr std::int64_t kFirstGrowth = 10;      // epochs before the growth of the eigenvalue says something

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void check(const SupernetOptions& o, const Graph& open) {
  if (o.epochs < 1) throw UsageError("supernet: epochs is " + std::to_string(o.epochs) + "; at least 1 is needed");
  if (o.batch < 2) throw UsageError("supernet: batch is " + std::to_string(o.batch) + "; batch statistics need at least 2");
  if (o.learning_rate <= 0 || o.architecture_learning_rate <= 0) throw UsageError("supernet: learning rates must be above 0");
  if (const std::string reason = misfit(o, open); !reason.empty()) throw Unsupported("supernet: " + reason);
}

nlohmann::json to_json(const OneShotReport& r) {
  return {{"epoch", r.epoch}, {"train_loss", r.train_loss}, {"train_accuracy", r.train_accuracy}, {"architecture_loss", r.architecture_loss},
          {"val_accuracy", r.val_accuracy}, {"val_loss", r.val_loss}, {"seconds", r.seconds}, {"probabilities", r.probabilities},
          {"skips", r.skips}, {"picks", r.picks}, {"parameters", r.parameters}, {"eigenvalue", r.eigenvalue}};
}

OneShotReport from_json(const nlohmann::json& j) {
  OneShotReport r;
  r.epoch = j.at("epoch"), r.train_loss = j.at("train_loss"), r.train_accuracy = j.at("train_accuracy"), r.architecture_loss = j.at("architecture_loss");
  r.val_accuracy = j.at("val_accuracy"), r.val_loss = j.at("val_loss"), r.seconds = j.at("seconds");
  r.probabilities = j.at("probabilities").get<std::vector<std::vector<double>>>();
  r.parameters = j.at("parameters").get<std::vector<std::vector<double>>>();
  r.skips = j.at("skips"), r.picks = j.at("picks"), r.eigenvalue = j.at("eigenvalue");
  return r;
}

LoweringOptions lowering_of(LoweringOptions lowering, const SupernetOptions& o) {
  lowering.kernel_transform = lowering.kernel_transform || o.kernel_transform;
  lowering.checkpoint = lowering.checkpoint || o.checkpoint;
  if (!make_architecture_update(o.update, o.update_options)->differentiates_twice()) return lowering;
  lowering.without.push_back("weighted_sum");
  for (const auto& pattern : fused_patterns()) lowering.without.push_back(pattern.name);
  return lowering;
}

// A controller where the relaxation draws from one; the parameters themselves where only the update asks for draws.
std::shared_ptr<const Policy> policy_of(const DecisionTree& tree, const SupernetOptions& o, const ArchitectureUpdate& update,
                                        const ArchitectureParameters& parameters, const Seed& seed, NetworkPlace place) {
  if (!find_relaxation(o.relaxation).needs_policy) return update.by_reward() ? make_parameter_policy(tree, parameters) : nullptr;
  const PartValues options(find_part(relaxation_parts(), "relaxation", o.relaxation), o.relaxation_options);
  return make_controller(tree, {static_cast<std::int64_t>(options.number("hidden")), options.number("temperature"), options.number("tanh_constant")},
                         seed.derive("policy"), place);
}

// Which choices only hand their input on, by decision; of all places that name it.
std::map<std::string, std::vector<bool>, std::less<>> skips_of(const Graph& graph) {
  std::map<std::string, std::vector<bool>, std::less<>> found;
  for (const Node& node : graph.nodes) {
    for (std::size_t i = 0; i < node.branches.size(); ++i) {
      if (node.branches[i].body.empty()) continue;
      const Graph& inner = node.branches[i].graph();
      for (auto& [name, list] : skips_of(inner)) found.emplace(name, list);
      if (node.op != "choice") continue;
      auto& list = found[node.decision];
      list.resize(node.branches.size(), false);
      list[i] = list[i] || std::all_of(inner.nodes.begin(), inner.nodes.end(), [](const Node& n) { return n.op == "input" || n.op == "identity"; });
    }
  }
  return found;
}

// Normal directions of a fixed stream, for the power iteration.
std::vector<at::Tensor> directions(const std::vector<at::Tensor>& like, const Seed& seed) {
  Rng rng = seed.rng();
  std::vector<at::Tensor> list;
  for (const auto& tensor : like) {
    std::vector<double> values(static_cast<std::size_t>(tensor.numel()));
    for (auto& value : values) value = rng.normal();
    list.push_back(at::tensor(values, at::kDouble).to(tensor.device(), tensor.scalar_type()).reshape(tensor.sizes()));
  }
  return list;
}

std::vector<double> numbers_of(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  return {plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel()};
}

// Puts a supernet's running statistics back when it is left: what only looks at shared weights must not move them.
class KeptBuffers {
 public:
  explicit KeptBuffers(const Supernet& supernet) {
    const at::NoGradGuard no_grad;
    for (const auto& named : supernet.tensors())
      if (!named.trainable) buffers_.emplace_back(named.tensor, named.tensor.clone());
  }
  ~KeptBuffers() {
    const at::NoGradGuard no_grad;
    for (auto& [buffer, value] : buffers_) buffer.copy_(value);
  }
  KeptBuffers(const KeptBuffers&) = delete;
  KeptBuffers& operator=(const KeptBuffers&) = delete;

 private:
  std::vector<std::pair<at::Tensor, at::Tensor>> buffers_;
};

// The accuracy; of a text 1 / perplexity.
double reward_of(const at::Tensor& scores, const at::Tensor& targets) {
  if (scores.dim() == 3) return std::exp(-at::cross_entropy_loss(rows(scores), targets).item<double>());
  return scores.argmax(1).eq(targets).to(at::kDouble).mean().item<double>();
}

double norm_of(const std::vector<at::Tensor>& tensors) {
  double sum = 0;
  for (const auto& tensor : tensors) sum += tensor.to(at::kDouble).square().sum().item<double>();
  return std::sqrt(sum);
}

at::Tensor resized(const at::Tensor& images, std::int64_t side) {
  if (side == 0 || (images.size(2) == side && images.size(3) == side)) return images;
  return at::_upsample_bilinear2d_aa(images, {side, side}, /*align_corners=*/false).contiguous(images.suggest_memory_format());
}

double mean_of(const std::vector<OneShotReport>& history, std::size_t end, std::size_t count) {
  double sum = 0;
  for (std::size_t i = end - count; i < end; ++i) sum += history[i].eigenvalue;
  return sum / static_cast<double>(count);
}

}  // namespace

// The running sums of one epoch; they stay on the device until they are read.
struct OneShot::Steps {
  at::Tensor loss, architecture_loss, hits;
  std::int64_t steps = 0, images = 0, architecture_steps = 0;

  explicit Steps(at::Device device) {
    const at::NoGradGuard no_grad;
    loss = at::zeros({}, at::TensorOptions(at::kDouble).device(device));
    architecture_loss = at::zeros_like(loss), hits = at::zeros_like(loss);
  }

  void add(const at::Tensor& step_loss, const at::Tensor& logits, const at::Tensor& targets) {
    const at::NoGradGuard no_grad;
    loss += step_loss.detach();
    hits += logits.detach().argmax(1).eq(targets).sum();
    ++steps, images += targets.size(0);
  }

  void add_architecture(const at::Tensor& step_loss) {
    const at::NoGradGuard no_grad;
    architecture_loss += step_loss;
    ++architecture_steps;
  }

  void check(std::int64_t epoch) const {
    if (!std::isfinite(loss.item<double>()) || !std::isfinite(architecture_loss.item<double>()))
      throw Diverged("diverged: loss is no finite number in epoch " + std::to_string(epoch) + ", by step " + std::to_string(steps));
  }
};

OneShot::OneShot(const DecisionTree& tree, const Graph& open, const SupernetOptions& options, const Seed& seed, NetworkPlace place, const LoweringOptions& lowering)
    : tree_(tree),
      options_((check(options, open), options)),
      seed_(seed),
      place_(place),
      lowering_(lowering_of(lowering, options)),
      supernet_(partial_channels(open, options.partial), place, lowering_),
      parameters_(ArchitectureParameters::start(tree, seed, place, {.edges = options.edge_weights, .search_only = options.search_only})),
      update_(make_architecture_update(options.update, options.update_options)),
      weights_(weight_optimiser()),
      architecture_({}, {.name = "adam"}) {
  if (tree.size() == 0) throw UsageError("the space has no decision: there is nothing to search");
  policy_ = policy_of(tree, options, *update_, parameters_, seed, place);
  relaxation_ = make_relaxation(options.relaxation, {tree, PartValues(find_part(relaxation_parts(), "relaxation", options.relaxation), options.relaxation_options), policy_});
  for (const auto& part : options.regularisers) regularisers_.push_back(make_regulariser(part.name, part.options, {tree, open}));
  architecture_ = architecture_optimiser();
  supernet_.initialise(seed.derive("weights"));
  out_ = parameters_.out;
  enter_stage(0);
}

Optimiser OneShot::weight_optimiser() const {
  return Optimiser(supernet_.parameters(), {.name = "sgd", .learning_rate = options_.learning_rate, .momentum = options_.momentum, .nesterov = false,
                                            .weight_decay = options_.weight_decay});
}

Optimiser OneShot::architecture_optimiser() const {
  return Optimiser(learned(), {.name = "adam", .learning_rate = options_.architecture_learning_rate, .beta1 = options_.architecture_beta1, .beta2 = 0.999,
                               .weight_decay = options_.architecture_weight_decay});
}

std::vector<at::Tensor> OneShot::learned() const {
  if (!policy_) return parameters_.defined();
  std::vector<at::Tensor> list;
  for (const auto& named : policy_->parameters()) list.push_back(named.tensor);
  return list;
}

// ---- stages ----

struct OneShot::StagePlace {
  StageOptions stage;
  std::int64_t index = 0, before = 0, epochs = 0;
  bool anew = false;    // some stage starts anew or at a rate of its own: schedules then run within stages
};

std::int64_t OneShot::epochs() const {
  std::int64_t total = 0;
  for (const auto& stage : options_.stages) total += stage.epochs;
  return options_.stages.empty() ? options_.epochs : total;
}

OneShot::StagePlace OneShot::place_of(std::int64_t epoch) const {
  StagePlace place;
  place.epochs = epochs();
  if (options_.stages.empty()) return place;
  for (const auto& stage : options_.stages) place.anew = place.anew || stage.fresh || stage.learning_rate > 0;
  while (epoch > place.before + options_.stages[static_cast<std::size_t>(place.index)].epochs) place.before += options_.stages[static_cast<std::size_t>(place.index++)].epochs;
  place.stage = options_.stages[static_cast<std::size_t>(place.index)];
  if (place.anew) place.epochs = place.stage.epochs;
  return place;
}

double OneShot::progress(std::int64_t epoch) const {
  const StagePlace place = place_of(epoch);
  const std::int64_t done = place.anew ? epoch - place.before - 1 : epoch - 1;
  return place.epochs > 1 ? static_cast<double>(done) / static_cast<double>(place.epochs - 1) : 0.0;
}

void OneShot::close_stage(std::int64_t epoch) {
  const StagePlace place = place_of(epoch);
  const std::int64_t within = epoch - place.before;
  if (place.stage.close_every > 0 && within % place.stage.close_every == 0) close_best_edge(tree_, parameters_, probabilities());
  if (options_.stages.empty() || within != place.stage.epochs) return;
  const auto last = static_cast<std::int64_t>(options_.stages.size()) - 1;
  // A policy never draws search-only choices: they are the first to go.
  if (place.stage.keep > 0) drop_choices(tree_, parameters_, probabilities(), static_cast<int>(place.stage.keep), policy_ || place.index + 1 == last);
  if (place.index == last) return;
  if (options_.stages[static_cast<std::size_t>(place.index) + 1].fresh) start_anew(place.index + 1);
  enter_stage(place.index + 1);
}

void OneShot::enter_stage(std::int64_t index) {
  if (options_.stages.empty()) return;
  const StageOptions& stage = options_.stages[static_cast<std::size_t>(index)];
  const bool opens = std::any_of(options_.stages.begin(), options_.stages.end(), [](const StageOptions& s) { return s.open.has_value(); });
  if (opens) parameters_.out = out_;
  if (stage.open) open_choices(tree_, parameters_, *stage.open);
  if (index == 0) return;
  if (stage.teacher && !teacher_) freeze_teacher();
  if (stage.sort_channels) sort_channels(supernet_.graph(), supernet_.tensors());
  if (stage.sort_channels || stage.learning_rate > 0) weights_ = weight_optimiser();  // its momentum belongs to other channels, another rate
}

void OneShot::freeze_teacher() {
  teacher_ = std::make_unique<Supernet>(supernet_.graph(), place_, lowering_);
  teacher_sides_.clear();
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < supernet_.tensors().size(); ++i) {
    at::Tensor to = teacher_->tensors()[i].tensor;
    to.copy_(supernet_.tensors()[i].tensor);
  }
  teacher_->set_noise(false);
}

void OneShot::grow(std::int64_t stage) {
  while (stage > 0 && options_.stages[static_cast<std::size_t>(stage)].network.empty()) --stage;
  if (stage == grown_) return;
  grown_ = stage;
  supernet_ = Supernet(opened(0), place_, lowering_);
  sides_.clear();
  weights_ = weight_optimiser();
}

// ---- resolutions ----

Graph OneShot::opened(std::int64_t side) const {
  if (!open_) throw Error("a stage's network or a resolution asks for another graph, and nothing says how the space's is made");
  const Settings settings = options_.stages.empty() ? Settings{} : options_.stages[static_cast<std::size_t>(grown_)].network;
  return partial_channels(open_(settings, side), options_.partial);
}

Supernet& OneShot::at_side(Supernet& whole, std::map<std::int64_t, Supernet>& sides, std::int64_t side) {
  if (side == 0) return whole;
  const auto found = sides.find(side);
  if (found != sides.end()) return found->second;
  try {
    return sides.emplace(side, Supernet(opened(side), whole)).first->second;
  } catch (const UsageError& error) {
    throw UsageError("supernet: resolution " + std::to_string(side) + ": " + error.what());
  }
}

void OneShot::start_anew(std::int64_t stage) {
  grow(stage);
  const auto number = static_cast<std::uint64_t>(stage);
  supernet_.initialise(seed_.derive("weights", number));
  const auto fresh = ArchitectureParameters::start(tree_, seed_.derive("stage", number), place_, {.edges = options_.edge_weights});
  {
    const at::NoGradGuard no_grad;
    for (std::size_t d = 0; d < tree_.size(); ++d)
      if (parameters_.vectors[d].defined()) parameters_.vectors[d].copy_(fresh.vectors[d]);
    renew_policy(seed_.derive("stage", number));
  }
  update_ = make_architecture_update(options_.update, options_.update_options);   // without the rewards of before
  weights_ = weight_optimiser();
  architecture_ = architecture_optimiser();
}

// A controller of other weights; the parameters' own policy is new with them.
void OneShot::renew_policy(const Seed& seed) {
  if (!policy_ || !find_relaxation(options_.relaxation).needs_policy) return;
  const auto from = policy_of(tree_, options_, *update_, parameters_, seed, place_)->parameters(), to = policy_->parameters();
  for (std::size_t i = 0; i < to.size(); ++i) at::Tensor(to[i].tensor).copy_(from[i].tensor);
}

// What one call of train() works with.
struct OneShot::Run {
  Batches weight_batches, architecture_batches;
  std::vector<at::Tensor> parameters, architecture;
  const OneShotHooks& hooks;
  Clock::time_point start = Clock::now();
  double before = 0;           // seconds that earlier runs spent
  std::int64_t images = 0;
  double rate = 0;             // of the weights' next step

  void tell(const SupernetOptions& o, std::int64_t epochs, std::int64_t epoch, std::int64_t step) const {
    if (!hooks.on_step) return;
    const std::int64_t steps = weight_batches.steps();
    const double rate = static_cast<double>(images) / seconds_since(start);
    const double left = static_cast<double>(((epochs - epoch + 1) * steps - step) * 2 * o.batch);
    hooks.on_step({epoch, epochs, step, steps, rate, left / rate});
  }
};

TrainEnd OneShot::train(const Split& split, const Augmentation& augmentation, const OneShotHooks& hooks) {
  if (!hooks.checkpoint.empty() && std::filesystem::exists(hooks.checkpoint)) load(hooks.checkpoint);
  for (const auto side : options_.resolutions) at_side(supernet_, sides_, side);   // what cannot be built is told before anything is trained
  // Where nothing learns from the second half, the weights have all images.
  const bool halved = update_->moves() && !update_->single_level();
  const auto [first, second] = halved ? halves(split.train, seed_.derive("halves")) : std::pair(split.train, split.train);
  const BatchOptions batching{.batch = options_.batch, .augmentation = augmentation, .shuffle = true, .drop_single = true};
  Run run{Batches(first, batching, seed_.derive("weight_batches"), place_.device),
          Batches(second, batching, seed_.derive("architecture_batches"), place_.device),
          supernet_.parameters(), learned(), hooks};
  if (!history_.empty()) run.before = history_.back().seconds;
  for (auto epoch = static_cast<std::int64_t>(history_.size()) + 1; epoch <= epochs() && !ended_; ++epoch) {
    seed_torch(seed_.derive("torch", static_cast<std::uint64_t>(epoch)));
    run.parameters = supernet_.parameters();   // of this stage's network
    Steps sums(place_.device);
    if (!run_epoch(run, epoch, sums)) return TrainEnd::interrupted;
    history_.push_back(close_epoch(run, epoch, sums, split.validation));
    if (!std::isfinite(history_.back().val_loss)) throw Diverged("diverged: the validation loss is no finite number after epoch " + std::to_string(epoch));
    ended_ = too_curved();
    if (!ended_) close_stage(epoch);
    if (!hooks.checkpoint.empty()) save(hooks.checkpoint);
    if (hooks.on_epoch && !hooks.on_epoch(history_.back())) return TrainEnd::stopped;
  }
  return TrainEnd::done;
}

bool OneShot::run_epoch(Run& run, std::int64_t epoch, Steps& sums) {
  Rng rng = seed_.derive("relaxation", static_cast<std::uint64_t>(epoch)).rng();
  const StagePlace place = place_of(epoch);
  const std::int64_t within = place.anew ? epoch - place.before : epoch;
  supernet_.train(true);
  supernet_.set_skip_dropout(place.stage.skip_dropout * (1 - static_cast<double>(epoch - place.before - 1) / static_cast<double>(place.stage.epochs)));
  if (options_.drop_path > 0) supernet_.set_drop_path(drop_path_rate(options_.drop_path, epoch - 1, epochs()));
  run.weight_batches.start(epoch);
  run.architecture_batches.start(epoch);
  while (auto batch = run.weight_batches.next()) {
    if (run.hooks.interrupted && run.hooks.interrupted()) return false;
    const auto other = run.architecture_batches.next();
    if (!other) break;
    const double done = static_cast<double>(sums.steps) / static_cast<double>(run.weight_batches.steps());
    const double rate = place.stage.learning_rate > 0 ? place.stage.learning_rate : options_.learning_rate;
    run.rate = cosine(rate, options_.final_learning_rate, static_cast<double>(within - 1) + done, static_cast<double>(place.epochs));
    weights_.set_learning_rate(run.rate);
    const bool learns = within > options_.warmup_epochs && update_->moves() && sums.steps % options_.architecture_every == 0;
    if (learns) sums.add_architecture(architecture_step(run, *batch, *other, rng, epoch));
    weight_step(run, *batch, rng, sums, epoch);
    run.images += 2 * batch->targets.size(0);
    if (sums.steps % kLossCheckSteps == 0) sums.check(epoch);
    run.tell(options_, epochs(), epoch, sums.steps);
  }
  sums.check(epoch);
  for (const auto& [what, tensors] : {std::pair{"an architecture parameter", &run.architecture}, std::pair{"a weight", &run.parameters}})
    for (const auto& tensor : *tensors)
      if (!tensor.isfinite().all().item<bool>()) throw Diverged(std::string("diverged: ") + what + " is no finite number after epoch " + std::to_string(epoch));
  return true;
}

at::Tensor OneShot::architecture_loss(const Batch& batch, Rng& rng, std::int64_t epoch, CarriedStates* states) {
  const Mixture mixture = relaxation_->draw_for_architecture(parameters_, {rng, progress(epoch)});
  at::Tensor loss = at::cross_entropy_loss(rows(supernet_.forward(batch.inputs, mixture, states)[0]), batch.targets);
  for (const auto& regulariser : regularisers_) loss = regulariser->apply(loss, {tree_, parameters_, mixture, *relaxation_, progress(epoch)});
  return loss;
}

BilevelCase OneShot::bilevel_case(Run& run, const Batch& batch, const Batch& other, Rng& rng, std::int64_t epoch) {
  const Batch& judged = update_->single_level() ? batch : other;
  // Each half has streams of its own, and so states of its own. The weights' step itself is the last to leave its states for the next window.
  CarriedStates* const states = update_->single_level() ? run.weight_batches.states() : run.architecture_batches.states();
  BilevelCase c{[&, epoch, states] { return architecture_loss(judged, rng, epoch, states); },
                // Drawn alike at every call of one step: a difference of two losses is one of the weights, not of the noise.
                [&, epoch, start = rng] {
                  Rng draws = start;
                  const Mixture mixture = relaxation_->draw(parameters_, {draws, progress(epoch)});
                  return at::cross_entropy_loss(rows(supernet_.forward(batch.inputs, mixture, run.weight_batches.states())[0]), batch.targets);
                },
                run.architecture, run.parameters};
  c.rate = run.rate, c.momentum = options_.momentum, c.weight_decay = options_.weight_decay;
  for (const auto& named : weights_.state())
    if (named.name.starts_with("first.")) c.buffers.push_back(named.tensor);
  if (!policy_) return c;
  c.sample = [&] { return policy_->sample(rng, parameters_.out); };
  c.reward = [&](const Architecture& architecture) {
    const at::NoGradGuard no_grad;
    return reward_of(supernet_.forward(other.inputs, one_hot(tree_, architecture, place_), run.architecture_batches.states())[0], other.targets);
  };
  return c;
}

at::Tensor OneShot::architecture_step(Run& run, const Batch& batch, const Batch& other, Rng& rng, std::int64_t epoch) {
  const at::Tensor loss = update_->gradients(bilevel_case(run, batch, other, rng, epoch));
  std::vector<at::Tensor> before;
  for (const auto& vector : parameters_.vectors) before.push_back(vector.defined() ? vector.detach().clone() : at::Tensor());
  architecture_.step();
  architecture_.clear_gradients();
  relaxation_->settle(parameters_, before);
  return loss;
}

// What the teacher says of a batch, by batch statistics as in training.
at::Tensor OneShot::lesson(const at::Tensor& inputs, std::int64_t side) {
  const at::NoGradGuard no_grad;
  teacher_->train(true);
  return rows(at_side(*teacher_, teacher_sides_, side).forward(inputs, one_hot(tree_, largest_architecture(tree_), place_))[0]);
}

// The mixtures are cut off from the architecture parameters: they learn nothing from this half, and their gradients cost nothing.
void OneShot::weight_step(Run& run, const Batch& batch, Rng& rng, Steps& sums, std::int64_t epoch) {
  weights_.clear_gradients();
  const StagePlace place = place_of(epoch);
  const std::int64_t side = options_.resolutions.empty() ? 0 : options_.resolutions[rng.below(options_.resolutions.size())];
  const at::Tensor inputs = resized(batch.inputs, side);
  Supernet& supernet = at_side(supernet_, sides_, side);
  const at::Tensor taught = place.stage.teacher && teacher_ ? lesson(inputs, side) : at::Tensor();
  at::Tensor first;
  for (std::int64_t draw = 0; draw < place.stage.draws; ++draw)
    for (Mixture& mixture : relaxation_->paths(parameters_, {rng, progress(epoch)})) {
      for (auto& [name, entry] : mixture) entry.weights = entry.weights.detach();
      const at::Tensor logits = rows(supernet.forward(inputs, mixture, run.weight_batches.states())[0]);
      const bool from_first = options_.distil && first.defined();
      at::Tensor loss = from_first ? soft_cross_entropy(logits, first) : at::cross_entropy_loss(logits, batch.targets);
      if (taught.defined()) loss = loss + soft_cross_entropy(logits, taught);
      loss.backward();
      if (!first.defined()) {
        first = logits.detach();
        sums.add(loss, logits, batch.targets);
      }
    }
  if (options_.gradient_clip > 0) clip_gradients(run.parameters, options_.gradient_clip);
  weights_.step();
}

// ---- alarms ----

// Power iteration on central differences of the gradient; the supernet is left as it is.
double OneShot::eigenvalue(const Batch& batch, std::int64_t epoch) {
  constexpr int iterations = 5;
  constexpr double step = 1e-2;
  const KeptBuffers statistics(supernet_);
  const auto architecture = parameters_.defined();
  const auto slope = [&] {
    Rng rng = seed_.derive("curvature", static_cast<std::uint64_t>(epoch)).rng();
    auto list = torch::autograd::grad({architecture_loss(batch, rng, epoch, nullptr)}, architecture, {}, std::nullopt, false, /*allow_unused=*/true);
    for (std::size_t i = 0; i < list.size(); ++i)
      if (!list[i].defined()) list[i] = at::zeros_like(architecture[i].detach());
    return list;
  };
  const auto move = [&](const std::vector<at::Tensor>& along, double factor) {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < architecture.size(); ++i) architecture[i].add_(along[i], factor);
  };
  std::vector<at::Tensor> kept, v = directions(architecture, seed_.derive("curvature_start"));
  for (const auto& tensor : architecture) kept.push_back(tensor.detach().clone());
  double value = 0;
  for (int i = 0; i < iterations; ++i) {
    const double length = norm_of(v);
    for (auto& tensor : v) tensor = tensor / length;
    move(v, step);
    const auto up = slope();
    move(v, -2 * step);
    const auto down = slope();
    for (std::size_t k = 0; k < v.size(); ++k) v[k] = (up[k] - down[k]) / (2 * step);
    value = norm_of(v);
    const at::NoGradGuard no_grad;
    for (std::size_t k = 0; k < kept.size(); ++k) architecture[k].copy_(kept[k]);
  }
  return value;
}

bool OneShot::watches_curvature() const {
  const bool by_gradient = relaxation_->differentiable() && update_->moves() && !update_->by_reward();
  return by_gradient && (options_.eigenvalue_stop > 0 || (options_.curvature && epochs() >= kFirstGrowth));
}

// Means over 5 epochs, 5 epochs apart, from epoch 10 on (RobustDARTS, Zela et al. 2020, arXiv 1909.09656). The parameters become the earlier ones.
bool OneShot::too_curved() {
  constexpr std::size_t window = 5;
  if (options_.eigenvalue_stop <= 0 || history_.size() < 2 * window) return false;
  const double now = mean_of(history_, history_.size(), window), then = mean_of(history_, history_.size() - window, window);
  if (now <= options_.eigenvalue_stop * then) return false;
  const auto& earlier = history_[history_.size() - window - 1].parameters;
  const at::NoGradGuard no_grad;
  for (std::size_t d = 0; d < tree_.size(); ++d)
    if (parameters_.vectors[d].defined()) parameters_.vectors[d].copy_(at::tensor(earlier[d], at::kDouble).reshape(parameters_.vectors[d].sizes()));
  history_.back().probabilities = probabilities();
  return true;
}

OneShotReport OneShot::close_epoch(Run& run, std::int64_t epoch, const Steps& sums, const Part& validation_part) {
  Rng rng = seed_.derive("validation", static_cast<std::uint64_t>(epoch)).rng();
  Mixture mixture;
  {
    const at::NoGradGuard no_grad;
    mixture = relaxation_->draw(parameters_, {rng, progress(epoch)});
  }
  const Evaluation validation = evaluate(mixture, validation_part, options_.batch);
  const auto mean = [](const at::Tensor& sum, std::int64_t count) { return count > 0 ? sum.item<double>() / static_cast<double>(count) : 0.0; };
  OneShotReport report{.epoch = epoch,
                       .train_loss = mean(sums.loss, sums.steps),
                       .train_accuracy = mean(sums.hits, sums.images),
                       .architecture_loss = mean(sums.architecture_loss, sums.architecture_steps),
                       .val_accuracy = validation.accuracy,
                       .val_loss = validation.loss,
                       .seconds = run.before + seconds_since(run.start),
                       .probabilities = probabilities()};
  count_skips(report);
  if (watches_curvature()) {
    run.architecture_batches.start(epoch);
    if (const auto batch = run.architecture_batches.next()) report.eigenvalue = eigenvalue(*batch, epoch);
  }
  if (options_.eigenvalue_stop > 0) {
    for (const auto& vector : parameters_.vectors) report.parameters.push_back(vector.defined() ? numbers_of(vector) : std::vector<double>{});
  }
  return report;
}

void OneShot::count_skips(OneShotReport& report) const {
  const auto skips = skips_of(supernet_.graph());
  const Architecture derived = strongest(tree_, report.probabilities);
  for (std::size_t d = 0; d < tree_.size(); ++d) {
    const auto found = skips.find(tree_[d].name);
    if (found == skips.end() || derived.picks[d] == Architecture::inactive) continue;
    ++report.picks;
    report.skips += found->second.at(static_cast<std::size_t>(derived.picks[d]));
  }
}

std::vector<std::vector<double>> OneShot::probabilities() const { return policy_ ? policy_->probabilities(parameters_.out) : relaxation_->probabilities(parameters_); }

Evaluation OneShot::evaluate(const Architecture& architecture, const Part& part, std::int64_t batch) {
  return evaluate(one_hot(tree_, architecture, place_), part, batch);
}

Evaluation OneShot::evaluate(const ArchitectureParameters& parameters, const Part& part, std::int64_t batch) {
  Rng rng = seed_.derive("look").rng();
  Mixture mixture;
  {
    const at::NoGradGuard no_grad;
    mixture = relaxation_->draw(parameters, {rng, 1.0});
  }
  return evaluate(mixture, part, batch);
}

// Batch statistics, as in training: running statistics of shared weights belong to no single architecture. They are put back.
Evaluation OneShot::evaluate(const Mixture& mixture, const Part& part, std::int64_t batch) {
  const KeptBuffers kept(supernet_);
  return validate(mixture, part, batch, true);
}

Evaluation OneShot::evaluate_recalibrated(const Architecture& architecture, const Part& part, std::int64_t batch, const Part& images) {
  const KeptBuffers kept(supernet_);
  const Mixture mixture = one_hot(tree_, architecture, place_);
  recalibrate(mixture, images, batch);
  return validate(mixture, part, batch, false);
}

// A momentum of 1 / n at batch n makes running statistics the mean of all batches.
void OneShot::recalibrate(const Mixture& mixture, const Part& images, std::int64_t batch) {
  const at::NoGradGuard no_grad;
  Batches batches(images, {.batch = batch, .drop_single = true}, seed_.derive("recalibration"), place_.device);
  supernet_.train(true);
  supernet_.set_noise(false);
  batches.start(0);
  double seen = 0;
  while (auto data = batches.next()) {
    supernet_.set_norm_momentum(1 / ++seen);
    supernet_.forward(data->inputs, mixture, batches.states());
  }
  supernet_.set_norm_momentum(0);
  supernet_.set_noise(true);
  if (seen == 0) throw UsageError("recalibration: there is no image to count statistics on");
}

Evaluation OneShot::validate(const Mixture& mixture, const Part& part, std::int64_t batch, bool batch_statistics) {
  const at::NoGradGuard no_grad;
  Batches batches(part, {.batch = batch, .drop_single = batch_statistics}, seed_.derive("evaluation"), place_.device);
  supernet_.train(batch_statistics);
  supernet_.set_noise(false);
  batches.start(0);
  double loss = 0;
  std::int64_t hits = 0, images = 0;
  while (auto data = batches.next()) {
    const at::Tensor logits = rows(supernet_.forward(data->inputs, mixture, batches.states())[0]);
    loss += at::cross_entropy_loss(logits, data->targets).item<double>() * static_cast<double>(data->targets.size(0));
    hits += logits.argmax(1).eq(data->targets).sum().item<std::int64_t>();
    images += data->targets.size(0);
  }
  supernet_.set_noise(true);
  supernet_.train(true);
  return {static_cast<double>(hits) / static_cast<double>(images), loss / static_cast<double>(images), images};
}

std::vector<NamedTensor> OneShot::state() const {
  std::vector<NamedTensor> list;
  for (auto named : supernet_.tensors()) named.name = "weights/" + named.name, list.push_back(named);
  for (std::size_t d = 0; d < tree_.size(); ++d)
    if (parameters_.vectors[d].defined()) list.push_back({"architecture/" + tree_[d].name, parameters_.vectors[d], true, ""});
  if (policy_ && find_relaxation(options_.relaxation).needs_policy)
    for (auto named : policy_->parameters()) named.name = "policy/" + named.name, list.push_back(named);
  if (teacher_)
    for (auto named : teacher_->tensors()) named.name = "teacher/" + named.name, list.push_back(named);
  for (auto named : update_->state()) named.name = "update/" + named.name, list.push_back(named);
  for (auto named : weights_.state()) named.name = "weight_optimiser/" + named.name, list.push_back(named);
  for (auto named : architecture_.state()) named.name = "architecture_optimiser/" + named.name, list.push_back(named);
  return list;
}

void OneShot::save(const std::filesystem::path& file) const {
  Checkpoint checkpoint;
  for (const auto& named : state()) checkpoint.tensors[named.name] = named.tensor.detach();
  nlohmann::json note{{"history", nlohmann::json::array()}, {"seed", seed_.value()}, {"graph", hex(canonical_hash(supernet_.graph()))}, {"out", parameters_.out}, {"ended", ended_}, {"teacher", teacher_ != nullptr}};
  for (const auto& report : history_) note["history"].push_back(to_json(report));
  checkpoint.note = note.dump();
  save_checkpoint(file, checkpoint);
}

void OneShot::load(const std::filesystem::path& file) {
  const Checkpoint checkpoint = load_checkpoint(file);
  const auto note = nlohmann::json::parse(checkpoint.note);
  const auto done = static_cast<std::int64_t>(note.at("history").size()) + (note.at("ended").get<bool>() ? 0 : 1);
  if (!options_.stages.empty()) grow(place_of(std::min(done, epochs())).index);
  if (note.at("seed") != seed_.value() || note.at("graph") != hex(canonical_hash(supernet_.graph())))
    throw UsageError("checkpoint " + file.string() + " belongs to another search (its seed or its space differs)");
  teacher_.reset();
  if (note.value("teacher", false)) freeze_teacher();
  const at::NoGradGuard no_grad;
  std::vector<NamedTensor> weight_state, architecture_state;
  for (const auto& named : state()) {
    const auto found = checkpoint.tensors.find(named.name);
    if (found == checkpoint.tensors.end()) throw UsageError("checkpoint " + file.string() + " has no tensor '" + named.name + "'");
    at::Tensor target = named.tensor;
    target.copy_(found->second);
  }
  for (auto named : weights_.state()) named.tensor = checkpoint.tensors.at("weight_optimiser/" + named.name), weight_state.push_back(named);
  for (auto named : architecture_.state()) named.tensor = checkpoint.tensors.at("architecture_optimiser/" + named.name), architecture_state.push_back(named);
  weights_.load(weight_state);
  architecture_.load(architecture_state);
  parameters_.out = note.at("out").get<std::vector<std::vector<bool>>>();
  ended_ = note.at("ended");
  history_.clear();
  for (const auto& report : note.at("history")) history_.push_back(from_json(report));
}

OneShot make_one_shot(const Space& space, const NetworkOptions& network, const SupernetOptions& options, const Seed& seed, NetworkPlace place) {
  OneShot search(space.decisions(), space.open(network), options, seed, place);
  search.open_by([&space, network](const Settings& settings, std::int64_t side) {
    NetworkOptions own = network;
    if (side > 0) own.input = {network.input[0], side, side};
    for (const auto& [name, value] : settings) own.settings[name] = value;
    return space.open(own);
  });
  return search;
}

}  // namespace netwright
