#include "netwright/space/yaml_reader.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include <yaml-cpp/yaml.h>

#include "netwright/core/names.hpp"
#include "netwright/space/block_words.hpp"

namespace netwright {
namespace {

using Names = std::vector<std::string>;

constexpr int kDeepest = 50;

std::string shown(const YAML::Node& node) {
  if (node.IsScalar()) return "'" + node.Scalar() + "'";
  return node.IsSequence() ? "a list" : node.IsMap() ? "a map" : "nothing";
}

bool parse_whole(std::string_view text, std::int64_t& number) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

bool is_name(std::string_view text) {
  const auto legal = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::all_of(text.begin(), text.end(), legal);
}

class Reader {
 public:
  explicit Reader(std::string origin) { space_.origin = std::move(origin); }

  SpaceText read(std::string_view yaml) {
    YAML::Node root;
    try {
      root = YAML::Load(std::string(yaml));
    } catch (const YAML::ParserException& error) {
      throw PlacedError(space_.origin, {error.mark.line + 1, error.mark.column + 1}, "is not YAML: " + error.msg);
    }
    if (!root.IsMap())
      throw PlacedError(space_.origin, {1, 1}, "a space is a map with the keys name, input, classes, stages, blocks, ...; found " + shown(root));
    check_keys(root, "a space", {"name", "title", "paper", "input", "classes", "settings", "stem", "stages", "head", "dropout", "blocks"});
    read_facts(root);
    read_settings(root["settings"]);
    read_blocks(root["blocks"]);
    if (root["stem"]) space_.stem = body(root["stem"]);
    read_stages(root, root["stages"]);
    if (root["head"]) space_.head = body(root["head"]);
    return std::move(space_);
  }

 private:
  [[noreturn]] void fail(const YAML::Node& node, const std::string& why) const { throw PlacedError(space_.origin, place(node), why); }

  static Place place(const YAML::Node& node) {
    const YAML::Mark mark = node.Mark();
    return {mark.line + 1, mark.column + 1};
  }

  void check_keys(const YAML::Node& map, const std::string& owner, const Names& known) const {
    if (!map.IsMap()) fail(map, owner + " is a map with the keys " + join(known, ", ") + "; found " + shown(map));
    std::set<std::string> seen;
    for (const auto& item : map) {
      const std::string key = item.first.Scalar();
      if (std::find(known.begin(), known.end(), key) == known.end()) fail(item.first, owner + " has no key '" + key + "'" + name_hint(key, known));
      if (!seen.insert(key).second) fail(item.first, "the key '" + key + "' stands twice");
    }
  }

  std::string text(const YAML::Node& node, const std::string& what) const {
    if (!node.IsScalar()) fail(node, what + " is a word; found " + shown(node));
    return node.Scalar();
  }

  // A name of a decision or a scope: it stands in printed architectures, whose marks it must not hold.
  std::string label(const YAML::Node& node, const std::string& what) const {
    const std::string name = text(node, what);
    const auto legal = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    };
    if (name.empty() || !std::all_of(name.begin(), name.end(), legal))
      fail(node, what + " is made of letters, digits, '_', '.' and '-'; found '" + name + "'");
    return name;
  }

  std::int64_t whole(const YAML::Node& node, const std::string& what, std::int64_t least) const {
    std::int64_t number = 0;
    if (!node.IsScalar() || !parse_whole(node.Scalar(), number) || number < least)
      fail(node, what + " is a whole number of at least " + std::to_string(least) + "; found " + shown(node));
    return number;
  }

