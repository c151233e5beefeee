#include "netwright/space/library/pair_cells.hpp"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/library/pair_network.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Json = nlohmann::ordered_json;

constexpr int kInputs = 2;
constexpr Int kAdd = 0, kConcat = 1;  // picks of a combiner
const std::vector<std::string> kCombiners = {"add", "concat"};

// ---- notation ----

struct CellReader {
  const PairFamily& family;
  std::string cell;

  [[noreturn]] void fail(const std::string& why) const { throw UsageError(family.info.name + ": " + cell + " " + why); }

  std::string operation(const Json& entry, const std::string& place) const {
    if (!entry.is_string()) fail(place + ": " + entry.dump() + " is no operation's name");
    static const std::map<std::string, std::string> shorter = {
        {"none", "identity"},      {"skip_connect", "identity"}, {"sep3", "sep_conv_3x3"},     {"sep5", "sep_conv_5x5"},
        {"sep7", "sep_conv_7x7"},  {"avg3", "avg_pool_3x3"},     {"max3", "max_pool_3x3"},     {"max5", "max_pool_5x5"},
        {"max7", "max_pool_7x7"},  {"dil3", "dil_conv_3x3"},     {"1x7_7x1", "conv_1x7_7x1"},  {"conv_7x1_1x7", "conv_1x7_7x1"},
        {"1x3_3x1", "conv_1x3_3x1"}, {"1x1", "conv_1x1"},        {"3x3", "conv_3x3"},          {"max2", "max_pool_2x2"},
        {"separable_3x3_2", "sep_conv_3x3"}, {"separable_5x5_2", "sep_conv_5x5"}, {"separable_7x7_2", "sep_conv_7x7"},
        {"dil_2_separable_5x5_2", "sep_conv_5x5"}};  // the released code reads no dilation from this name
    std::string name = entry.get<std::string>();
    if (const auto full = shorter.find(name); full != shorter.end()) name = full->second;
    std::vector<std::string> known;
    for (const auto& candidate : family.operations) known.push_back(candidate.name);
    if (std::find(known.begin(), known.end(), name) == known.end()) fail(place + " names the unknown operation '" + name + "'" + name_hint(name, known));
    return name;
  }

  PairTerm term(const Json& op, const Json& input, std::size_t block) const {
    const std::string place = "block " + std::to_string(block);
    const Int states = static_cast<Int>(block) + kInputs;
    const bool valid = input.is_number_integer() && input.get<Int>() >= 0 && input.get<Int>() < states;
    if (!valid) fail(place + " reads state " + input.dump() + "; it may read 0 to " + std::to_string(states - 1));
    return {operation(op, place), input.get<int>()};
  }

  PairBlock row(const Json& entry, std::size_t block) const {
    const std::string place = "block " + std::to_string(block);
    constexpr std::size_t terms = 4;
    if (!entry.is_array() || (entry.size() != terms && entry.size() != terms + 1))
      fail(place + " is " + entry.dump() + "; it must be [\"operation\", state, \"operation\", state]" +
           (family.combiner ? " and \"add\" or \"concat\"" : ""));
    PairBlock result{.first = term(entry[0], entry[1], block), .second = term(entry[2], entry[3], block)};
    if (entry.size() == terms) return result;
    const auto word = entry[terms].is_string() ? entry[terms].get<std::string>() : entry[terms].dump();
    const auto found = std::find(kCombiners.begin(), kCombiners.end(), word);
    if (found == kCombiners.end()) fail(place + " combines by '" + word + "'" + name_hint(word, kCombiners));
    result.concat = *found == kCombiners[kConcat];
    return result;
  }

  std::vector<int> joined(const Json& list, std::size_t states) const {
    std::vector<int> result;
    for (const Json& entry : list) {
      if (!entry.is_number_integer() || entry.get<Int>() < 0 || entry.get<Int>() >= static_cast<Int>(states))
        fail("concatenates " + entry.dump() + "; its states are 0 to " + std::to_string(states - 1));
      result.push_back(entry.get<int>());
    }
    std::sort(result.begin(), result.end());
    if (result.empty() || std::adjacent_find(result.begin(), result.end()) != result.end()) fail("concatenates " + list.dump() + ", which is no set of states");
    return result;
  }

