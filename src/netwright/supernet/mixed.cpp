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
    frame.ahead = outer.ahead;
    frame.values = {input};
    return frame;
  }

  bool drops(const Frame& outer) const { return hands_on && outer.mode.skip_dropout > 0 && outer.mode.training && outer.mode.noise; }

  void ask(const at::Tensor& input, const Frame& outer, std::vector<Ask>& list) const {
    if (program && !constant_zero && !drops(outer)) program->ask(input, frame_of(input, outer), list);
  }

  // Undefined where the result is zero whatever it reads.
  at::Tensor run(const at::Tensor& input, const Frame& outer) const {
    if (constant_zero) return {};
    if (drops(outer)) return at::dropout(input, outer.mode.skip_dropout, true);
    if (!program) return input;
    Frame frame = frame_of(input, outer);
    return program->run(frame)[0];
  }

  // The same, left open where its last node can leave it.
  OpenSum open(const at::Tensor& input, const Frame& outer) const {
    OpenSum left;
    if (!program || constant_zero || drops(outer)) {
      if (const at::Tensor value = run(input, outer); value.defined()) left.terms = {value};
      return left;
    }
    Frame frame = frame_of(input, outer);
    frame.deferred = &left;
    const at::Tensor value = program->run(frame)[0];
    if (left.terms.empty()) left.terms = {value};
    return left;
  }

  // As one term: a batch norm at its end stays open.
  Term term(const at::Tensor& input, const Frame& outer) const {
    const OpenSum left = open(input, outer);
    if (left.terms.empty()) return {};
    Term only = left.terms.size() == 1 && !left.weights.defined() && !left.constant.defined() ? left.terms[0] : Term(closed(left));
    // What runs without a graph of its own leaves no gradients on its weights.
    if (only.norm && !at::GradMode::is_enabled() && only.norm->weight.defined()) only.norm->weight = only.norm->weight.detach(), only.norm->bias = only.norm->bias.detach();
    return only;
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

at::Tensor zeros_of(const Shape& shape, const at::Tensor& like) {
  std::vector<std::int64_t> full{like.size(0)};
  full.insert(full.end(), shape.begin(), shape.end());
  return at::zeros(full, like.options().memory_format(full.size() == 4 ? like.suggest_memory_format() : at::MemoryFormat::Contiguous));
}

at::Tensor select_weights(const at::Tensor& weights, const std::vector<std::int64_t>& used) {
  if (static_cast<std::int64_t>(used.size()) == weights.numel()) return weights;
  return weights.index_select(0, at::tensor(used, at::TensorOptions(at::kLong).device(weights.device())));
}

// Undefined where nothing is added up, a number where a constant is all.
at::Tensor value_of(const OpenSum& sum, bool fused) {
  if (sum.terms.empty()) return sum.constant;
  if (fused && normalised_sum_fits(sum.weights, sum.terms)) return closed(sum);
  std::vector<at::Tensor> values;
  for (const auto& term : sum.terms) values.push_back(normalised(term));
  at::Tensor value = sum.weights.defined() ? weighted_sum(sum.weights, values, fused) : values[0];
  for (std::size_t i = 1; i < values.size() && !sum.weights.defined(); ++i) value = value + values[i];
  return sum.constant.defined() ? value + sum.constant : value;
}

// By the rule of MixtureEntry (mixed.hpp).
OpenSum mixture_of(const MixtureEntry& entry, const std::function<Term(std::size_t)>& run) {
  const bool learns = entry.weights.requires_grad();
  OpenSum sum;
  std::vector<std::int64_t> used, gates;
  for (std::size_t i = 0; i < entry.values.size(); ++i) {
    const Idle idle = entry.idle.empty() || !learns ? Idle::skipped : entry.idle[i];
    if (entry.values[i] == 0.0 && idle == Idle::gate) gates.push_back(static_cast<std::int64_t>(i));
    if (entry.values[i] == 0.0 && idle != Idle::probed) continue;
    const at::AutoGradMode graph(entry.values[i] != 0.0 && at::GradMode::is_enabled());
    Term term = run(i);
    if (!term.value.defined()) continue;
    sum.terms.push_back(std::move(term));
    used.push_back(static_cast<std::int64_t>(i));
  }
  if (!gates.empty()) sum.constant = select_weights(entry.weights, gates).sum();
  const bool plain = used.size() == 1 && entry.values[static_cast<std::size_t>(used[0])] == 1.0 && !learns;
  if (!used.empty() && !plain) sum.weights = select_weights(entry.weights, used);
  return sum;
}

OpenSum mix(const std::vector<Candidate>& candidates, const std::vector<at::Tensor>& inputs, const MixtureEntry& entry, const Frame& frame, bool fused) {
  const bool one = inputs.size() == 1;
  return mixture_of(entry, [&](std::size_t i) {
    const at::Tensor& input = inputs[one ? 0 : i];
    return fused ? candidates[i].term(input, frame) : Term(candidates[i].run(input, frame));
  });
}

// Candidate i reads input i. What the candidates leave open is added up in one pass.
OpenSum sum_all(const std::vector<Candidate>& candidates, const std::vector<at::Tensor>& inputs, const Frame& frame, bool fused) {
  std::vector<OpenSum> parts;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (OpenSum part = fused ? candidates[i].open(inputs[i], frame) : OpenSum{{}, {candidates[i].run(inputs[i], frame)}}; !part.terms.empty() && part.terms[0].value.defined())
      parts.push_back(std::move(part));
  return joined(parts, {});
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

at::Tensor mixed_sum(const MixtureEntry& entry, const std::function<Term(std::size_t)>& run, bool fused) { return value_of(mixture_of(entry, run), fused); }

namespace {

// Where a node's sum goes: to the reader that adds it up, or into the node's value.
struct Place {
  Node node;
  std::size_t at;
  bool summed, output, fused;

  Place(const LoweringCase& c, bool fused_sum)
      : node(c.at()), at(static_cast<std::size_t>(c.node)), summed(c.left_to_a_sum()), output(c.is_output()), fused(fused_sum) {}

  void give(OpenSum sum, const at::Tensor& like, Frame& frame) const {
    const bool stays_open = fused && !sum.terms.empty() && normalised_sum_fits(sum.weights, sum.terms);
    if (stays_open && summed) {
      frame.open[at] = std::move(sum);
    } else if (stays_open && output && frame.deferred != nullptr) {
      frame.values[at] = sum.terms[0].value;
      *frame.deferred = std::move(sum);
    } else {
      const at::Tensor value = value_of(sum, fused);
      // When every candidate is zero the result still needs its shape.
      if (!value.defined()) frame.values[at] = zeros_of(node.shape, like);
      else frame.values[at] = value.dim() == 0 ? zeros_of(node.shape, like) + value : value;
    }
  }
};

using Candidates = std::shared_ptr<const std::vector<Candidate>>;

Candidates shared_candidates(const LoweringCase& c) { return std::make_shared<const std::vector<Candidate>>(candidates_of(c)); }

// Asks for the candidate that reads each input, or for all candidates of the one input; what weighs nothing is not run.
std::vector<std::pair<int, Asks>> asks_of(const Candidates& candidates, const Node& node) {
  std::vector<std::pair<int, Asks>> list;
  const bool one = node.op == "choice";
  for (std::size_t i = 0; i < candidates->size(); ++i)
    list.emplace_back(node.inputs[one ? 0 : i], [candidates, i, decision = node.decision](const at::Tensor& value, const Frame& frame, std::vector<Ask>& asks) {
      const MixtureEntry* entry = entry_of(frame, decision);
      if (entry == nullptr || entry->values[i] != 0.0) (*candidates)[i].ask(value, frame, asks);
    });
  return list;
}

}  // namespace

Pattern choice_pattern(bool fused_sum) {
  return {"choice", [fused_sum](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.at().op != "choice") return std::nullopt;
            const Candidates candidates = shared_candidates(c);
            const auto step = [candidates, place = Place(c, fused_sum)](Frame& frame) {
              const at::Tensor input = frame.values[static_cast<std::size_t>(place.node.inputs[0])];
              const MixtureEntry* entry = entry_of(frame, place.node.decision);
              if (entry == nullptr) throw Error("decision '" + place.node.decision + "' has no weights in this pass");
              place.give(mix(*candidates, {input}, *entry, frame, place.fused), input, frame);
            };
            return Lowered{step, 1, asks_of(candidates, c.at())};
          }};
}

Pattern select_pattern(bool fused_sum) {
  return {"select", [fused_sum](const LoweringCase& c) -> std::optional<Lowered> {
            if (c.at().op != "select") return std::nullopt;
            const bool concat = std::get<std::string>(c.at().attributes.at("combine")) == "concat";
            const Candidates candidates = shared_candidates(c);
            const auto step = [candidates, place = Place(c, fused_sum), concat](Frame& frame) {
              std::vector<at::Tensor> inputs;
              for (const int input : place.node.inputs) inputs.push_back(frame.values[static_cast<std::size_t>(input)]);
              const MixtureEntry* entry = entry_of(frame, place.node.decision);
              // What has no weight may not have been run.
              const auto made = std::find_if(inputs.begin(), inputs.end(), [](const at::Tensor& input) { return input.defined(); });
              const at::Tensor like = made == inputs.end() ? frame.values[0] : *made;
              if (concat) frame.values[place.at] = concatenate(place.node, *candidates, inputs, entry, frame);
              else if (entry == nullptr) place.give(sum_all(*candidates, inputs, frame, place.fused), like, frame);
              else place.give(mix(*candidates, inputs, *entry, frame, place.fused), like, frame);
            };
            return Lowered{step, 1, asks_of(candidates, c.at())};
          }};
}

}  // namespace netwright