  void read_facts(const YAML::Node& root) {
    if (!root["name"]) throw PlacedError(space_.origin, place(root), "a space needs a name");
    space_.name = label(root["name"], "name");
    if (root["title"]) space_.title = text(root["title"], "title");
    if (root["paper"]) space_.paper = text(root["paper"], "paper");
    if (root["classes"]) space_.classes = whole(root["classes"], "classes", 1);
    if (const auto input = root["input"]) {
      space_.input.clear();
      for (const auto& part : split(text(input, "input"), 'x')) {
        std::int64_t size = 0;
        if (!parse_whole(part, size) || size < 1) fail(input, "input is channels x height x width, as 3x32x32; found " + shown(input));
        space_.input.push_back(size);
      }
      if (space_.input.size() != 3) fail(input, "input is channels x height x width, as 3x32x32; found " + shown(input));
    }
    if (const auto dropout = root["dropout"]) {
      const bool number = dropout.IsScalar() && YAML::convert<double>::decode(dropout, space_.dropout);
      if (!number || !(space_.dropout >= 0 && space_.dropout < 1)) fail(dropout, "dropout is a number in [0, 1); found " + shown(dropout));
    }
  }

  void read_settings(const YAML::Node& settings) {
    if (!settings) return;
    if (!settings.IsMap()) fail(settings, "settings is a map of names to whole numbers; found " + shown(settings));
    for (const auto& item : settings) {
      SettingText setting{.name = item.first.Scalar()};
      if (!is_name(setting.name)) fail(item.first, "a setting's name is made of letters, digits and '_'; found '" + setting.name + "'");
      for (const auto& other : space_.settings)
        if (other.name == setting.name) fail(item.first, "the setting '" + setting.name + "' stands twice");
      if (item.second.IsMap()) {
        check_keys(item.second, "a setting", {"default", "search", "meaning"});
        if (!item.second["default"]) fail(item.second, "the setting '" + setting.name + "' needs a default");
        setting.fallback = whole(item.second["default"], "default", 1);
        setting.search = item.second["search"] ? whole(item.second["search"], "search", 1) : setting.fallback;
        if (item.second["meaning"]) setting.meaning = text(item.second["meaning"], "meaning");
      } else {
        setting.fallback = setting.search = whole(item.second, "the setting '" + setting.name + "'", 1);
      }
      space_.settings.push_back(setting);
    }
  }

  // A block may use the blocks above it, so none can hold itself.
  void read_blocks(const YAML::Node& blocks) {
    if (!blocks) return;
    if (!blocks.IsMap()) fail(blocks, "blocks is a map of names to blocks; found " + shown(blocks));
    for (const auto& item : blocks) {
      const std::string name = item.first.Scalar();
      std::int64_t kernel = 0;
      if (!is_name(name)) fail(item.first, "a block's name is made of letters, digits and '_'; found '" + name + "'");
      if (find_block_word(name, kernel) != nullptr || name == "choose" || name == "cell")
        fail(item.first, "'" + name + "' is an operation already; choose another name");
      if (blocks_.contains(name)) fail(item.first, "the block '" + name + "' stands twice");
      blocks_.emplace(name, std::make_shared<const BlockText>(body(item.second)));
    }
  }

  void read_stages(const YAML::Node& root, const YAML::Node& stages) {
    if (!stages) throw PlacedError(space_.origin, place(root), "a space needs stages: a list, each with a block");
    if (!stages.IsSequence() || stages.size() == 0) fail(stages, "stages is a list of maps, each with a block; found " + shown(stages));
    for (const auto& item : stages) {
      check_keys(item, "a stage", {"channels", "stride", "repeat", "block", "as"});
      if (!item["block"]) fail(item, "a stage needs a block");
      StageText stage{.place = place(item), .block = body(item["block"])};
      for (const char* key : {"channels", "stride", "repeat"}) {
        const YAML::Node value = item[key];
        if (!value) continue;
        auto& slot = key[0] == 'c' ? stage.channels : key[0] == 's' ? stage.stride : stage.repeat;
        slot = quantity(value, key);
        if (key[0] == 's' && slot->open) fail(value, "a stage's stride cannot be chosen: its size must be known");
      }
      if (item["as"]) stage.as = label(item["as"], "as");
      space_.stages.push_back(std::move(stage));
    }
  }

