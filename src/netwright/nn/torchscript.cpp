#include "netwright/nn/torchscript.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <sstream>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"

namespace netwright {
namespace {

using torch::jit::Module;

// Modules nest where names have dots; all are in eval mode.
struct Hierarchy {
  std::shared_ptr<torch::jit::CompilationUnit> unit = std::make_shared<torch::jit::CompilationUnit>();
  Module root = make("Network");

  Module make(const char* kind) {
    Module module(c10::QualifiedName(std::string("__torch__.netwright.") + kind), unit, true);
    module.register_attribute("training", c10::BoolType::get(), false);
    return module;
  }

  Module child(Module parent, const std::string& name) {
    if (parent.hasattr(name)) {
      if (!parent.attr(name).isModule()) throw UsageError("TorchScript has no place for tensors below '" + name + "', which is a tensor itself");
      return parent.attr(name).toModule();
    }
    Module made = make("Part");
    parent.register_module(name, made);
    return made;
  }

  void add(const NamedTensor& named) {
    Module at = root;
    std::size_t begin = 0;
    for (std::size_t dot; (dot = named.name.find('.', begin)) != std::string::npos; begin = dot + 1)
      at = child(at, named.name.substr(begin, dot - begin));
    const std::string last = named.name.substr(begin);
    if (at.hasattr(last)) throw UsageError("TorchScript has no place for the tensor '" + named.name + "': its name is taken");
    at.register_parameter(last, named.tensor, !named.trainable);
  }
};

// Puts the network back into the mode in which it was found.
class Inference {
 public:
  explicit Inference(Network& network) : network_(network), training_(network.training()) { network.train(false); }
  ~Inference() { network_.train(training_); }
  Inference(const Inference&) = delete;
  Inference& operator=(const Inference&) = delete;

 private:
  Network& network_;
  bool training_;
  at::NoGradGuard no_grad_;
};

at::Tensor example(const Network& network) {
  std::vector<std::int64_t> sizes{2};
  for (const auto size : network.graph().nodes.front().shape) sizes.push_back(size);
  return at::zeros(sizes, at::TensorOptions(network.place().dtype).device(network.place().device));
}

std::shared_ptr<torch::jit::Graph> traced(Network& network, Module& module) {
  const auto forward = [&](torch::jit::Stack stack) { return torch::jit::Stack{network.forward(stack[0].toTensor())[0]}; };
  const auto unnamed = [](const at::Tensor&) { return std::string(); };
  auto [state, outputs] = torch::jit::tracer::trace({example(network)}, forward, unnamed, true, false, &module, {"input"});
  torch::jit::EliminateDeadCode(state->graph);  // the auxiliary head
  return state->graph;
}

}  // namespace

void write_torchscript(Network& network, const std::filesystem::path& file) {
  const Inference inference(network);
  Hierarchy hierarchy;
  for (const auto& named : network.tensors()) hierarchy.add(named);
  Module& module = hierarchy.root;
  module.type()->addMethod(hierarchy.unit->create_function(c10::QualifiedName(*module.type()->name(), "forward"), traced(network, module)));
  std::ostringstream bytes;
  module.save(bytes);
  write_file(file, bytes.str());
}

}  // namespace netwright
