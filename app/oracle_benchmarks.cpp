// Cells, networks and sizes of the benchmark spaces.
#include <algorithm>

#include "netwright/graph/cost.hpp"
#include "netwright/space/library/nasbench101.hpp"
#include "netwright/space/library/transnas.hpp"
#include "netwright/space/path_encoding.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

OracleJson size_of(const char* space) { return decimal(size(find_space(space)->decisions())); }

// "macs_32x32" = {32, 32}, "vertex_channels_128_256" = {128, 256}: the two numbers behind the stem.
std::vector<std::int64_t> two_numbers(const std::string& key, std::string_view stem, char between) {
  const std::size_t middle = key.find(between, stem.size());
  if (!key.starts_with(stem) || middle == std::string::npos) return {};
  return {std::stoll(key.substr(stem.size(), middle - stem.size())), std::stoll(key.substr(middle + 1))};
}

// ---- NAS-Bench-101 ----

bool is_nasbench101_cell(const OracleJson& c) { return id(c).starts_with("N101-") && has_input(c, {"matrix", "ops"}); }

OracleJson run_nasbench101_cell(const OracleJson& c, const OracleJson&) {
  const auto space = find_space("nasbench101");
  const OracleJson written = {{"matrix", c.at("input").at("matrix")}, {"ops", c.at("input").at("ops")}};
  const auto cell = pruned(parse_nasbench101(written.dump()));
  if (!cell) throw UsageError("the cell has no path from input to output");
  const OracleJson small = OracleJson::parse(print_nasbench101(*cell));
  const Architecture architecture = space->parse(written.dump());
  NetworkOptions options{.classes = c.at("input").value("classes", std::int64_t{10})};
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    if (key == "hash") got[key] = nasbench101_hash(*cell);
    if (key == "pruned_matrix") got[key] = small["matrix"];
    if (key == "pruned_ops") got[key] = small["ops"];
    if (key == "trainable_parameters") got[key] = cost(space->close(architecture, options)).params;
    if (const auto channels = two_numbers(key, "vertex_channels_", '_'); !channels.empty()) got[key] = vertex_channels(channels[0], channels[1], *cell);
    if (const auto sides = two_numbers(key, "macs_", 'x'); !sides.empty()) {
      options.input = {3, sides[0], sides[1]};
      got[key] = cost(space->close(architecture, options)).macs;
    }
  }
  return got;
}

bool is_nasbench101_counts(const OracleJson& c) { return id(c).starts_with("N101-counts"); }

OracleJson run_nasbench101_counts(const OracleJson&, const OracleJson&) {
  OracleJson by_vertices;
  std::int64_t total = 0;
  for (const auto& [vertices, cells] : count_nasbench101()) {
    by_vertices[std::to_string(vertices)] = cells;
    total += cells;
  }
  return {{"total", total}, {"by_vertices", by_vertices}};
}

bool is_paths(const OracleJson& c) { return id(c).starts_with("C-paths"); }
OracleJson run_paths(const OracleJson&, const OracleJson&) {
  return {{"nb101", path_encoding_length(nasbench101_paths())}, {"nb201", path_encoding_length(nasbench201_paths())}};
}

// ---- TransNAS-Bench-101 ----

bool is_transnas_network(const OracleJson& c) { return has_input(c, {"code", "resolution", "classes_full"}); }

OracleJson run_transnas_network(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const auto side = input.at("resolution").get<std::int64_t>();
  const TransnasCode code = parse_transnas(input.at("code").get<std::string>());
  NetworkOptions options{.input = {3, side, side}, .classes = input.at("classes_full").get<std::int64_t>()};
  const Cost full = cost(transnas_network(code, options));
  options.settings["head"] = "none";
  const Cost backbone = cost(transnas_network(code, options));
  return {{"backbone_params", backbone.params}, {"backbone_macs", backbone.macs}, {"full_params", full.params}, {"full_macs", full.macs}};
}

bool is_transnas_sizes(const OracleJson& c) { return id(c).starts_with("C-transnas"); }
OracleJson run_transnas_sizes(const OracleJson&, const OracleJson&) { return {{"macro", size_of("transnas_macro")}, {"micro", size_of("transnas_micro")}}; }

// ---- NAS-Bench-Macro: [parameters, multiply-accumulates] by code ----

bool is_macro_networks(const OracleJson& c) { return id(c).starts_with("BM-net"); }

OracleJson run_macro_networks(const OracleJson& c, const OracleJson&) {
  const auto space = find_space("nasbenchmacro");
  OracleJson got;
  for (const auto& [code, value] : c.at("expect").items()) {
    const Cost counted = cost(space->close(space->parse(code), {.input = {3, 32, 32}, .classes = 10}));
    got[code] = {counted.params, counted.macs};
  }
  return got;
}

}  // namespace

std::vector<OracleKind> benchmark_oracles() {
  return {{.name = "NAS-Bench-101 cell", .matches = is_nasbench101_cell, .run = run_nasbench101_cell},
          {.name = "NAS-Bench-101 counts", .matches = is_nasbench101_counts, .run = run_nasbench101_counts},
          {.name = "lengths of path encodings", .matches = is_paths, .run = run_paths},
          {.name = "TransNAS-Bench-101 network", .matches = is_transnas_network, .run = run_transnas_network},
          {.name = "TransNAS-Bench-101 sizes", .matches = is_transnas_sizes, .run = run_transnas_sizes},
          {.name = "NAS-Bench-Macro networks", .matches = is_macro_networks, .run = run_macro_networks}};
}

}  // namespace netwright
