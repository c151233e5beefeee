#include "netwright/learned/enas_decoder.hpp"

#include <ATen/ATen.h>

namespace netwright {
namespace {

// What both forms of the controller do while they write.
class Writer {
 public:
  Writer(const EnasWeights& weights, const EnasForm& form, const LstmState& start, const PickToken& pick) : w_(weights), form_(form), pick_(pick) {
    const std::int64_t units = weights.first.size(1);
    result_.state = start.hidden.defined() ? start : LstmState::zeros(units, weights.first.options().requires_grad(false));
    result_.log_probability = result_.entropy = at::zeros({}, weights.first.options().requires_grad(false));
    input_ = weights.first;
  }

  void step() { result_.state = lstm_step(input_, result_.state, w_.lstm); }
  void feed(const at::Tensor& input) { input_ = input; }
  void feed_first() { input_ = w_.first; }

  // The present state becomes an anchor; it is fed as `fed` where it is pointed to.
  void add_anchor(const at::Tensor& fed) {
    anchors_.push_back(fed);
    projected_.push_back(at::matmul(result_.state.hidden, w_.attention_anchor));
  }

  // {anchors, 1}
  at::Tensor query() const { return at::matmul(at::tanh(at::cat(projected_, 0) + at::matmul(result_.state.hidden, w_.attention_query)), w_.attention); }

  at::Tensor operation_logits(double constant) const {
    at::Tensor raw = at::matmul(result_.state.hidden, w_.classifier);
    if (w_.bias.defined()) raw = raw + w_.bias;
    return bounded(raw, form_.temperature, constant);
  }

  std::int64_t ask(const at::Tensor& logits) {
    const std::int64_t token = pick_(logits);
    result_.logits.push_back(logits);
    result_.log_probability = result_.log_probability + log_probability(logits, token);
    return token;
  }

  EnasDecoded& result() { return result_; }
  const std::vector<at::Tensor>& anchors() const { return anchors_; }

 private:
  const EnasWeights& w_;
  const EnasForm& form_;
  const PickToken& pick_;
  EnasDecoded result_;
  at::Tensor input_;
  std::vector<at::Tensor> anchors_, projected_;
};

// The released code's entropy of a drawn token: its own share.
at::Tensor entropy_of_token(const at::Tensor& logits, std::int64_t token) {
  const at::Tensor log_p = log_probability(logits, token).detach();
  return -log_p * log_p.exp();
}

void write_node(Writer& writer, const EnasWeights& weights, const EnasForm& form, const at::Tensor& fixed_bias) {
  EnasDecoded& result = writer.result();
  std::int64_t indices[2], operations[2];
  for (auto& index : indices) {
    writer.step();
    const at::Tensor logits = bounded(writer.query().t(), form.temperature, form.tanh_constant);
    result.entropy = result.entropy + entropy(logits);
    index = writer.ask(logits);
    writer.feed(writer.anchors()[static_cast<std::size_t>(index)]);
  }
  for (auto& operation : operations) {
    writer.step();
    at::Tensor logits = writer.operation_logits(form.tanh_constant / form.operation_reduction);
    if (fixed_bias.defined()) logits = logits + fixed_bias;
    result.entropy = result.entropy + entropy(logits);
    operation = writer.ask(logits);
    writer.feed(weights.embedding.narrow(0, operation, 1));
  }
  writer.step();
  writer.add_anchor(result.state.hidden);
  writer.feed_first();
  for (int i = 0; i < 2; ++i) result.tokens.push_back(indices[i]), result.tokens.push_back(operations[i]);
}

// sum sigmoid(logit) log(sigmoid(logit) / target) over both logits of every earlier layer.
at::Tensor skip_divergence(const at::Tensor& logits, double target) {
  const at::Tensor p = at::sigmoid(logits), prior = at::tensor({1 - target, target}, at::kDouble).to(logits.device(), logits.scalar_type());
  return (p * at::log(p / prior)).sum();
}

void write_skips(Writer& writer, const EnasForm& form, double target, std::vector<at::Tensor>& penalties) {
  EnasDecoded& result = writer.result();
  const at::Tensor query = writer.query(), logits = bounded(at::cat({-query, query}, 1), form.temperature, form.tanh_constant);
  penalties.push_back(skip_divergence(logits, target));
  at::Tensor sum = at::zeros_like(writer.anchors()[0]);
  std::int64_t chosen = 0;
  for (std::int64_t j = 0; j < logits.size(0); ++j) {
    const std::int64_t skip = writer.ask(logits[j]);
    result.entropy = result.entropy + entropy_of_token(logits[j], skip);
    result.tokens.push_back(skip);
    if (skip == 0) continue;
    sum = sum + writer.anchors()[static_cast<std::size_t>(j)];
    ++chosen;
  }
  result.skips += chosen;
  writer.feed(sum / static_cast<double>(1 + chosen));
}

}  // namespace

EnasDecoded decode_enas_cell(const EnasWeights& weights, const EnasForm& form, int nodes, const at::Tensor& fixed_bias, const LstmState& start, const PickToken& pick) {
  Writer writer(weights, form, start, pick);
  for (int input = 0; input < 2; ++input) {
    writer.step();
    writer.add_anchor(at::zeros_like(writer.result().state.hidden));
  }
  for (int node = 0; node < nodes; ++node) write_node(writer, weights, form, fixed_bias);
  return writer.result();
}

EnasDecoded decode_enas_layers(const EnasWeights& weights, const EnasForm& form, int layers, double skip_target, const PickToken& pick) {
  Writer writer(weights, form, {}, pick);
  EnasDecoded& result = writer.result();
  std::vector<at::Tensor> penalties;
  for (int layer = 0; layer < layers; ++layer) {
    writer.step();
    const at::Tensor logits = writer.operation_logits(form.tanh_constant);
    const std::int64_t operation = writer.ask(logits);
    result.entropy = result.entropy + entropy_of_token(logits, operation);
    result.tokens.push_back(operation);
    writer.feed(weights.embedding.narrow(0, operation, 1));
    writer.step();
    if (layer > 0) write_skips(writer, form, skip_target, penalties);
    else writer.feed_first();
    writer.add_anchor(result.state.hidden);
  }
  result.skip_penalty = penalties.empty() ? at::zeros({}, weights.first.options()) : at::stack(penalties).mean();
  return result;
}

at::Tensor enas_fixed_bias(std::int64_t operations, const at::TensorOptions& options) {
  at::Tensor bias = at::full({operations}, -0.25, options);
  bias.narrow(0, 0, std::min<std::int64_t>(2, operations)).fill_(0.25);
  return bias;
}

at::Tensor enas_start_bias(std::int64_t operations, const at::TensorOptions& options) {
  at::Tensor bias = at::zeros({operations}, options);
  bias.narrow(0, 0, std::min<std::int64_t>(2, operations)).fill_(10);
  return bias;
}

}  // namespace netwright
