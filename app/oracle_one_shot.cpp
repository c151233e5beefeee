// One-shot search under known numbers: architecture gradients, samples, regularisers, progressive stages, elastic layers.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "netwright/graph/cost.hpp"
#include "netwright/nn/operations.hpp"
#include "netwright/space/space.hpp"
#include "netwright/supernet/elastic.hpp"
#include "netwright/supernet/independent.hpp"
#include "netwright/supernet/mixed.hpp"
#include "netwright/supernet/partial.hpp"
#include "netwright/trained/architecture_update.hpp"
#include "netwright/trained/regulariser.hpp"
#include "netwright/trained/stage.hpp"
#include "netwright/training/optimiser.hpp"
#include "oracle_words.hpp"

namespace netwright {
namespace {

// A tree of one decision a row, each with as many choices as columns, and parameters that hold the rows.
struct Rows {
  DecisionTree tree;
  ArchitectureParameters parameters;
};

Rows rows_of(const at::Tensor& values) {
  std::vector<Decision> decisions;
  std::vector<std::string> choices;
  for (std::int64_t i = 0; i < values.size(1); ++i) choices.push_back("c" + std::to_string(i));
  for (std::int64_t d = 0; d < values.size(0); ++d) decisions.push_back({.name = "d" + std::to_string(d), .choices = choices});
  Rows rows{DecisionTree(decisions), {}};
  for (std::int64_t d = 0; d < values.size(0); ++d) rows.parameters.vectors.push_back(values[d].clone().requires_grad_(true));
  return rows;
}

at::Tensor gradient(const at::Tensor& loss, const at::Tensor& of) { return torch::autograd::grad({loss}, {of}, {}, true)[0]; }

// ---- first and second order ----

bool is_bilevel(const OracleJson& c) { return id(c).starts_with("D-2nd") && has_input(c, {"model", "w", "alpha", "train_x", "val_x", "eta"}); }

// One term "p1*tanh(w1*x)" of the case's model, without its p.
std::function<at::Tensor(const at::Tensor&)> term_function(const std::string& term) {
  const std::size_t star = term.find('*'), open = term.find('(');
  const std::string name = open == std::string::npos ? "" : term.substr(star + 1, open - star - 1);
  if (name.empty()) return [](const at::Tensor& v) { return v; };
  if (name == "tanh") return [](const at::Tensor& v) { return at::tanh(v); };
  if (name == "sin") return [](const at::Tensor& v) { return at::sin(v); };
  if (name == "cos") return [](const at::Tensor& v) { return at::cos(v); };
  if (name == "sigmoid") return [](const at::Tensor& v) { return at::sigmoid(v); };
  if (name == "exp") return [](const at::Tensor& v) { return at::exp(v); };
  if (name == "relu") return [](const at::Tensor& v) { return at::relu(v); };
  throw NotBuilt("a model with '" + name + "'");
}

// y = sum_i p_i f_i(w_i x) mixed as a supernet mixes its candidates; loss 0.5 mean (y - t)^2.
struct TinyModel {
  std::vector<std::function<at::Tensor(const at::Tensor&)>> terms;
  Rows alpha;
  at::Tensor w;

  explicit TinyModel(const OracleJson& input)
      : alpha(rows_of(vector_of(input.at("alpha")).unsqueeze(0))), w(vector_of(input.at("w")).requires_grad_(true)) {
    std::string words = input.at("model").get<std::string>();
    words = words.substr(words.find('=') + 1, words.find(',') - words.find('=') - 1);
    for (const auto& term : split_terms(words)) terms.push_back(term_function(term));
  }

  static std::vector<std::string> split_terms(const std::string& words) {
    std::vector<std::string> list(1);
    for (const char c : words)
      if (c == '+') list.emplace_back();
      else list.back() += c;
    return list;
  }