  Quantity quantity(const YAML::Node& node, const std::string& what) const {
    Quantity result{.place = place(node)};
    if (node.IsScalar() && !node.Scalar().empty()) {
      result.values = {node.Scalar()};
      return result;
    }
    if (!node.IsMap()) fail(node, what + " is a number, or {choose: [...]}; found " + shown(node));
    check_keys(node, what, {"choose", "as"});
    const YAML::Node list = node["choose"];
    if (!list || !list.IsSequence() || list.size() == 0) fail(node, what + " needs choose: [...], a list of numbers");
    result.open = true;
    for (const auto& item : list) {
      result.values.push_back(text(item, "a choice of " + what));
      if (std::count(result.values.begin(), result.values.end(), result.values.back()) > 1) fail(item, "the choice " + shown(item) + " stands twice");
    }
    if (node["as"]) result.as = label(node["as"], "as");
    return result;
  }

  // An alias may stand inside its own anchor, so depth has a limit.
  BlockText body(const YAML::Node& node) const {
    struct Depth {
      explicit Depth(int& depth) : depth_(++depth) {}
      ~Depth() { --depth_; }
      int& depth_;
    };
    const Depth guard(depth_);
    if (depth_ > kDeepest) fail(node, "blocks are nested more than " + std::to_string(kDeepest) + " deep");
    return body_of(node);
  }

  BlockText body_of(const YAML::Node& node) const {
    if (node.IsScalar()) return named(node, node, YAML::Node());
    if (node.IsSequence()) {
      BlockText result{.kind = BlockText::Kind::sequence, .place = place(node)};
      for (const auto& item : node) result.items.push_back(body(item));
      if (result.items.empty()) fail(node, "a block is empty; write identity for nothing");
      return result;
    }
    if (!node.IsMap() || node.size() == 0) fail(node, "a block is an operation, a list of them, choose: or cell:; found " + shown(node));
    if (node["choose"]) return choose(node);
    if (node.size() != 1) fail(node, "a block names one operation, as {conv_bn: {kernel: 3}}; found " + std::to_string(node.size()) + " keys");
    const auto item = *node.begin();
    return item.first.Scalar() == "cell" ? cell(item.second) : named(item.first, node, item.second);
  }

  // What could have been meant by `text`, window size included ("sep_con_5x5").
  Names body_names(const std::string& text) const {
    Names names = {"choose", "cell"};
    for (const auto& [name, block] : blocks_) names.push_back(name);
    const auto bar = text.rfind('_');
    const std::string size = bar != std::string::npos && text.find('x', bar) != std::string::npos ? text.substr(bar) : "";
    for (const auto& word : block_words()) names.push_back(word.has("kernel") ? word.name + size : word.name);
    return names;
  }

  BlockText named(const YAML::Node& key, const YAML::Node& whole_node, const YAML::Node& given) const {
    BlockText result{.kind = BlockText::Kind::word, .place = place(whole_node), .name = key.Scalar()};
    if (const auto block = blocks_.find(result.name); block != blocks_.end()) {
      result.kind = BlockText::Kind::block;
      result.block = block->second;
      read_attributes(result, given, {"channels", "stride"}, "the block '" + result.name + "'", true);
      if (given.IsMap() && given["as"]) result.as = label(given["as"], "as");
      return result;
    }
    const BlockWord* word = find_block_word(result.name, result.kernel);
    if (word == nullptr) fail(key, "unknown operation or block '" + result.name + "'" + name_hint(result.name, body_names(result.name)));
    result.name = word->name;
    Names known;
    for (const auto& spec : word->attributes) known.push_back(spec.name);
    read_attributes(result, given, known, word->name, false);
    if (result.kernel > 0 && result.attributes.contains("kernel")) fail(key, "'" + key.Scalar() + "' names its kernel already");
    return result;
  }

  void read_attributes(BlockText& result, const YAML::Node& given, const Names& known, const std::string& owner, bool scoped) const {
    if (!given.IsDefined() || given.IsNull()) return;
    Names keys = known;
    if (scoped) keys.push_back("as");
    if (keys.empty()) fail(given, owner + " has no attributes");
    check_keys(given, owner, keys);
    for (const auto& item : given) {
      const std::string key = item.first.Scalar();
      if (scoped && key == "as") continue;
      result.attributes.emplace(key, quantity(item.second, key));
    }
  }

