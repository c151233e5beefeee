#include "netwright/space/library/nasfpn.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/closed_form.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Json = nlohmann::ordered_json;

constexpr int kLowest = 3, kLevels = 5, kFree = 2, kCells = kFree + kLevels;  // the first two cells are of any level

[[noreturn]] void fail(const std::string& why) { throw UsageError("merging cells: " + why); }

// ---- backbone ----

// A residual network's blocks a stage, and whether they are bottlenecks.
struct Backbone {
  const char* name;
  std::array<Int, 4> blocks;
  bool bottleneck;
};

constexpr Backbone backbones[] = {{"resnet10", {1, 1, 1, 1}, false}, {"resnet18", {2, 2, 2, 2}, false}, {"resnet50", {3, 4, 6, 3}, true}};

Value plain(Builder& b, Value x, Int channels, Int kernel, Int stride) {
  return conv_bn(b, x, channels, {.kernel = kernel, .stride = stride, .activation = ""});
}

Value residual_block(Builder& b, Value x, Int planes, Int stride, bool bottleneck) {
  const Int channels = bottleneck ? 4 * planes : planes;
  Value y = bottleneck ? conv_bn(b, x, planes, {.kernel = 1}) : conv_bn(b, x, planes, {.kernel = 3, .stride = stride});
  if (bottleneck) y = conv_bn(b, y, planes, {.kernel = 3, .stride = stride});
  y = plain(b, y, channels, bottleneck ? 1 : 3, 1);
  if (stride != 1 || b.channels(x) != channels) {
    const auto scope = b.scope("shortcut");
    x = plain(b, x, channels, 1, stride);
  }
  return b.add("relu", b.add("add", {x, y}, {}, "residual"), {}, "act_out");
}

// The layers of levels 3, 4, 5.
std::vector<Value> backbone_layers(Builder& b, Value x, const Backbone& backbone, Int width) {
  {
    const auto scope = b.scope("backbone.stem");
    x = conv_bn(b, x, width, {.kernel = 7, .stride = 2});
    x = b.add("max_pool", x, {{"kernel", 3}, {"stride", 2}, {"padding", 1}}, "pool");
  }
  std::vector<Value> layers;
  for (std::size_t stage = 0; stage < backbone.blocks.size(); ++stage) {
    for (Int block = 0; block < backbone.blocks[stage]; ++block) {
      const auto scope = b.scope("backbone.stage" + std::to_string(stage) + ".block" + std::to_string(block), "residual block");
      x = residual_block(b, x, width << stage, stage > 0 && block == 0 ? 2 : 1, backbone.bottleneck);
    }
    if (stage > 0) layers.push_back(x);
  }
  return layers;
}

// ---- pyramid ----

struct Layer {
  Value value;
  int level = kLowest;
  bool read = false;
};

// Heights and widths by level.
using Sizes = std::vector<std::array<Int, 2>>;

class Pyramid {
 public:
  Pyramid(Builder& b, Sizes sizes, Int channels, std::vector<Layer> pool)
      : b_(b), sizes_(std::move(sizes)), channels_(channels), pool_(std::move(pool)) {}

