#include "netwright/nn/checkpoint.hpp"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <mutex>
#include <optional>

namespace netwright {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The state of the generator that noise is drawn from on a device, and a scope in which an earlier one holds.
struct NoiseState {
  at::Generator generator;
  at::Tensor state;

  explicit NoiseState(at::Device device) : generator(at::globalContext().defaultGenerator(device)) {
    const std::lock_guard lock(generator.mutex());
    state = generator.get_state();
  }
  void restore() {
    const std::lock_guard lock(generator.mutex());
    generator.set_state(state);
  }
};

// What the second pass needs besides tensors of autograd, which are: the inputs, the parameters, the mixture's weights.
struct Held : torch::CustomClassHolder {
  decltype(Part::run) run;
  RunMode mode;
  std::optional<Mixture> mixture;
  std::size_t inputs = 0;
  std::optional<NoiseState> noise;
};

struct CheckpointFunction : torch::autograd::Function<CheckpointFunction> {
  static variable_list forward(AutogradContext* context, at::TensorList given, const c10::intrusive_ptr<Held>& held) {
    context->set_materialize_grads(false);
    context->save_for_backward(given.vec());
    context->saved_data["held"] = c10::IValue::make_capsule(held);
    return held->run(held->mode, held->mixture ? &*held->mixture : nullptr, {given.begin(), given.begin() + static_cast<std::ptrdiff_t>(held->inputs)});
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto held = c10::static_intrusive_pointer_cast<Held>(context->saved_data["held"].toCapsule());
    const bool again = at::GradMode::is_enabled();
    variable_list given = context->get_saved_variables(), of, by, wanted, made(given.size() + 1);
    std::vector<std::size_t> places;
    const at::AutoGradMode graph(true);
    // The part's own graph begins at its inputs. One of them may be made from another: each has its own gradient alone.
    for (std::size_t i = 0; i < held->inputs; ++i) given[i] = again ? given[i].view_as(given[i]) : given[i].detach().requires_grad_(context->needs_input_grad(i));
    const variable_list outputs = run_again(*held, given);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (gradients[i].defined() && outputs[i].requires_grad()) of.push_back(outputs[i]), by.push_back(gradients[i]);
    for (std::size_t i = 0; i < given.size(); ++i)
      if (context->needs_input_grad(i)) wanted.push_back(given[i]), places.push_back(i);
    if (of.empty() || wanted.empty()) return made;
    const auto found = torch::autograd::grad(of, wanted, by, again, again, /*allow_unused=*/true);
    for (std::size_t k = 0; k < places.size(); ++k) made[places[k]] = found[k];
    return made;
  }

  static variable_list run_again(Held& held, const variable_list& given) {
    std::optional<NoiseState> now;
    if (held.noise) now.emplace(held.noise->generator.device()), held.noise->restore();
    RunMode mode = held.mode;
    mode.keep_statistics = true;
    const variable_list outputs = held.run(mode, held.mixture ? &*held.mixture : nullptr, {given.begin(), given.begin() + static_cast<std::ptrdiff_t>(held.inputs)});
    if (now) now->restore();
    return outputs;
  }
};

}  // namespace

std::vector<at::Tensor> checkpointed(const Part& part, const RunMode& mode, const Mixture* mixture) {
  auto held = c10::make_intrusive<Held>();
  held->run = part.run, held->mode = mode, held->inputs = part.inputs.size();
  variable_list given = part.inputs;
  // Each once: the gradient of one that stands twice would count twice.
  const auto add = [&](const at::Tensor& tensor) {
    if (tensor.defined() && tensor.requires_grad() && std::none_of(given.begin(), given.end(), [&](const at::Tensor& t) { return t.is_same(tensor); })) given.push_back(tensor);
  };
  for (const auto& parameter : part.parameters) add(parameter);
  if (mixture != nullptr) {
    held->mixture = *mixture;
    for (const auto& [decision, entry] : *mixture) add(entry.weights);
  }
  if (mode.noise && mode.training) held->noise.emplace(part.inputs.at(0).device());
  return CheckpointFunction::apply(at::TensorList(given), held);
}

}  // namespace netwright
