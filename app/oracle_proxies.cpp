// Scores of untrained networks under filled weights and inputs.
#include <ATen/ATen.h>

#include <algorithm>

#include "netwright/graph/cost.hpp"
#include "netwright/proxy/fill.hpp"
#include "netwright/proxy/passes.hpp"
#include "netwright/proxy/patterns.hpp"
#include "netwright/proxy/proxy.hpp"
#include "netwright/space/space.hpp"
#include "oracle_kinds.hpp"
#include "oracle_nets.hpp"
#include "oracle_proxies.hpp"

namespace netwright {
namespace {

bool is_proxies(const OracleJson& c) {
  const bool z1 = has_input(c, {"net"}) && c.at("input").at("net") == "Z1";
  return z1 || (id(c).starts_with("Z201") && has_input(c, {"arch"}));
}

// "labels": "i mod 5", or the same in the title.
std::int64_t label_period(const OracleJson& c, double fallback) {
  const std::string words = c.at("input").value("labels", title(c));
  return static_cast<std::int64_t>(number_behind(words, "i mod ", fallback));
}

// "resolution": 16, or "batch 8 of 3x16x16" in the title.
std::int64_t side_of(const OracleJson& c) {
  constexpr double usual = 32;
  return c.at("input").value("resolution", static_cast<std::int64_t>(number_behind(title(c), " of 3x", usual)));
}

Graph graph_of(const OracleJson& c) {
  const OracleJson& input = c.at("input");
  if (input.contains("net")) return z1_graph();
  const auto space = find_space("nasbench201");
  NetworkOptions options{.input = {3, side_of(c), side_of(c)}, .classes = input.value("classes", label_period(c, 10))};
  options.settings["channels"] = std::to_string(input.value("C", std::int64_t{16}));
  options.settings["cells"] = std::to_string(input.value("N", std::int64_t{5}));
  return space->close(space->parse(input.at("arch").get<std::string>()), options);
}

ProxyCase proxy_case_of(const OracleJson& c, const Graph& graph, at::ScalarType dtype) {
  const std::int64_t batch = c.at("input").value("batch", static_cast<std::int64_t>(number_behind(title(c), "batch ", 8)));
  const auto seed = c.at("input").value("seed", static_cast<std::uint64_t>(number_behind(title(c), "seed ", fill_input_seed)));
  ProxyCase proxy_case = prepare(graph, {.batch = batch, .fill = Fill::oracle, .input_seed = seed, .place = {.dtype = dtype}});
  const auto classes = static_cast<double>(graph.output().shape.at(0));
  proxy_case.targets = at::arange(batch, at::kLong).remainder(label_period(c, classes));
  return proxy_case;
}

// What the file calls a score where that is not our name.
std::string proxy_name(const std::string& key) { return key == "zico_2b" ? "zico" : key; }

bool is_scored(const std::string& key) {
  const auto& list = proxy_list();
  return std::ranges::any_of(list, [&](const Proxy& p) { return p.name == proxy_name(key); });
}

std::vector<double> to_values(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  return {plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel()};
}

// What the scores are made of, where the file gives that too.
OracleJson intermediate(const std::string& key, const Graph& graph, Passes& passes) {
  if (key == "params") return cost(graph).params;
  if (key == "loss") return passes.loss().loss;
  if (key.starts_with("logits")) return to_values(passes.logits()[std::stoll(key.substr(6))]);
  if (key == "ntk_eigenvalues") return to_values(at::linalg_eigvalsh(passes.tangent_kernel()));
  if (key == "naswot_K_row0") return to_values(agreement_kernel(passes.patterns())[0]);
  return nullptr;
}

OracleJson run_proxies(const OracleJson& c, const OracleJson&) { return proxy_values(c, at::kDouble); }

}  // namespace

nlohmann::ordered_json proxy_values(const nlohmann::ordered_json& c, at::ScalarType dtype) {
  const Graph graph = graph_of(c);
  const ProxyCase proxy_case = proxy_case_of(c, graph, dtype);
  std::vector<std::string> names;
  for (const auto& [key, value] : c.at("expect").items())
    if (is_scored(key)) names.push_back(proxy_name(key));
  const auto scores = names.empty() ? std::map<std::string, double>() : score(proxy_case, names);
  Passes passes(proxy_case);
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    const OracleJson part = is_scored(key) ? OracleJson(scores.at(proxy_name(key))) : intermediate(key, graph, passes);
    if (!part.is_null()) got[key] = part;
  }
  return got;
}

std::vector<OracleKind> proxy_oracles() { return {{.name = "scores without training", .matches = is_proxies, .run = run_proxies}}; }

}  // namespace netwright