  // The outputs, by level.
  std::vector<Layer> write(const std::vector<MergingCell>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto scope = b_.scope("merge" + std::to_string(i), cells[i].attention ? "attention" : "sum");
      Value x = merged(cells[i]);
      if (i + kLevels >= cells.size()) x = with_unread(x, cells[i].level);
      pool_.push_back({relu_conv_bn(b_, x, channels_, {.kernel = 3}), cells[i].level});
    }
    std::vector<Layer> outputs(pool_.end() - kLevels, pool_.end());
    for (Layer& output : outputs) output.read = false;
    std::sort(outputs.begin(), outputs.end(), [](const Layer& a, const Layer& c) { return a.level < c.level; });
    return outputs;
  }

 private:
  Value merged(const MergingCell& cell) {
    const Value first = at_level(pool_[static_cast<std::size_t>(cell.first)], cell.level),
                second = at_level(pool_[static_cast<std::size_t>(cell.second)], cell.level);
    for (const int read : {cell.first, cell.second}) pool_[static_cast<std::size_t>(read)].read = true;
    if (!cell.attention) return b_.add("add", {first, second}, {}, "sum");
    const Shape size = b_.shape(first);
    const Value highest = b_.add(
        "max_pool", first, {{"kernel", size[1]}, {"kernel_w", size[2]}, {"stride", size[1]}, {"stride_w", size[2]}, {"padding", Int{0}}}, "highest");
    const Value gated = b_.add("multiply", {second, b_.add("sigmoid", highest, {}, "gate")}, {}, "gated");
    return b_.add("add", {first, gated}, {}, "sum");
  }

  // What no cell has read joins the output of its level.
  Value with_unread(Value x, int level) {
    std::vector<Value> terms{x};
    for (Layer& layer : pool_) {
      if (layer.read || layer.level != level) continue;
      layer.read = true;
      terms.push_back(layer.value);
    }
    return terms.size() == 1 ? x : b_.add("add", terms, {}, "unread");
  }

  Value at_level(const Layer& layer, int level) {
    if (layer.level == level) return layer.value;
    const auto& size = sizes_[static_cast<std::size_t>(level - kLowest)];
    if (layer.level > level) return b_.add("resize", layer.value, {{"height", size[0]}, {"width", size[1]}}, "up");
    const Int stride = Int{1} << (level - layer.level);
    return b_.add("max_pool", layer.value, {{"kernel", stride}, {"stride", stride}, {"padding", Int{0}}}, "down");
  }

  Builder& b_;
  Sizes sizes_;
  Int channels_;
  std::vector<Layer> pool_;
};

SpaceInfo nasfpn_info() {
  return {.name = "nasfpn",
          .title = "feature pyramids of seven merging cells, two layers and one of two merges a cell",
          .paper = "Ghiasi et al. 2019, arXiv 1904.07392",
          .traits = {"cell", "pyramid", "uniform"},
          .settings = {{"backbone", "resnet10", "resnet10, resnet18 or resnet50"},
                       {"width", "64", "channels of the backbone's first stage"},
                       {"channels", "256", "channels of the pyramid's layers"},
                       {"stacked", "7", "how often the pyramid is repeated"},
                       {"head", "classifier", "classifier: classes from all levels; pyramid: the five layers, lowest level first"}},
          .input = {3, 256, 256},
          .classes = 1000};
}

const SpaceInfo& info() {
  static const SpaceInfo value = nasfpn_info();
  return value;
}

const Backbone& backbone_of(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& backbone : backbones) {
    if (name == backbone.name) return backbone;
    names.emplace_back(backbone.name);
  }
  throw UsageError("nasfpn: there is no backbone '" + name + "'" + name_hint(name, names));
}

// The pool of the first pyramid: all levels at the pyramid's width.
std::vector<Layer> first_pool(Builder& b, const std::vector<Value>& backbone, Int channels) {
  std::vector<Layer> pool;
  for (const Value& layer : backbone) {
    const int level = kLowest + static_cast<int>(pool.size());
    const auto scope = b.scope("lateral" + std::to_string(level));
    pool.push_back({plain(b, layer, channels, 1, 1), level});
  }
  while (pool.size() < kLevels) {
    const int level = pool.back().level + 1;
    pool.push_back({b.add("max_pool", pool.back().value, {{"kernel", 2}, {"stride", 2}, {"padding", 0}}, "level" + std::to_string(level)), level});
  }
  return pool;
}

std::vector<Value> ends(Builder& b, const std::vector<Layer>& outputs, const NetworkOptions& options) {
  const std::string head = setting(info(), options, "head");
  if (head != "classifier" && head != "pyramid")
    throw UsageError("nasfpn: head=" + head + " is neither classifier nor pyramid" + name_hint(head, {"classifier", "pyramid"}));
  std::vector<Value> values;
  for (const Layer& layer : outputs)
    values.push_back(head == "pyramid" ? layer.value : b.add("global_pool", layer.value, {}, "pool" + std::to_string(layer.level)));
  if (head == "pyramid") return values;
  const Value features = b.add("flatten", b.add("concat", values, {}, "levels"), {}, "flatten");
  return {b.add("linear", features, {{"features", options.classes}}, "classifier")};
}

