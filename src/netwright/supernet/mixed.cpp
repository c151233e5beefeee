#include "netwright/supernet/mixed.hpp"

#include <ATen/ATen.h>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

// One candidate, ready to run on a value.
struct Candidate {
  std::shared_ptr<Program> program;   // null: identity
  bool constant_zero = false;         // its result is zero whatever it reads: it is not run and adds nothing

  at::Tensor run(const at::Tensor& input, const Frame& outer) const {
    if (!program) return input;
    Frame frame{outer.mode, outer.mixture};
    frame.shared = outer.shared;
    frame.values = {input};
    return program->run(frame)[0];
  }
};

std::vector<Candidate> candidates_of(const LoweringCase& c) {
  std::vector<Candidate> list;
  for (const auto& branch : c.at().branches) {
    Candidate candidate;
    if (!branch.body.empty()) {
      const std::string scope = c.scope + c.at().name + "." + branch.name + ".";
      candidate.program = std::make_shared<Program>(branch.graph(), c.tensors, scope, c.patterns, c.place);
      candidate.constant_zero = branch.graph().output().op == "zero";
    }
    list.push_back(std::move(candidate));
  }
  return list;
}

const MixtureEntry* entry_of(const Frame& frame, const std::string& decision) {
  if (frame.mixture == nullptr) return nullptr;
  const auto found = frame.mixture->find(decision);
  return found == frame.mixture->end() || !found->second.weights.defined() ? nullptr : &found->second;
}

// The weighted sum of what the candidates make of their inputs; candidates of weight zero, and those that give zero, are left out.
at::Tensor mix(const std::vector<Candidate>& candidates, const std::vector<at::Tensor>& inputs, const MixtureEntry& entry, const Frame& frame, bool fused) {
  std::vector<at::Tensor> values;
  std::vector<std::int64_t> used;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (entry.values[i] == 0.0 || candidates[i].constant_zero) continue;
    values.push_back(candidates[i].run(inputs[inputs.size() == 1 ? 0 : i], frame));
    used.push_back(static_cast<std::int64_t>(i));
  }
  if (values.empty()) return {};
  const bool plain = values.size() == 1 && entry.values[static_cast<std::size_t>(used[0])] == 1.0 && !entry.weights.requires_grad();
  if (plain) return values[0];
  const bool all = used.size() == candidates.size();
  const at::Tensor weights = all ? entry.weights : entry.weights.index_select(0, at::tensor(used, at::TensorOptions(at::kLong).device(entry.weights.device())));
  return weighted_sum(weights, values, fused);
}

// When every candidate is zero the result still needs its shape.
at::Tensor zeros_of(const Shape& shape, const at::Tensor& like) {
  std::vector<std::int64_t> full{like.size(0)};
  full.insert(full.end(), shape.begin(), shape.end());
  return at::zeros(full, like.options().memory_format(full.size() == 4 ? like.suggest_memory_format() : at::MemoryFormat::Contiguous));
}

at::Tensor sum_all(const std::vector<Candidate>& candidates, const std::vector<at::Tensor>& inputs, const Frame& frame) {
  at::Tensor sum;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const at::Tensor value = candidates[i].run(inputs[i], frame);
    sum = sum.defined() ? sum + value : value;
  }
  return sum;
}

at::Tensor concatenate(const Node& node, const std::vector<Candidate>& candidates, const std::vector<at::Tensor>& inputs, const MixtureEntry* entry, const Frame& frame) {
  std::vector<at::Tensor> picked;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const double weight = entry == nullptr ? 1.0 : entry->values[i];
    if (weight != 0.0 && weight != 1.0) throw Unsupported("node '" + node.name + "': a select that concatenates cannot be relaxed, only sampled");
    if (weight == 1.0) picked.push_back(candidates[i].run(inputs[i], frame));
  }
  const at::Tensor joined = at::cat(picked, 1);
  if (joined.size(1) != node.shape[0]) throw Unsupported("node '" + node.name + "': a select that concatenates needs " + std::to_string(node.shape[0]) + " channels at every pick");
  return joined;
}

}  // namespace

Pattern choice_pattern(bool fused_sum) {
  return {"choice", [fused_sum](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.at().op != "choice") return std::nullopt;
            return Lowered{[candidates = candidates_of(c), node = c.at(), at = static_cast<std::size_t>(c.node), fused_sum](Frame& frame) {
              const at::Tensor input = frame.values[static_cast<std::size_t>(node.inputs[0])];
              const MixtureEntry* entry = entry_of(frame, node.decision);
              if (entry == nullptr) throw Error("decision '" + node.decision + "' has no weights in this pass");
              const at::Tensor mixed = mix(candidates, {input}, *entry, frame, fused_sum);
              frame.values[at] = mixed.defined() ? mixed : zeros_of(node.shape, input);
            }};
          }};
}

Pattern select_pattern(bool fused_sum) {
  return {"select", [fused_sum](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.at().op != "select") return std::nullopt;
            const bool concat = std::get<std::string>(c.at().attributes.at("combine")) == "concat";
            return Lowered{[candidates = candidates_of(c), node = c.at(), at = static_cast<std::size_t>(c.node), concat, fused_sum](Frame& frame) {
              std::vector<at::Tensor> inputs;
              for (const int input : node.inputs) inputs.push_back(frame.values[static_cast<std::size_t>(input)]);
              const MixtureEntry* entry = entry_of(frame, node.decision);
              if (concat) frame.values[at] = concatenate(node, candidates, inputs, entry, frame);
              else if (entry == nullptr) frame.values[at] = sum_all(candidates, inputs, frame);
              else {
                const at::Tensor mixed = mix(candidates, inputs, *entry, frame, fused_sum);
                frame.values[at] = mixed.defined() ? mixed : zeros_of(node.shape, inputs[0]);
              }
            }};
          }};
}

}  // namespace netwright
