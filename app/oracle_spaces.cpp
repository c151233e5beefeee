// How many architectures a space has, each counted by its decision tree; and NAS-Bench-201's cells.
#include <algorithm>
#include <map>
#include <set>

#include "netwright/graph/cost.hpp"
#include "netwright/space/library/nasbench201.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

// ---- trees of spaces that are given in words ----

std::vector<std::string> numbered(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

// Adds a decision among `choices` and gives its place.
int add(std::vector<Decision>& decisions, std::size_t choices, std::optional<Condition> condition = std::nullopt) {
  decisions.push_back({.name = "d" + std::to_string(decisions.size()), .choices = numbered(choices), .condition = std::move(condition)});
  return static_cast<int>(decisions.size()) - 1;
}

OracleJson size_of(std::vector<Decision> decisions) { return decimal(size(DecisionTree(std::move(decisions)))); }

// A real space of two cells, and the half of it that decides the normal cell.
OracleJson cell_and_both(const char* name) {
  const auto space = find_space(name);
  std::vector<Decision> cell;
  for (const Decision& decision : space->decisions())
    if (decision.name.starts_with("normal.")) cell.push_back(decision);
  for (Decision& decision : cell)
    if (decision.condition) {
      const std::string& parent = space->decisions()[static_cast<std::size_t>(decision.condition->parent)].name;
      const auto found = std::find_if(cell.begin(), cell.end(), [&](const Decision& d) { return d.name == parent; });
      decision.condition->parent = static_cast<int>(found - cell.begin());
    }
  return {{"per_cell", size_of(cell)}, {"joint", decimal(size(space->decisions()))}};
}

OracleJson darts() { return cell_and_both("darts"); }
OracleJson nasnet() { return cell_and_both("nasnet"); }
OracleJson amoebanet() { return cell_and_both("amoebanet"); }

// As the paper counts, which is less than the space holds: two sides of two cells, each with one of five operations and, for block i of
// five, one of i states.
OracleJson enas_micro() {
  std::vector<Decision> decisions;
  for (int side = 0; side < 4; ++side) {
    add(decisions, 5);
    for (std::size_t block = 1; block <= 5; ++block) add(decisions, block);
  }
  return size_of(decisions);
}

// As the paper counts, 4^12 * 12!: node i of twelve has one of four functions and reads one of i values.
OracleJson enas_rnn() {
  std::vector<Decision> decisions;
  for (std::size_t node = 1; node <= 12; ++node) {
    add(decisions, 4);
    add(decisions, node);
  }
  return size_of(decisions);
}

struct InWords {
  const char* id;
  OracleJson (*count)();
};

const std::vector<InWords>& counted_spaces() {
  static const std::vector<InWords> list = {{"C-darts", darts},
                                            {"C-nasnet", nasnet},
                                            {"C-amoebanet", amoebanet},
                                            {"C-enas_micro", enas_micro},
                                            {"C-enas_rnn", enas_rnn}};
  return list;
}

const InWords* counted_space(const std::string& id) {
  for (const auto& entry : counted_spaces())
    if (id == entry.id) return &entry;
  return nullptr;
}

bool is_counted_space(const OracleJson& c) { return counted_space(id(c)) != nullptr; }
OracleJson run_counted_space(const OracleJson& c, const OracleJson&) { return counted_space(id(c))->count(); }

// ---- sizes of spaces by name ----

// "C-NAME" of a space, by our name or by one of these.
const std::map<std::string, std::string>& other_names() {
  static const std::map<std::string, std::string> names{
      {"ofa", "ofa_mobilenetv3"}, {"nats_sss", "nats_size"}, {"nats_tss", "nasbench201"}, {"nb201", "nasbench201"}, {"nb_macro", "nasbenchmacro"}};
  return names;
}

// Empty: none.
std::string sized_space(const OracleJson& c) {
  constexpr std::string_view stem = "C-";
  if (!id(c).starts_with(stem)) return "";
  const std::string name = id(c).substr(stem.size());
  const auto known = other_names().find(name);
  const std::string space = known == other_names().end() ? name : known->second;
  return std::ranges::find(space_names(), space) == space_names().end() ? "" : space;
}

bool is_sized(const OracleJson& c) { return !c.at("expect").is_structured() && !sized_space(c).empty(); }
OracleJson run_sized(const OracleJson& c, const OracleJson&) { return decimal(size(find_space(sized_space(c))->decisions())); }

// ---- NAS-Bench-201 ----

bool is_nasbench201_cell(const OracleJson& c) { return id(c).starts_with("N201-") && has_input(c, {"arch"}); }

// By number of classes. The benchmark's FLOPs count the classifier's bias; its 120 classes are those of ImageNet16-120, 16x16.
OracleJson run_nasbench201_cell(const OracleJson& c, const OracleJson&) {
  const auto space = find_space("nasbench201");
  const Architecture architecture = space->parse(c.at("input").at("arch").get<std::string>());
  constexpr std::int64_t imagenet16_classes = 120;
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    const std::int64_t classes = std::stoll(key);
    const std::int64_t side = c.at("input").value("resolution", std::int64_t{classes == imagenet16_classes ? 16 : 32});
    NetworkOptions options{.input = {3, side, side}, .classes = classes};
    if (has_input(c, {"C"})) options.settings["channels"] = std::to_string(c.at("input").at("C").get<std::int64_t>());
    if (has_input(c, {"N"})) options.settings["cells"] = std::to_string(c.at("input").at("N").get<std::int64_t>());
    const Cost counted = cost(space->close(architecture, options));
    got[key] = {{"flops_M", static_cast<double>(counted.macs + classes) / 1e6}, {"params", counted.params}};
  }
  return got;
}