// ---- between cells and architectures ----

std::string part(int cell, const char* what) { return "merge" + std::to_string(cell) + "." + what; }

// All orders of the five levels, as "3-4-5-6-7".
std::vector<std::string> orders() {
  std::string digits = "34567";
  std::vector<std::string> list;
  do {
    std::string text(1, digits[0]);
    for (std::size_t i = 1; i < digits.size(); ++i) text += std::string("-") + digits[i];
    list.push_back(text);
  } while (std::next_permutation(digits.begin(), digits.end()));
  return list;
}

std::string layer_name(int place) { return place < kLevels ? "level" + std::to_string(kLowest + place) : "merge" + std::to_string(place - kLevels); }

DecisionTree tree_of_cells() {
  std::vector<Decision> decisions;
  for (int cell = 0; cell < kCells; ++cell) {
    Decision inputs{.name = part(cell, "inputs"), .kind = Kind::k_of_n, .minimum = 2, .maximum = 2};
    for (int place = 0; place < kLevels + cell; ++place) inputs.choices.push_back(layer_name(place));
    decisions.push_back(std::move(inputs));
    decisions.push_back({.name = part(cell, "op"), .choices = {"sum", "attention"}});
    if (cell < kFree) decisions.push_back({.name = part(cell, "level"), .kind = Kind::ordinal, .choices = {"3", "4", "5", "6", "7"}});
  }
  decisions.push_back({.name = "outputs", .choices = orders()});
  return DecisionTree(std::move(decisions));
}

const DecisionTree& tree() {
  static const DecisionTree value = tree_of_cells();
  return value;
}

std::size_t place_of(const std::string& decision) { return static_cast<std::size_t>(tree().find(decision)); }

std::vector<MergingCell> cells_of(const Architecture& architecture) {
  const auto picks = [&](const std::string& name) { return picked(tree()[place_of(name)], architecture.picks.at(place_of(name))); };
  const std::string order = tree()[place_of("outputs")].choices.at(static_cast<std::size_t>(picks("outputs")[0]));
  std::vector<MergingCell> cells;
  for (int cell = 0; cell < kCells; ++cell) {
    const auto inputs = picks(part(cell, "inputs"));
    const int level = cell < kFree ? kLowest + picks(part(cell, "level"))[0] : order[static_cast<std::size_t>(2 * (cell - kFree))] - '0';
    cells.push_back({level, picks(part(cell, "op"))[0] == 1, inputs[0], inputs[1]});
  }
  return cells;
}

Architecture architecture_of(const std::vector<MergingCell>& cells) {
  if (cells.size() != kCells) fail("there are " + std::to_string(cells.size()) + "; the space nasfpn has " + std::to_string(kCells));
  Architecture architecture{std::vector<Int>(tree().size(), Architecture::inactive)};
  std::string order;
  for (int cell = 0; cell < kCells; ++cell) {
    const MergingCell& own = cells[static_cast<std::size_t>(cell)];
    if (own.first >= own.second)
      fail("cell " + std::to_string(cell) + " reads " + std::to_string(own.first) + " and " + std::to_string(own.second) +
           "; in the space nasfpn the earlier layer comes first");
    architecture.picks[place_of(part(cell, "inputs"))] = (Int{1} << own.first) | (Int{1} << own.second);
    architecture.picks[place_of(part(cell, "op"))] = own.attention ? 1 : 0;
    if (cell < kFree)
      architecture.picks[place_of(part(cell, "level"))] = own.level - kLowest;
    else
      order += (order.empty() ? "" : "-") + std::to_string(own.level);
  }
  const auto& known = tree()[place_of("outputs")].choices;
  architecture.picks[place_of("outputs")] = std::find(known.begin(), known.end(), order) - known.begin();
  return architecture;
}