  PairCell rows(const Json& list) const {
    PairCell result;
    for (std::size_t i = 0; i < list.size(); ++i) result.blocks.push_back(row(list[i], i));
    return result;
  }

  PairCell columns(const Json& object) const {
    const std::vector<std::string> keys = {"operations", "inputs", "used", "combiners"};
    for (const auto& [key, value] : object.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end() || !value.is_array()) fail("has the unknown list '" + key + "'" + name_hint(key, keys));
    const Json ops = object.value("operations", Json::array()), inputs = object.value("inputs", Json::array());
    if (ops.size() != inputs.size() || ops.size() % 2 != 0) fail("needs as many inputs as operations, two a block");
    Json list = Json::array();
    for (std::size_t i = 0; i + 1 < ops.size(); i += 2) list.push_back({ops[i], inputs[i], ops[i + 1], inputs[i + 1]});
    const Json combiners = object.value("combiners", Json::array());
    for (std::size_t i = 0; i < std::min(list.size(), combiners.size()); ++i) list[i].push_back(combiners[i]);
    PairCell result = rows(list);
    if (!object.contains("used")) return result;
    Json loose = Json::array();
    for (std::size_t i = 0; i < object["used"].size(); ++i)
      if (object["used"][i] == 0) loose.push_back(i);
    result.joined = joined(loose, list.size() + kInputs);
    return result;
  }
};

std::vector<int> loose_ends(const PairCell& cell) {
  std::vector<bool> read(cell.blocks.size() + kInputs);
  for (const auto& block : cell.blocks)
    for (const auto* term : {&block.first, &block.second}) read[static_cast<std::size_t>(term->input)] = true;
  std::vector<int> loose;
  for (std::size_t state = kInputs; state < read.size(); ++state)
    if (!read[state]) loose.push_back(static_cast<int>(state));
  return loose;
}

PairCell read_cell(const PairFamily& family, const Json& object, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (!object.contains(name)) continue;
    const CellReader reader{family, name};
    const Json& written = object[name];
    if (!written.is_array() && !written.is_object()) reader.fail("is " + written.dump() + "; it must be a list of blocks");
    PairCell cell = written.is_array() ? reader.rows(written) : reader.columns(written);
    if (cell.blocks.empty()) reader.fail("has no blocks");
    if (object.contains(name + "_concat")) cell.joined = reader.joined(object[name + "_concat"], cell.blocks.size() + kInputs);
    if (cell.joined.empty()) cell.joined = loose_ends(cell);
    return cell;
  }
  throw UsageError(family.info.name + ": needs the cell '" + names.front() + "'");
}

Json cell_json(const PairFamily& family, const PairCell& cell) {
  Json list = Json::array();
  for (const auto& block : cell.blocks) {
    Json row = {block.first.op, block.first.input, block.second.op, block.second.input};
    if (family.combiner) row.push_back(kCombiners[block.concat ? kConcat : kAdd]);
    list.push_back(row);
  }
  return list;
}

// ---- the space ----

std::string block_name(bool reduction, int block) { return (reduction ? "reduce.block" : "normal.block") + std::to_string(block); }

DecisionTree pair_tree(const PairFamily& family) {
  std::vector<std::string> operations;
  for (std::size_t i = 0; i < family.pickable; ++i) operations.push_back(family.operations[i].name);
  std::vector<Decision> decisions;
  for (const bool reduction : {false, true})
    for (int block = 0; block < family.blocks; ++block) {
      std::vector<std::string> states;
      for (int i = 0; i < block + kInputs; ++i) states.push_back(std::to_string(i));
      for (const char* side : {"0", "1"}) {
        decisions.push_back({.name = block_name(reduction, block) + ".input" + side, .choices = states});
        decisions.push_back({.name = block_name(reduction, block) + ".op" + side, .choices = operations});
      }
      if (family.combiner) decisions.push_back({.name = block_name(reduction, block) + ".combine", .choices = kCombiners});
    }
  return DecisionTree(std::move(decisions));
}