  // A candidate's name: the word; for {sep_conv: {kernel: 5}} sep_conv_5x5; further attributes follow, as mbconv_5x5_expand6.
  std::string derived_name(const YAML::Node& node) const {
    if (node.IsScalar()) return node.Scalar();
    const bool single = node.IsMap() && node.size() == 1 && !node["choose"] && !node["cell"];
    if (!single) fail(node, "a candidate that is a list, a choose or a cell needs a name: write choose: as a map of names to blocks");
    const auto item = *node.begin();
    std::string name = item.first.Scalar();
    if (!item.second.IsMap()) return name;
    for (const auto& given : item.second) {
      if (!given.second.IsScalar()) continue;
      const std::string key = given.first.Scalar(), value = given.second.Scalar();
      if (key == "kernel")
        name += "_" + value + "x" + value;
      else if (key != "channels" && key != "stride" && key != "as")
        name += "_" + key + value;
    }
    return name;
  }

  CandidateText candidate(const YAML::Node& node, const std::string& name) const {
    const auto legal = [](char c) { return c > ' ' && c != '=' && c != ',' && c != '+'; };
    if (name.empty() || !std::all_of(name.begin(), name.end(), legal))
      fail(node, "a candidate's name holds no blank, '=', ',' or '+'; found '" + name + "'");
    return {.name = name, .place = place(node), .body = body(node)};
  }

  BlockText choose(const YAML::Node& node) const {
    check_keys(node, "a choose", {"choose", "as", "search_only"});
    const YAML::Node list = node["choose"];
    BlockText result{.kind = BlockText::Kind::choose, .place = place(node)};
    if (list.IsSequence())
      for (const auto& item : list) result.candidates.push_back(candidate(item, derived_name(item)));
    else if (list.IsMap())
      for (const auto& item : list) result.candidates.push_back(candidate(item.second, label(item.first, "a candidate's name")));
    if (result.candidates.empty()) fail(list, "choose needs candidates: a list of blocks, or a map of names to blocks");
    Names names;
    for (const auto& entry : result.candidates) {
      if (std::find(names.begin(), names.end(), entry.name) != names.end())
        throw PlacedError(space_.origin, entry.place, "the candidate '" + entry.name + "' stands twice");
      names.push_back(entry.name);
    }
    if (const auto only = node["search_only"]) read_search_only(only, names, result);
    if (node["as"]) result.as = label(node["as"], "as");
    return result;
  }

  void read_search_only(const YAML::Node& list, const Names& names, BlockText& result) const {
    if (!list.IsSequence()) fail(list, "search_only is a list of candidates; found " + shown(list));
    for (const auto& item : list) {
      const auto at = std::find(names.begin(), names.end(), text(item, "a candidate"));
      if (at == names.end()) fail(item, "no candidate is called '" + item.Scalar() + "'" + name_hint(item.Scalar(), names));
      result.candidates[static_cast<std::size_t>(at - names.begin())].search_only = true;
    }
    const bool any = std::any_of(result.candidates.begin(), result.candidates.end(), [](const auto& c) { return !c.search_only; });
    if (!any) fail(list, "every candidate is search_only; at least one must be pickable");
  }

  BlockText cell(const YAML::Node& node) const {
    check_keys(node, "a cell", {"inputs", "nodes", "output"});
    const YAML::Node nodes = node["nodes"];
    if (!nodes || !nodes.IsMap() || nodes.size() == 0) fail(node, "a cell needs nodes: a map of names to {from: ...}");
    BlockText result{.kind = BlockText::Kind::cell, .place = place(node)};
    Names known = read_inputs(node["inputs"], result);
    for (const auto& item : nodes) {
      const std::string name = item.first.Scalar();
      if (!is_name(name)) fail(item.first, "a node's name is made of letters, digits and '_'; found '" + name + "'");
      if (std::find(known.begin(), known.end(), name) != known.end()) fail(item.first, "the node '" + name + "' stands twice");
      result.nodes.push_back(cell_node(item.second, name, known));
      known.push_back(name);
    }
    const YAML::Node output = node["output"];
    if (!output)
      result.output = {known.back()};
    else if (output.IsScalar())
      result.output = {source(output, known)};
    else
      for (const auto& item : output) result.output.push_back(source(item, known));
    if (result.output.empty()) fail(output, "output names at least one node");
    return result;
  }