MergingCell parse_cell(const Json& entry, int cell) {
  const std::string place = "cell " + std::to_string(cell);
  const bool valid = entry.is_array() && entry.size() == 4 && entry[0].is_number_integer() && entry[1].is_string() && entry[2].is_number_integer() &&
                     entry[3].is_number_integer();
  if (!valid) fail(place + " is " + entry.dump() + "; it must be [level, \"sum\" or \"attention\", layer, layer]");
  const std::string op = entry[1].get<std::string>();
  if (op != "sum" && op != "attention") fail(place + " merges by '" + op + "'" + name_hint(op, {"sum", "attention"}));
  const MergingCell read{entry[0].get<int>(), op == "attention", entry[2].get<int>(), entry[3].get<int>()};
  if (read.level < kLowest || read.level >= kLowest + kLevels) fail(place + " is of level " + std::to_string(read.level) + "; levels are 3 to 7");
  for (const int input : {read.first, read.second})
    if (input < 0 || input >= kLevels + cell)
      fail(place + " reads layer " + std::to_string(input) + "; it may read 0 to " + std::to_string(kLevels + cell - 1));
  if (read.first == read.second) fail(place + " reads layer " + std::to_string(read.first) + " twice");
  return read;
}

void check_outputs(const std::vector<MergingCell>& cells) {
  if (cells.size() < kLevels) fail("there are " + std::to_string(cells.size()) + "; at least five give the outputs");
  std::vector<int> levels;
  for (auto cell = cells.end() - kLevels; cell != cells.end(); ++cell) levels.push_back(cell->level);
  std::sort(levels.begin(), levels.end());
  if (std::adjacent_find(levels.begin(), levels.end()) != levels.end())
    fail("the last five give level " + std::to_string(*std::adjacent_find(levels.begin(), levels.end())) + " twice");
}

}  // namespace

std::vector<MergingCell> parse_merging_cells(std::string_view json) {
  const Json list = Json::parse(json, nullptr, false);
  if (!list.is_array()) fail("'" + std::string(json.substr(0, 60)) + "' is no list of [level, \"sum\" or \"attention\", layer, layer]");
  std::vector<MergingCell> cells;
  for (const auto& entry : list) cells.push_back(parse_cell(entry, static_cast<int>(cells.size())));
  check_outputs(cells);
  return cells;
}

std::string print(const std::vector<MergingCell>& cells) {
  Json list = Json::array();
  for (const auto& cell : cells) list.push_back({cell.level, cell.attention ? "attention" : "sum", cell.first, cell.second});
  return list.dump();
}

Graph feature_pyramid_network(const std::vector<MergingCell>& cells, const NetworkOptions& options) {
  check_settings(info(), options);
  check_outputs(cells);
  const Shape& input = options.input;
  if (input.size() != 3 || input[1] % 32 != 0 || input[2] % 32 != 0 || input[1] < 128 || input[2] < 128)
    throw UsageError("nasfpn: the input is " + to_string(input) + "; height and width must be multiples of 32, at least 128");
  const Int channels = integer_setting(info(), options, "channels"), stacked = integer_setting(info(), options, "stacked");
  Builder b;
  const auto backbone = backbone_layers(b, b.input(input), backbone_of(setting(info(), options, "backbone")), integer_setting(info(), options, "width"));
  std::vector<Layer> pool = first_pool(b, backbone, channels);
  Sizes sizes;
  for (const Layer& layer : pool) sizes.push_back({b.shape(layer.value)[1], b.shape(layer.value)[2]});
  for (Int i = 0; i < stacked; ++i) {
    const auto scope = b.scope("pyramid" + std::to_string(i), "pyramid");
    pool = Pyramid(b, sizes, channels, pool).write(cells);
  }
  return b.finish(ends(b, pool, options));
}

std::unique_ptr<Space> make_nasfpn() {
  return make_space(
      ClosedForm{.info = info(),
                 .decisions = tree(),
                 .reason = "the height and width of what a cell reads depend on other decisions",
                 .build = [](const Architecture& a, const NetworkOptions& options) { return feature_pyramid_network(cells_of(a), options); },
                 .print = [](const Architecture& a) { return print(cells_of(a)); },
                 .parse = [](std::string_view text) { return architecture_of(parse_merging_cells(text)); },
                 .is_own_text = [](std::string_view text) { return trim(text).starts_with('['); }});
}

}  // namespace netwright