// The decisions stand cell by cell, block by block: input, operation, input, operation, combiner.
PairCells cells_of(const PairFamily& family, const Architecture& architecture) {
  std::size_t next = 0;
  const auto pick = [&] { return static_cast<int>(architecture.picks.at(next++)); };
  const auto term = [&] {
    const int input = pick();
    return PairTerm{family.operations[static_cast<std::size_t>(pick())].name, input};
  };
  PairCells cells;
  for (PairCell* cell : {&cells.normal, &cells.reduce}) {
    for (int block = 0; block < family.blocks; ++block) {
      const PairTerm first = term(), second = term();
      cell->blocks.push_back({first, second, family.combiner && pick() == kConcat});
    }
    cell->joined = loose_ends(*cell);
  }
  return cells;
}

Architecture architecture_of(const PairFamily& family, const PairCells& cells) {
  Architecture architecture;
  for (const auto& [name, cell] : {std::pair{"normal", &cells.normal}, std::pair{"reduce", &cells.reduce}}) {
    const CellReader reader{family, name};
    if (static_cast<int>(cell->blocks.size()) != family.blocks)
      reader.fail("has " + std::to_string(cell->blocks.size()) + " blocks; cells of the space have " + std::to_string(family.blocks));
    if (cell->joined != loose_ends(*cell)) reader.fail("concatenates other states than its loose ends; such a cell is no architecture of the space");
    for (const auto& block : cell->blocks) {
      for (const auto* term : {&block.first, &block.second}) {
        std::size_t op = 0;
        while (family.operations[op].name != term->op) ++op;
        if (op >= family.pickable) reader.fail("uses " + term->op + ", which is not in the space");
        architecture.picks.push_back(term->input);
        architecture.picks.push_back(static_cast<Int>(op));
      }
      if (block.concat && !family.combiner) reader.fail("concatenates a block's results; in the space they are added");
      if (family.combiner) architecture.picks.push_back(block.concat ? kConcat : kAdd);
    }
  }
  return architecture;
}

Value open_term(Builder& b, const PairFamily& family, const std::vector<Value>& states, const PairCellPlace& place, const std::string& block,
                const std::string& side) {
  std::vector<BranchSpec> inputs;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const PairPlace here{place.channels, place.reduction && i < kInputs ? Int{2} : Int{1}};
    std::vector<BranchSpec> candidates;
    for (std::size_t op = 0; op < family.pickable; ++op)
      candidates.push_back({family.operations[op].name, [&entry = family.operations[op], here](Builder& inner, Value x) { return entry.write(inner, x, here); }});
    inputs.push_back({std::to_string(i), [candidates, decision = block + ".op" + side](Builder& inner, Value x) {
                        return inner.choice(decision, x, candidates, "op");
                      }});
  }
  return b.select(block + ".input" + side, states, {.name = "input" + side, .branches = inputs});
}

Value open_cell(Builder& b, const PairFamily& family, std::vector<Value> states, const PairCellPlace& place) {
  for (int block = 0; block < family.blocks; ++block) {
    const auto scope = b.scope("block" + std::to_string(block));
    const std::string name = block_name(place.reduction, block);
    const Value first = open_term(b, family, states, place, name, "0"), second = open_term(b, family, states, place, name, "1");
    states.push_back(b.add("add", std::vector<Value>{first, second}, {}, "add"));
  }
  const Value all = b.add("concat", std::vector<Value>(states.begin() + kInputs, states.end()), {}, "concat");
  const auto scope = b.scope("output");
  Value x = b.add("relu", all, {}, "relu");
  x = b.add("conv", x, {{"kernel", 1}, {"channels", place.channels}}, "conv");
  return b.add("batch_norm", x, {}, "bn");
}

class PairSpace final : public Space {
 public:
  explicit PairSpace(PairFamily family) : family_(std::move(family)), tree_(pair_tree(family_)) {}
  const SpaceInfo& info() const override { return family_.info; }
  const DecisionTree& decisions() const override { return tree_; }

