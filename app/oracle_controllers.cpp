// Controllers and policy gradients under known numbers.
#include <ATen/ATen.h>

#include "netwright/learned/enas_decoder.hpp"
#include "netwright/proxy/fill.hpp"
#include "netwright/strategy/reward_baseline.hpp"
#include "netwright/strategy/surrogate.hpp"
#include "oracle_words.hpp"

namespace netwright {
namespace {

// The seeds of the roles lstm, first, embedding, classifier, the two attention matrices and the attention vector.
EnasWeights filled_weights(std::int64_t h, std::int64_t operations, double factor, const std::vector<std::uint32_t>& seeds) {
  const auto fill = [&](std::size_t role, std::vector<std::int64_t> sizes) { return lcg_tensor(sizes, seeds.at(role), factor); };
  return {fill(0, {2 * h, 4 * h}), fill(1, {1, h}), fill(2, {operations, h}), fill(3, {h, operations}), fill(4, {h, h}), fill(5, {h, h}), fill(6, {h, 1})};
}

double factor_of(const std::string& words) {
  const std::size_t star = words.find("*LCG");
  std::size_t start = star;
  while (start > 0 && start != std::string::npos && (std::isdigit(static_cast<unsigned char>(words[start - 1])) != 0 || words[start - 1] == '.')) --start;
  return star == std::string::npos || start == star ? 1 : std::stod(words.substr(start, star - start));
}

std::vector<std::uint32_t> named_seeds(const std::string& words) {
  std::vector<std::uint32_t> seeds;
  for (const char* role : {"lstm ", "g_emb ", " emb ", "soft ", "attn1 ", "attn2 ", " v "}) seeds.push_back(static_cast<std::uint32_t>(number_behind(words, role, 0)));
  return seeds;
}

bool is_micro(const OracleJson& c) { return id(c).starts_with("R-enas-micro") && has_input(c, {"setup"}); }

OracleJson run_micro(const OracleJson& c, const OracleJson&) {
  const std::string setup = c.at("input").at("setup").get<std::string>(), all = title(c) + " " + setup;
  const auto h = static_cast<std::int64_t>(number_behind(setup, "H=", 8)), operations = static_cast<std::int64_t>(number_before(setup, " ops", 5));
  const auto nodes = static_cast<int>(number_before(setup, " cells", 5));
  EnasWeights weights = filled_weights(h, operations, factor_of(setup), named_seeds(setup));
  const auto bias = numbers_behind(setup, "bias (", {});
  if (!bias.empty()) weights.bias = at::tensor(bias, at::kDouble);
  const EnasForm form{number_behind(all, "temperature ", 0), number_behind(setup, "tanh ", 0), number_behind(setup, "reduction ", 1)};
  const EnasDecoded normal = decode_enas_cell(weights, form, nodes, enas_fixed_bias(operations, at::kDouble), {}, greedy_pick());
  const EnasDecoded reduce = decode_enas_cell(weights, form, nodes, {}, normal.state, greedy_pick());
  OracleJson got = {{"arcs", {normal.tokens, reduce.tokens}},
                    {"neg_log_prob", {-normal.log_probability.item<double>(), -reduce.log_probability.item<double>()}},
                    {"entropy", {normal.entropy.item<double>(), reduce.entropy.item<double>()}}};
  got["first_logits"] = OracleJson::array();
  for (std::size_t i = 0; i < 4 && i < normal.logits.size(); ++i) got["first_logits"].push_back(values_json(normal.logits[i]));
  return got;
}

bool is_macro(const OracleJson& c) { return id(c).starts_with("R-enas-macro"); }

OracleJson run_macro(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  const auto first = static_cast<std::uint32_t>(number_behind(words, "LCG(", 2001));
  std::vector<std::uint32_t> seeds;
  for (std::uint32_t role = 0; role < 7; ++role) seeds.push_back(first + role);
  const auto operations = static_cast<std::int64_t>(number_before(words, " ops", 6));
  const EnasWeights weights = filled_weights(static_cast<std::int64_t>(number_behind(words, "H=", 8)), operations, factor_of(words), seeds);
  const double temperature = words.find("no temperature") != std::string::npos ? 0 : number_behind(words, "temperature ", 0);
  const EnasDecoded got = decode_enas_layers(weights, {.temperature = temperature, .tanh_constant = number_behind(words, "tanh ", 0)},
                                             static_cast<int>(number_behind(words, "L=", 4)), number_behind(words, "target ", 0.4), greedy_pick());
  return {{"arc", got.tokens}, {"neg_log_prob", -got.log_probability.item<double>()}, {"entropy", got.entropy.item<double>()},
          {"skip_kl_mean", got.skip_penalty.item<double>()}, {"skip_count", static_cast<double>(got.skips)}};
}

bool is_baseline(const OracleJson& c) { return id(c).starts_with("R-baseline"); }

OracleJson run_baseline(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  RewardBaseline baseline(number_behind(words, "baseline ", 0.99), number_behind(words, "starting at ", 0));
  const auto rewards = numbers_behind(words, "rewards ", {}), entropies = numbers_behind(words, "entropies ", {});
  OracleJson list = OracleJson::array();
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    const double advantage = baseline.advantage(rewards[i], i < entropies.size() ? entropies[i] : 0, number_behind(words, "weight ", 0));
    list.push_back({baseline.value(), advantage});
  }
  return list;
}

bool is_ppo(const OracleJson& c) { return id(c).starts_with("R-ppo"); }

OracleJson run_ppo(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  OracleJson list = OracleJson::array();
  for (std::size_t open = words.find('(', words.find(")=")); open != std::string::npos; open = words.find('(', open + 1)) {
    const auto pair = numbers_behind(words.substr(open), "(", {});
    if (pair.size() != 2) throw UsageError("'" + words.substr(open) + "' is no pair (ratio, advantage)");
    list.push_back(clipped_surrogate(pair[0], pair[1], number_behind(words, "eps ", 0.2)).value);
  }
  return list;
}

}  // namespace

std::vector<OracleKind> controller_oracles() {
  return {{.name = "ENAS controller of cells", .matches = is_micro, .run = run_micro},
          {.name = "ENAS controller of layers", .matches = is_macro, .run = run_macro},
          {.name = "moving baseline", .matches = is_baseline, .run = run_baseline},
          {.name = "clipped surrogate", .matches = is_ppo, .run = run_ppo}};
}

}  // namespace netwright
