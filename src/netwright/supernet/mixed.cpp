#include "netwright/supernet/mixed.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

// One candidate, ready to run on a value.
struct Candidate {
  std::shared_ptr<Program> program;   // null: identity
  bool constant_zero = false;         // its result is zero whatever it reads: it is not run and adds nothing
  bool hands_on = false;              // identities alone: what dropout on skips acts on

  static Frame frame_of(const at::Tensor& input, const Frame& outer) {
    Frame frame{outer.mode, outer.mixture};
    frame.shared = outer.shared;
    frame.values = {input};
    return frame;
  }

  std::optional<Convolve> front(const at::Tensor& input, const Frame& outer) const {
    return program && !constant_zero && !hands_on ? program->front(frame_of(input, outer)) : std::nullopt;
  }

  // Undefined where the result is zero whatever it reads. `ahead`: what the front asked for.
  at::Tensor run(const at::Tensor& input, const Frame& outer, std::optional<Convolved> ahead = {}) const {
    if (constant_zero) return {};
    const bool drops = hands_on && outer.mode.skip_dropout > 0 && outer.mode.training && outer.mode.noise;
    if (drops) return at::dropout(input, outer.mode.skip_dropout, true);
    if (!program) return input;
    Frame frame = frame_of(input, outer);
    frame.ahead = std::move(ahead);
    return program->run(frame)[0];
  }

  // The same, a batch norm at its end left to the sum that reads it.
  Term term(const at::Tensor& input, const Frame& outer, std::optional<Convolved> ahead) const {
    const bool ends_in_norm = program && !constant_zero && !hands_on && program->graph().output().op == "batch_norm";
    if (!ends_in_norm) return run(input, outer, std::move(ahead));
    Term left;
    Frame frame = frame_of(input, outer);
    frame.ahead = std::move(ahead);
    frame.deferred = &left;
    const at::Tensor value = program->run(frame)[0];
    if (!left.norm) return value;
    // What runs without a graph of its own leaves no gradients on its weights.
    if (!at::GradMode::is_enabled() && left.norm->weight.defined()) left.norm->weight = left.norm->weight.detach(), left.norm->bias = left.norm->bias.detach();
    return left;
  }
};

bool hands_on(const Graph& graph) {
  for (const auto& node : graph.nodes)
    if (node.op != "input" && node.op != "identity") return false;
  return true;
}