  // Gives the names that the nodes may read.
  Names read_inputs(const YAML::Node& inputs, BlockText& cell) const {
    if (!inputs) return {"in"};
    if (!inputs.IsMap() || inputs.size() != 2)
      fail(inputs, "inputs is a map of two names to blocks: what the block before the last gave, and what the last gave; found " + shown(inputs));
    Names names;
    for (const auto& item : inputs) {
      names.push_back(item.first.Scalar());
      if (!is_name(names.back())) fail(item.first, "an input's name is made of letters, digits and '_'; found '" + names.back() + "'");
      cell.inputs.push_back({names.back(), body(item.second)});
    }
    if (names[0] == names[1]) fail(inputs, "the input '" + names[0] + "' stands twice");
    return names;
  }

  std::string source(const YAML::Node& node, const Names& known) const {
    const std::string name = text(node, "the name of a node");
    if (std::find(known.begin(), known.end(), name) == known.end()) fail(node, "'" + name + "' is no node above this one" + name_hint(name, known));
    return name;
  }

  CellNodeText cell_node(const YAML::Node& node, const std::string& name, const Names& known) const {
    check_keys(node, "a node", {"from", "do", "combine", "pick", "as"});
    CellNodeText result{.name = name, .place = place(node)};
    const YAML::Node from = node["from"];
    if (!from) fail(node, "a node needs from: the nodes that it reads");
    const BlockText common = node["do"] ? body(node["do"]) : BlockText{.place = place(from)};
    if (from.IsScalar())
      result.edges.push_back({source(from, known), common});
    else if (from.IsSequence())
      for (const auto& item : from) result.edges.push_back({source(item, known), common});
    else if (from.IsMap() && node["do"])
      fail(node["do"], "from: says already what stands on each edge");
    else if (from.IsMap())
      for (const auto& item : from) result.edges.push_back({source(item.first, known), body(item.second)});
    if (result.edges.empty()) fail(from, "a node reads at least one other");
    if (node["combine"]) {
      result.combine = text(node["combine"], "combine");
      if (result.combine != "sum" && result.combine != "concat")
        fail(node["combine"], "combine is sum or concat; found '" + result.combine + "'" + name_hint(result.combine, {"sum", "concat"}));
    }
    if (node["pick"]) read_pick(node["pick"], result);
    if (node["as"] && result.minimum == 0) fail(node["as"], "only a node with pick: has a decision to name");
    if (node["as"]) result.as = label(node["as"], "as");
    return result;
  }

  void read_pick(const YAML::Node& pick, CellNodeText& node) const {
    const auto count = static_cast<std::int64_t>(node.edges.size());
    const bool range = pick.IsSequence() && pick.size() == 2;
    node.minimum = whole(range ? pick[0] : pick, "pick", 1);
    node.maximum = range ? whole(pick[1], "pick", node.minimum) : node.minimum;
    if (node.maximum > count)
      fail(pick, "pick " + std::to_string(node.maximum) + " is more than the " + std::to_string(count) + " nodes that it reads");
    if (node.combine == "concat" && node.minimum != node.maximum) fail(pick, "a concat picks a fixed number, so that its channels are known");
  }

  SpaceText space_;
  std::map<std::string, std::shared_ptr<const BlockText>> blocks_;
  mutable int depth_ = 0;
};

}  // namespace

SpaceText read_space_text(std::string_view yaml, const std::string& origin) { return Reader(origin).read(yaml); }

}  // namespace netwright