  at::Tensor loss(const at::Tensor& x, const at::Tensor& t) const {
    Rng rng(0);
    const Mixture mixture = make_relaxation("softmax", alpha.tree)->draw(alpha.parameters, rng);
    const at::Tensor y = mixed_sum(mixture.at("d0"), [&](std::size_t i) { return terms.at(i)(w[static_cast<std::int64_t>(i)] * x); }, false);
    return 0.5 * (y - t).square().mean();
  }
};

at::Tensor gradient_by(const std::string& update, const std::map<std::string, std::string, std::less<>>& options, const BilevelCase& bilevel) {
  make_architecture_update(update, options)->gradients(bilevel);
  return bilevel.architecture[0].grad().clone();
}

at::Tensor after_adam(const OracleJson& adam, const at::Tensor& parameter, const at::Tensor& slope) {
  const at::Tensor alpha = parameter.detach().clone().requires_grad_(true);
  Optimiser optimiser({alpha}, {.name = "adam",
                                .learning_rate = adam.at("lr"),
                                .beta1 = adam.at("betas").at(0),
                                .beta2 = adam.at("betas").at(1),
                                .weight_decay = adam.at("wd")});
  alpha.mutable_grad() = slope.clone();
  optimiser.step();
  return alpha;
}

OracleJson run_bilevel(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const TinyModel model(input);
  const at::Tensor train_x = vector_of(input.at("train_x")), train_t = vector_of(input.at("train_t"));
  const at::Tensor val_x = vector_of(input.at("val_x")), val_t = vector_of(input.at("val_t"));
  BilevelCase bilevel{[&] { return model.loss(val_x, val_t); }, [&] { return model.loss(train_x, train_t); }, model.alpha.parameters.vectors, {model.w}};
  bilevel.rate = input.at("eta"), bilevel.momentum = input.value("momentum", 0.0), bilevel.weight_decay = input.value("weight_decay", 0.0);
  if (input.contains("momentum_buffer") && input.at("momentum_buffer").is_array()) bilevel.buffers = {vector_of(input.at("momentum_buffer"))};
  std::ostringstream radius;
  radius.precision(17);
  radius << input.value("fd_r", 0.01);
  OracleJson got = {{"train_loss", bilevel.weight_loss().item<double>()}, {"val_loss", bilevel.architecture_loss().item<double>()}};
  got["w_prime"] = values_json(weights_ahead(bilevel)[0]);
  got["first_order"] = values_json(gradient_by("first_order", {}, bilevel));
  const at::Tensor second = gradient_by("second_order", {{"radius", radius.str()}}, bilevel);
  got["second_order_fd"] = values_json(second);
  got["second_order_exact"] = values_json(gradient_by("second_order", {{"hessian", "exact"}}, bilevel));
  if (input.contains("adam")) got["alpha_after_adam"] = values_json(after_adam(input.at("adam"), model.alpha.parameters.vectors[0], second));
  return got;
}

// The case states too how near the difference is to what it stands for.
bool judge_bilevel(const OracleJson& c, const OracleJson& got) {
  const OracleJson tol = c.value("tol", OracleJson::object());
  if (!agrees(c.at("expect"), got, tol)) return false;
  const auto difference = vector_of(got["second_order_fd"]) - vector_of(got["second_order_exact"]);
  return !tol.contains("fd_vs_exact_abs") || difference.abs().max().item<double>() <= tol.at("fd_vs_exact_abs").get<double>();
}

// ---- samples ----

bool is_straight_through(const OracleJson& c) { return id(c).starts_with("D-gdas") && has_input(c, {"tau"}); }

at::Tensor numbers_tensor(const OracleJson& c, const char* marker) { return at::tensor(numbers_behind(title(c), marker, {}), at::kDouble); }

OracleJson run_straight_through(const OracleJson& c, const OracleJson&) {
  const at::Tensor logits = tensor_in_words(title(c), "a=").flatten().requires_grad_(true);
  const at::Tensor noise = -at::log(-at::log(numbers_tensor(c, "uniforms "))), outputs = numbers_tensor(c, "outputs ");
  if (noise.numel() != logits.numel() || outputs.numel() != logits.numel())
    throw UsageError("the case has " + std::to_string(logits.numel()) + " logits, " + std::to_string(noise.numel()) + " uniforms and " +
                     std::to_string(outputs.numel()) + " outputs");
  const at::Tensor soft = gumbel_softmax(logits, noise, c.at("input").at("tau"));
  MixtureEntry entry = straight_through(soft);
  const auto slope = [&] {
    return gradient(mixed_sum(entry, [&](std::size_t i) { return outputs[static_cast<std::int64_t>(i)].reshape({1}); }, false).sum(), logits);
  };
  OracleJson got = {{"probs", values_json(soft)}, {"index", std::max_element(entry.values.begin(), entry.values.end()) - entry.values.begin()}};
  got["grad_gdas"] = values_json(slope());
  entry.idle.assign(entry.values.size(), Idle::probed);
  got["grad_full"] = values_json(slope());
  return got;
}

bool is_gumbel_moments(const OracleJson& c) { return id(c).starts_with("D-gumbel") && c.at("expect").is_array(); }

// The first of two coordinates depends on the difference of two Gumbel draws, a logistic one: its quantiles replace the draws.
OracleJson run_gumbel_moments(const OracleJson& c, const OracleJson&) {
  constexpr std::int64_t count = 1000000;
  const at::Tensor u = (at::arange(count, at::kDouble) + 0.5) / static_cast<double>(count);
  const at::Tensor noise = at::stack({at::log(u) - at::log1p(-u), at::zeros_like(u)}, 1);
  OracleJson list = OracleJson::array();
  for (const auto& row : c.at("expect")) {
    const double pi = row.at("pi"), tau = row.at("tau");
    const at::Tensor logits = at::tensor({std::log(pi), std::log1p(-pi)}, at::kDouble);
    const at::Tensor first = gumbel_softmax(logits, noise, tau).select(1, 0);
    list.push_back({{"pi", pi}, {"tau", tau}, {"mean", first.mean().item<double>()}, {"var", first.var(false).item<double>()}});
  }
  return list;
}

// ---- binary gates ----

bool is_gates(const OracleJson& c) { return id(c).starts_with("D-proxyless") && has_input(c, {"ops", "alpha", "x", "t"}); }

OracleJson run_gates(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const std::string words = title(c);
  const at::Tensor alpha = vector_of(input.at("alpha")).requires_grad_(true), x = vector_of(input.at("x")), t = vector_of(input.at("t"));
  const auto factors = numbers_behind(input.at("ops").get<std::string>(), "c=(", {});
  const auto active = static_cast<std::size_t>(number_behind(words, "active op ", number_behind(words, "active ", 0)));
  const double other = number_behind(words, "inactive ", -1);
  const auto operations = static_cast<std::int64_t>(factors.size());
  if (alpha.numel() != operations)
    throw UsageError("the case has " + std::to_string(operations) + " operations and " + std::to_string(alpha.numel()) + " alphas");
  if (std::max(static_cast<double>(active), other) >= static_cast<double>(operations)) throw UsageError("the case has no such operation: " + words);
  const MixtureEntry entry = other < 0 ? gates_over_all(alpha, active) : gates_over_two(alpha, active, static_cast<std::size_t>(other));
  const at::Tensor y = mixed_sum(entry, [&](std::size_t i) { return factors.at(i) * x; }, true);
  const at::Tensor loss = (y - t).square().sum();
  const at::Tensor slope = gradient(loss, alpha);
  OracleJson got = {{"loss", loss.item<double>()}, {"gate_grad", values_json(gradient(loss, entry.weights))}, {"alpha_grad", values_json(slope)}};
  if (other < 0) return got;
  const at::Tensor stepped = alpha.detach() - number_behind(words, "SGD step ", 0) * slope, kept = keep_other_probabilities(alpha.detach(), stepped);
  got["alpha_after_sgd"] = values_json(stepped);
  got["alpha_rescaled"] = values_json(kept);
  got["probs_before"] = values_json(at::softmax(alpha, 0));
  got["probs_after"] = values_json(at::softmax(kept, 0));
  return got;
}

// ---- regularisers and stages ----

OracleJson run_beta(const OracleJson& c, const OracleJson&) {
  return mean_log_sum_exp(rows_of(tensor_in_words(title(c), "logsumexp")).parameters.vectors).item<double>();
}

OracleJson run_zero_one(const OracleJson& c, const OracleJson&) {
  std::string words = title(c);
  std::erase(words, ')');   // "sigmoid(2*LCG(11)) 14x8"
  words.insert(words.find("LCG(") + 4 + words.substr(words.find("LCG(") + 4).find(' '), ")");
  const Rows rows = rows_of(tensor_in_words(words, "sigmoid"));
  return {{"l2", zero_one_loss(rows.parameters.vectors, false).item<double>()}, {"l1", zero_one_loss(rows.parameters.vectors, true).item<double>()}};
}

OracleJson run_drop(const OracleJson& c, const OracleJson&) {
  Rows rows = rows_of(tensor_in_words(title(c), "alphas"));
  const auto probabilities = make_relaxation("softmax", rows.tree)->probabilities(rows.parameters);
  drop_choices(rows.tree, rows.parameters, probabilities, static_cast<int>(number_behind(title(c), "keep ", 1)), false);
  OracleJson kept = OracleJson::array();
  for (std::size_t d = 0; d < rows.tree.size(); ++d) kept.push_back(rows.parameters.left(rows.tree[d], d));
  return kept;
}

std::vector<std::vector<double>> softmax_rows(const at::Tensor& alphas) {
  const Rows rows = rows_of(alphas);
  return make_relaxation("softmax", rows.tree)->probabilities(rows.parameters);
}

// The alphas of earlier epochs: "criterion 2, alphas 2*LCG(11) 14x8, history 2*LCG(12), 2*LCG(13)".
std::vector<std::vector<std::vector<double>>> earlier_rows(const std::string& words, const at::Tensor& alphas) {
  std::vector<std::vector<std::vector<double>>> earlier;
  const std::size_t history = words.find("history");
  for (std::size_t at = words.find("LCG(", history); history != std::string::npos && at != std::string::npos; at = words.find("LCG(", at + 1)) {
    const std::string from_factor = words.substr(words.find_last_of(" ,;:", at) + 1);
    earlier.push_back(softmax_rows(tensor_in_words(from_factor, "", alphas.sizes().vec())));
  }
  return earlier;
}

// The first column is the "none" of DARTS' primitives.
OracleJson run_edge_scores(const OracleJson& c, const OracleJson&) {
  const at::Tensor alphas = tensor_in_words(title(c), "alphas");
  const auto probabilities = softmax_rows(alphas);
  std::vector<bool> pickable(probabilities[0].size(), true);
  pickable[0] = false;
  const EdgeScores scores = edge_scores(probabilities, pickable, earlier_rows(title(c), alphas));
  return {{"importance", scores.importance}, {"entropy", scores.entropy}, {"stability", scores.stability},
          {"score", scores.score},           {"edge", scores.edge},       {"op", scores.choice}};
}

// ---- partial channels ----

OracleJson run_shuffle(const OracleJson& c, const OracleJson&) {
  const auto last = static_cast<std::int64_t>(number_behind(title(c), "0..", 15)), groups = static_cast<std::int64_t>(number_behind(title(c), "with ", 4));
  const Node node{.name = "shuffle", .op = "channel_shuffle", .attributes = {{"groups", groups}}};
  const std::vector<at::Tensor> x{at::arange(last + 1, at::kDouble).reshape({1, last + 1, 1, 1})};
  return values_json(make_kernel(node)(x, {}, {}));
}

bool is_partial_darts(const OracleJson& c) { return id(c).starts_with("P-supernet-pcdarts") && has_input(c, {"C", "layers", "K"}); }

OracleJson run_partial_darts(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const auto space = find_space("darts");
  const DecisionTree& tree = space->decisions();
  const auto graph_at = [&](std::int64_t side) {
    const NetworkOptions options{.input = {3, side, side},
                                 .classes = input.value("classes", std::int64_t{10}),
                                 .search = true,
                                 .settings = {{"channels", std::to_string(input.at("C").get<std::int64_t>())},
                                              {"cells", std::to_string(input.at("layers").get<std::int64_t>())}}};
    return partial_channels(space->open(options), input.at("K").get<std::int64_t>());
  };
  OracleJson got = {{"params", cost(graph_at(32)).params}};
  for (const auto& [key, value] : c.at("expect").items())
    if (key.starts_with("macs_")) got[key] = cost(graph_at(static_cast<std::int64_t>(number_behind(key, "macs_", 32)))).macs;
  const auto parameters = ArchitectureParameters::start(tree, Seed(0), {}, {.edges = true});
  OracleJson of_operations = OracleJson::array(), of_edges = OracleJson::array();
  for (const std::string cell : {"normal.", "reduce."}) {
    std::int64_t rows = 0, columns = 0, edges = 0;
    for (std::size_t d = 0; d < tree.size(); ++d) {
      if (!tree[d].name.starts_with(cell)) continue;
      if (tree[d].kind == Kind::k_of_n) edges += parameters.vectors[d].numel();
      else ++rows, columns = parameters.vectors[d].numel();
    }
    of_operations.push_back({rows, columns});
    of_edges.push_back({edges});
  }
  got["arch_shapes"] = of_operations;
  for (const auto& shape : of_edges) got["arch_shapes"].push_back(shape);
  return got;
}

// ---- elastic layers ----

bool is_kernel_transform(const OracleJson& c) { return id(c).starts_with("O-kernel") && title(c).find("W7=") != std::string::npos; }

OracleJson run_kernel_transform(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  const std::vector<std::int64_t> sizes{7, 5, 3};
  const at::Tensor weight = tensor_in_words(words, "W7=");
  const double named = number_behind(id(c), "O-kernel-", 5);
  const auto target = static_cast<std::int64_t>(number_behind(words, "7->5->", number_behind(words, "7->", named)));
  const at::Tensor kernel = transformed_kernel(weight, sizes, {tensor_in_words(words, "M75="), tensor_in_words(words, "M53=")}, target);
  OracleJson got = {{"sum", kernel.sum().item<double>()}};
  OracleJson identity = OracleJson::array();
  for (const std::int64_t size : sizes)
    identity.push_back(transformed_kernel(weight, sizes, {at::eye(25, at::kDouble), at::eye(9, at::kDouble)}, size).sum().item<double>());
  for (const auto& [key, value] : c.at("expect").items()) {
    if (key.starts_with("first")) got[key] = values_json(kernel.flatten().narrow(0, 0, std::stoll(key.substr(5))));
    if (key.starts_with("identity_sums")) got[key] = identity;
  }
  return got;
}

OracleJson run_channel_sort(const OracleJson& c, const OracleJson&) {
  const at::Tensor importance = channel_importance(tensor_in_words(title(c), "weight"));
  OracleJson order = OracleJson::array();
  const at::Tensor sorted = importance_order(importance).contiguous();
  for (std::int64_t i = 0; i < sorted.numel(); ++i) order.push_back(sorted.const_data_ptr<std::int64_t>()[i]);
  return {{"importance", values_json(importance)}, {"order", order}};
}

OracleJson run_distillation(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  return soft_cross_entropy(tensor_in_words(words, "student"), tensor_in_words(words, "teacher"), number_behind(words, "T=", 1)).item<double>();
}

}  // namespace

std::vector<OracleKind> one_shot_oracles() {
  return {{.name = "first and second order gradients", .matches = is_bilevel, .run = run_bilevel, .judge = judge_bilevel},
          {.name = "straight-through samples", .matches = is_straight_through, .run = run_straight_through},
          {.name = "moments of Gumbel-softmax", .matches = is_gumbel_moments, .run = run_gumbel_moments},
          {.name = "binary gates", .matches = is_gates, .run = run_gates},
          {.name = "regulariser of Beta-DARTS", .matches = [](const OracleJson& c) { return id(c).starts_with("D-beta"); }, .run = run_beta},
          {.name = "zero-one loss", .matches = [](const OracleJson& c) { return id(c).starts_with("D-fair"); }, .run = run_zero_one},
          {.name = "dropped candidates", .matches = [](const OracleJson& c) { return id(c).starts_with("D-pdarts"); }, .run = run_drop},
          {.name = "greedy edge", .matches = [](const OracleJson& c) { return id(c).starts_with("D-sgas-"); }, .run = run_edge_scores},
          {.name = "channel shuffle", .matches = [](const OracleJson& c) { return id(c).starts_with("D-shuffle"); }, .run = run_shuffle},
          {.name = "supernet of partial channels", .matches = is_partial_darts, .run = run_partial_darts},
          {.name = "kernel transform", .matches = is_kernel_transform, .run = run_kernel_transform},
          {.name = "channel sorting", .matches = [](const OracleJson& c) { return id(c).starts_with("O-chansort"); }, .run = run_channel_sort},
          {.name = "distillation", .matches = [](const OracleJson& c) { return id(c).starts_with("O-kd"); }, .run = run_distillation}};
}

}  // namespace netwright