std::vector<Candidate> candidates_of(const LoweringCase& c) {
  std::vector<Candidate> list;
  for (const auto& branch : c.at().branches) {
    Candidate candidate;
    if (!branch.body.empty()) {
      const std::string scope = c.scope + c.at().name + "." + branch.name + ".";
      candidate.program = std::make_shared<Program>(branch.graph(), c.tensors, scope, c.patterns, c.place);
      candidate.constant_zero = branch.graph().output().op == "zero";
      candidate.hands_on = hands_on(branch.graph());
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

// When every candidate is zero the result still needs its shape.
at::Tensor zeros_of(const Shape& shape, const at::Tensor& like) {
  std::vector<std::int64_t> full{like.size(0)};
  full.insert(full.end(), shape.begin(), shape.end());
  return at::zeros(full, like.options().memory_format(full.size() == 4 ? like.suggest_memory_format() : at::MemoryFormat::Contiguous));
}

at::Tensor select_weights(const at::Tensor& weights, const std::vector<std::int64_t>& used) {
  if (static_cast<std::int64_t>(used.size()) == weights.numel()) return weights;
  return weights.index_select(0, at::tensor(used, at::TensorOptions(at::kLong).device(weights.device())));
}

// Undefined weights: the one term by itself.
at::Tensor sum_of_terms(const at::Tensor& weights, const std::vector<Term>& terms, bool fused) {
  if (!weights.defined() && !terms[0].norm) return terms[0].value;
  if (fused && normalised_sum_fits(weights, terms)) return normalised_sum(weights, terms);
  std::vector<at::Tensor> values;
  for (const auto& term : terms) values.push_back(normalised(term));
  return weights.defined() ? weighted_sum(weights, values, fused) : values[0];
}

// The fused convolutions with which candidates of one input begin, run as one: by candidate, none where it begins otherwise.
std::vector<std::optional<Convolved>> fronts(const std::vector<Candidate>& candidates, const at::Tensor& input, const MixtureEntry& entry, const Frame& frame) {
  std::vector<std::optional<Convolved>> ahead(candidates.size());
  std::vector<Convolve> asked;
  std::vector<std::size_t> by;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (entry.values[i] == 0.0) continue;
    const auto front = candidates[i].front(input, frame);
    if (!front || !convolve_together(*front, asked.empty() ? *front : asked[0])) continue;
    asked.push_back(*front);
    by.push_back(i);
  }
  if (asked.size() < 2) return ahead;
  const std::vector<Convolved> made = convolve_all(input, asked);
  for (std::size_t k = 0; k < by.size(); ++k) ahead[by[k]] = made[k];
  return ahead;
}

at::Tensor mix(const std::vector<Candidate>& candidates, const std::vector<at::Tensor>& inputs, const MixtureEntry& entry, const Node& node, const Frame& frame,
               bool fused) {
  const bool one = inputs.size() == 1;
  auto ahead = fused && one ? fronts(candidates, inputs[0], entry, frame) : std::vector<std::optional<Convolved>>(candidates.size());
  const at::Tensor mixed = mixed_sum(
      entry,
      [&](std::size_t i) {
        const at::Tensor& input = inputs[one ? 0 : i];
        return fused ? candidates[i].term(input, frame, std::move(ahead[i])) : Term(candidates[i].run(input, frame));
      },
      fused);
  if (!mixed.defined()) return zeros_of(node.shape, inputs[0]);
  return mixed.dim() == 0 ? zeros_of(node.shape, inputs[0]) + mixed : mixed;
}

at::Tensor sum_all(const std::vector<Candidate>& candidates, const std::vector<at::Tensor>& inputs, const Frame& frame) {
  at::Tensor sum;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const at::Tensor value = candidates[i].run(inputs[i], frame);
    if (value.defined()) sum = sum.defined() ? sum + value : value;
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

at::Tensor mixed_sum(const MixtureEntry& entry, const std::function<Term(std::size_t)>& run, bool fused) {
  const bool learns = entry.weights.requires_grad();
  std::vector<Term> values;
  std::vector<std::int64_t> used, gates;
  for (std::size_t i = 0; i < entry.values.size(); ++i) {
    const Idle idle = entry.idle.empty() || !learns ? Idle::skipped : entry.idle[i];
    if (entry.values[i] == 0.0 && idle == Idle::gate) gates.push_back(static_cast<std::int64_t>(i));
    if (entry.values[i] == 0.0 && idle != Idle::probed) continue;
    const at::AutoGradMode graph(entry.values[i] != 0.0 && at::GradMode::is_enabled());
    Term term = run(i);
    if (!term.value.defined()) continue;
    values.push_back(std::move(term));
    used.push_back(static_cast<std::int64_t>(i));
  }
  const at::Tensor gate = gates.empty() ? at::Tensor() : select_weights(entry.weights, gates).sum();
  if (values.empty()) return gate;
  const bool plain = values.size() == 1 && entry.values[static_cast<std::size_t>(used[0])] == 1.0 && !learns;
  const at::Tensor sum = plain ? sum_of_terms({}, values, fused) : sum_of_terms(select_weights(entry.weights, used), values, fused);
  return gate.defined() ? sum + gate : sum;
}

Pattern choice_pattern(bool fused_sum) {
  return {"choice", [fused_sum](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.at().op != "choice") return std::nullopt;
            return Lowered{[candidates = candidates_of(c), node = c.at(), at = static_cast<std::size_t>(c.node), fused_sum](Frame& frame) {
              const at::Tensor input = frame.values[static_cast<std::size_t>(node.inputs[0])];
              const MixtureEntry* entry = entry_of(frame, node.decision);
              if (entry == nullptr) throw Error("decision '" + node.decision + "' has no weights in this pass");
              frame.values[at] = mix(candidates, {input}, *entry, node, frame, fused_sum);
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
              else frame.values[at] = mix(candidates, inputs, *entry, node, frame, fused_sum);
            }};
          }};
}

}  // namespace netwright