bool is_nasbench201_counts(const OracleJson& c) { return id(c).starts_with("N201-counts"); }

OracleJson run_nasbench201_counts(const OracleJson&, const OracleJson&) {
  std::set<std::string> skips, skips_and_zeros;
  std::int64_t joined = 0;
  for (const auto& cell : benchmark_order()) {
    skips.insert(unique_text(cell, false));
    skips_and_zeros.insert(unique_text(cell, true));
    joined += connected(cell) ? 1 : 0;
  }
  return {{"total", decimal(size(find_space("nasbench201")->decisions()))},
          {"unique_skip_only", skips.size()},
          {"unique_skip_and_zero", skips_and_zeros.size()},
          {"input_output_connected", joined}};
}

bool is_nasbench201_index(const OracleJson& c) { return id(c).starts_with("N201-index"); }

// "all nor_conv_3x3" is the file's short form of a cell with one operation.
std::string written_as(const std::string& expected, const Nasbench201Cell& cell) {
  const bool uniform = std::all_of(cell.begin(), cell.end(), [&](int op) { return op == cell[0]; });
  if (uniform && expected.starts_with("all ")) return "all " + nasbench201_candidates().at(static_cast<std::size_t>(cell[0]));
  return print_nasbench201(cell);
}

OracleJson run_nasbench201_index(const OracleJson& c, const OracleJson&) {
  const auto cells = benchmark_order();
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) got[key] = written_as(value.get<std::string>(), cells.at(std::stoul(key)));
  return got;
}

}  // namespace

std::vector<OracleKind> cardinality_oracles() {
  return {{.name = "size of a space given in words", .matches = is_counted_space, .run = run_counted_space},
          {.name = "size of a space by name", .matches = is_sized, .run = run_sized}};
}

std::vector<OracleKind> nasbench201_oracles() {
  return {{.name = "NAS-Bench-201 cell", .matches = is_nasbench201_cell, .run = run_nasbench201_cell},
          {.name = "NAS-Bench-201 counts", .matches = is_nasbench201_counts, .run = run_nasbench201_counts},
          {.name = "NAS-Bench-201 index", .matches = is_nasbench201_index, .run = run_nasbench201_index}};
}

}  // namespace netwright