  Graph open(const NetworkOptions& options) const override {
    check_settings(family_.info, options);
    if (!family_.no_supernet.empty()) throw Unsupported(family_.info.name + " has no open graph: " + family_.no_supernet);
    const PairOutline outline = pair_outline(family_, options);
    return write_pair_network(family_, outline, [this](Builder& b, std::vector<Value> states, const PairCellPlace& place) {
      return open_cell(b, family_, std::move(states), place);
    });
  }

  Graph close(const Architecture& architecture, const NetworkOptions& options) const override {
    validate(tree_, architecture);
    return pair_network(family_, cells_of(family_, architecture), closed(options));
  }

  std::string print(const Architecture& architecture) const override {
    validate(tree_, architecture);
    const PairCells cells = cells_of(family_, architecture);
    return Json{{"normal", cell_json(family_, cells.normal)}, {"reduce", cell_json(family_, cells.reduce)}}.dump();
  }

  Architecture parse(std::string_view text) const override {
    if (is_cells(text)) return architecture_of(family_, parse_pair_cells(family_, text));
    const auto other = family_.parse_other ? family_.parse_other(tree_, text) : std::nullopt;
    return other ? *other : Space::parse(text);
  }

  Graph network(std::string_view text, const NetworkOptions& options) const override {
    return is_cells(text) ? pair_network(family_, parse_pair_cells(family_, text), closed(options)) : Space::network(text, options);
  }

 private:
  static NetworkOptions closed(NetworkOptions options) {
    options.search = false;
    return options;
  }

  static bool is_cells(std::string_view text) {
    const Json object = Json::parse(text, nullptr, false);
    return object.is_object() && (object.contains("normal") || object.contains("reduce") || object.contains("reduction"));
  }

  PairFamily family_;
  DecisionTree tree_;
};

}  // namespace

std::vector<Setting> pair_settings(const PairDefaults& d) {
  const auto both = [](Int cifar, Int imagenet) { return "auto: " + std::to_string(cifar) + " for cifar, " + std::to_string(imagenet) + " for imagenet"; };
  return {{"network", "cifar", "cifar: a 3x3 stem; imagenet: a stride-2 stem and two reduction cells before the others"},
          {"channels", "auto", "channels F of the first normal cells; " + both(d.cifar_channels, d.imagenet_channels)},
          {"cells", "auto", "normal cells; a reduction cell stands before 1/3 and 2/3 of them; " + both(d.cifar_cells, d.imagenet_cells)},
          {"stem", "auto", "channels of the stem; auto: 3F for cifar, 32 for imagenet"},
          {"skip_reduction_input", "false", "true: the cell behind a reduction reads the cell two before the reduction, not the one before"},
          {"auxiliary", "false", "true: a second classifier at two thirds of the depth, for training"}};
}

Setting cropping_setting() {
  return {"even_sizes", "centred", "windows of a reduction cell on an even size: centred, or cropped as in the ports of NASNet-A to PyTorch"};
}

PairCells parse_pair_cells(const PairFamily& family, std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) throw UsageError(family.info.name + ": '" + std::string(json.substr(0, 60)) + "' is not a JSON object of cells");
  static const std::vector<std::string> keys = {"normal", "normal_concat", "reduce", "reduce_concat", "reduction", "reduction_concat"};
  for (const auto& [key, value] : object.items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) throw UsageError(family.info.name + ": unknown key '" + key + "'" + name_hint(key, keys));
  return {.normal = read_cell(family, object, {"normal"}), .reduce = read_cell(family, object, {"reduce", "reduction"})};
}

std::string print(const PairFamily& family, const PairCells& cells) {
  return Json{{"normal", cell_json(family, cells.normal)},
              {"normal_concat", cells.normal.joined},
              {"reduce", cell_json(family, cells.reduce)},
              {"reduce_concat", cells.reduce.joined}}
      .dump();
}

std::unique_ptr<Space> make_pair_space(PairFamily family) { return std::make_unique<PairSpace>(std::move(family)); }

}  // namespace netwright
